/* The facts that were measured on Linux before the model was written, by their numbers: neither the
 * model nor the expectation can be wrong alone. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "model/facts.h"

static void F01_established_is_writable(struct nk *k)
{
    ENDS(k);
    assert_poll(NK_OUT, k, c);
    assert_state(NK_ESTABLISHED, k, c);
}

static void F02_peer_fin_is_in_and_rdhup(struct nk *k)
{
    ENDS(k);
    nk_shutdown(k, c, SHUT_WR);
    assert_poll(NK_IN | NK_OUT | NK_RDHUP, k, s);
    assert_state(NK_CLOSE_WAIT, k, s);
    assert_state(NK_FIN_WAIT2, k, c);
    assert_text("", k, s);
    assert_text("", k, s);
}

static void F03_close_wait_still_sends(struct nk *k)
{
    ENDS(k);
    nk_shutdown(k, c, SHUT_WR);
    assert_int_equal(1, nk_say(k, s, "x"));
    assert_text("x", k, c);
}

static void F04_both_fins_active_side_is_hung_up(struct nk *k)
{
    ENDS(k);
    nk_shutdown(k, c, SHUT_WR);
    nk_close(k, s);
    assert_state(NK_CLOSE, k, c);
    assert_poll(NK_IN | NK_OUT | NK_HUP | NK_RDHUP, k, c);
    assert_text("", k, c);
    assert_int_equal(-ENOTCONN, nk_peer(k, c));
    assert_int_equal(-EISCONN, nk_connect(k, c, nk_port(k, ends.listener)));
    assert_int_equal(-ENOTCONN, nk_shutdown(k, c, SHUT_WR));
    assert_int_equal(-EPIPE, nk_say(k, c, "x"));
}

static void F05_close_with_unread_data_resets(struct nk *k)
{
    ENDS(k);
    nk_say(k, c, "unread");
    nk_close(k, s);
    assert_state(NK_CLOSE, k, c);
    assert_poll(NK_RESET, k, c);
    assert_text("ECONNRESET", k, c);
    assert_text("", k, c);
    assert_int_equal(-EPIPE, nk_say(k, c, "x"));
}

static void F06_linger_zero_resets(struct nk *k)
{
    ENDS(k);
    nk_linger(k, c, 1, 0);
    nk_close(k, c);
    assert_state(NK_CLOSE, k, s);
    assert_poll(NK_RESET, k, s);
    assert_int_equal(ECONNRESET, nk_error(k, s));
    assert_text("", k, s);
    assert_int_equal(-ENOTCONN, nk_peer(k, s));
}

static void F06b_send_first_gets_the_reset(struct nk *k)
{
    ENDS(k);
    nk_linger(k, c, 1, 0);
    nk_close(k, c);
    assert_int_equal(-ECONNRESET, nk_say(k, s, "x"));
    assert_int_equal(-EPIPE, nk_say(k, s, "x"));
    assert_text("", k, s);
}

static void F07_data_before_reset_is_read(struct nk *k)
{
    ENDS(k);
    nk_say(k, c, "tail");
    nk_linger(k, c, 1, 0);
    nk_close(k, c);
    assert_text("tail", k, s);
    assert_text("ECONNRESET", k, s);
}

static void F08_send_to_a_closed_peer_is_reset(struct nk *k)
{
    ENDS(k);
    nk_close(k, c);
    assert_int_equal(1, nk_say(k, s, "x"));
    assert_state(NK_CLOSE, k, s);
    assert_poll(NK_RESET, k, s);
    assert_int_equal(-EPIPE, nk_say(k, s, "x"));
    assert_text("", k, s);
}

static void F09_reset_before_accept_is_accepted(struct nk *k)
{
    int l = nk_listener(k, 5);
    int c = nk_client(k, nk_port(k, l));
    nk_linger(k, c, 1, 0);
    nk_close(k, c);
    assert_poll(NK_IN, k, l);
    int s = nk_accept(k, l);
    assert_true(s >= 0);
    assert_state(NK_CLOSE, k, s);
    assert_text("ECONNRESET", k, s);
    assert_int_equal(-ENOTCONN, nk_peer(k, s));
}

static void F10_closed_listener_resets_its_queue(struct nk *k)
{
    int l = nk_listener(k, 5);
    int c = nk_client(k, nk_port(k, l));
    nk_close(k, l);
    assert_poll(NK_RESET, k, c);
    assert_text("ECONNRESET", k, c);
}

static void F11_accept_on_an_empty_queue(struct nk *k)
{
    int l = nk_listener(k, 5);
    nk_nonblock(k, l);
    assert_int_equal(-EAGAIN, nk_accept(k, l));
}

static void F12_shutdown_ends_a_listener(struct nk *k)
{
    int l = nk_listener(k, 5);
    assert_int_equal(0, nk_shutdown(k, l, SHUT_RD));
    assert_int_equal(-EINVAL, nk_accept(k, l));
    assert_poll(NK_OUT | NK_HUP, k, l);
    assert_state(NK_CLOSE, k, l);
    assert_int_equal(0, nk_listen(k, l, 1));
    assert_int_equal(0, nk_shutdown(k, l, SHUT_WR));
    assert_poll(0, k, l);
}

static void F13_new_socket(struct nk *k)
{
    int fd = nk_socket(k, AF_INET, 0);
    assert_poll(NK_OUT | NK_HUP, k, fd);
    assert_text("ENOTCONN", k, fd);
    assert_int_equal(-EPIPE, nk_say(k, fd, "x"));
    assert_int_equal(-ENOTCONN, nk_shutdown(k, fd, SHUT_WR));
    assert_int_equal(-ENOTCONN, nk_peer(k, fd));
    assert_int_equal(-EINVAL, nk_accept(k, fd));
    struct sockaddr_storage name;
    assert_int_equal(0, nk_name(k, fd, false, &name));
    assert_int_equal(AF_INET, name.ss_family);
    assert_int_equal(INADDR_ANY, ((struct sockaddr_in *)(void *)&name)->sin_addr.s_addr);
}

static void F14_listening_socket(struct nk *k)
{
    int l = nk_listener(k, 5);
    assert_int_equal(-EISCONN, nk_connect(k, l, nk_port(k, l)));
    assert_text("ENOTCONN", k, l);
    assert_int_equal(-EPIPE, nk_say(k, l, "x"));
    assert_int_equal(0, nk_listen(k, l, 7));
    assert_int_equal(-EINVAL, nk_bind(k, l, 0));
}

/* A port of the loopback address where nobody listens. */
static int closed_port(struct nk *k)
{
    int fd = nk_listener(k, 1);
    int port = nk_port(k, fd);
    nk_close(k, fd);
    return port;
}

