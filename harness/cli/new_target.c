/* A manifest to begin with: valid as it is, every key that a command may need beside it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/new_target.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/targets.h"
#include "sockspec/sockspec.h"
#include "suite/profiles.h"
#include "trace/output.h"

static const char head[] =
    "; What sockspec must know of a program to judge it. Every key: docs/reference/manifest.md.\n"
    "; A comment stands on a line of its own.\n"
    "\n"
    "[target]\n";

static const char server_command[] =
    "; How the program is started. {port} is where it must listen, {host} the address, {folder} "
    "this\n"
    "; folder; a program that begins with ./ lies in this folder.\n"
    "command = ./server --port {port}\n";

static const char client_command[] =
    "; How the program is started. It must connect to {host} at {port}; {folder} is this folder; "
    "a\n"
    "; program that begins with ./ lies in this folder.\n"
    "command = ./client {host} {port}\n"
    "; How often it is started in one case, while there is something left to play.\n"
    "; runs = 3\n";

static const char rest[] =
    "\n"
    "; One line for `sockspec list targets`.\n"
    "; description = the shop's order server\n"
    "\n"
    "; Variables, as often as needed; {port}, {host} and {folder} are filled in here too.\n"
    "; env = PORT={port}\n"
    "; The working folder, seen from this one; or a new and empty one for each case.\n"
    "; folder = data\n"
    "; fresh = yes\n"
    "; Standard input: none (/dev/null), empty (a pipe at its end) or open (nothing comes).\n"
    "; input = none\n"
    "; IPv6: what {host} is, and what its peers speak.\n"
    "; address = ipv6\n"
    "; A port that cannot be told on the command line.\n"
    "; port = 7000\n"
    "; The signal that asks it to stop.\n"
    "; stop_signal = TERM\n";

#define FAILURES                                                                                   \
    "\n"                                                                                           \
    "; Failures that are known, with the reason: their verdicts become EXPECTED.\n"                \
    "; [known-failures]\n"

static const char server_rest[] =
    "; How long it may take until it listens, and to stop.\n"
    "; start_limit = 30s\n"
    "; stop_limit = 10s\n"
    "; Within this it promises to end a silent connection. Cases that wait so long need --slow.\n"
    "; idle_limit = 60s\n"
    "; One connection at a time, or many.\n"
    "; serves = many\n"
    "\n"
    "; What it promises beyond its profile, or does not.\n"
    "; [promises]\n"
    "; half_close_answered = no\n" FAILURES
    "; server/abrupt/* FDH-01 = leaks on a reset; fixed in the next release\n";

static const char client_rest[] =
    "; How long it may take to stop.\n"
    "; stop_limit = 10s\n"
    "; Within this it promises to give up a connection attempt that nobody answers.\n"
    "; connect_limit = 30s\n" FAILURES
    "; client/truncated/* RST-14 = takes half for whole; fixed in the next release\n";

static int check_new(const struct cli_options *options)
{
    if (options->operand_count != 1) {
        return cli_usage(options, "new-target needs one NAME: the folder to make");
    }
    if (options->profile != NULL && profiles_find(options->profile) == NULL) {
        return cli_usage(options,
                         "--profile: there is no profile '%s' (see sockspec list profiles)",
                         options->profile);
    }
    return 0;
}

int cli_new_target(const struct cli_options *options)
{
    int code = check_new(options);
    if (code != 0) {
        return code;
    }
    const char *folder = options->operands[0];
    char path[CLI_PATH_MAX];
    struct stat about;
    if ((size_t)snprintf(path, sizeof(path), "%s/target.ini", folder) >= sizeof(path)) {
        return cli_usage(options, "%.40s…: too long a name", folder);
    }
    if (lstat(path, &about) == 0) {
        return cli_usage(options, "%s: there is one already", path);
    }
    if (mkdir(folder, 0777) < 0 && errno != EEXIST) {
        return cli_error(options, "%s: %s", folder, strerror(errno));
    }
    struct trace_save file = {0};
    struct status_detail detail = {""};
    enum status status = trace_save_open(&file, path, &detail);
    if (status != STATUS_OK) {
        return cli_error(options, "%s", detail.text);
    }
    bool client = options->role != NULL && strcmp(options->role, "client") == 0;
    const char *role = client ? "client" : "server";
    (void)fprintf(
        file.stream,
        "%s%s\nrole = %s\n"
        "; How to talk to it: one of `sockspec list profiles`, or a section [profile] here.\n"
        "profile = %s\n%s%s",
        head, client ? client_command : server_command, role,
        options->profile != NULL ? options->profile : "echo", rest,
        client ? client_rest : server_rest);
    status = trace_save_commit(&file, &detail);
    if (status != STATUS_OK) {
        return cli_error(options, "%s", detail.text);
    }
    bool in_path = strchr(folder, '/') != NULL;
    (void)printf(
        "%s is written. Next:\n"
        "  1. say in it how the program is started (command) and how to talk to it (profile)\n"
        "  2. sockspec check %s%s\n",
        path, in_path ? "" : "./", folder);
    return SOCKSPEC_EXIT_OK;
}
