/* Checks, replays and shrinks on the one program that is linked into this executable. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_CLI_CHECK_H
#define SOCKSPEC_CLI_CHECK_H

#include "cli/options.h"
#include "oracle/oracle.h"
#include "report/report.h"
#include "sockspec/program.h"
#include "suite/cases.h"
#include "suite/run.h"
#include "suite/subject.h"
#include "trace/output.h"

/* Set by `sockspec` for the executables that it starts: the options that a replay command needs to
 * find the target again. Without it a replay command names the folder of the executable. */
#define CLI_REPLAY_VARIABLE "SOCKSPEC_REPLAY_OPTIONS"

/* Everything that a check needs, opened in order and closed by cli_session_done. */
struct cli_session {
    const struct cli_options *options;
    struct subject subject;
    struct player *player;
    struct oracle *oracle;
    struct cases cases;
    struct report report;
    struct trace_save trace;
    char replay_options[1024];
    struct suite_setup setup;
};

/* Opens all but the report. Returns 0, or an exit code after its message. */
int cli_session_open(struct cli_session *session, const struct cli_options *options,
                     const struct sockspec_program *program);
/* Opens the sinks that the options ask for: an unwritable place is known before anything runs. */
int cli_session_report(struct cli_session *session);
void cli_session_done(struct cli_session *session);

int cli_check(struct cli_session *session);
int cli_replay(struct cli_session *session);
int cli_shrink(struct cli_session *session);

#endif