static void F15_refused_socket_connects_again(struct nk *k)
{
    int nobody = closed_port(k);
    int l = nk_listener(k, 5);
    int fd = nk_socket(k, AF_INET, 0);
    assert_int_equal(-ECONNREFUSED, nk_connect(k, fd, nobody));
    assert_int_equal(-ECONNREFUSED, nk_connect(k, fd, nobody));
    assert_int_equal(0, nk_connect(k, fd, nk_port(k, l)));
}

static void F16_refused_without_waiting(struct nk *k)
{
    int nobody = closed_port(k);
    int fd = nk_socket(k, AF_INET, SOCK_NONBLOCK);
    assert_int_equal(-EINPROGRESS, nk_connect(k, fd, nobody));
    assert_poll(NK_RESET, k, fd);
    assert_int_equal(ECONNREFUSED, nk_error(k, fd));
    assert_int_equal(0, nk_error(k, fd));
    assert_poll(NK_IN | NK_OUT | NK_HUP | NK_RDHUP, k, fd);
    assert_int_equal(-ECONNABORTED, nk_connect(k, fd, nobody));
    assert_poll(NK_OUT | NK_HUP, k, fd);
}

static void F17_connected_socket(struct nk *k)
{
    ENDS(k);
    assert_int_equal(-EISCONN, nk_connect(k, s, nk_port(k, ends.listener)));
    assert_int_equal(-EINVAL, nk_listen(k, s, 1));
}

static void F18_shut_read_still_receives(struct nk *k)
{
    ENDS(k);
    assert_int_equal(0, nk_shutdown(k, c, SHUT_RD));
    assert_poll(NK_IN | NK_OUT | NK_RDHUP, k, c);
    nk_say(k, s, "zz");
    assert_text("zz", k, c);
    assert_text("", k, c);
    assert_state(NK_ESTABLISHED, k, s);
    assert_poll(NK_OUT, k, s);
}

