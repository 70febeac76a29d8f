/* Inside the engine: its state, shared by the parts that play steps, move peers and run the drain.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_WORLD_ENGINE_INTERNAL_H
#define SOCKSPEC_WORLD_ENGINE_INTERNAL_H

#include <sys/socket.h>

#include "base/arena.h"
#include "world/engine.h"

enum {
    ENGINE_SOCKET_MAP = 1024,      /* scripted sockets that can be told back to their peer */
    ENGINE_BUFFER_SIZE = 1 << 20,  /* one expanded payload; one read of a peer */
    ENGINE_PAYLOAD_KEPT = 1 << 12, /* longer payloads are kept: they are sent without copying */
    ENGINE_PIECES_MAX = 16,        /* of a stream that are told apart */
    ENGINE_PATTERN_PERIOD = 4093,  /* a prime */
    ENGINE_PATTERN_STEP = 1021,    /* between the patterns of two streams */
    ENGINE_PENDING_SIZE = 64 << 20 /* address space for bytes that peers could not send at once */
};

/* Bytes that a peer still has to send: its kernel's send buffer was full. They last as long as the
 * play. */
struct engine_pending {
    const uint8_t *data;
    size_t at;
    size_t size; /* 0: nothing pending */
};

/* A scripted peer, or the other end of one. */
struct engine_peer {
    int socket;        /* scripted socket, -1: none */
    uint32_t conn;     /* connection, 0 until it has one */
    bool connecting;   /* connect() is in progress */
    bool stalled;      /* reads only on `recv` */
    bool ended;        /* FIN or error seen: nothing more to read */
    bool off_protocol; /* the decoder was told to stop */
    struct engine_pending pending;
    struct profile_sink sink;
    struct profile_state dialogue;
};

/* What a scripted program sent through one open file description, so that the other end can tell
 * whether all of it came. */
struct engine_piece {
    const uint8_t *literal; /* NULL: the pattern of the stream */
    uint32_t at;            /* offset in the stream */
    uint32_t size;
};
struct engine_stream {
    uint32_t refs; /* names of its sockets: duplicates share it */
    uint32_t conn; /* connection that it counts; 0 none */
    uint32_t salt; /* of its pattern */
    uint32_t sent;
    uint32_t received;
    uint8_t piece_count;
    bool unknown; /* urgent data, or too many pieces: offsets say nothing */
    struct engine_piece pieces[ENGINE_PIECES_MAX];
};

/* A socket of a scripted program. */
struct engine_app {
    int socket; /* -1: none */
    uint8_t host;
    struct engine_stream *stream;
};

/* Where the play stands. */
enum engine_stage {
    ENGINE_PLAYING,
    ENGINE_LIFTED, /* faults, holds and stalls were lifted; peers read what is in flight */
    ENGINE_CLOSED, /* peers closed; the clock runs to the idle limit */
    ENGINE_RAN_ON, /* it ran: look at what is held */
    ENGINE_DONE
};

struct engine {
    struct world *world;
    const struct world_ops *ops;
    const struct engine_play *play;
    const struct scenario *scenario;
    struct engine_result *result;
    struct trace *trace;
    struct world_hooks hooks;
    enum engine_stage stage;
    uint32_t next;         /* index of the next step */
    uint32_t repeats;      /* of all steps, that are left beyond this one */
    uint32_t calls_to_go;  /* of the armed family until the next step's place */
    bool running;          /* the target runs */
    bool ready;            /* it was idle once */
    bool restart;          /* `target restart` asked for another run */
    int listener;          /* where a client target connects to; -1 none */
    uint32_t accept_waits; /* for the connection that the step `peer accept` is about */
    uint32_t ordinal;      /* dialogues begun */
    uint32_t peers_used;   /* bits of peers that were ever begun in this play */
    uint32_t apps_used;
    int16_t peer_of[ENGINE_SOCKET_MAP];
    struct engine_app apps[SCENARIO_SOCKETS_MAX];
    struct engine_stream streams[SCENARIO_STEPS_MAX]; /* of this play, closed ones included */
    uint32_t streams_used;
    struct engine_peer peers[SCENARIO_SOCKETS_MAX];
    struct arena pending; /* long payloads, and what could not be sent at once, of this play */
    uint8_t *buffer;      /* ENGINE_BUFFER_SIZE */
    uint8_t *fill;        /* likewise: letters for `fill`, */
    size_t filled;        /* as far as they were ever asked for */
    uint8_t *pattern;     /* bytes for the `fill` of scripted programs, a little more, */
    size_t patterned;     /* likewise */
};

