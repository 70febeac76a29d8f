/* What a file of facts is made of: scripts that each run on the model and on the real kernel. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TESTS_MODEL_FACTS_H
#define SOCKSPEC_TESTS_MODEL_FACTS_H

#include "model/net_kernel.h"

/* What the connection's two ends are called: c connected, s was accepted. */
#define ENDS(k)                                                                                    \
    struct nk_pair ends = nk_pair(k);                                                              \
    int c = ends.client, s = ends.server;                                                          \
    (void)c, (void)s

#define assert_poll(bits, k, fd) assert_int_equal(bits, nk_poll(k, fd))
#define assert_state(wanted, k, fd) assert_int_equal(wanted, nk_state_until(k, fd, wanted))
#define assert_text(text, k, fd) assert_string_equal(text, nk_text(k, fd, 0))

static inline void fact_on_model(void **state)
{
    nk_on_model(*(nk_script *)*state, NULL);
}

static inline void fact_on_linux(void **state)
{
    if (!nk_linux_usable()) {
        skip();
    }
    nk_on_linux(*(nk_script *)*state, NULL);
}

#define FACT_SCRIPT(name) name,
#define FACT_TESTS(name)                                                                           \
    {#name "/model", fact_on_model, NULL, NULL, NULL},                                             \
        {#name "/linux", fact_on_linux, NULL, NULL, NULL},

/* The main of a file whose facts are X(name) in FACTS(X). */
#define FACTS_MAIN(FACTS)                                                                          \
    static nk_script scripts[] = {FACTS(FACT_SCRIPT)};                                             \
    static struct CMUnitTest tests[] = {FACTS(FACT_TESTS)};                                        \
    int main(void)                                                                                 \
    {                                                                                              \
        for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {                              \
            tests[i].initial_state = &scripts[i / 2];                                              \
        }                                                                                          \
        return cmocka_run_group_tests(tests, NULL, NULL);                                          \
    }

#endif