static void F19_send_after_shut_write(struct nk *k)
{
    ENDS(k);
    nk_say(k, s, "fills");
    assert_int_equal(0, nk_shutdown(k, c, SHUT_WR));
    assert_int_equal(-EPIPE, nk_say(k, c, "x"));
    assert_int_equal(0, nk_shutdown(k, c, SHUT_WR));
}

static void F20_only_the_last_dup_closes(struct nk *k)
{
    ENDS(k);
    int again = nk_dup(k, c);
    nk_close(k, c);
    assert_poll(NK_OUT, k, s);
    nk_close(k, again);
    assert_poll(NK_IN | NK_OUT | NK_RDHUP, k, s);
}

static void F21_shutdown_acts_on_all_dups(struct nk *k)
{
    ENDS(k);
    int again = nk_dup(k, c);
    nk_shutdown(k, c, SHUT_WR);
    assert_text("", k, s);
    assert_int_equal(-EPIPE, nk_say(k, again, "x"));
}

static void F22_emfile_leaves_the_connection_queued(struct nk *k)
{
    int l = nk_listener(k, 5);
    int c = nk_client(k, nk_port(k, l));
    int port = nk_port(k, c);
    int fds[MODEL_DESCRIPTORS_MAX];
    int count = 0;
    if (k->model == NULL) {
        return; /* the real process needs its descriptors */
    }
    while ((fds[count] = nk_dup(k, l)) >= 0) {
        count++;
    }
    assert_int_equal(-EMFILE, nk_accept(k, l));
    assert_poll(NK_IN, k, l);
    nk_close(k, fds[0]);
    int s = nk_accept(k, l);
    assert_int_equal(port, nk_peer(k, s));
}

static void F23_backlog_zero_takes_one(struct nk *k)
{
    int l = nk_listener(k, 0);
    int port = nk_port(k, l);
    int first = nk_client(k, port);
    assert_state(NK_ESTABLISHED, k, first);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(NK_SYN_SENT, nk_state(k, nk_client(k, port)));
    }
    assert_true(nk_accept(k, l) >= 0);
}

static void F24_connect_again_after_completion(struct nk *k)
{
    int l = nk_listener(k, 5);
    int port = nk_port(k, l);
    int fd = nk_socket(k, AF_INET, SOCK_NONBLOCK);
    assert_int_equal(-EINPROGRESS, nk_connect(k, fd, port));
    assert_int_equal(0, nk_connect(k, fd, port));
    assert_int_equal(-EISCONN, nk_connect(k, fd, port));
}

static void F25_nonblock_is_not_inherited(struct nk *k)
{
    int l = nk_listener(k, 5);
    nk_nonblock(k, l);
    struct nk_pair ends = nk_connected(k, l);
    int flags = k->model != NULL ? model_sys_fcntl(k->model, ends.server, F_GETFL, 0)
                                 : fcntl(ends.server, F_GETFL);
    assert_int_equal(0, flags & O_NONBLOCK);
}

static void F25b_options_are_inherited(struct nk *k)
{
    int l = nk_listener(k, 5);
    struct linger linger = {0};
    socklen_t size = sizeof linger;
    nk_set(k, l, SOL_SOCKET, SO_KEEPALIVE, 1);
    nk_set(k, l, IPPROTO_TCP, TCP_NODELAY, 1);
    nk_set(k, l, SOL_SOCKET, SO_RCVBUF, 5000);
    nk_linger(k, l, 1, 7);
    struct nk_pair ends = nk_connected(k, l);
    assert_int_equal(1, nk_get(k, ends.server, SOL_SOCKET, SO_KEEPALIVE));
    assert_int_equal(1, nk_get(k, ends.server, IPPROTO_TCP, TCP_NODELAY));
    assert_int_equal(10000, nk_get(k, ends.server, SOL_SOCKET, SO_RCVBUF));
    assert_int_equal(0, nk_get_raw(k, ends.server, SOL_SOCKET, SO_LINGER, &linger, &size));
    assert_int_equal(1, linger.l_onoff);
    assert_int_equal(7, linger.l_linger);
    nk_linger(k, ends.server, 0, 0); /* or closing it would wait */
}

static void F26_urgent_byte_alone(struct nk *k)
{
    ENDS(k);
    nk_send(k, c, "X", 1, MSG_OOB);
    assert_poll(NK_PRI | NK_OUT, k, s);
    assert_text("EAGAIN", k, s);
    assert_string_equal("EINVAL", nk_text(k, s, MSG_OOB));
    assert_string_equal("EINVAL", nk_text(k, s, MSG_OOB));
}

