/* What steps need of an adapter. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/stack_case.h"

#include <string.h>

#include "sockspec/stack.h"

#define OP(name) (UINT64_C(1) << SOCKSPEC_STACK_##name)

_Static_assert((int)SOCKSPEC_STACK_TCP_INFO - (int)SOCKSPEC_STACK_SO_ERROR ==
                       (int)SCENARIO_OPTION_TCP_INFO &&
                   (int)SOCKSPEC_STACK_TCP_CORK - (int)SOCKSPEC_STACK_SO_ERROR ==
                       (int)SCENARIO_OPTION_TCP_CORK &&
                   (int)SOCKSPEC_STACK_SO_SNDTIMEO - (int)SOCKSPEC_STACK_SO_ERROR ==
                       (int)SCENARIO_OPTION_SO_SNDTIMEO,
               "the contract has the options in the order of the language");

static const char *const no_operation[SOCKSPEC_STACK_OPERATION_COUNT] = {
#define REASON(name, word) "the stack's adapter has no '" word "'",
    SOCKSPEC_STACK_OPERATIONS(REASON)
#undef REASON
};

static uint64_t recv_needs(const struct scenario_step *step)
{
    return OP(RECV) | ((step->kind & SCENARIO_PEEK) != 0 ? OP(PEEK) : 0) |
           ((step->kind & SCENARIO_WAITALL) != 0 ? OP(WAITALL) : 0) |
           ((step->kind & SCENARIO_OOB) != 0 ? OP(URGENT) : 0);
}

uint64_t stack_case_step_needs(const struct scenario_step *step)
{
    switch (step->verb) {
    case SCENARIO_APP_SOCKET:
        return OP(SOCKET);
    case SCENARIO_APP_BIND:
        return OP(BIND);
    case SCENARIO_APP_LISTEN:
        return OP(LISTEN);
    case SCENARIO_APP_ACCEPT:
        return OP(ACCEPT) | (step->kind != 0 ? OP(ACCEPT_ADDRESS) : 0);
    case SCENARIO_APP_CONNECT:
        return (step->kind & SCENARIO_OWN) != 0 ? OP(CONNECT_OWN) : OP(CONNECT);
    case SCENARIO_APP_SEND:
        return OP(SEND);
    case SCENARIO_APP_RECV:
        return recv_needs(step);
    case SCENARIO_APP_SHUTDOWN:
        return OP(SHUTDOWN) | (step->what != SCENARIO_HOW_WRITE ? OP(SHUTDOWN_READ) : 0);
    case SCENARIO_APP_CLOSE:
        return OP(CLOSE);
    case SCENARIO_APP_RESET:
    case SCENARIO_APP_LINGER:
        return OP(SO_LINGER);
    case SCENARIO_APP_DUP:
        return OP(DUP);
    case SCENARIO_APP_POLL:
        return OP(POLL);
    case SCENARIO_APP_OPTION:
    case SCENARIO_APP_GET:
        return OP(SO_ERROR) << step->what;
    case SCENARIO_APP_NAMES:
        return OP(NAMES);
    case SCENARIO_APP_URGENT:
        return OP(URGENT);
    case SCENARIO_APP_DISCONNECT:
        return OP(DISCONNECT);
    case SCENARIO_APP_FLAGS:
        return OP(FLAGS);
    case SCENARIO_APP_WATCH:
    case SCENARIO_APP_WAIT:
        return OP(WATCH);
    case SCENARIO_APP_BLOCKING:
    case SCENARIO_APP_DIE:
        return OP(PROCESS);
    case SCENARIO_APP_MISUSE:
        return OP(MISUSE);
    case SCENARIO_APP_COOKIES:
        return OP(COOKIES);
    default:
        return 0;
    }
}

/* What each rule about stacks is about, beyond segments and states, which are always the stack's
 * own.
 */
