/* The grades of verdicts, and the exit code that a set of grades asks for. Plain values. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_BASE_GRADE_H
#define SOCKSPEC_BASE_GRADE_H

#include <stdint.h>

/* X(NAME, "text", "what it means") */
#define GRADE_TABLE(X)                                                                             \
    X(PASS, "PASS", "the rule was kept")                                                           \
    X(FAIL, "FAIL", "a MUST was broken, or data lost, a process killed, a leak, a spin")           \
    X(WARN, "WARN", "a SHOULD was broken")                                                         \
    X(INFO, "INFO", "an observed choice")                                                          \
    X(SKIP, "SKIP", "does not apply or cannot be seen")                                            \
    X(EXPECTED, "EXPECTED", "a known failure that the manifest lists")                             \
    X(ERROR, "ERROR", "the harness or the environment failed")

#define GRADE_ENUM(name, text, meaning) GRADE_##name,
enum grade { GRADE_TABLE(GRADE_ENUM) GRADE_COUNT };
#undef GRADE_ENUM

enum grade_exit {
    GRADE_EXIT_OK = 0,      /* nothing failed */
    GRADE_EXIT_FAILED = 1,  /* at least one FAIL */
    GRADE_EXIT_USAGE = 2,   /* never from grades: the command line's own */
    GRADE_EXIT_ERROR = 3,   /* no FAIL, but an ERROR */
    GRADE_EXIT_SKIPPED = 77 /* nothing but SKIP, or no verdict at all */
};

/* How many verdicts had each grade. */
struct grade_counts {
    uint32_t of[GRADE_COUNT];
};

/* Fixed text; "?" out of range. */
static inline const char *grade_name(enum grade grade)
{
#define GRADE_TEXT(name, text, meaning) [GRADE_##name] = (text),
    static const char *const texts[] = {GRADE_TABLE(GRADE_TEXT)};
#undef GRADE_TEXT
    return (unsigned)grade < GRADE_COUNT ? texts[grade] : "?";
}

/* FAIL beats ERROR: a broken rule stays broken, whatever else went wrong. */
static inline enum grade_exit grade_exit_code(const struct grade_counts *counts)
{
    if (counts->of[GRADE_FAIL] > 0) {
        return GRADE_EXIT_FAILED;
    }
    if (counts->of[GRADE_ERROR] > 0) {
        return GRADE_EXIT_ERROR;
    }
    uint64_t judged = 0;
    for (unsigned i = 0; i < GRADE_COUNT; i++) {
        judged += i == GRADE_SKIP ? 0 : counts->of[i];
    }
    return judged == 0 ? GRADE_EXIT_SKIPPED : GRADE_EXIT_OK;
}

#endif
