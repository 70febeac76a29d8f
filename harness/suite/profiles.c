/* The list of built-in profiles. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/profiles.h"

#include <string.h>

static const struct profile *const built_in[] = {
    &profile_echo,      &profile_discard, &profile_http,   &profile_http_static,
    &profile_http10,    &profile_line,    &profile_banner, &profile_redis,
    &profile_memcached, &profile_smtp,    &profile_ftp};

const struct profile *profiles_at(unsigned index)
{
    return index < sizeof(built_in) / sizeof(built_in[0]) ? built_in[index] : NULL;
}

const struct profile *profiles_find(const char *name)
{
    for (unsigned i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++) {
        if (strcmp(built_in[i]->name, name) == 0) {
            return built_in[i];
        }
    }
    return NULL;
}

/* Brings a peer of a client to where it owes an answer: its greeting is out, a plain request came.
 */
static void ask(const struct profile *profile, struct profile_state *state)
{
    static const uint8_t question[] = "GET / HTTP/1.1\r\n\r\n";
    struct trace_event events[32];
    struct trace trace = {.events = events, .capacity = sizeof(events) / sizeof(events[0])};
    struct profile_sink sink = {.trace = &trace};
    uint8_t greeting[1024];
    size_t size = profile->payload(profile, state, SCENARIO_PAYLOAD_RESPONSE, 0, SCENARIO_ALL,
                                   greeting, sizeof(greeting));
    profile->sent(profile, state, greeting, size, &sink);
    profile->received(profile, state, question, sizeof(question) - 1, &sink);
}

bool profiles_can_say(const struct profile *profile, enum trace_role role,
                      enum scenario_payload payload)
{
    struct profile_state state;
    uint8_t buffer[16];
    profile->begin(profile, &state, role, 0);
    if (role == TRACE_ROLE_CLIENT) {
        ask(profile, &state);
    }
    return profile->payload(profile, &state, payload, 0, SCENARIO_ALL, buffer, sizeof(buffer)) > 0;
}
