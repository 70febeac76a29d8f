/* Profiles that are described by data: messages from templates, answers recognised by their frame.
 * The line, banner and discard profiles and those that a manifest defines are of this kind. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_FRAMED_H
#define SOCKSPEC_SUITE_FRAMED_H

#include <stdbool.h>
#include <stdint.h>

#include "world/profile.h"

enum {
    FRAMED_TEXT_MAX = 256, /* bytes of a template */
    FRAMED_END_MAX = 8,    /* bytes of a terminator */
    FRAMED_FILLING_MAX = 1 << 20
};

/* Bytes with places: `{n}` becomes the message's number in six digits, `{c}` the connection's in
 * three. */
struct framed_text {
    char bytes[FRAMED_TEXT_MAX];
    uint16_t size;
};

/* A message: head, `filling` letters, tail; or raw bytes, where there are any. Of size 0 in all
 * parts: there is no such message. */
struct framed_message {
    struct framed_text head;
    uint32_t filling;
    struct framed_text tail;
    const uint8_t *raw; /* borrowed */
    uint32_t raw_size;
};

enum framed_frame {
    FRAMED_NONE,  /* empty: complete as soon as it is owed */
    FRAMED_EXACT, /* these bytes and no others */
    FRAMED_ENDS,  /* starts with a prefix (may be empty), ends with a terminator */
    FRAMED_CODED, /* lines `250-text` … `250 text`, as SMTP and FTP answer (RFC 5321 4.2.1) */
    FRAMED_SIZED, /* this many bytes */
    FRAMED_RESP   /* a request of Redis: an array of strings, or a line */
};

struct framed_answer {
    enum framed_frame frame;
    struct framed_message exact; /* EXACT; ENDS: head is the prefix; CODED: the code, if given */
    char end[FRAMED_END_MAX];    /* ENDS */
    uint8_t end_size;
    uint32_t size; /* SIZED */
    bool named;    /* a manifest says it */
};

/* Arrays go by kind: ordinary, large, last. */
struct framed_config {
    struct framed_message request[3]; /* what the peer says to a server */
    struct framed_answer answer[3];   /* what a server owes for it */
    bool greets;                      /* the server speaks first */
    struct framed_answer greeting;
    struct framed_text opening;     /* what the peer says before its first request; may be empty */
    struct framed_answer opened;    /* what a server answers to that, as soon as it has it */
    struct framed_message reply[3]; /* what the peer answers to a client */
    struct framed_message
        hello; /* the peer's greeting of a client, where the server speaks first */
    struct framed_answer question; /* how a client's request is recognised */
};

/* Fills in the functions of a profile whose `config` is a struct framed_config. */
void framed_profile(struct profile *profile, const struct framed_config *config);

#endif
