/* Every allocation fails once: whoever asked says STATUS_NO_MEMORY, and what it already had is
 * given back. The linker leads the library's calls of malloc and its like to the functions here. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "model/model.h"
#include "oracle/oracle.h"
#include "report/report.h"
#include "suite/cases.h"
#include "suite/player.h"
#include "trace/ladder.h"
#include "trace/output.h"

#include "test.h"

enum { LIVE_MAX = 1024, TRACE_CAPACITY = 64, ALLOCATIONS_MAX = 1000 };

/* ---- The allocator ---- */

static const void *live[LIVE_MAX]; /* blocks and mappings that were given out; NULL: a free place */
static unsigned asked;             /* allocations since the start of the attempt */
static unsigned fail_at;           /* this one fails; 0: none */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
char *__real_strdup(const char *text);
void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *at, size_t size);
void __wrap_free(void *block);

/* Puts `to` in the place of `from`; NULL is a free place. Blocks of the C library's are not known.
 */
static void replace(const void *from, const void *to)
{
    for (unsigned i = 0; i < LIVE_MAX; i++) {
        if (live[i] == from) {
            live[i] = to;
            return;
        }
    }
}

static bool fails(void)
{
    if (++asked != fail_at) {
        return false;
    }
    errno = ENOMEM;
    return true;
}

static void *given(void *block)
{
    if (block != NULL) {
        replace(NULL, block);
    }
    return block;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : given(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : given(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    if (fails()) {
        return NULL;
    }
    if (block != NULL) {
        replace(block, NULL);
    }
    return given(__real_realloc(block, size));
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : given(__real_strdup(text));
}

void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    return fails() ? MAP_FAILED : given(__real_mmap(at, size, protection, flags, fd, offset));
}

int __wrap_munmap(void *at, size_t size)
{
    replace(at, NULL);
    return __real_munmap(at, size);
}

void __wrap_free(void *block)
{
    if (block != NULL) {
        replace(block, NULL);
    }
    __real_free(block);
}

static unsigned live_count(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < LIVE_MAX; i++) {
        count += live[i] != NULL;
    }
    return count;
}

/* ---- What is tried ---- */

static enum status try_arena(struct status_detail *detail)
{
    struct arena arena = {0};
    enum status status = arena_init(&arena, 1 << 20);
    (void)detail;
    if (status == STATUS_OK) {
        arena_done(&arena);
    }
    return status;
}

static enum status try_trace(struct status_detail *detail)
{
    struct trace trace = {0};
    enum status status = trace_init(&trace, TRACE_CAPACITY);
    (void)detail;
    if (status == STATUS_OK) {
        trace_done(&trace);
    }
    return status;
}

static enum status try_oracle(struct status_detail *detail)
{
    struct oracle *oracle = NULL;
    enum status status = oracle_new(&oracle, detail);
    assert_true((oracle != NULL) == (status == STATUS_OK));
    if (status == STATUS_OK) {
        oracle_free(oracle);
    }
    return status;
}

static enum status try_model_and_engine(struct status_detail *detail)
{
    struct model *model = NULL;
    struct engine *engine = NULL;
    enum status status = model_new(NULL, &model, detail);
    assert_true((model != NULL) == (status == STATUS_OK));
    if (status != STATUS_OK) {
        return status;
    }
    struct world *world = model_world(model);
    status = engine_new(world, &engine, detail);
    assert_true((engine != NULL) == (status == STATUS_OK));
    if (status == STATUS_OK) {
        engine_free(engine);
    }
    world->ops->free(world);
    return status;
}

static enum status try_player(struct status_detail *detail)
{
    struct player *player = NULL;
    enum status status = player_new(&(struct player_setup){0}, &player, detail);
    assert_true((player != NULL) == (status == STATUS_OK));
    if (status == STATUS_OK) {
        player_free(player);
    }
    return status;
}

static enum status try_ladder(struct status_detail *detail)
{
    struct trace_event events[] = {
        {.kind = TRACE_PHASE, .what = TRACE_PHASE_STARTED},
        {.kind = TRACE_CALL, .what = TRACE_CALL_SOCKET, .result = 3, .fd = -1},
        {.kind = TRACE_EXIT, .what = TRACE_EXIT_RETURNED},
    };
    const struct trace trace = {.events = events, .count = 3, .capacity = 3};
    struct trace_text text = {0};
    struct trace_output output = trace_output_text(&text);
    enum status status = ladder_print(&trace, &(struct ladder_options){0}, &output, detail);
    trace_text_free(&text);
    return status;
}

static enum status try_manifest(struct status_detail *detail)
{
    static struct manifest manifest;
    manifest_begin(&manifest);
    return manifest_load(&manifest, SOCKSPEC_KNOWN_INI, detail);
}

