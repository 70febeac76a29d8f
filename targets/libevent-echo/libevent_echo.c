/* Echo server on libevent's bufferevents, as its manual would have it: no socket call of our own
 * but setsockopt() and those that make the listener. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

enum {
    BACKLOG = 128,
    OUTPUT_HIGH = 16384, /* reading stops while more than this waits to be sent */
    OUTPUT_LOW = 4096,   /* and goes on below this */
    STOP_GRACE_S = 2,
};

struct client {
    struct server *server;
    struct bufferevent *stream;
    bool input_ended; /* the peer's FIN was read */
    LIST_ENTRY(client) place;
};

struct server {
    struct event_base *base;
    struct evconnlistener *listener; /* NULL after a request to stop */
    struct event *accept_again;      /* timer: out of descriptors or memory until then */
    struct timeval idle;
    LIST_HEAD(, client) clients;
};

/* Leaves the listener alone for a while. */
static void accept_later(struct server *s)
{
    const struct timeval pause = {.tv_usec = 500000};
    if (evtimer_add(s->accept_again, &pause) == 0)
        (void)evconnlistener_disable(s->listener);
}

/* epoll_ctl() may be short of memory, too. */
static void accept_now(struct server *s)
{
    if (evconnlistener_enable(s->listener) < 0)
        accept_later(s);
}

static void client_free(struct client *c)
{
    struct server *s = c->server;
    LIST_REMOVE(c, place);
    bufferevent_free(c->stream); /* closes the socket */
    free(c);
    if (s->listener != NULL && evtimer_pending(s->accept_again, NULL)) {
        (void)evtimer_del(s->accept_again); /* a descriptor is free again */
        accept_now(s);
    }
    if (s->listener == NULL && LIST_EMPTY(&s->clients))
        (void)event_base_loopbreak(s->base);
}

/* Moves what came into the output. While the output is long, reading stops: the peer's window then
 * closes, and the memory stays bounded. */
static void on_readable(struct bufferevent *stream, void *context)
{
    struct client *c = context;
    struct evbuffer *output = bufferevent_get_output(stream);
    if (bufferevent_read_buffer(stream, output) < 0) {
        client_free(c);
        return;
    }
    if (evbuffer_get_length(output) >= OUTPUT_HIGH) {
        bufferevent_setwatermark(stream, EV_WRITE, OUTPUT_LOW, 0);
        if (bufferevent_disable(stream, EV_READ) < 0)
            client_free(c);
    }
}

/* The output has gone below its low mark, or is empty. */
static void on_writable(struct bufferevent *stream, void *context)
{
    struct client *c = context;
    if (c->input_ended) {
        if (evbuffer_get_length(bufferevent_get_output(stream)) == 0)
            client_free(c);
        return;
    }
    bufferevent_setwatermark(stream, EV_WRITE, 0, 0);
    if (bufferevent_enable(stream, EV_READ) < 0)
        client_free(c);
}

/* The peer's FIN ends only its half: what it sent is still sent back. */
static void on_event(struct bufferevent *stream, short events, void *context)
{
    struct client *c = context;
    bool pending = evbuffer_get_length(bufferevent_get_output(stream)) > 0;
    if ((events & BEV_EVENT_EOF) && (events & BEV_EVENT_READING) && pending) {
        c->input_ended = true;
        bufferevent_setwatermark(stream, EV_WRITE, 0, 0);
        return;
    }
    client_free(c); /* the end, an error, or the time limit */
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int length, void *context)
{
    (void)listener, (void)address, (void)length;
    struct server *s = context;
    struct client *c = malloc(sizeof(*c));
    struct bufferevent *stream = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (c == NULL || stream == NULL) {
        if (stream != NULL)
            bufferevent_free(stream);
        else
            (void)evutil_closesocket(fd);
        free(c);
        return;
    }
    *c = (struct client){.server = s, .stream = stream};
    LIST_INSERT_HEAD(&s->clients, c, place);
    bufferevent_setcb(stream, on_readable, on_writable, on_event, c);
    (void)bufferevent_set_timeouts(stream, &s->idle, &s->idle);
    if (bufferevent_enable(stream, EV_READ | EV_WRITE) < 0)
        client_free(c);
}