static void F26b_urgent_byte_amid_data(struct nk *k)
{
    ENDS(k);
    char byte = 0;
    nk_say(k, c, "abc");
    nk_send(k, c, "XYZ", 3, MSG_OOB);
    nk_say(k, c, "def");
    assert_poll(NK_IN | NK_PRI | NK_OUT, k, s);
    assert_int_equal(5, nk_ioctl(k, s, FIONREAD));
    assert_text("abcXY", k, s);
    assert_poll(NK_IN | NK_PRI | NK_OUT, k, s);
    assert_int_equal(1, nk_ioctl(k, s, SIOCATMARK));
    assert_int_equal(1, nk_recv(k, s, &byte, 1, MSG_OOB | MSG_PEEK));
    assert_int_equal(1, nk_recv(k, s, &byte, 1, MSG_OOB));
    assert_int_equal('Z', byte);
    assert_poll(NK_IN | NK_OUT, k, s);
    assert_text("def", k, s);
    assert_poll(NK_OUT, k, s);
    assert_string_equal("EINVAL", nk_text(k, s, MSG_OOB));
}

static void F26c_urgent_byte_inline(struct nk *k)
{
    ENDS(k);
    nk_set(k, s, SOL_SOCKET, SO_OOBINLINE, 1);
    nk_say(k, c, "abc");
    nk_send(k, c, "X", 1, MSG_OOB);
    nk_say(k, c, "de");
    assert_text("abc", k, s);
    assert_poll(NK_IN | NK_PRI | NK_OUT, k, s);
    assert_string_equal("EINVAL", nk_text(k, s, MSG_OOB));
    assert_text("Xde", k, s);
    assert_poll(NK_OUT, k, s);
}

static void F26d_second_urgent_byte_replaces_the_first(struct nk *k)
{
    ENDS(k);
    nk_send(k, c, "X", 1, MSG_OOB);
    nk_send(k, c, "Y", 1, MSG_OOB);
    assert_poll(NK_PRI | NK_OUT, k, s);
    assert_string_equal("Y", nk_text(k, s, MSG_OOB));
    assert_text("EAGAIN", k, s);
}

static void F26e_unread_urgent_byte_resets(struct nk *k)
{
    ENDS(k);
    nk_send(k, c, "X", 1, MSG_OOB);
    assert_string_equal("X", nk_text(k, s, MSG_OOB));
    nk_close(k, s);
    assert_text("ECONNRESET", k, c);
}

/* A server that closed first, and a new one on its port. */
static int bind_over_time_wait(struct nk *k, int old_reuse, int new_reuse)
{
    int l = nk_socket(k, AF_INET, 0);
    nk_set(k, l, SOL_SOCKET, SO_REUSEADDR, old_reuse);
    assert_int_equal(0, nk_bind(k, l, 0));
    assert_int_equal(0, nk_listen(k, l, 5));
    int port = nk_port(k, l);
    struct nk_pair ends = nk_connected(k, l);
    nk_close(k, ends.server);
    nk_close(k, ends.client);
    nk_close(k, l);
    int again = nk_socket(k, AF_INET, 0);
    nk_set(k, again, SOL_SOCKET, SO_REUSEADDR, new_reuse);
    return nk_bind(k, again, port);
}

static void F27_bind_over_time_wait(struct nk *k)
{
    assert_int_equal(-EADDRINUSE, bind_over_time_wait(k, 0, 0));
    assert_int_equal(-EADDRINUSE, bind_over_time_wait(k, 1, 0));
    assert_int_equal(-EADDRINUSE, bind_over_time_wait(k, 0, 1));
    assert_int_equal(0, bind_over_time_wait(k, 1, 1));
}

static void F28_bind_over_a_listener(struct nk *k)
{
    int l = nk_listener(k, 5);
    int again = nk_socket(k, AF_INET, 0);
    nk_set(k, l, SOL_SOCKET, SO_REUSEADDR, 1);
    nk_set(k, again, SOL_SOCKET, SO_REUSEADDR, 1);
    assert_int_equal(-EADDRINUSE, nk_bind(k, again, nk_port(k, l)));
}

