/* The oracle on a few hand-written traces: grades, missing observers and promises, roles, texts.
 * That it finds every rule kept and broken is tested on recorded runs, by recorded.py. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "mini.h"
#include "oracle/explain.h"
#include "oracle/oracle.h"
#include "trace/jsonl.h"

enum { HAND_WRITTEN_MAX = 10, TRACE_LENGTH = 256 };

static struct mini_file file;
static struct oracle *oracle;

static int read_file(void **state)
{
    (void)state;
    struct status_detail detail = {0};
    if (!mini_read(MINI_FILE, &file)) {
        print_error("%s\n", file.error);
        return -1;
    }
    return oracle_new(&oracle, &detail) == STATUS_OK ? 0 : -1;
}

static int forget_file(void **state)
{
    (void)state;
    mini_done(&file);
    oracle_free(oracle);
    return 0;
}

static const struct oracle_judgement *judge(const struct trace *trace)
{
    const struct oracle_judgement *judgement = NULL;
    struct status_detail detail = {0};
    assert_ok(oracle_judge(oracle, trace, &judgement, &detail), &detail);
    return judgement;
}

/* The first case of a rule with this outcome, so that tests share the file's traces. */
static struct trace *find_trace(const char *id, enum oracle_outcome outcome)
{
    for (unsigned i = 0; i < file.count; i++) {
        if (strcmp(file.cases[i].id, id) == 0 && file.cases[i].outcome == outcome) {
            return &file.cases[i].trace;
        }
    }
    fail_msg("no trace for %s", id);
    return NULL;
}

static bool check_case(unsigned number)
{
    const struct mini_case *entry = &file.cases[number];
    unsigned rule = oracle_find(entry->id);
    assert_true(rule < ORACLE_RULE_COUNT);
    const struct oracle_judgement *judgement = judge(&entry->trace);
    const struct oracle_verdict *verdict = &judgement->verdicts[rule];
    char text[ORACLE_DETAIL_MAX];
    bool good = verdict->outcome == entry->outcome;
    good = good && (entry->grade == GRADE_COUNT || entry->grade == (enum grade)verdict->grade);
    if (!good) {
        print_error("case %u, %s: outcome %u, not %u: %s\n", number, entry->id, verdict->outcome,
                    entry->outcome, oracle_detail(verdict, &entry->trace, text, sizeof text));
    }
    for (unsigned other = 0; entry->outcome == ORACLE_KEPT && other < ORACLE_RULE_COUNT; other++) {
        if (oracle_has(judgement->broken, other)) {
            print_error(
                "case %u keeps %s and breaks %s: %s\n", number, entry->id, oracle_rules[other].id,
                oracle_detail(&judgement->verdicts[other], &entry->trace, text, sizeof text));
            good = false;
        }
    }
    return good;
}

static void judge_every_written_trace_as_expected(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (unsigned i = 0; i < file.count; i++) {
        wrong += !check_case(i);
    }
    assert_int_equal(wrong, 0);
}

static void file_has_few_traces_and_no_rule_twice_on_a_side(void **state)
{
    (void)state;
    assert_in_range(file.count, 1, HAND_WRITTEN_MAX);
    for (unsigned i = 0; i < file.count; i++) {
        assert_true(file.cases[i].marked);
        assert_ptr_equal(find_trace(file.cases[i].id, file.cases[i].outcome), &file.cases[i].trace);
    }
}

static void table_every_row_is_whole(void **state)
{
    (void)state;
    for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
        const struct oracle_rule *row = &oracle_rules[rule];
        assert_non_null(row->id);
        assert_non_null(row->title);
        assert_non_null(row->cite);
        assert_non_null(row->why);
        assert_non_null(row->observed);
        assert_int_equal(oracle_find(row->id), rule);
        assert_int_not_equal(row->binds, 0);
        const uint32_t split =
            1U << TRACE_CALL | 1U << TRACE_PHASE | 1U << TRACE_DIALOGUE | 1U << TRACE_PEER;
        assert_int_equal(row->kinds & split, 0);
        assert_true(row->decidable == (row->reason == NULL));
        assert_true(row->decidable ==
                    (row->on_event != NULL || row->on_end != NULL || row->on_stack != NULL));
        assert_true((row->on_stack != NULL) ==
                    ((row->binds & ORACLE_STACK) != 0 && row->decidable));
        assert_true((row->on_stack != NULL) == ((row->stack_kinds | row->stack_calls) != 0));
        assert_true(!row->decidable || row->observers != 0);
    }
}

