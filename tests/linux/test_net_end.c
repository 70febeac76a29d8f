/* How connections through the live network end, and that neither they nor the network leave
 * anything behind. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net_fixture.h"

/* ---- Ending ---- */

static void close_by_the_peer_first_passes_every_state_of_closing(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    linux_net_hold(net, WORLD_TO_TARGET, true);
    assert_int_equal(linux_net_shutdown(net, pair.peer, SHUT_WR), 0);
    assert_state(net, pair.peer, TCP_FIN_WAIT_1);
    linux_net_hold(net, WORLD_TO_TARGET, false);
    settle(net);
    assert_state(net, pair.peer, TCP_FIN_WAIT_2);
    assert_state(net, pair.target, TCP_CLOSE_WAIT);
    assert_recv(net, pair.target, 0);
    assert_int_equal(linux_net_close(net, pair.target), 0);
    settle(net);
    ASSERT_STATES(TRACE_HOST_PEER, 1, TCP_CLOSED, TCP_SYN_SENT, TCP_ESTABLISHED, TCP_FIN_WAIT_1,
                  TCP_FIN_WAIT_2, TCP_TIME_WAIT);
    ASSERT_STATES(TRACE_HOST_TARGET, 1, TCP_LISTEN, TCP_SYN_RECEIVED, TCP_ESTABLISHED,
                  TCP_CLOSE_WAIT, TCP_LAST_ACK, TCP_CLOSED);
}

static void close_of_both_at_once_passes_closing(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    linux_net_hold(net, WORLD_TO_TARGET, true);
    linux_net_hold(net, WORLD_TO_PEER, true);
    assert_int_equal(linux_net_close(net, pair.peer), 0);
    assert_int_equal(linux_net_close(net, pair.target), 0);
    assert_int_equal(linux_net_wire_deliver(net, WORLD_TO_TARGET, 0), 0);
    assert_int_equal(linux_net_wire_deliver(net, WORLD_TO_PEER, 0), 0);
    linux_net_hold(net, WORLD_TO_TARGET, false);
    linux_net_hold(net, WORLD_TO_PEER, false);
    settle(net);
    ASSERT_STATES(TRACE_HOST_PEER, 1, TCP_CLOSED, TCP_SYN_SENT, TCP_ESTABLISHED, TCP_FIN_WAIT_1,
                  TCP_CLOSING, TCP_TIME_WAIT);
    ASSERT_STATES(TRACE_HOST_TARGET, 1, TCP_LISTEN, TCP_SYN_RECEIVED, TCP_ESTABLISHED,
                  TCP_FIN_WAIT_1, TCP_CLOSING, TCP_TIME_WAIT);
}

static void close_without_reader_stays_in_fin_wait_2(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    assert_int_equal(linux_net_close(net, pair.peer), 0);
    settle(net);
    linux_net_sample(net, 0);
    ASSERT_STATES(TRACE_HOST_PEER, 1, TCP_CLOSED, TCP_SYN_SENT, TCP_ESTABLISHED, TCP_FIN_WAIT_1,
                  TCP_FIN_WAIT_2);
    assert_int_equal(linux_net_connections(net), 1);
    assert_state(net, pair.target, TCP_CLOSE_WAIT);
}

static void fin_lost_comes_again(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    linux_net_lose(net, SCENARIO_SEGMENT_FIN, 1);
    assert_int_equal(linux_net_close(net, pair.peer), 0);
    settle(net);
    assert_state(net, pair.target, TCP_ESTABLISHED);
    fixture()->trace.now_us += 200000;
    settle(net);
    assert_state(net, pair.target, TCP_CLOSE_WAIT);
}

static void timer_of_held_data_is_when_the_kernel_gives_up(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    assert_int_equal(linux_net_timer_us(net), -1);
    linux_net_hold(net, WORLD_TO_TARGET, true);
    send_text(net, pair.peer, "held");
    assert_int_equal(linux_net_timer_us(net), 900000000);
    assert_int_equal(linux_net_close(net, pair.peer), 0);
    assert_int_equal(linux_net_timer_us(net), -1); /* nobody is left to be told */
}

static void abort_resets_the_other_end(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    assert_int_equal(linux_net_abort(net, pair.peer), 0);
    settle(net);
    assert_recv(net, pair.target, -ECONNRESET);
    assert_int_equal(segments(TRACE_HOST_PEER, SCENARIO_SEGMENT_RST, TRACE_FATE_SENT), 1);
    assert_int_equal(linux_net_connections(net), 0);
}