static void F29_full_queues_stop_the_sender(struct nk *k)
{
    ENDS(k);
    static char block[1 << 20];
    int64_t partial = 0;
    int64_t sent;
    while ((sent = nk_send(k, c, block, sizeof block, 0)) > 0) {
        partial = sent;
    }
    assert_int_equal(-EAGAIN, sent);
    assert_true(partial > 0 && partial < (int64_t)sizeof block);
    assert_poll(0, k, c);
    assert_int_equal(10, nk_recv(k, s, block, 10, 0));
    assert_poll(0, k, c);
}

static void F30_shutdown_both_ways(struct nk *k)
{
    ENDS(k);
    assert_int_equal(0, nk_shutdown(k, c, SHUT_RDWR));
    assert_poll(NK_IN | NK_OUT | NK_HUP | NK_RDHUP, k, c);
    assert_state(NK_FIN_WAIT2, k, c);
    assert_poll(NK_IN | NK_OUT | NK_RDHUP, k, s);
    assert_state(NK_CLOSE_WAIT, k, s);
    assert_int_equal(1, nk_say(k, s, "x"));
    assert_poll(NK_RESET, k, s);
    assert_state(NK_CLOSE, k, s);
    assert_text("", k, s);
}

static void F31_both_shut_write(struct nk *k)
{
    ENDS(k);
    nk_shutdown(k, c, SHUT_WR);
    nk_shutdown(k, s, SHUT_WR);
    assert_state(NK_CLOSE, k, c);
    assert_state(NK_CLOSE, k, s);
}

static void F32_unspec_dissolves(struct nk *k)
{
    ENDS(k);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    assert_int_equal(0, nk_connect_raw(k, c, &none, sizeof none));
    assert_poll(NK_OUT | NK_ERR | NK_HUP, k, c);
    assert_state(NK_CLOSE, k, c);
    assert_text("ECONNRESET", k, s);
    assert_int_equal(ECONNRESET, nk_error(k, c));
    assert_text("ENOTCONN", k, c);
    (void)nk_connect(k, c, nk_port(k, ends.listener));
    assert_state(NK_ESTABLISHED, k, c);
}

#define FACTS(X)                                                                                   \
    X(F01_established_is_writable)                                                                 \
    X(F02_peer_fin_is_in_and_rdhup)                                                                \
    X(F03_close_wait_still_sends)                                                                  \
    X(F04_both_fins_active_side_is_hung_up)                                                        \
    X(F05_close_with_unread_data_resets)                                                           \
    X(F06_linger_zero_resets)                                                                      \
    X(F06b_send_first_gets_the_reset)                                                              \
    X(F07_data_before_reset_is_read)                                                               \
    X(F08_send_to_a_closed_peer_is_reset)                                                          \
    X(F09_reset_before_accept_is_accepted)                                                         \
    X(F10_closed_listener_resets_its_queue)                                                        \
    X(F11_accept_on_an_empty_queue)                                                                \
    X(F12_shutdown_ends_a_listener)                                                                \
    X(F13_new_socket)                                                                              \
    X(F14_listening_socket)                                                                        \
    X(F15_refused_socket_connects_again)                                                           \
    X(F16_refused_without_waiting)                                                                 \
    X(F17_connected_socket)                                                                        \
    X(F18_shut_read_still_receives)                                                                \
    X(F19_send_after_shut_write)                                                                   \
    X(F20_only_the_last_dup_closes)                                                                \
    X(F21_shutdown_acts_on_all_dups)                                                               \
    X(F22_emfile_leaves_the_connection_queued)                                                     \
    X(F23_backlog_zero_takes_one)                                                                  \
    X(F24_connect_again_after_completion)                                                          \
    X(F25_nonblock_is_not_inherited)                                                               \
    X(F25b_options_are_inherited)                                                                  \
    X(F26_urgent_byte_alone)                                                                       \
    X(F26b_urgent_byte_amid_data)                                                                  \
    X(F26c_urgent_byte_inline)                                                                     \
    X(F26d_second_urgent_byte_replaces_the_first)                                                  \
    X(F26e_unread_urgent_byte_resets)                                                              \
    X(F27_bind_over_time_wait)                                                                     \
    X(F28_bind_over_a_listener)                                                                    \
    X(F29_full_queues_stop_the_sender)                                                             \
    X(F30_shutdown_both_ways)                                                                      \
    X(F31_both_shut_write)                                                                         \
    X(F32_unspec_dissolves)

FACTS_MAIN(FACTS)