static void judge_without_observer_skips(void **state)
{
    (void)state;
    for (unsigned i = 0; i < file.count; i++) {
        if (file.cases[i].outcome != ORACLE_BROKEN) {
            continue;
        }
        unsigned rule = oracle_find(file.cases[i].id);
        struct trace *trace = &file.cases[i].trace;
        uint32_t observers = trace->header.observers;
        trace->header.observers = observers & ~oracle_rules[rule].observers;
        const struct oracle_verdict *verdict = &judge(trace)->verdicts[rule];
        trace->header.observers = observers;
        assert_int_equal(verdict->outcome, ORACLE_NOT_APPLICABLE);
        assert_int_equal(verdict->grade, GRADE_SKIP);
        assert_non_null(verdict->note);
    }
}

/* Whatever a trace shows: nobody saw it. */
static void judge_without_any_observer_skips_every_rule(void **state)
{
    (void)state;
    for (unsigned i = 0; i < file.count; i++) {
        struct trace *trace = &file.cases[i].trace;
        uint32_t observers = trace->header.observers;
        trace->header.observers = 0;
        const struct oracle_judgement *judgement = judge(trace);
        trace->header.observers = observers;
        for (unsigned rule = 0; rule < ORACLE_RULE_COUNT; rule++) {
            assert_int_equal(judgement->verdicts[rule].grade, GRADE_SKIP);
            assert_non_null(judgement->verdicts[rule].note);
        }
    }
}

static void judge_undecidable_rule_skips_with_its_reason(void **state)
{
    (void)state;
    const struct oracle_judgement *judgement = judge(find_trace("FDH-02", ORACLE_KEPT));
    assert_int_equal(judgement->verdicts[ORACLE_ERR_07].grade, GRADE_SKIP);
    assert_string_equal(judgement->verdicts[ORACLE_ERR_07].note,
                        oracle_rules[ORACLE_ERR_07].reason);
}

static void judge_rule_of_the_other_role_skips(void **state)
{
    (void)state;
    const struct oracle_judgement *judgement = judge(find_trace("FDH-02", ORACLE_KEPT));
    assert_int_equal(judgement->verdicts[ORACLE_CRE_12].grade, GRADE_SKIP);
}

static void judge_without_promise_skips(void **state)
{
    (void)state;
    struct trace *trace = find_trace("TMO-03", ORACLE_BROKEN);
    uint32_t promises = trace->header.promises;
    trace->header.promises = 0;
    const struct oracle_verdict *verdict = &judge(trace)->verdicts[ORACLE_TMO_03];
    trace->header.promises = promises;
    assert_int_equal(verdict->grade, GRADE_SKIP);
}

static void grade_of_a_must_or_marked_rule_is_fail(void **state)
{
    (void)state;
    assert_int_equal(judge(find_trace("RDY-11", ORACLE_BROKEN))->verdicts[ORACLE_RDY_11].grade,
                     GRADE_FAIL);
    assert_int_equal(judge(find_trace("FDH-02", ORACLE_BROKEN))->verdicts[ORACLE_FDH_02].grade,
                     GRADE_FAIL);
}

static void grade_of_an_unmarked_rule_is_warn(void **state)
{
    (void)state;
    assert_int_equal(judge(find_trace("DAT-14", ORACLE_BROKEN))->verdicts[ORACLE_DAT_14].grade,
                     GRADE_WARN);
    assert_int_equal(judge(find_trace("CRE-06", ORACLE_BROKEN))->verdicts[ORACLE_CRE_06].grade,
                     GRADE_WARN);
}

/* Appends the events of a trace to another, as events of `host`. */
static void append(struct trace *trace, const struct trace *events, uint8_t host)
{
    for (uint32_t i = 0; i < events->count; i++) {
        assert_true(trace->count < TRACE_LENGTH);
        trace->events[trace->count] = events->events[i];
        trace->events[trace->count++].host = host;
    }
}