static const struct {
    const char *rule;
    uint64_t needs;
} rule_needs[] = {
    {"CRE-01", OP(NUMBERS)},
    {"CRE-02", OP(FLAGS)},
    {"CRE-05", OP(BIND)},
    {"CRE-07", OP(BIND)},
    {"CRE-08", OP(LISTEN)},
    {"CRE-09", OP(LISTEN)},
    {"CRE-10", OP(CONNECT) | OP(ERRORS)},
    {"CRE-11", OP(CONNECT) | OP(ERRORS) | OP(POLL)},
    {"CRE-13", OP(SO_ERROR)},
    {"CRE-14", OP(CONNECT) | OP(ERRORS)},
    {"CRE-15", OP(CONNECT)},
    {"CRE-17", OP(CONNECT)},
    {"CRE-18", OP(CONNECT)},
    {"CRE-19", OP(CLOSE)},
    {"ACC-01", OP(ACCEPT) | OP(NUMBERS)},
    {"ACC-02", OP(NAMES)},
    {"ACC-03", OP(ACCEPT)},
    {"ACC-04", OP(ACCEPT)},
    {"ACC-05", OP(ACCEPT) | OP(FLAGS)},
    {"ACC-07", OP(ACCEPT)},
    {"ACC-08", OP(ACCEPT) | OP(ERRORS)},
    {"ACC-11", OP(ACCEPT)},
    {"ACC-13", OP(ACCEPT_ADDRESS)},
    {"ACC-14", OP(SO_KEEPALIVE) | OP(TCP_NODELAY)},
    {"ACC-15", OP(ACCEPT) | OP(SHUTDOWN)},
    {"DAT-01", OP(SEND) | OP(RECV)},
    {"DAT-04", OP(SEND)},
    {"DAT-07", OP(RECV)},
    {"DAT-09", OP(SEND) | OP(RECV)},
    {"DAT-10", OP(PEEK)},
    {"DAT-11", OP(WAITALL)},
    {"DAT-12", OP(RECV) | OP(ERRORS)},
    {"DAT-13", OP(URGENT) | OP(POLL)},
    {"DAT-15", OP(SEND)},
    {"DAT-06", OP(PROCESS)},
    {"DAT-16", OP(PROCESS)},
    {"DAT-17", OP(ERRORS)},
    {"HCL-01", OP(SHUTDOWN)},
    {"HCL-02", OP(ERRORS)},
    {"HCL-03", OP(SEND) | OP(RECV)},
    {"HCL-06", OP(SHUTDOWN_READ)},
    {"HCL-07", OP(DUP)},
    {"HCL-08", OP(SHUTDOWN) | OP(ERRORS)},
    {"CLO-01", OP(CLOSE)},
    {"CLO-02", OP(CLOSE)},
    {"CLO-03", OP(CLOSE)},
    {"CLO-04", 0},
    {"CLO-05", OP(DUP)},
    {"CLO-08", OP(SEND) | OP(CLOSE)},
    {"CLO-09", OP(PROCESS)},
    {"CLO-10", OP(RECV)},
    {"CLO-11", OP(SEND)},
    {"CLO-13", OP(CLOSE)},
    {"CLO-14", OP(CLOSE)},
    {"RST-01", OP(SO_LINGER)},
    {"RST-02", OP(CLOSE)},
    {"RST-03", OP(CLOSE)},
    {"RST-04", OP(CLOSE)},
    {"RST-06", OP(ERRORS)},
    {"RST-07", OP(ERRORS)},
    {"RST-08", OP(SO_ERROR)},
    {"RST-09", 0},
    {"RST-10", 0},
    {"RST-11", OP(ACCEPT)},
    {"RST-12", OP(PROCESS)},
    {"RST-15", OP(DISCONNECT)},
    {"TWT-01", 0},
    {"TWT-02", 0},
    {"TWT-03", 0},
    {"TWT-04", 0},
    {"TWT-05", 0},
    {"ERR-02", OP(PROCESS)},
    {"ERR-03", OP(ERRORS)},
    {"ERR-04", OP(SEND)},
    {"ERR-05", 0},
    {"ERR-08", OP(MISUSE)},
    {"RDY-01", OP(POLL)},
    {"RDY-02", OP(POLL)},
    {"RDY-03", OP(POLL)},
    {"RDY-04", OP(POLL)},
    {"RDY-05", OP(POLL)},
    {"RDY-06", OP(WATCH)},
    {"RDY-09", OP(WATCH)},
    {"RDY-12", OP(WATCH)},
    {"TMO-01", OP(SO_KEEPALIVE)},
    {"TMO-02", OP(SO_KEEPALIVE)},
    {"TMO-05", OP(SEND)},
    {"BKL-01", OP(BACKLOG)},
    {"BKL-02", OP(BACKLOG)},
    {"BKL-05", OP(COOKIES)},
};

uint64_t stack_case_rule_needs(const char *rule, bool *ret_known)
{
    for (unsigned i = 0; i < sizeof(rule_needs) / sizeof(rule_needs[0]); i++) {
        if (strcmp(rule_needs[i].rule, rule) == 0) {
            *ret_known = true;
            return rule_needs[i].needs;
        }
    }
    *ret_known = false;
    return 0;
}

const char *stack_case_rule_unfit(const char *rule, const struct subject *subject)
{
    static const char *const emulated[SOCKSPEC_STACK_OPERATION_COUNT] = {
#define REASON(name, word) "the stack's adapter emulates '" word "'",
        SOCKSPEC_STACK_OPERATIONS(REASON)
#undef REASON
    };
    bool known = false;
    uint64_t needs = stack_case_rule_needs(rule, &known);
    if ((needs & subject->stack.absent) != 0) {
        return no_operation[__builtin_ctzll(needs & subject->stack.absent)];
    }
    uint64_t added = needs & subject->stack.emulated;
    return added != 0 ? emulated[__builtin_ctzll(added)] : NULL;
}

const char *stack_case_unfit(const struct suite_case *the_case, const struct subject *subject)
{
    if ((the_case->roles >> TRACE_ROLE_STACK & 1U) == 0) {
        return "the case is not for stacks";
    }
    if ((the_case->needs >> CASES_NEED_POSIX & 1U) != 0 &&
        subject->manifest.rules != TRACE_RULES_POSIX) {
        return "Linux never answers so: run with --rules posix";
    }
    uint64_t missing = 0;
    for (uint32_t i = 0; i < the_case->scenario.count; i++) {
        missing |= stack_case_step_needs(&the_case->scenario.steps[i]) & subject->stack.absent;
    }
    return missing == 0 ? NULL : no_operation[__builtin_ctzll(missing)];
}
