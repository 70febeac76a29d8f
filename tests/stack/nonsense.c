/* An adapter that answers nonsense, of the kind that the environment's NONSENSE names: the world
 * must notice. What is not asked for is answered as a stack without a network would. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packet/packet.h"
#include "sockspec/stack.h"

static struct sockspec_stack_host host;
static int next;
static uint16_t local_port;
static uint16_t remote_port;
static bool listens;
static unsigned looks; /* questions for the state of a connection */

static bool is(const char *kind)
{
    const char *asked = getenv("NONSENSE");
    return asked != NULL && strcmp(asked, kind) == 0;
}

static int fake_reset(const struct sockspec_stack_host *given)
{
    host = *given;
    return is("reset-fails") ? -ENOMEM : 0;
}

static int64_t fake_advance(uint32_t ms)
{
    (void)ms;
    return is("advance-zero") ? 0 : -1;
}

static enum sockspec_stack_state fake_state(uint16_t local, uint16_t remote)
{
    (void)local;
    looks += remote != 0;
    if (remote == 0) {
        return is("state-of-listener") ? SOCKSPEC_STACK_STATE_ESTABLISHED
               : listens               ? SOCKSPEC_STACK_STATE_LISTEN
                                       : SOCKSPEC_STACK_STATE_CLOSED;
    }
    if (is("state-unknown")) {
        return (enum sockspec_stack_state)99;
    }
    if (is("state-backwards") && looks == 1) {
        return SOCKSPEC_STACK_STATE_FIN_WAIT_2;
    }
    return SOCKSPEC_STACK_STATE_SYN_SENT;
}

static void fake_ports(int s, uint16_t *ret_local, uint16_t *ret_remote)
{
    (void)s;
    *ret_local = local_port;
    *ret_remote = remote_port;
}

static int fake_socket(void)
{
    return is("socket-range") ? 5000 : is("socket-twice") ? 0 : next++;
}

static int fake_bind(int s, uint16_t port)
{
    (void)s;
    local_port = port;
    return is("bind-positive") ? 7 : 0;
}

static int fake_listen(int s, int backlog)
{
    (void)s;
    (void)backlog;
    listens = true;
    return is("errno-range") ? -70000 : 0;
}

static int fake_accept(int s)
{
    (void)s;
    if (is("accept-exits")) {
        exit(0);
    }
    for (int fd = 0; is("accept-closes-all") && fd < 64; fd++) {
        (void)close(fd);
    }
    return is("accept-range") ? SOCKSPEC_STACK_DESCRIPTORS : -EAGAIN;
}

static void put_syn(bool intact)
{
    uint8_t bytes[PACKET_HEADERS];
    struct packet syn = {.source_port = local_port,
                         .destination_port = remote_port,
                         .seq = 1,
                         .window = 1000,
                         .flags = TCP_CTL_SYN};
    memcpy(syn.source, host.address, sizeof(host.address));
    memcpy(syn.destination, host.other, sizeof(host.other));
    size_t size = packet_build(&syn, NULL, bytes, sizeof(bytes));
    bytes[size - 1] = (uint8_t)(bytes[size - 1] ^ !intact);
    host.on_output(bytes, size);
}

static void fake_inject(const void *packet, size_t size)
{
    (void)packet;
    (void)size;
    if (is("inject-answers")) {
        local_port = 40000;
        remote_port = 7000;
        put_syn(true);
    }
}

static int fake_connect(int s, uint16_t port, bool own)
{
    static uint8_t longer[3000];
    (void)s;
    (void)own;
    local_port = 40000;
    remote_port = port;
    if (is("output-no-ip")) {
        host.on_output("hello, I am no IP packet", 24);
    } else if (is("output-long")) {
        host.on_output(longer, sizeof(longer));
    } else {
        put_syn(!is("output-checksum"));
    }
    for (unsigned i = 0; is("output-flood") && i < 5000; i++) {
        put_syn(true);
    }
    return -EINPROGRESS;
}

static int64_t fake_send(int s, const void *data, size_t size, int flags)
{
    (void)s;
    (void)data;
    (void)flags;
    while (is("send-sleeps")) {
        (void)pause();
    }
    return (int64_t)size + is("send-longer");
}

static int64_t fake_recv(int s, void *data, size_t size, int flags)
{
    (void)s;
    (void)data;
    (void)flags;
    if (is("recv-crashes")) {
        (void)raise(SIGABRT);
    }
    return is("recv-longer") ? (int64_t)size + 1 : -EAGAIN;
}

static int fake_shutdown(int s, int how)
{
    (void)s;
    (void)how;
    return -ENOTCONN;
}

static int fake_close(int s)
{
    (void)s;
    return 0;
}

static int fake_poll(int s)
{
    (void)s;
    for (volatile unsigned turns = 0; is("poll-loops"); turns++) {
    }
    return is("poll-bits") ? 0x10000 : 0;
}

static int fake_dup(int s)
{
    return is("dup-open") ? s : next++;
}

static int fake_names(int s, bool peer, struct sockspec_stack_name *ret_name)
{
    (void)s;
    (void)peer;
    ret_name->address[0] = is("names-elsewhere") ? 9 : 0;
    return 0;
}

static int fake_getsockopt(int s, int level, int name, void *value, size_t *size)
{
    (void)s;
    (void)level;
    (void)name;
    (void)value;
    (void)size;
    return is("getsockopt-positive") ? 1 : -ENOPROTOOPT;
}

const struct sockspec_stack sockspec_stack = {
    .name = "nonsense",
    .version = "nonsense",
    .operations = {[SOCKSPEC_STACK_SOCKET] = SOCKSPEC_STACK_NATIVE,
                   [SOCKSPEC_STACK_BIND] = SOCKSPEC_STACK_NATIVE,
                   [SOCKSPEC_STACK_LISTEN] = SOCKSPEC_STACK_NATIVE,
                   [SOCKSPEC_STACK_ACCEPT] = SOCKSPEC_STACK_NATIVE,
                   [SOCKSPEC_STACK_CONNECT] = SOCKSPEC_STACK_NATIVE,
                   [SOCKSPEC_STACK_SEND] = SOCKSPEC_STACK_NATIVE,
                   [SOCKSPEC_STACK_RECV] = SOCKSPEC_STACK_NATIVE,
                   [SOCKSPEC_STACK_CLOSE] = SOCKSPEC_STACK_NATIVE,
                   [SOCKSPEC_STACK_POLL] = SOCKSPEC_STACK_EMULATED},
    .reset = fake_reset,
    .inject = fake_inject,
    .advance = fake_advance,
    .state = fake_state,
    .ports = fake_ports,
    .socket = fake_socket,
    .bind = fake_bind,
    .listen = fake_listen,
    .accept = fake_accept,
    .connect = fake_connect,
    .send = fake_send,
    .recv = fake_recv,
    .shutdown = fake_shutdown,
    .close = fake_close,
    .abort = fake_close,
    .poll = fake_poll,
    .dup = fake_dup,
    .names = fake_names,
    .getsockopt = fake_getsockopt,
};