/* FDH-02 broken after a fault that only POSIX allows. */
static enum grade grade_after_posix_fault(enum trace_rules rules)
{
    const struct trace *broken = find_trace("FDH-02", ORACLE_BROKEN);
    struct trace trace;
    assert_int_equal(trace_init(&trace, TRACE_LENGTH), STATUS_OK);
    trace.header = broken->header;
    trace.header.rules = rules;
    struct trace_event *fault = trace_add(&trace, TRACE_FAULT, TRACE_HOST_TARGET);
    fault->what = TRACE_CALL_RECV;
    fault->err = EINTR;
    fault->fd = -1;
    fault->b = 1;
    append(&trace, broken, TRACE_HOST_TARGET);
    const struct oracle_verdict *verdict = &judge(&trace)->verdicts[ORACLE_FDH_02];
    assert_int_equal(verdict->outcome, ORACLE_BROKEN);
    assert_int_equal(verdict->by_posix_fault, rules == TRACE_RULES_LINUX);
    enum grade grade = verdict->grade;
    trace_done(&trace);
    return grade;
}

/* It asked, and the kernel refused: no mistake of the program's. */
static void port_bound_after_a_refused_option_breaks_nothing(void **state)
{
    const struct trace *broken = find_trace("CRE-06", ORACLE_BROKEN);
    struct trace trace;
    (void)state;
    assert_int_equal(trace_init(&trace, TRACE_LENGTH), STATUS_OK);
    trace.header = broken->header;
    for (uint32_t i = 0; i < broken->count; i++) {
        const struct trace_event *event = &broken->events[i];
        if (event->kind == TRACE_CALL && event->what == TRACE_CALL_BIND) {
            struct trace_event *option = trace_add(&trace, TRACE_CALL, TRACE_HOST_TARGET);
            option->what = TRACE_CALL_SETSOCKOPT;
            option->fd = event->fd;
            option->a = (SOL_SOCKET << 16) | SO_REUSEADDR;
            option->b = 1;
            option->result = -1;
            option->err = ENOBUFS;
        }
        trace.events[trace.count++] = *event;
    }
    assert_int_equal(judge(&trace)->verdicts[ORACLE_CRE_06].outcome, ORACLE_NOT_APPLICABLE);
    trace_done(&trace);
}

static void grade_of_a_choice_is_info(void **state)
{
    (void)state;
    assert_int_equal(judge(find_trace("CRE-16", ORACLE_KEPT))->verdicts[ORACLE_CRE_16].grade,
                     GRADE_INFO);
}

static void grade_after_a_fault_that_linux_never_makes_is_warn(void **state)
{
    (void)state;
    assert_int_equal(grade_after_posix_fault(TRACE_RULES_LINUX), GRADE_WARN);
}

static void grade_after_such_a_fault_under_posix_is_fail(void **state)
{
    (void)state;
    assert_int_equal(grade_after_posix_fault(TRACE_RULES_POSIX), GRADE_FAIL);
}

static void judge_empty_trace_decides_nothing(void **state)
{
    (void)state;
    struct trace trace;
    assert_int_equal(trace_init(&trace, 8), STATUS_OK);
    trace.header.observers = 0x1FF;
    const struct oracle_judgement *judgement = judge(&trace);
    assert_int_equal(
        judgement->broken[0] | judgement->broken[1] | judgement->kept[0] | judgement->kept[1], 0);
    trace_done(&trace);
}

static void judge_descriptor_past_the_limit_is_an_error(void **state)
{
    (void)state;
    struct trace trace;
    struct status_detail detail = {0};
    const struct oracle_judgement *judgement = NULL;
    assert_int_equal(trace_init(&trace, 8), STATUS_OK);
    trace_add(&trace, TRACE_CALL, TRACE_HOST_TARGET)->fd = ORACLE_DESCRIPTORS_MAX;
    assert_int_equal(oracle_judge(oracle, &trace, &judgement, &detail), STATUS_LIMIT);
    assert_null(judgement);
    trace_done(&trace);
}

static void judge_twice_gives_the_same_verdicts(void **state)
{
    (void)state;
    struct oracle_judgement first = *judge(find_trace("TMO-03", ORACLE_BROKEN));
    (void)judge(find_trace("DAT-21", ORACLE_KEPT));
    const struct oracle_judgement *second = judge(find_trace("TMO-03", ORACLE_BROKEN));
    assert_memory_equal(first.broken, second->broken, sizeof first.broken);
    assert_memory_equal(first.kept, second->kept, sizeof first.kept);
}

