/* The HTTP profiles as data: the messages that the peer sends to a server. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_PROFILE_HTTP_H
#define SOCKSPEC_SUITE_PROFILE_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "world/profile.h"

enum { HTTP_TEXT_MAX = 256 }; /* bytes of a request that is made from a path */

/* Text with places for connection (three digits) and number (six), in which digits are written. */
struct http_template {
    const char *text; /* NULL: there is no such message */
    uint16_t size;
    uint16_t connection_at;
    uint16_t number_at;
};

struct http_config {
    struct http_template ordinary[2]; /* by number modulo 2 */
    struct http_template large;
    struct http_template last;
    bool echoes; /* odd ordinary ones and the last are POSTs whose body comes back; the large
                    answer is the pattern */
    char texts[3][HTTP_TEXT_MAX]; /* storage for templates made from paths */
};

/* Whether a built-in profile asks for paths that a manifest may name. */
bool http_has_paths(const struct profile *profile);

/* Copies the profile `from` into `profile` with other paths: `ordinary` (empty: /) and `large`
 * (empty: nothing has a large answer), both shorter than 128 bytes. `config` keeps the texts and
 * must live as long as the profile. */
void http_profile(struct profile *profile, struct http_config *config, const struct profile *from,
                  const char *ordinary, const char *large);

#endif
