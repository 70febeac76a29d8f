/* Echo server on libuv's streams, as its guide would have it: no call on sockets of our own. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

enum { BACKLOG = 128, IDLE_MS = 10000, STOP_GRACE_MS = 2000 };

struct server {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_signal_t stop;
    uv_timer_t grace; /* from the request to stop on */
};

/* Two handles, freed when both are closed. */
struct client {
    uv_tcp_t stream;
    uv_timer_t idle;
    bool leaving;
};

static void on_idle_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_stream_closed(uv_handle_t *handle)
{
    struct client *c = handle->data;
    uv_close((uv_handle_t *)&c->idle, on_idle_closed);
}

static void client_leave(struct client *c)
{
    if (!c->leaving) {
        c->leaving = true;
        uv_close((uv_handle_t *)&c->stream, on_stream_closed);
    }
}

static void on_idle(uv_timer_t *timer)
{
    client_leave(timer->data);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct client *c = request->handle->data;
    (void)status;
    free(request);
    client_leave(c);
}

/* ---- Echo ---- */

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer);

static void give_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *ret_buffer)
{
    (void)handle;
    ret_buffer->base = malloc(wanted); /* NULL: on_read is told so */
    ret_buffer->len = ret_buffer->base != NULL ? wanted : 0;
}

static void client_read(struct client *c)
{
    if (uv_read_start((uv_stream_t *)&c->stream, give_buffer, on_read) != 0)
        client_leave(c);
}

static void on_written(uv_write_t *request, int status)
{
    struct client *c = request->handle->data;
    free(request->data);
    free(request);
    if (status < 0) {
        client_leave(c);
    } else if (!c->leaving) {
        (void)uv_timer_again(&c->idle);
        client_read(c);
    }
}

/* Nothing is read while an answer waits to be sent: a peer that does not read is not read from. */
static void client_echo(struct client *c, const uv_buf_t *buffer, size_t size)
{
    uv_buf_t answer = uv_buf_init(buffer->base, (unsigned)size);
    uv_write_t *request = malloc(sizeof *request);
    (void)uv_read_stop((uv_stream_t *)&c->stream);
    if (request == NULL) {
        free(buffer->base);
        client_leave(c);
        return;
    }
    request->data = buffer->base;
    if (uv_write(request, (uv_stream_t *)&c->stream, &answer, 1, on_written) != 0) {
        free(buffer->base);
        free(request);
        client_leave(c);
    }
}

static void client_end(struct client *c)
{
    uv_shutdown_t *request = malloc(sizeof *request);
    if (request == NULL || uv_shutdown(request, (uv_stream_t *)&c->stream, on_shutdown) != 0) {
        free(request);
        client_leave(c);
    }
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct client *c = stream->data;
    if (size > 0) {
        (void)uv_timer_again(&c->idle);
        client_echo(c, buffer, (size_t)size);
        return;
    }
    free(buffer->base);
    if (size == UV_EOF)
        client_end(c);
    else if (size < 0)
        client_leave(c);
}

/* ---- Server ---- */

static void on_connection(uv_stream_t *listener, int status)
{
    struct client *c = status == 0 ? calloc(1, sizeof *c) : NULL;
    if (c == NULL)
        return;
    c->stream.data = c;
    c->idle.data = c;
    (void)uv_tcp_init(listener->loop, &c->stream);
    (void)uv_timer_init(listener->loop, &c->idle);
    if (uv_accept(listener, (uv_stream_t *)&c->stream) != 0) {
        client_leave(c);
        return;
    }
    (void)uv_timer_start(&c->idle, on_idle, IDLE_MS, IDLE_MS);
    client_read(c);
}

static void cut_off(uv_handle_t *handle, void *argument)
{
    const struct server *s = argument;
    if (handle->type == UV_TCP && handle != (const uv_handle_t *)&s->listener)
        client_leave(handle->data);
}

static void on_grace(uv_timer_t *timer)
{
    struct server *s = timer->data;
    uv_close((uv_handle_t *)timer, NULL);
    uv_walk(&s->loop, cut_off, s);
}

/* Nobody is let in any more; who is inside has a while to finish. The loop ends with the last. */
static void on_stop(uv_signal_t *handle, int number)
{
    struct server *s = handle->data;
    (void)number;
    uv_close((uv_handle_t *)handle, NULL);
    uv_close((uv_handle_t *)&s->listener, NULL);
    (void)uv_timer_start(&s->grace, on_grace, STOP_GRACE_MS, 0);
}

static int serve(struct server *s, int port)
{
    struct sockaddr_in address;
    int error = uv_loop_init(&s->loop);
    if (error != 0)
        return error;
    s->stop.data = s;
    s->grace.data = s;
    (void)uv_ip4_addr("0.0.0.0", port, &address);
    if ((error = uv_tcp_init(&s->loop, &s->listener)) != 0 ||
        (error = uv_timer_init(&s->loop, &s->grace)) != 0 ||
        (error = uv_tcp_bind(&s->listener, (const struct sockaddr *)&address, 0)) != 0 ||
        (error = uv_signal_init(&s->loop, &s->stop)) != 0 ||
        (error = uv_signal_start(&s->stop, on_stop, SIGTERM)) != 0 ||
        (error = uv_listen((uv_stream_t *)&s->listener, BACKLOG, on_connection)) != 0)
        return error;
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    return uv_loop_close(&s->loop);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"port", required_argument, NULL, 'p'}, {0}};
    static struct server server;
    int port = 7000;
    int option = 0;
    while ((option = getopt_long(argc, argv, "p:", options, NULL)) != -1) {
        if (option != 'p')
            return 2;
        port = atoi(optarg);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    int error = serve(&server, port);
    if (error != 0)
        (void)fprintf(stderr, "libuv-echo: %s\n", uv_strerror(error));
    return error == 0 ? 0 : 1;
}