static void pair_judges_each_program_in_its_role(void **state)
{
    (void)state;
    struct trace *client = find_trace("CRE-12", ORACLE_BROKEN);
    struct trace trace;
    assert_int_equal(trace_init(&trace, TRACE_LENGTH), STATUS_OK);
    trace.header = client->header;
    trace.header.role = TRACE_ROLE_PAIR;
    append(&trace, client, TRACE_HOST_PEER);
    const struct oracle_judgement *judgement = judge(&trace);
    assert_int_equal(judgement->verdicts[ORACLE_CRE_12].outcome, ORACLE_BROKEN);
    assert_int_equal(judgement->verdicts[ORACLE_CRE_12].host, TRACE_HOST_PEER);
    assert_int_equal(judgement->verdicts[ORACLE_ACC_12].outcome, ORACLE_NOT_APPLICABLE);
    trace_done(&trace);
}

/* A server's connection of which the states were only looked at now and then. */
static void begin_sampled(struct trace *trace)
{
    assert_int_equal(trace_init(trace, TRACE_LENGTH), STATUS_OK);
    trace->header.observers =
        TRACE_SEES_CALLS | TRACE_SEES_STATES | TRACE_SEES_WIRE | TRACE_SEES_BYTES | TRACE_SEES_EXIT;
    struct trace_event *event = trace_add(trace, TRACE_CALL, TRACE_HOST_TARGET);
    event->what = TRACE_CALL_ACCEPT;
    event->fd = 3;
    event->result = 5;
    event->conn = 1;
}

static void add_sampled(struct trace *trace, enum tcp_state state)
{
    struct trace_event *event = trace_add(trace, TRACE_STATE, TRACE_HOST_TARGET);
    event->what = (uint8_t)state;
    event->conn = 1;
    event->flags = TRACE_SAMPLED;
}

static void add_close(struct trace *trace)
{
    struct trace_event *event = trace_add(trace, TRACE_CALL, TRACE_HOST_TARGET);
    event->what = TRACE_CALL_CLOSE;
    event->fd = 5;
    event->a = 1;
}

static enum oracle_outcome quiet_outcome(struct trace *trace, unsigned rule)
{
    trace_add(trace, TRACE_PHASE, TRACE_HOST_TARGET)->what = TRACE_PHASE_QUIET;
    enum oracle_outcome outcome = (enum oracle_outcome)judge(trace)->verdicts[rule].outcome;
    trace_done(trace);
    return outcome;
}

static void sampled_close_wait_shows_the_fin_of_the_peer(void **state)
{
    (void)state;
    struct trace trace;
    begin_sampled(&trace);
    add_sampled(&trace, TCP_CLOSE_WAIT);
    assert_int_equal(quiet_outcome(&trace, ORACLE_CLO_06), ORACLE_BROKEN);
    begin_sampled(&trace);
    add_close(&trace);
    add_sampled(&trace, TCP_LAST_ACK);
    assert_int_equal(quiet_outcome(&trace, ORACLE_CLO_06), ORACLE_KEPT);
}

static void sampled_closed_is_a_reset_only_after_its_segment(void **state)
{
    (void)state;
    struct trace trace;
    begin_sampled(&trace);
    add_sampled(&trace, TCP_CLOSED);
    add_close(&trace);
    assert_int_equal(quiet_outcome(&trace, ORACLE_RST_13), ORACLE_NOT_APPLICABLE);
    begin_sampled(&trace);
    struct trace_event *segment = trace_add(&trace, TRACE_SEGMENT, TRACE_HOST_PEER);
    segment->what = SCENARIO_SEGMENT_RST;
    segment->result = TRACE_FATE_SENT;
    segment->conn = 1;
    add_sampled(&trace, TCP_CLOSED);
    add_close(&trace);
    assert_int_equal(quiet_outcome(&trace, ORACLE_RST_13), ORACLE_KEPT);
}

