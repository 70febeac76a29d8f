/* The list of built-in profiles. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/profiles.h"

#include <string.h>

static const struct profile *const built_in[] = {&profile_echo, &profile_discard, &profile_http,
                                                 &profile_line, &profile_banner};

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

bool profiles_can_say(const struct profile *profile, enum trace_role role,
                      enum scenario_payload payload)
{
    struct profile_state state;
    uint8_t buffer[16];
    if (role == TRACE_ROLE_CLIENT) {
        return true;
    }
    profile->begin(profile, &state, role, 0);
    return profile->payload(profile, &state, payload, 0, SCENARIO_ALL, buffer, sizeof(buffer)) > 0;
}