static enum status try_cases(struct status_detail *detail)
{
    struct cases cases = {0};
    enum status status = cases_load(SOCKSPEC_CORPUS, &cases, detail);
    if (status == STATUS_OK) {
        assert_true(cases.count > 2);
    }
    cases_done(&cases);
    return status;
}

/* All four kinds of report of one failed case, into a stream that keeps nothing. */
static enum status report_everything(struct report *report, FILE *stream,
                                     struct status_detail *detail)
{
    const struct report_place place = {.stream = stream};
    struct report_sink *sinks[4] = {NULL};
    enum status statuses[4] = {
        report_text_new(&place, &(struct report_text_options){.verbose = true}, &sinks[0], detail),
        report_tap_new(&place, &sinks[1], detail),
        report_junit_new(&place, &sinks[2], detail),
        report_json_new(&place, &sinks[3], detail),
    };
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < 4; i++) {
        assert_true((sinks[i] != NULL) == (statuses[i] == STATUS_OK));
        status = statuses[i] != STATUS_OK ? statuses[i] : status;
        if (sinks[i] != NULL) {
            assert_ok(report_add(report, sinks[i]), detail);
        }
    }
    report_begin(report, &(struct report_target){.name = "t", .world = "model", .role = "server"});
    report_case_begin(report, &(struct report_case){.name = "server/one", .title = "one"});
    report_verdict(report, &(struct report_verdict){.rule = "FDH-01",
                                                    .title = "no leak",
                                                    .grade = GRADE_FAIL,
                                                    .detail = "it leaked",
                                                    .replay = "sockspec replay",
                                                    .duration_us = -1});
    report_verdict(report, &(struct report_verdict){.rule = "ACC-01",
                                                    .title = "accepts",
                                                    .grade = GRADE_SKIP,
                                                    .detail = "a reason",
                                                    .duration_us = -1});
    report_case_end(report);
    enum status ended = report_end(report, -1, detail);
    return status != STATUS_OK ? status : ended;
}

static enum status try_reports(struct status_detail *detail)
{
    FILE *stream = fopen("/dev/null", "we");
    struct report report = {0};
    assert_non_null(stream);
    enum status status = report_everything(&report, stream, detail);
    report_done(&report);
    assert_int_equal(fclose(stream), 0);
    return status;
}

/* ---- Each allocation in its turn ---- */

/* `forgiving`: some allocations only make the result poorer. */
static void fail_each(enum status (*attempt)(struct status_detail *), bool forgiving)
{
    for (unsigned at = 1; at <= ALLOCATIONS_MAX; at++) {
        struct status_detail detail = {{0}};
        memset(live, 0, sizeof(live));
        asked = 0;
        fail_at = at;
        enum status status = attempt(&detail);
        bool struck = asked >= at;
        fail_at = 0;
        if (!forgiving || !struck) {
            assert_int_equal(status, struck ? STATUS_NO_MEMORY : STATUS_OK);
        }
        if (live_count() != 0) {
            fail_msg("allocation %u failed, and %u others were left", at, live_count());
        }
        if (!struck) {
            assert_true(at > 1);
            return;
        }
    }
    fail_msg("it never came to its end");
}

static void arena_without_memory_says_so(void **state)
{
    (void)state;
    fail_each(try_arena, false);
}

static void trace_without_memory_says_so(void **state)
{
    (void)state;
    fail_each(try_trace, false);
}

static void oracle_without_memory_says_so(void **state)
{
    (void)state;
    fail_each(try_oracle, false);
}

static void model_and_engine_without_memory_say_so(void **state)
{
    (void)state;
    fail_each(try_model_and_engine, false);
}

static void player_without_memory_says_so(void **state)
{
    (void)state;
    fail_each(try_player, false);
}

static void ladder_without_memory_says_so(void **state)
{
    (void)state;
    fail_each(try_ladder, false);
}

static void manifest_without_memory_says_so(void **state)
{
    (void)state;
    fail_each(try_manifest, false);
}

static void cases_without_memory_say_so(void **state)
{
    (void)state;
    fail_each(try_cases, false);
}

static void reports_without_memory_lose_at_most_detail(void **state)
{
    (void)state;
    fail_each(try_reports, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_without_memory_says_so),
        cmocka_unit_test(trace_without_memory_says_so),
        cmocka_unit_test(oracle_without_memory_says_so),
        cmocka_unit_test(model_and_engine_without_memory_say_so),
        cmocka_unit_test(player_without_memory_says_so),
        cmocka_unit_test(ladder_without_memory_says_so),
        cmocka_unit_test(manifest_without_memory_says_so),
        cmocka_unit_test(cases_without_memory_say_so),
        cmocka_unit_test(reports_without_memory_lose_at_most_detail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