static void sampled_closed_behind_its_own_reset_is_an_abort(void **state)
{
    (void)state;
    for (int host = TRACE_HOST_TARGET; host <= TRACE_HOST_PEER; host++) {
        struct trace trace;
        begin_sampled(&trace);
        add_sampled(&trace, TCP_ESTABLISHED);
        struct trace_event *event = trace_add(&trace, TRACE_DIALOGUE, TRACE_HOST_PEER);
        event->what = TRACE_DIALOGUE_REQUEST_SENT;
        event->conn = 1;
        event = trace_add(&trace, TRACE_DIALOGUE, TRACE_HOST_PEER);
        event->what = TRACE_DIALOGUE_RESPONSE_COMPLETE;
        event->conn = 1;
        event = trace_add(&trace, TRACE_SEGMENT, (enum trace_host)host);
        event->what = SCENARIO_SEGMENT_RST;
        event->result = TRACE_FATE_SENT;
        event->conn = 1;
        add_sampled(&trace, TCP_CLOSED);
        add_close(&trace);
        assert_int_equal(quiet_outcome(&trace, ORACLE_CLO_16),
                         host == TRACE_HOST_TARGET ? ORACLE_BROKEN : ORACLE_NOT_APPLICABLE);
    }
}

static void silence_after_the_end_of_the_program_breaks_nothing(void **state)
{
    (void)state;
    for (int ends = 0; ends <= 1; ends++) {
        struct trace trace;
        begin_sampled(&trace);
        trace.header.promises = TRACE_IDLE_TIMEOUT;
        trace.header.idle_limit_us = 10000000;
        add_sampled(&trace, TCP_ESTABLISHED);
        if (ends == 1) {
            trace_add(&trace, TRACE_EXIT, TRACE_HOST_TARGET)->what = TRACE_EXIT_RETURNED;
        }
        trace.now_us = 60000000;
        trace_add(&trace, TRACE_PHASE, TRACE_HOST_TARGET)->what = TRACE_PHASE_PLAYED;
        assert_int_equal(quiet_outcome(&trace, ORACLE_TMO_03),
                         ends == 1 ? ORACLE_NOT_APPLICABLE : ORACLE_BROKEN);
    }
}

/* A client reads the end of a connection, makes another one, and ends. */
static enum oracle_outcome left_behind(bool ends_between)
{
    struct trace trace;
    begin_sampled(&trace);
    trace.header.role = TRACE_ROLE_CLIENT;
    trace.events[0].what = TRACE_CALL_CONNECT;
    trace.events[0].fd = 5;
    trace.events[0].result = 0;
    trace_add(&trace, TRACE_PHASE, TRACE_HOST_TARGET)->what = TRACE_PHASE_STARTED;
    add_sampled(&trace, TCP_CLOSE_WAIT);
    struct trace_event *event = trace_add(&trace, TRACE_CALL, TRACE_HOST_TARGET);
    event->what = TRACE_CALL_RECV;
    event->fd = 5;
    event->conn = 1;
    event->a = 100;
    if (ends_between) {
        trace_add(&trace, TRACE_EXIT, TRACE_HOST_TARGET)->what = TRACE_EXIT_RETURNED;
        trace_add(&trace, TRACE_PHASE, TRACE_HOST_TARGET)->what = TRACE_PHASE_STARTED;
    }
    event = trace_add(&trace, TRACE_CALL, TRACE_HOST_TARGET);
    event->what = TRACE_CALL_CONNECT;
    event->fd = 6;
    event->conn = 2;
    trace_add(&trace, TRACE_EXIT, TRACE_HOST_TARGET)->what = TRACE_EXIT_RETURNED;
    enum oracle_outcome outcome =
        (enum oracle_outcome)judge(&trace)->verdicts[ORACLE_CLO_07].outcome;
    trace_done(&trace);
    return outcome;
}

static void connection_of_an_earlier_run_is_not_left_behind(void **state)
{
    (void)state;
    assert_int_equal(left_behind(false), ORACLE_BROKEN);
    assert_int_equal(left_behind(true), ORACLE_NOT_APPLICABLE);
}

/* ---- What only live runs, or programs of others, show ---- */

/* The run in RUNS_DIR of that name: "ID-keeps-…", "ID-breaks-…", or "ID-spares-…" where the rule
 * must not be broken, since something else explains what it looks at. */