static void close_with_linger_does_not_wait(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    linux_net_hold(net, WORLD_TO_TARGET, true);
    assert_int_equal(linux_net_setsockopt(net, pair.peer, WORLD_OPTION_LINGER, 3600), 0);
    send_text(net, pair.peer, "unacknowledged");
    assert_int_equal(linux_net_close(net, pair.peer), 0);
    linux_net_hold(net, WORLD_TO_TARGET, false);
    settle(net);
    assert_received(net, pair.target, "unacknowledged");
}

static void rst_injected_is_believed(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    send_text(net, pair.peer, "before");
    settle(net);
    assert_received(net, pair.target, "before");
    assert_int_equal(linux_net_inject(net, pair.peer, SCENARIO_SEGMENT_RST, WORLD_TO_TARGET), 0);
    assert_state(net, pair.target, TCP_CLOSED);
    assert_state(net, pair.peer, TCP_ESTABLISHED);
    assert_recv(net, pair.target, -ECONNRESET);
    assert_int_equal(segments(TRACE_HOST_PEER, SCENARIO_SEGMENT_RST, TRACE_FATE_INJECTED), 1);
}

static void data_injected_is_read(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    assert_int_equal(linux_net_inject(net, pair.peer, SCENARIO_SEGMENT_DATA, WORLD_TO_TARGET), 0);
    assert_received(net, pair.target, "!");
}

static void inject_without_connection_is_enotconn(void **state)
{
    struct linux_net *net = fresh(state);
    int s = linux_net_socket(net, TRACE_HOST_PEER);
    assert_int_equal(linux_net_inject(net, s, SCENARIO_SEGMENT_RST, WORLD_TO_TARGET), -ENOTCONN);
}

static void time_wait_ends_by_the_clock_of_the_trace(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    assert_int_equal(linux_net_close(net, pair.target), 0);
    settle(net);
    assert_int_equal(linux_net_close(net, pair.peer), 0);
    settle(net);
    assert_int_equal(linux_net_close(net, pair.listener), 0);
    int s = linux_net_socket(net, TRACE_HOST_TARGET);
    assert_int_equal(linux_net_bind(net, s, FIXTURE_PORT), -EADDRINUSE);
    assert_int_equal(linux_net_due_us(net), 60000000);
    assert_int_equal(linux_net_timer_us(net), -1);
    fixture()->trace.now_us += 60000000;
    settle(net);
    assert_int_equal(linux_net_bind(net, s, FIXTURE_PORT), 0);
    ASSERT_STATES(TRACE_HOST_TARGET, 1, TCP_LISTEN, TCP_SYN_RECEIVED, TCP_ESTABLISHED,
                  TCP_FIN_WAIT_1, TCP_FIN_WAIT_2, TCP_TIME_WAIT, TCP_CLOSED);
    assert_int_equal(linux_net_due_us(net), -1);
}

static void fin_wait_2_ends_for_orphans_alone(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair orphan = open_pair(net);
    int peer = connecting(net, TRACE_HOST_PEER, FIXTURE_PORT);
    settle(net);
    assert_int_equal(linux_net_close(net, orphan.peer), 0);
    assert_int_equal(linux_net_shutdown(net, peer, SHUT_WR), 0);
    settle(net);
    assert_int_equal(linux_net_timer_us(net), -1);
    fixture()->trace.now_us += linux_net_due_us(net);
    settle(net);
    ASSERT_STATES(TRACE_HOST_PEER, 1, TCP_CLOSED, TCP_SYN_SENT, TCP_ESTABLISHED, TCP_FIN_WAIT_1,
                  TCP_FIN_WAIT_2, TCP_CLOSED);
    assert_state(net, peer, TCP_FIN_WAIT_2);
    assert_int_equal(linux_net_due_us(net), -1);
}

/* ---- Reset and ports ---- */

