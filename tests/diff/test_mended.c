/* Scenarios in which the model and Linux differed once, each made small by `sockspec diff`: both
 * must say the same of them. One file each in FOLDER; skipped, with the reason, where the live
 * world cannot be had. In FOLDER/slow are those that take real time: beside each lies what Linux
 * showed when it was recorded, and the model must show that.
 *
 * test_mended FOLDER          the tests
 * test_mended FOLDER slow     plays the slow ones on both: minutes of real time
 * test_mended FOLDER record   plays the slow ones on Linux and writes what it showed */
/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "diff/diff.h"
#include "linux/linux.h"
#include "model/model.h"
#include "scenario/text.h"

enum { SKIPPED = 77, PATH = 4096, LINE = 512 };

static const char *folder;
static struct scenario_text scenario;
static char why_not[STATUS_DETAIL_MAX]; /* the live world cannot be had */

/* ---- Files ---- */

/* What a file holds, ended by NUL; to be freed. NULL: there is none. */
static char *read_all(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t size = 0;
    if (file != NULL) {
        ssize_t got = getdelim(&text, &size, '\0', file);
        (void)fclose(file);
        if (got < 0) {
            free(text);
            text = NULL;
        }
    }
    return text;
}

static void read_scenario(const char *path)
{
    struct status_detail detail = {""};
    char *text = read_all(path);
    assert_non_null(text);
    assert_ok(scenario_parse(path, text, strlen(text), &scenario, &detail), &detail);
    free(text);
}

/* Does it to each scenario file of FOLDER or its `inner` folder, in order. Returns how many were
 * refused. */
static unsigned for_each(const char *inner, bool (*does)(const char *path))
{
    char pattern[PATH];
    glob_t found;
    unsigned refused = 0;
    (void)snprintf(pattern, sizeof pattern, "%s%s/*.scenario", folder, inner);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        refused += !does(found.gl_pathv[i]);
    }
    globfree(&found);
    return refused;
}

/* ---- On both ---- */

static struct diff *diff;

static void show(const char *who, unsigned which, uint32_t at)
{
    char text[LINE];
    print_error("  %s: %s\n", who, diff_form_describe(diff_form(diff, which), at, text, LINE));
}

static bool says_the_same(const char *path)
{
    struct status_detail detail = {""};
    struct diff_result result;
    read_scenario(path);
    assert_ok(diff_play(diff, &scenario.scenario, 1, &result, &detail), &detail);
    if (!result.same) {
        print_error("%s:\n", path);
        show("model", DIFF_TOLD, result.at);
        show("linux", DIFF_CHOOSES, result.at);
    }
    return result.same;
}

static struct world *model_new_world(void)
{
    struct status_detail detail = {""};
    struct model *model = NULL;
    assert_ok(model_new(NULL, &model, &detail), &detail);
    return model_world(model);
}

static void both_say_the_same(void **state)
{
    struct status_detail detail = {""};
    struct world *live = *state;
    if (live == NULL) {
        print_message("skipped: %s\n", why_not);
        skip();
    }
    struct world *told = model_new_world();
    assert_ok(diff_new(told, live, &diff, &detail), &detail);
    assert_int_equal(for_each("", says_the_same), 0);
    diff_free(diff);
    told->ops->free(told);
}

/* ---- What was recorded ---- */

static void record_path(const char *scenario_path, char *path)
{
    (void)snprintf(path, PATH, "%.*s.linux", (int)(strrchr(scenario_path, '.') - scenario_path),
                   scenario_path);
}

/* What the world of `diff` that is told shows of a scenario, line by line; to be freed. */
static char *play_alone(const char *path)
{
    struct status_detail detail = {""};
    char *text = NULL;
    size_t size = 0;
    char line[LINE];
    read_scenario(path);
    assert_ok(diff_play_told(diff, &scenario.scenario, 1, &detail), &detail);
    const struct diff_form *form = diff_form(diff, DIFF_TOLD);
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    for (uint32_t i = 0; i < form->count; i++) {
        (void)fprintf(stream, "%s\n", diff_form_describe(form, i, line, sizeof line));
    }
    assert_int_equal(fclose(stream), 0);
    return text;
}

static bool shows_what_was_recorded(const char *path)
{
    char recorded_path[PATH];
    record_path(path, recorded_path);
    char *shown = play_alone(path);
    char *recorded = read_all(recorded_path);
    bool same = recorded != NULL && strcmp(shown, recorded) == 0;
    if (!same) {
        size_t at = 0;
        while (recorded != NULL && recorded[at] != '\0' && shown[at] == recorded[at]) {
            at++;
        }
        while (at > 0 && shown[at - 1] != '\n') {
            at--;
        }
        print_error("%s:\n  model: %.*s\n  linux: %.*s\n", path, (int)strcspn(shown + at, "\n"),
                    shown + at, recorded != NULL ? (int)strcspn(recorded + at, "\n") : 0,
                    recorded != NULL ? recorded + at : "");
    }
    free(shown);
    free(recorded);
    return same;
}

static bool record(const char *path)
{
    char recorded_path[PATH];
    record_path(path, recorded_path);
    char *shown = play_alone(path);
    FILE *file = fopen(recorded_path, "we");
    assert_non_null(file);
    (void)fputs(shown, file);
    assert_int_equal(fclose(file), 0);
    free(shown);
    return true;
}

static void play_slow_ones(struct world *told, struct world *chooses,
                           bool (*does)(const char *path))
{
    struct status_detail detail = {""};
    assert_ok(diff_new(told, chooses, &diff, &detail), &detail);
    diff_with_time(diff);
    assert_int_equal(for_each("/slow", does), 0);
    diff_free(diff);
}

static void model_shows_what_linux_showed(void **state)
{
    (void)state;
    struct world *model = model_new_world();
    play_slow_ones(model, model, shows_what_was_recorded);
    model->ops->free(model);
}

static struct world *live_new_world_with_timers(void)
{
    const struct linux_setup setup = {.slow = true, .kernel_timers = true};
    struct status_detail detail = {""};
    struct world *live = NULL;
    assert_ok(linux_world_new(&setup, &live, &detail), &detail);
    return live;
}

static void linux_is_recorded(void **state)
{
    (void)state;
    struct world *live = live_new_world_with_timers();
    play_slow_ones(live, live, record);
    live->ops->free(live);
}

static void both_show_the_same_in_time(void **state)
{
    (void)state;
    struct world *model = model_new_world();
    struct world *live = live_new_world_with_timers();
    play_slow_ones(model, live, says_the_same);
    live->ops->free(live);
    model->ops->free(model);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return 2;
    }
    folder = argv[1];
    if (argc > 2) {
        const struct CMUnitTest slow[] = {
            strcmp(argv[2], "record") == 0
                ? (struct CMUnitTest)cmocka_unit_test(linux_is_recorded)
                : (struct CMUnitTest)cmocka_unit_test(both_show_the_same_in_time)};
        return cmocka_run_group_tests(slow, NULL, NULL);
    }
    const struct linux_setup setup = {.slow = false};
    struct status_detail detail = {""};
    struct world *live = NULL;
    if (linux_world_new(&setup, &live, &detail) != STATUS_OK) {
        (void)snprintf(why_not, sizeof why_not, "%s", detail.text);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(both_say_the_same, live),
        cmocka_unit_test(model_shows_what_linux_showed),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (live != NULL) {
        live->ops->free(live);
    }
    return failed;
}