static bool judge_run(const char *name)
{
    char path[512];
    char id[] = "AAA-00";
    char text[ORACLE_DETAIL_MAX];
    struct trace trace;
    struct status_detail detail = {0};
    memcpy(id, name, sizeof id - 1);
    (void)snprintf(path, sizeof path, "%s/%s", RUNS_DIR, name);
    assert_ok(trace_jsonl_load(&trace, path, &detail), &detail);
    unsigned rule = oracle_find(id);
    assert_true(rule < ORACLE_RULE_COUNT);
    const struct oracle_judgement *judgement = judge(&trace);
    const struct oracle_verdict *verdict = &judgement->verdicts[rule];
    bool keeps = strncmp(name + sizeof id - 1, "-keeps-", 7) == 0;
    bool spares = strncmp(name + sizeof id - 1, "-spares-", 8) == 0;
    bool good = spares ? verdict->outcome != ORACLE_BROKEN
                       : verdict->outcome == (keeps ? ORACLE_KEPT : ORACLE_BROKEN);
    if (!good || (keeps && (judgement->broken[0] | judgement->broken[1]) != 0)) {
        good = false;
        print_error("%s: %s\n", name, oracle_detail(verdict, &trace, text, sizeof text));
    }
    trace_done(&trace);
    return good;
}

static void judge_every_recorded_run_as_its_name_says(void **state)
{
    (void)state;
    unsigned count = 0;
    unsigned wrong = 0;
    DIR *folder = opendir(RUNS_DIR);
    assert_non_null(folder);
    for (const struct dirent *entry = NULL; (entry = readdir(folder)) != NULL;) {
        if (strstr(entry->d_name, ".jsonl") != NULL) {
            count++;
            wrong += !judge_run(entry->d_name);
        }
    }
    (void)closedir(folder);
    assert_in_range(count, 8, 200);
    assert_int_equal(wrong, 0);
}

static void add_open(struct trace *trace, int fd, uint32_t conn)
{
    struct trace_event *event = trace_add(trace, TRACE_FD_OPEN, TRACE_HOST_TARGET);
    event->what = TRACE_FILE_SOCKET;
    event->fd = fd;
    event->conn = conn;
}

/* A child of the first process becomes another program; whether it has a copy of descriptor 5. */
static enum oracle_outcome exec_outcome(int fd)
{
    struct trace trace;
    begin_sampled(&trace);
    if (fd >= 0) {
        add_open(&trace, fd, 1);
    }
    struct trace_event *event = trace_add(&trace, TRACE_CALL, TRACE_HOST_TARGET);
    event->what = TRACE_CALL_FORK;
    event->result = 1;
    event->a = 1;
    event = trace_add(&trace, TRACE_CALL, TRACE_HOST_TARGET);
    event->what = TRACE_CALL_EXEC;
    event->a = 1;
    return quiet_outcome(&trace, ORACLE_FDH_05);
}

static void exec_with_a_connection_breaks_close_on_exec(void **state)
{
    (void)state;
    assert_int_equal(exec_outcome(TRACE_PROCESS_STRIDE + 5), ORACLE_BROKEN);
}

static void exec_with_a_connection_as_standard_input_is_meant(void **state)
{
    (void)state;
    assert_int_equal(exec_outcome(TRACE_PROCESS_STRIDE), ORACLE_NOT_APPLICABLE);
    assert_int_equal(exec_outcome(-1), ORACLE_NOT_APPLICABLE);
}

/* The program sleeps in recv on connection 1 while connection 2 waits for its answer. */
static enum oracle_outcome sleeper_outcome(int64_t other_threads)
{
    struct trace trace;
    begin_sampled(&trace);
    trace.header.promises = TRACE_CONCURRENT;
    add_sampled(&trace, TCP_ESTABLISHED);
    add_sampled(&trace, TCP_ESTABLISHED);
    trace.events[trace.count - 1].conn = 2;
    struct trace_event *event = trace_add(&trace, TRACE_DIALOGUE, TRACE_HOST_PEER);
    event->what = TRACE_DIALOGUE_REQUEST_SENT;
    event->conn = 2;
    event = trace_add(&trace, TRACE_BLOCK, TRACE_HOST_TARGET);
    event->what = TRACE_CALL_RECV;
    event->fd = 5;
    event->conn = 1;
    event->a = -1;
    event->b = other_threads;
    trace_add(&trace, TRACE_PHASE, TRACE_HOST_TARGET)->what = TRACE_PHASE_PLAYED;
    return quiet_outcome(&trace, ORACLE_DAT_18);
}

static void sleep_on_one_connection_breaks_only_without_other_threads(void **state)
{
    (void)state;
    assert_int_equal(sleeper_outcome(0), ORACLE_BROKEN);
    assert_int_equal(sleeper_outcome(1), ORACLE_NOT_APPLICABLE);
}

