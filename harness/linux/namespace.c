/* The two network namespaces, as root or through a user namespace. They are never named: the
 * descriptors are all that keeps them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "linux/net_internal.h"

/* Sockets of such a namespace stand in tables of their own, so that a look at all of them does not
 * walk the whole machine's. */
#define CHILD_TABLE "1024"

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    size_t size = strlen(text);
    bool written = write(fd, text, size) == (ssize_t)size;
    close(fd);
    return written;
}

/* A user namespace where we are who we were, with all capabilities over what is made in it. */
static enum status become_owner(struct status_detail *detail)
{
    char uids[64];
    char gids[64];
    (void)snprintf(uids, sizeof uids, "%u %u 1", (unsigned)geteuid(), (unsigned)geteuid());
    (void)snprintf(gids, sizeof gids, "%u %u 1", (unsigned)getegid(), (unsigned)getegid());
    if (unshare(CLONE_NEWUSER) != 0) {
        return status_fail(detail, STATUS_ENVIRONMENT, "a user namespace is refused: %s",
                           strerror(errno));
    }
    if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", uids) ||
        !write_file("/proc/self/gid_map", gids)) {
        return status_fail(detail, STATUS_ENVIRONMENT,
                           "the maps of the user namespace cannot be written: %s", strerror(errno));
    }
    return STATUS_OK;
}

static int current_namespace(void)
{
    return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* The thread moves into a new namespace. */
static enum status make(int *ret_fd, struct status_detail *detail)
{
    if (unshare(CLONE_NEWNET) != 0) {
        return status_fail(detail, STATUS_ENVIRONMENT, "a network namespace is refused: %s",
                           strerror(errno));
    }
    int fd = current_namespace();
    if (fd < 0) {
        return status_fail(detail, STATUS_ENVIRONMENT, "/proc/thread-self/ns/net: %s",
                           strerror(errno));
    }
    *ret_fd = fd;
    return STATUS_OK;
}

/* The first namespace is only the parent of the two: what it says of its children's tables holds
 * for them. */
static enum status make_both(struct linux_namespaces *spaces, struct status_detail *detail)
{
    int parent = -1;
    enum status status = make(&parent, detail);
    if (status != STATUS_OK) {
        return status;
    }
    close(parent);
    for (unsigned host = 0; host < TRACE_HOST_COUNT && status == STATUS_OK; host++) {
        (void)linux_link_sysctl("ipv4/tcp_child_ehash_entries", CHILD_TABLE);
        status = make(&spaces->fds[host], detail);
    }
    return status;
}

enum status linux_namespaces_new(struct linux_namespaces *spaces, struct status_detail *detail)
{
    *spaces = (struct linux_namespaces){.fds = {-1, -1}, .home = -1};
    bool own = geteuid() != 0;
    int home = current_namespace();
    enum status status = own ? become_owner(detail) : STATUS_OK;
    if (status == STATUS_OK) {
        status = make_both(spaces, detail);
    }
    if (home >= 0 && (own || setns(home, CLONE_NEWNET) != 0)) {
        /* A user namespace has no power over the network that we came from: there is no way back.
         */
        close(home);
        home = -1;
    }
    if (status != STATUS_OK) {
        if (home >= 0) {
            close(home);
        }
        linux_namespaces_done(spaces);
        return status;
    }
    spaces->home = home >= 0 ? home : spaces->fds[TRACE_HOST_PEER];
    return STATUS_OK;
}

void linux_namespaces_done(struct linux_namespaces *spaces)
{
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        if (spaces->fds[host] >= 0) {
            if (spaces->home == spaces->fds[host]) {
                spaces->home = -1;
            }
            close(spaces->fds[host]);
            spaces->fds[host] = -1;
        }
    }
    if (spaces->home >= 0) {
        close(spaces->home);
        spaces->home = -1;
    }
}

static void go(int fd)
{
    if (setns(fd, CLONE_NEWNET) != 0) {
        /* In the wrong namespace every later call would lie. */
        abort();
    }
}

/* Where both hosts are the machine itself there are no descriptors, and nowhere to go. */
void linux_namespace_enter(const struct linux_namespaces *spaces, enum trace_host host)
{
    if (spaces->home >= 0) {
        go(spaces->fds[host]);
    }
}

void linux_namespace_leave(const struct linux_namespaces *spaces)
{
    if (spaces->home >= 0) {
        go(spaces->home);
    }
}