/* An expanded payload. */
struct engine_bytes {
    const uint8_t *data;
    size_t size; /* 0: there is nothing to send */
    bool lasts;  /* for the play; otherwise until the next payload or read */
};

/* What a step did. */
enum engine_effect {
    ENGINE_EFFECT,
    ENGINE_NO_EFFECT = 1 + TRACE_NOOP_NO_EFFECT,
    ENGINE_NEVER_CAME = 1 + TRACE_NOOP_CALL_NEVER_CAME,
    ENGINE_NOT_ALLOWED = 1 + TRACE_NOOP_NOT_ALLOWED,
    ENGINE_TARGET_GONE = 1 + TRACE_NOOP_TARGET_GONE,
    ENGINE_TOO_SLOW = 1 + TRACE_NOOP_TOO_SLOW,
    ENGINE_NO_WIRE = 1 + TRACE_NOOP_NO_WIRE
};

/* engine_step.c: plays step `index` and traces STEP or NOOP. */
void engine_step_play(struct engine *engine, uint32_t index);
void engine_step_noop(struct engine *engine, uint32_t index, enum trace_noop reason);
/* Withdraws faults; those that never struck become no-ops. */
void engine_faults_clear(struct engine *engine);

/* engine_peer.c */
enum engine_effect engine_peer_connect(struct engine *engine, const struct scenario_step *step);
enum engine_effect engine_peer_accept(struct engine *engine, const struct scenario_step *step);
enum engine_effect engine_peer_send(struct engine *engine, const struct scenario_step *step);
enum engine_effect engine_peer_urgent(struct engine *engine, const struct scenario_step *step);
enum engine_effect engine_peer_recv(struct engine *engine, const struct scenario_step *step);
enum engine_effect engine_peer_stall(struct engine *engine, const struct scenario_step *step);
enum engine_effect engine_peer_resume(struct engine *engine, const struct scenario_step *step);
enum engine_effect engine_peer_shutdown(struct engine *engine, const struct scenario_step *step);
enum engine_effect engine_peer_close(struct engine *engine, const struct scenario_step *step);
enum engine_effect engine_peer_reset(struct engine *engine, const struct scenario_step *step);
enum engine_effect engine_peer_linger(struct engine *engine, const struct scenario_step *step);
enum engine_effect engine_peer_listen(struct engine *engine, const struct scenario_step *step);
enum engine_effect engine_peer_unlisten(struct engine *engine, const struct scenario_step *step);
/* Lets every peer whose socket changed go on: finish connecting, send what is pending, read. True
 * when one did. */
bool engine_peers_pump(struct engine *engine);
void engine_peers_resume(struct engine *engine);
void engine_peers_close(struct engine *engine);
/* Expands the payload of a send. */
struct engine_bytes engine_payload(struct engine *engine, const struct profile_state *dialogue,
                                   const struct scenario_step *step);
/* World send. Bytes that last need not be copied. */
static inline int64_t engine_send(struct engine *engine, int socket, struct engine_bytes bytes)
{
    return engine->ops->send(engine->world, socket, bytes.data, bytes.size,
                             bytes.lasts ? MSG_ZEROCOPY : 0);
}

/* engine_app.c: scripted programs on either host. */
enum engine_effect engine_app_play(struct engine *engine, const struct scenario_step *step);
/* One call with its result, as the worlds trace those of a program. */
struct trace_event *engine_app_note(struct engine *engine, const struct engine_app *app,
                                    enum trace_call call, int64_t result);
void engine_app_note_signal(struct engine *engine, const struct engine_app *app, int number);
/* Of filling, the next bytes of the socket's stream; they last as long as the play. */
const uint8_t *engine_app_pattern(struct engine *engine, const struct engine_app *app, size_t size);
void engine_app_sent(struct engine *engine, const struct engine_app *app, int64_t size);
/* Bytes of the buffer were received. */
void engine_app_received(struct engine *engine, const struct engine_app *app, int64_t size);

/* engine_process.c: what happens to a scripted program as a process: calls that wait, signals,
 * descriptors that are none, death; and ICMP. */
enum engine_effect engine_process_play(struct engine *engine, const struct scenario_step *step);

#endif
