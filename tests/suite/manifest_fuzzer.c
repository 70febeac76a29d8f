/* libFuzzer: any text is a manifest or is refused with its place; what was read gives a profile
 * that can speak, and arguments. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "suite/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): a fuzzer checks in every kind of build. */
static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* One request, and the text of the manifest as what came back. */
static void talk(const struct manifest *manifest, const struct profile *profile,
                 const uint8_t *data, size_t size)
{
    static struct trace trace;
    struct profile_state dialogue;
    uint8_t buffer[512];
    if (trace.events == NULL) {
        require(trace_init(&trace, 4096) == STATUS_OK);
    }
    trace_clear(&trace);
    struct profile_sink sink = {.trace = &trace, .conn = 1};
    enum scenario_payload payload =
        manifest->role == TRACE_ROLE_CLIENT ? SCENARIO_PAYLOAD_RESPONSE : SCENARIO_PAYLOAD_REQUEST;
    profile->begin(profile, &dialogue, manifest->role, 0);
    size_t length =
        profile->payload(profile, &dialogue, payload, 0, SCENARIO_ALL, buffer, sizeof(buffer));
    require(length <= sizeof(buffer));
    profile->sent(profile, &dialogue, buffer, length, &sink);
    profile->received(profile, &dialogue, data, size, &sink);
    profile->ended(profile, &dialogue, &sink);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct manifest manifest;
    static struct manifest_arguments arguments;
    struct status_detail detail = {""};
    const struct profile *profile = NULL;
    manifest_begin(&manifest);
    enum status status = manifest_parse(&manifest, "input", (const char *)data, size, &detail);
    if (status != STATUS_OK) {
        require(status == STATUS_SYNTAX || status == STATUS_LIMIT);
        require(strncmp(detail.text, "input", 5) == 0);
        return 0;
    }
    const struct manifest_places places = {
        .host = "127.0.0.1", .folder = "/", .port = manifest.port};
    arguments.used = 0;
    arguments.argc = 0;
    arguments.argv[0] = NULL;
    if (manifest_arguments_split(&arguments, manifest.command, &places, &detail) == STATUS_OK) {
        require(arguments.argc >= 0 && arguments.argv[arguments.argc] == NULL);
    }
    if (manifest_profile(&manifest, &profile, &detail) == STATUS_OK) {
        talk(&manifest, profile, data, size);
    }
    return 0;
}