/* Out of descriptors or memory: the listener stays readable, so it is left alone for a while.
 * libevent itself retries what concerns one connection only. */
static void on_accept_error(struct evconnlistener *listener, void *context)
{
    (void)listener;
    accept_later(context);
}

static void on_accept_again(evutil_socket_t fd, short events, void *context)
{
    (void)fd, (void)events;
    struct server *s = context;
    if (s->listener != NULL)
        accept_now(s);
}

/* Closes the listener first; open connections get a moment to finish. */
static void on_stop(evutil_socket_t number, short events, void *context)
{
    (void)number, (void)events;
    struct server *s = context;
    const struct timeval grace = {.tv_sec = STOP_GRACE_S};
    if (s->listener == NULL)
        return;
    evconnlistener_free(s->listener);
    s->listener = NULL;
    (void)evtimer_del(s->accept_again);
    if (LIST_EMPTY(&s->clients))
        (void)event_base_loopbreak(s->base);
    else
        (void)event_base_loopexit(s->base, &grace);
}

static void on_report(evutil_socket_t number, short events, void *context)
{
    (void)number, (void)events;
    unsigned open = 0;
    const struct client *c = NULL;
    LIST_FOREACH(c, &((struct server *)context)->clients, place)
    open++;
    (void)fprintf(stderr, "libevent-echo: %u open\n", open);
}

static int parse_port(int argc, char **argv)
{
    static const struct option table[] = {{"port", required_argument, NULL, 'p'},
                                          {NULL, 0, NULL, 0}};
    int port = 0;
    int kind = 0;
    while ((kind = getopt_long(argc, argv, "", table, NULL)) != -1)
        port = kind == 'p' ? atoi(optarg) : 0;
    if (port < 1 || port > 65535 || optind != argc) {
        (void)fprintf(stderr, "usage: %s --port N\n", argv[0]);
        return -1;
    }
    return port;
}

static bool server_listen(struct server *s, int port)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    s->listener = evconnlistener_new_bind(
        s->base, on_accept, s, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
        BACKLOG, (const struct sockaddr *)&any, sizeof(any));
    if (s->listener == NULL) {
        perror("libevent-echo: listen");
        return false;
    }
    evconnlistener_set_error_cb(s->listener, on_accept_error);
    return true;
}

int main(int argc, char **argv)
{
    static const struct {
        int number;
        event_callback_fn callback;
    } signals[] = {
        {SIGTERM, on_stop}, {SIGINT, on_stop}, {SIGUSR1, on_report}, {SIGHUP, on_report}};
    enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };
    struct event *watched[SIGNALS] = {NULL};
    struct server s = {.idle = {.tv_sec = 30}};
    int status = 1;
    int port = parse_port(argc, argv);
    if (port < 0)
        return 2;
    (void)signal(SIGPIPE, SIG_IGN); /* libevent writes with writev() */
    LIST_INIT(&s.clients);
    s.base = event_base_new();
    if (s.base == NULL)
        return 1;
    s.accept_again = evtimer_new(s.base, on_accept_again, &s);
    if (s.accept_again == NULL)
        goto out;
    for (int i = 0; i < SIGNALS; i++) {
        watched[i] = evsignal_new(s.base, signals[i].number, signals[i].callback, &s);
        if (watched[i] == NULL || evsignal_add(watched[i], NULL) < 0)
            goto out;
    }
    if (server_listen(&s, port)) {
        status = event_base_dispatch(s.base) < 0 ? 1 : 0;
        while (!LIST_EMPTY(&s.clients))
            client_free(LIST_FIRST(&s.clients));
    }
out:
    if (s.listener != NULL)
        evconnlistener_free(s.listener);
    for (int i = 0; i < SIGNALS; i++)
        if (watched[i] != NULL)
            event_free(watched[i]);
    if (s.accept_again != NULL)
        event_free(s.accept_again);
    event_base_free(s.base);
    libevent_global_shutdown();
    return status;
}