/* An event loop accepts connection 1 and reads from it where it can block. */
static enum oracle_outcome blocking_loop_outcome(int64_t other_threads)
{
    struct trace trace;
    begin_sampled(&trace);
    struct trace_event *event = trace_add(&trace, TRACE_CALL, TRACE_HOST_TARGET);
    event->what = TRACE_CALL_LISTEN;
    event->fd = 3;
    event = trace_add(&trace, TRACE_BLOCK, TRACE_HOST_TARGET);
    event->what = TRACE_CALL_POLL;
    event->a = -1;
    event->b = other_threads;
    for (int fd = 3; fd <= 5; fd += 2) {
        event = trace_add(&trace, TRACE_CALL, TRACE_HOST_TARGET);
        event->what = TRACE_CALL_POLL;
        event->result = 1;
        event = trace_add(&trace, TRACE_READY, TRACE_HOST_TARGET);
        event->fd = fd;
        event->conn = fd == 5;
        event->b = POLLIN;
        event = trace_add(&trace, TRACE_CALL, TRACE_HOST_TARGET);
        event->what = fd == 3 ? TRACE_CALL_ACCEPT : TRACE_CALL_RECV;
        event->fd = fd;
        event->conn = 1;
        event->result = 5;
        event->a = fd == 3 ? 0 : 64;
    }
    return quiet_outcome(&trace, ORACLE_ACC_16);
}

static void blocking_descriptor_breaks_only_without_other_threads(void **state)
{
    (void)state;
    assert_int_equal(blocking_loop_outcome(0), ORACLE_BROKEN);
    assert_int_equal(blocking_loop_outcome(1), ORACLE_NOT_APPLICABLE);
}

/* So many failures of accept for want of descriptors, a millisecond apart, each with a message.
 * `taken`: behind each one the connection is accepted all the same, by a descriptor that was kept.
 */
static enum oracle_outcome flood_outcome(unsigned count, bool taken)
{
    struct trace trace;
    assert_int_equal(trace_init(&trace, 1024), STATUS_OK);
    trace.header.observers = TRACE_SEES_CALLS | TRACE_SEES_STATES | TRACE_SEES_EXIT;
    for (unsigned i = 0; i < count; i++) {
        struct trace_event *event = trace_add(&trace, TRACE_CALL, TRACE_HOST_TARGET);
        event->what = TRACE_CALL_ACCEPT;
        event->fd = 3;
        event->result = -1;
        event->err = EMFILE;
        for (unsigned piece = 0; piece < 2; piece++) {
            trace_add(&trace, TRACE_OUTPUT, TRACE_HOST_TARGET)->a = 20;
        }
        if (taken) {
            event = trace_add(&trace, TRACE_CALL, TRACE_HOST_TARGET);
            event->what = TRACE_CALL_ACCEPT;
            event->fd = 3;
            event->result = 4;
            event->conn = 1 + i;
        }
        trace.now_us += 1000;
    }
    return quiet_outcome(&trace, ORACLE_ACC_12);
}

static void flood_of_messages_without_descriptors_breaks(void **state)
{
    (void)state;
    assert_int_equal(flood_outcome(100, false), ORACLE_BROKEN);
    assert_int_equal(flood_outcome(99, false), ORACLE_NOT_APPLICABLE);
    assert_int_not_equal(flood_outcome(100, true), ORACLE_BROKEN);
}

static void detail_names_note_connection_and_events(void **state)
{
    (void)state;
    const struct trace *trace = find_trace("FDH-02", ORACLE_BROKEN);
    char text[ORACLE_DETAIL_MAX];
    (void)oracle_detail(&judge(trace)->verdicts[ORACLE_FDH_02], trace, text, sizeof text);
    assert_non_null(strstr(text, "closed a descriptor twice"));
    assert_non_null(strstr(text, "connection 1"));
    assert_non_null(strstr(text, "EBADF"));
}

static void detail_in_a_small_buffer_is_cut(void **state)
{
    (void)state;
    const struct trace *trace = find_trace("FDH-02", ORACLE_BROKEN);
    char text[12];
    (void)oracle_detail(&judge(trace)->verdicts[ORACLE_FDH_02], trace, text, sizeof text);
    assert_int_equal(strlen(text), sizeof text - 1);
}

/* ---- Texts ---- */

struct text {
    char *bytes;
    size_t size;
    size_t capacity;
};

