/* The profiles: how to talk to a target. Constant data; any thread. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_SUITE_PROFILES_H
#define SOCKSPEC_SUITE_PROFILES_H

#include "world/profile.h"

extern const struct profile profile_echo;
extern const struct profile profile_discard;
extern const struct profile profile_http;
extern const struct profile profile_http_static;
extern const struct profile profile_http10;
extern const struct profile profile_line;
extern const struct profile profile_banner;
extern const struct profile profile_redis;
extern const struct profile profile_memcached;
extern const struct profile profile_smtp;
extern const struct profile profile_ftp;

/* The built-in profile `index` in the order of `sockspec list profiles`; NULL past the last. */
const struct profile *profiles_at(unsigned index);
/* By name; NULL when there is none. */
const struct profile *profiles_find(const char *name);

/* Whether a peer of this profile has such a message to say at the start of a dialogue; to a client,
 * in answer to a plain first request. */
bool profiles_can_say(const struct profile *profile, enum trace_role role,
                      enum scenario_payload payload);

#endif