static void reset_leaves_nothing_behind(void **state)
{
    struct linux_net *net = fresh(state);
    struct pair pair = open_pair(net);
    assert_int_equal(linux_net_close(net, pair.target), 0);
    settle(net);
    assert_int_equal(linux_net_close(net, pair.peer), 0);
    settle(net); /* TIME-WAIT on the port of the server */
    ASSERT_STATES(TRACE_HOST_TARGET, 1, TCP_LISTEN, TCP_SYN_RECEIVED, TCP_ESTABLISHED,
                  TCP_FIN_WAIT_1, TCP_FIN_WAIT_2, TCP_TIME_WAIT);
    net = fresh(state);
    int s = linux_net_socket(net, TRACE_HOST_TARGET);
    assert_int_equal(linux_net_bind(net, s, FIXTURE_PORT), 0);
    assert_int_equal(linux_net_listen(net, s, 8), 0);
    assert_int_equal(linux_net_connections(net), 0);
    assert_false(linux_net_in_flight(net));
}

static void reset_ends_embryonic_and_orphaned_ends(void **state)
{
    struct linux_net *net = fresh(state);
    (void)listener_on(net, TRACE_HOST_TARGET, FIXTURE_PORT, 8);
    linux_net_hold(net, WORLD_TO_PEER, true);
    (void)connecting(net, TRACE_HOST_PEER, FIXTURE_PORT);
    settle(net);
    ASSERT_STATES(TRACE_HOST_TARGET, 1, TCP_LISTEN, TCP_SYN_RECEIVED);
    net = fresh(state);
    int s = linux_net_socket(net, TRACE_HOST_TARGET);
    assert_int_equal(linux_net_bind(net, s, FIXTURE_PORT), 0);
}

static void ports_used_anew_make_a_new_connection(void **state)
{
    struct linux_net *net = fresh(state);
    int listener = listener_on(net, TRACE_HOST_TARGET, FIXTURE_PORT, 8);
    for (uint32_t round = 1; round <= 2; round++) {
        int peer = linux_net_socket(net, TRACE_HOST_PEER);
        assert_int_equal(linux_net_setsockopt(net, peer, WORLD_OPTION_REUSEADDR, 1), 0);
        assert_int_equal(linux_net_bind(net, peer, 40000), 0);
        assert_int_equal(linux_net_connect(net, peer, FIXTURE_PORT), -EINPROGRESS);
        linux_net_sample(net, 0); /* the first one's TIME-WAIT is still its own */
        settle(net);
        assert_int_equal(linux_net_conn_of(net, peer), round);
        int target = linux_net_accept(net, listener);
        assert_int_equal(linux_net_conn_of(net, target), round);
        /* The server's end is left in TIME-WAIT. */
        assert_int_equal(linux_net_close(net, target), 0);
        settle(net);
        assert_int_equal(linux_net_close(net, peer), 0);
        settle(net);
    }
    ASSERT_STATES(TRACE_HOST_TARGET, 1, TCP_LISTEN, TCP_SYN_RECEIVED, TCP_ESTABLISHED,
                  TCP_FIN_WAIT_1, TCP_FIN_WAIT_2, TCP_TIME_WAIT, TCP_CLOSED);
    ASSERT_STATES(TRACE_HOST_TARGET, 2, TCP_LISTEN, TCP_SYN_RECEIVED, TCP_ESTABLISHED,
                  TCP_FIN_WAIT_1, TCP_FIN_WAIT_2, TCP_TIME_WAIT);
}

static void listening_is_seen_and_its_end_traced(void **state)
{
    struct linux_net *net = fresh(state);
    assert_int_equal(linux_net_reach(net, FIXTURE_PORT), 0);
    int s = listener_on(net, TRACE_HOST_TARGET, FIXTURE_PORT, 8);
    assert_int_equal(linux_net_reach(net, FIXTURE_PORT), LINUX_REACH_V4);
    assert_int_equal(linux_net_reach(net, FIXTURE_PORT + 1), 0);
    assert_int_equal(linux_net_close(net, s), 0);
    assert_int_equal(linux_net_reach(net, FIXTURE_PORT), 0);
    ASSERT_STATES(TRACE_HOST_TARGET, 0, TCP_CLOSED, TCP_LISTEN, TCP_CLOSED);
}

static void listener_closed_with_a_waiting_connection_resets_it(void **state)
{
    struct linux_net *net = fresh(state);
    int listener = listener_on(net, TRACE_HOST_TARGET, FIXTURE_PORT, 8);
    int peer = connecting(net, TRACE_HOST_PEER, FIXTURE_PORT);
    settle(net);
    assert_int_equal(linux_net_close(net, listener), 0);
    settle(net);
    assert_recv(net, peer, -ECONNRESET);
    ASSERT_STATES(TRACE_HOST_TARGET, 1, TCP_LISTEN, TCP_SYN_RECEIVED, TCP_ESTABLISHED, TCP_CLOSED);
}

