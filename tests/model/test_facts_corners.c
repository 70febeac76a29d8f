/* Further facts of Linux: corners of connecting, closing, addresses and options. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/facts.h"

static void G01_shutdown_in_syn_sent(struct nk *k)
{
    int l = nk_listener(k, 0);
    int port = nk_port(k, l);
    for (int how = SHUT_RD; how <= SHUT_RDWR; how++) {
        (void)nk_client(k, port);
        int fd = nk_client(k, port);
        assert_state(NK_SYN_SENT, k, fd);
        assert_poll(0, k, fd);
        assert_text("EAGAIN", k, fd);
        assert_int_equal(-EAGAIN, nk_say(k, fd, "x"));
        assert_int_equal(-ENOTCONN, nk_peer(k, fd));
        assert_int_equal(-EALREADY, nk_connect(k, fd, port));
        assert_int_equal(0, nk_shutdown(k, fd, how));
        assert_state(NK_CLOSE, k, fd);
        assert_poll(NK_OUT | NK_ERR | NK_HUP, k, fd);
        assert_int_equal(ECONNRESET, nk_error(k, fd));
    }
}

static void G02_zero_length_on_an_empty_queue(struct nk *k)
{
    ENDS(k);
    char none[1];
    nk_nonblock(k, s);
    assert_int_equal(-EAGAIN, nk_recv(k, s, none, 0, 0));
    int64_t got = k->model != NULL ? fake_read(k->model, s, none, 0) : read(s, none, 0);
    assert_int_equal(0, got);
    nk_say(k, c, "a");
    assert_int_equal(0, nk_recv(k, s, none, 0, 0));
    assert_int_equal(0, nk_send(k, c, "", 0, 0));
    assert_text("a", k, s);
}

static void G03_reset_in_close_wait_is_epipe(struct nk *k)
{
    ENDS(k);
    nk_say(k, c, "q");
    nk_shutdown(k, c, SHUT_WR);
    nk_linger(k, c, 1, 0);
    nk_close(k, c);
    assert_poll(NK_RESET, k, s);
    assert_text("q", k, s);
    assert_text("", k, s);
    assert_int_equal(EPIPE, nk_error(k, s));
}

static void G04_after_a_reset_the_name_stays(struct nk *k)
{
    ENDS(k);
    int port = nk_port(k, s);
    nk_linger(k, c, 1, 0);
    nk_close(k, c);
    assert_int_equal(port, nk_port(k, s));
    assert_int_equal(-ENOTCONN, nk_shutdown(k, s, SHUT_RDWR));
    assert_int_equal(-EISCONN, nk_connect(k, s, port));
    assert_int_equal(-EINVAL, nk_listen(k, s, 1));
}

static void G05_passive_close_ends_hung_up(struct nk *k)
{
    ENDS(k);
    nk_close(k, c);
    assert_int_equal(0, nk_shutdown(k, s, SHUT_WR));
    assert_state(NK_CLOSE, k, s);
    assert_poll(NK_IN | NK_OUT | NK_HUP | NK_RDHUP, k, s);
    assert_int_equal(-ENOTCONN, nk_shutdown(k, s, SHUT_WR));
    assert_int_equal(-ENOTCONN, nk_peer(k, s));
}

static void G06_unread_data_after_shut_write(struct nk *k)
{
    ENDS(k);
    nk_say(k, c, "data");
    nk_shutdown(k, s, SHUT_WR);
    nk_close(k, s);
    assert_poll(NK_RESET, k, c);
    assert_text("", k, c);
}

static void G07_data_and_reset_before_accept(struct nk *k)
{
    int l = nk_listener(k, 5);
    int c = nk_client(k, nk_port(k, l));
    nk_say(k, c, "data");
    nk_linger(k, c, 1, 0);
    nk_close(k, c);
    int s = nk_accept(k, l);
    assert_text("data", k, s);
    assert_text("ECONNRESET", k, s);
    assert_text("", k, s);
}

static void G08_shutdown_listener_resets_its_queue(struct nk *k)
{
    int l = nk_listener(k, 5);
    int c = nk_client(k, nk_port(k, l));
    nk_shutdown(k, l, SHUT_RD);
    assert_poll(NK_RESET, k, c);
    assert_text("ECONNRESET", k, c);
}

static void G09_two_bound_sockets_one_listener(struct nk *k)
{
    int a = nk_socket(k, AF_INET, 0);
    int b = nk_socket(k, AF_INET, 0);
    nk_set(k, a, SOL_SOCKET, SO_REUSEADDR, 1);
    nk_set(k, b, SOL_SOCKET, SO_REUSEADDR, 1);
    assert_int_equal(0, nk_bind(k, a, 0));
    assert_int_equal(0, nk_bind(k, b, nk_port(k, a)));
    assert_int_equal(0, nk_listen(k, a, 1));
    assert_int_equal(-EADDRINUSE, nk_listen(k, b, 1));
}

static void G10_reuseport_shares_a_port(struct nk *k)
{
    int a = nk_socket(k, AF_INET, 0);
    int b = nk_socket(k, AF_INET, 0);
    nk_set(k, a, SOL_SOCKET, SO_REUSEPORT, 1);
    nk_set(k, b, SOL_SOCKET, SO_REUSEPORT, 1);
    assert_int_equal(0, nk_bind(k, a, 0));
    assert_int_equal(0, nk_listen(k, a, 1));
    assert_int_equal(0, nk_bind(k, b, nk_port(k, a)));
    assert_int_equal(0, nk_listen(k, b, 1));
    int c = nk_client(k, nk_port(k, a));
    nk_nonblock(k, a);
    nk_nonblock(k, b);
    int from_a = nk_accept(k, a);
    int from_b = nk_accept(k, b);
    assert_true((from_a >= 0) != (from_b >= 0));
    assert_state(NK_ESTABLISHED, k, c);
}

static void G11_addresses_that_overlap(struct nk *k)
{
    int a = nk_socket(k, AF_INET, 0);
    assert_int_equal(0, nk_bind(k, a, 0));
    int port = nk_port(k, a);
    int b = nk_socket(k, AF_INET, 0);
    assert_int_equal(0, nk_bind_host(k, b, INADDR_LOOPBACK + 1, port));
    int other = nk_socket(k, AF_INET, 0);
    assert_int_equal(-EADDRINUSE, nk_bind_host(k, other, INADDR_ANY, port));
    assert_int_equal(-EADDRNOTAVAIL, nk_bind_host(k, other, 0x08080808, 0));
}

static void G12_dual_stack_listener(struct nk *k)
{
    int l = nk_socket(k, AF_INET6, 0);
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    assert_int_equal(0, nk_get(k, l, IPPROTO_IPV6, IPV6_V6ONLY));
    assert_int_equal(0, nk_bind_raw(k, l, &any, sizeof any));
    assert_int_equal(0, nk_listen(k, l, 5));
    int port = nk_port(k, l);
    int v4 = nk_socket(k, AF_INET, 0);
    assert_int_equal(-EADDRINUSE, nk_bind_host(k, v4, INADDR_ANY, port));
    int c = nk_client(k, port);
    int s = nk_accept(k, l);
    assert_true(s >= 0);
    struct sockaddr_storage name;
    assert_int_equal(nk_port(k, c), nk_name(k, s, true, &name));
    assert_int_equal(AF_INET6, name.ss_family);
    struct in6_addr *address = &((struct sockaddr_in6 *)(void *)&name)->sin6_addr;
    assert_true(IN6_IS_ADDR_V4MAPPED(address));
    any.sin6_addr = in6addr_loopback;
    any.sin6_port = htons((uint16_t)port);
    int c6 = nk_socket(k, AF_INET6, SOCK_NONBLOCK);
    (void)nk_connect_raw(k, c6, &any, sizeof any);
    s = nk_accept(k, l);
    assert_int_equal(nk_port(k, c6), nk_name(k, s, true, &name));
    assert_memory_equal(address, &in6addr_loopback, 16);
}

static void G13_v6only_listener(struct nk *k)
{
    int l = nk_socket(k, AF_INET6, 0);
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    assert_int_equal(0, nk_set(k, l, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    assert_int_equal(0, nk_bind_raw(k, l, &any, sizeof any));
    assert_int_equal(0, nk_listen(k, l, 5));
    assert_int_equal(-EINVAL, nk_set(k, l, IPPROTO_IPV6, IPV6_V6ONLY, 0));
    int c = nk_client(k, nk_port(k, l));
    assert_int_equal(ECONNREFUSED, nk_error(k, c));
    int v4 = nk_socket(k, AF_INET, 0);
    assert_int_equal(0, nk_bind_host(k, v4, INADDR_ANY, nk_port(k, l)));
}

static void G14_wrong_addresses(struct nk *k)
{
    int fd = nk_socket(k, AF_INET, 0);
    int fd6 = nk_socket(k, AF_INET6, 0);
    struct sockaddr_in in = nk_address(INADDR_LOOPBACK, 0);
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    assert_int_equal(-EINVAL, nk_bind_raw(k, fd, &in, 8));
    assert_int_equal(-EAFNOSUPPORT, nk_bind_raw(k, fd, &in6, sizeof in6));
    assert_int_equal(-EINVAL, nk_bind_raw(k, fd6, &in, sizeof in));
    assert_int_equal(-EINVAL, nk_bind_raw(k, fd6, &in6, 20));
    assert_int_equal(-EINVAL, nk_connect_raw(k, fd, &in, 8));
    assert_int_equal(-EINVAL, nk_connect_raw(k, fd, &in, 1));
    assert_int_equal(-EAFNOSUPPORT, nk_connect_raw(k, fd, &in6, sizeof in6));
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    assert_int_equal(0, nk_bind_raw(k, fd, &none, sizeof none));
}

static void G15_options_as_linux_reports_them(struct nk *k)
{
    int fd = nk_socket(k, AF_INET, 0);
    static const int values[][2] = {{1, 4608}, {1000, 4608}, {5000, 10000}, {100000, 200000}};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_int_equal(0, nk_set(k, fd, SOL_SOCKET, SO_SNDBUF, values[i][0]));
        assert_int_equal(values[i][1], nk_get(k, fd, SOL_SOCKET, SO_SNDBUF));
    }
    assert_int_equal(0, nk_set(k, fd, SOL_SOCKET, SO_RCVBUF, 1));
    assert_int_equal(2304, nk_get(k, fd, SOL_SOCKET, SO_RCVBUF));
    assert_int_equal(7200, nk_get(k, fd, IPPROTO_TCP, TCP_KEEPIDLE));
    assert_int_equal(75, nk_get(k, fd, IPPROTO_TCP, TCP_KEEPINTVL));
    assert_int_equal(9, nk_get(k, fd, IPPROTO_TCP, TCP_KEEPCNT));
    assert_int_equal(6, nk_get(k, fd, IPPROTO_TCP, TCP_SYNCNT));
    assert_int_equal(SOCK_STREAM, nk_get(k, fd, SOL_SOCKET, SO_TYPE));
    assert_int_equal(IPPROTO_TCP, nk_get(k, fd, SOL_SOCKET, SO_PROTOCOL));
    assert_int_equal(AF_INET, nk_get(k, fd, SOL_SOCKET, SO_DOMAIN));
    assert_int_equal(0, nk_get(k, fd, SOL_SOCKET, SO_ACCEPTCONN));
    static const int bad[][2] = {{TCP_KEEPIDLE, 0}, {TCP_KEEPIDLE, 32768},  {TCP_KEEPINTVL, 0},
                                 {TCP_KEEPCNT, 0},  {TCP_KEEPCNT, 128},     {TCP_SYNCNT, 0},
                                 {TCP_SYNCNT, 256}, {TCP_USER_TIMEOUT, -1}, {TCP_MAXSEG, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(-EINVAL, nk_set(k, fd, IPPROTO_TCP, bad[i][0], bad[i][1]));
    }
    static const int defer[][2] = {{1, 1}, {2, 3}, {3, 3}, {4, 7}, {8, 15}, {30, 31}};
    for (size_t i = 0; i < sizeof defer / sizeof defer[0]; i++) {
        nk_set(k, fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, defer[i][0]);
        assert_int_equal(defer[i][1], nk_get(k, fd, IPPROTO_TCP, TCP_DEFER_ACCEPT));
    }
    assert_int_equal(-ENOPROTOOPT, nk_set(k, fd, SOL_SOCKET, SO_TYPE, 1));
    assert_int_equal(-ENOPROTOOPT, nk_set(k, fd, SOL_SOCKET, 999, 1));
    assert_int_equal(-ENOPROTOOPT, nk_get(k, fd, IPPROTO_TCP, 99));
    assert_int_equal(-EOPNOTSUPP, nk_get(k, fd, 99, 1));
    assert_int_equal(-EINVAL, nk_set_raw(k, fd, IPPROTO_TCP, TCP_NODELAY, "\1", 1));
}

static void G16_socket_timeouts(struct nk *k)
{
    int fd = nk_socket(k, AF_INET, 0);
    struct timeval time = {.tv_sec = 1, .tv_usec = 500000};
    socklen_t size = sizeof time;
    assert_int_equal(0, nk_set_raw(k, fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    assert_int_equal(0, nk_get_raw(k, fd, SOL_SOCKET, SO_RCVTIMEO, &time, &size));
    assert_int_equal(1, time.tv_sec);
    assert_int_equal(500000, time.tv_usec);
    time.tv_usec = 1000000;
    assert_int_equal(-EDOM, nk_set_raw(k, fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
}

static void G17_peek_leaves_and_waitall_gathers(struct nk *k)
{
    ENDS(k);
    char data[8] = "";
    nk_say(k, c, "abc");
    nk_say(k, c, "def");
    assert_int_equal(4, nk_recv(k, s, data, 4, MSG_PEEK));
    assert_memory_equal("abcd", data, 4);
    assert_int_equal(6, nk_recv(k, s, data, 6, MSG_WAITALL));
    assert_memory_equal("abcdef", data, 6);
    nk_say(k, c, "hello");
    assert_int_equal(3, nk_recv(k, s, data, 3, MSG_TRUNC));
    assert_text("lo", k, s);
}

static void G18_socket_connects_to_itself(struct nk *k)
{
    int fd = nk_socket(k, AF_INET, SOCK_NONBLOCK);
    assert_int_equal(0, nk_bind(k, fd, 0));
    assert_int_equal(-EINPROGRESS, nk_connect(k, fd, nk_port(k, fd)));
    assert_state(NK_ESTABLISHED, k, fd);
    assert_int_equal(nk_port(k, fd), nk_peer(k, fd));
    assert_int_equal(4, nk_say(k, fd, "self"));
    assert_text("self", k, fd);
}

#define FACTS(X)                                                                                   \
    X(G01_shutdown_in_syn_sent)                                                                    \
    X(G02_zero_length_on_an_empty_queue)                                                           \
    X(G03_reset_in_close_wait_is_epipe)                                                            \
    X(G04_after_a_reset_the_name_stays)                                                            \
    X(G05_passive_close_ends_hung_up)                                                              \
    X(G06_unread_data_after_shut_write)                                                            \
    X(G07_data_and_reset_before_accept)                                                            \
    X(G08_shutdown_listener_resets_its_queue)                                                      \
    X(G09_two_bound_sockets_one_listener)                                                          \
    X(G10_reuseport_shares_a_port)                                                                 \
    X(G11_addresses_that_overlap)                                                                  \
    X(G12_dual_stack_listener)                                                                     \
    X(G13_v6only_listener)                                                                         \
    X(G14_wrong_addresses)                                                                         \
    X(G15_options_as_linux_reports_them)                                                           \
    X(G16_socket_timeouts)                                                                         \
    X(G17_peek_leaves_and_waitall_gathers)                                                         \
    X(G18_socket_connects_to_itself)

FACTS_MAIN(FACTS)