static void collect(void *context, const char *bytes, size_t size)
{
    struct text *text = context;
    if (text->size + size + 1 > text->capacity) {
        text->capacity = (text->size + size + 1) * 2;
        text->bytes = realloc(text->bytes, text->capacity);
        assert_non_null(text->bytes);
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
}

static void explain_says_rule_level_clause_and_why(void **state)
{
    (void)state;
    struct text text = {0};
    oracle_explain(ORACLE_FDH_01, &(struct oracle_writer){collect, &text});
    assert_non_null(strstr(text.bytes, "FDH-01"));
    assert_non_null(strstr(text.bytes, "FAIL when broken"));
    assert_non_null(strstr(text.bytes, "close(2)"));
    assert_non_null(strstr(text.bytes, "22 of 117"));
    free(text.bytes);
}

static void reference_in_docs_is_up_to_date(void **state)
{
    (void)state;
    struct text text = {0};
    oracle_reference(&(struct oracle_writer){collect, &text});
    const char *update = getenv("SOCKSPEC_UPDATE_DOCS");
    if (update != NULL && update[0] == '1') {
        FILE *out = fopen(RULES_FILE, "w");
        assert_non_null(out);
        assert_int_equal(fwrite(text.bytes, 1, text.size, out), text.size);
        assert_int_equal(fclose(out), 0);
    }
    FILE *in = fopen(RULES_FILE, "r");
    assert_non_null(in);
    char *stored = calloc(1, text.size + 2);
    assert_non_null(stored);
    size_t size = fread(stored, 1, text.size + 1, in);
    (void)fclose(in);
    if (size != text.size || memcmp(stored, text.bytes, size) != 0) {
        fail_msg("docs/reference/rules.md is not what the table says: run this test with "
                 "SOCKSPEC_UPDATE_DOCS=1");
    }
    free(stored);
    free(text.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judge_every_written_trace_as_expected),
        cmocka_unit_test(file_has_few_traces_and_no_rule_twice_on_a_side),
        cmocka_unit_test(table_every_row_is_whole),
        cmocka_unit_test(judge_without_observer_skips),
        cmocka_unit_test(judge_without_any_observer_skips_every_rule),
        cmocka_unit_test(judge_undecidable_rule_skips_with_its_reason),
        cmocka_unit_test(judge_rule_of_the_other_role_skips),
        cmocka_unit_test(judge_without_promise_skips),
        cmocka_unit_test(grade_of_a_must_or_marked_rule_is_fail),
        cmocka_unit_test(grade_of_an_unmarked_rule_is_warn),
        cmocka_unit_test(port_bound_after_a_refused_option_breaks_nothing),
        cmocka_unit_test(grade_of_a_choice_is_info),
        cmocka_unit_test(grade_after_a_fault_that_linux_never_makes_is_warn),
        cmocka_unit_test(grade_after_such_a_fault_under_posix_is_fail),
        cmocka_unit_test(judge_empty_trace_decides_nothing),
        cmocka_unit_test(judge_descriptor_past_the_limit_is_an_error),
        cmocka_unit_test(judge_twice_gives_the_same_verdicts),
        cmocka_unit_test(pair_judges_each_program_in_its_role),
        cmocka_unit_test(sampled_close_wait_shows_the_fin_of_the_peer),
        cmocka_unit_test(sampled_closed_is_a_reset_only_after_its_segment),
        cmocka_unit_test(sampled_closed_behind_its_own_reset_is_an_abort),
        cmocka_unit_test(silence_after_the_end_of_the_program_breaks_nothing),
        cmocka_unit_test(connection_of_an_earlier_run_is_not_left_behind),
        cmocka_unit_test(judge_every_recorded_run_as_its_name_says),
        cmocka_unit_test(exec_with_a_connection_breaks_close_on_exec),
        cmocka_unit_test(exec_with_a_connection_as_standard_input_is_meant),
        cmocka_unit_test(sleep_on_one_connection_breaks_only_without_other_threads),
        cmocka_unit_test(blocking_descriptor_breaks_only_without_other_threads),
        cmocka_unit_test(flood_of_messages_without_descriptors_breaks),
        cmocka_unit_test(detail_names_note_connection_and_events),
        cmocka_unit_test(detail_in_a_small_buffer_is_cut),
        cmocka_unit_test(explain_says_rule_level_clause_and_why),
        cmocka_unit_test(reference_in_docs_is_up_to_date),
    };
    return cmocka_run_group_tests(tests, read_file, forget_file);
}