/* ---- Nothing stays behind ---- */

/* Makes a network of its own, tells its namespaces, and waits to be killed. */
static void child_with_network(int out)
{
    struct linux_net *net;
    struct status_detail detail = {""};
    struct stat about;
    if (linux_net_new(false, &net, &detail) != STATUS_OK) {
        _exit(1);
    }
    for (enum trace_host host = 0; host < TRACE_HOST_COUNT; host++) {
        if (fstat(linux_net_namespace(net, host), &about) != 0 ||
            write(out, &about.st_ino, sizeof about.st_ino) != sizeof about.st_ino) {
            _exit(1);
        }
    }
    for (;;) {
        (void)pause();
    }
}

/* Whether any process lives in a namespace. */
static bool is_inhabited(ino_t namespace)
{
    DIR *processes = opendir("/proc");
    assert_non_null(processes);
    bool found = false;
    for (const struct dirent *entry; (entry = readdir(processes)) != NULL;) {
        char path[sizeof "/proc//ns/net" + sizeof entry->d_name];
        struct stat about;
        (void)snprintf(path, sizeof path, "/proc/%s/ns/net", entry->d_name);
        found = found || (stat(path, &about) == 0 && about.st_ino == namespace);
    }
    (void)closedir(processes);
    return found;
}

static bool is_mounted_anywhere(ino_t namespace)
{
    char line[4096];
    char name[64];
    FILE *mounts = fopen("/proc/self/mountinfo", "r");
    assert_non_null(mounts);
    (void)snprintf(name, sizeof name, "net:[%llu]", (unsigned long long)namespace);
    bool found = false;
    while (fgets(line, sizeof line, mounts) != NULL) {
        found = found || strstr(line, name) != NULL;
    }
    (void)fclose(mounts);
    return found;
}

static void process_killed_leaves_no_namespace(void **state)
{
    (void)fresh(state);
    int pipe_fds[2];
    ino_t namespaces[TRACE_HOST_COUNT];
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        child_with_network(pipe_fds[1]);
    }
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        assert_int_equal(read(pipe_fds[0], &namespaces[host], sizeof namespaces[host]),
                         sizeof namespaces[host]);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    for (unsigned host = 0; host < TRACE_HOST_COUNT; host++) {
        assert_false(is_inhabited(namespaces[host]));
        assert_false(is_mounted_anywhere(namespaces[host]));
    }
    assert_int_not_equal(access("/sys/class/net/wire0", F_OK), 0);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
}

static void network_made_again_and_again_leaves_no_descriptor(void **state)
{
    (void)fresh(state);
    int before = dup(0);
    assert_true(before >= 0);
    (void)close(before);
    struct linux_net *net;
    struct status_detail detail = {""};
    for (unsigned i = 0; i < 3; i++) {
        assert_ok(linux_net_new(false, &net, &detail), &detail);
        linux_net_free(net);
    }
    int after = dup(0);
    assert_int_equal(after, before);
    (void)close(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(close_by_the_peer_first_passes_every_state_of_closing),
        cmocka_unit_test(close_of_both_at_once_passes_closing),
        cmocka_unit_test(close_without_reader_stays_in_fin_wait_2),
        cmocka_unit_test(fin_lost_comes_again),
        cmocka_unit_test(timer_of_held_data_is_when_the_kernel_gives_up),
        cmocka_unit_test(abort_resets_the_other_end),
        cmocka_unit_test(close_with_linger_does_not_wait),
        cmocka_unit_test(rst_injected_is_believed),
        cmocka_unit_test(data_injected_is_read),
        cmocka_unit_test(inject_without_connection_is_enotconn),
        cmocka_unit_test(time_wait_ends_by_the_clock_of_the_trace),
        cmocka_unit_test(fin_wait_2_ends_for_orphans_alone),
        cmocka_unit_test(reset_leaves_nothing_behind),
        cmocka_unit_test(reset_ends_embryonic_and_orphaned_ends),
        cmocka_unit_test(ports_used_anew_make_a_new_connection),
        cmocka_unit_test(listening_is_seen_and_its_end_traced),
        cmocka_unit_test(listener_closed_with_a_waiting_connection_resets_it),
        cmocka_unit_test(process_killed_leaves_no_namespace),
        cmocka_unit_test(network_made_again_and_again_leaves_no_descriptor),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
