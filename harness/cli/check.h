/* Checks, replays and shrinks: whatever the target is and wherever it lives, which the caller says.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_CLI_CHECK_H
#define SOCKSPEC_CLI_CHECK_H

#include "cli/options.h"
#include "oracle/oracle.h"
#include "report/report.h"
#include "suite/cases.h"
#include "suite/run.h"
#include "suite/subject.h"
#include "trace/output.h"

/* Set by `sockspec` for the executables that it starts: the folder that a replay command needs to
 * find the target again, empty where it needs none. Without it a replay command names the folder of
 * the executable. */
#define CLI_REPLAY_VARIABLE "SOCKSPEC_REPLAY_TARGETS"

/* What is judged and where it lives. Whoever chooses the world fills it in; the session asks. */
struct cli_judged {
    const char *world;          /* in reports: "model" or "linux"; of a stack its own name */
    const char *stack;          /* in replay commands, behind --stack; NULL: no stack */
    const char *target;         /* in replay commands, behind --target; NULL: see `command` */
    const char *const *command; /* in replay commands, behind `--`; NULL: none */
    int command_count;
    const char *targets; /* in replay commands, behind --targets; NULL: not said */
    unsigned players;    /* at most SUITE_PLAYERS_MAX */
    unsigned at_once;    /* players that work at the same time; 0: all */
    void *context;
    /* Opens the subject. Errors: those of subject_open and subject_open_command. */
    enum status (*subject)(void *context, struct subject *subject, struct status_detail *detail);
    /* Completes the setup of player `index`, in which target and profile are the subject's. */
    enum status (*player)(void *context, struct subject *subject, unsigned index,
                          struct player_setup *setup, struct status_detail *detail);
};

/* Everything that a check needs, opened in order and closed by cli_session_done. */
struct cli_session {
    const struct cli_options *options;
    const struct cli_judged *judged;
    struct subject subject;
    struct player *players[SUITE_PLAYERS_MAX];
    struct oracle *oracle;
    struct cases cases;
    struct report report;
    struct trace_save trace;
    struct trace_save pcapng;
    char replay_options[6144];
    const struct trace *judged_trace; /* of the last play that was judged; NULL: none was */
    int unsaved;                      /* exit code, where that play could not be saved */
    struct suite_setup setup;
};

/* Opens all but the report. Returns 0, or an exit code after its message. */
int cli_session_open(struct cli_session *session, const struct cli_options *options,
                     const struct cli_judged *judged);
/* Opens a session, does what options->command says (check, replay or shrink) and closes it. Returns
 * an exit code. */
int cli_session_run(const struct cli_options *options, const struct cli_judged *judged);
/* Opens the sinks that the options ask for: an unwritable place is known before anything runs. */
int cli_session_report(struct cli_session *session);
void cli_session_done(struct cli_session *session);

int cli_check(struct cli_session *session);
int cli_replay(struct cli_session *session);
int cli_shrink(struct cli_session *session);

#endif
