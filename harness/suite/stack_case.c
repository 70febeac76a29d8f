/* What steps need of an adapter. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "suite/stack_case.h"

#include "sockspec/stack.h"

#define OP(name) (UINT64_C(1) << SOCKSPEC_STACK_##name)

_Static_assert((int)SOCKSPEC_STACK_TCP_INFO - (int)SOCKSPEC_STACK_SO_ERROR ==
                       (int)SCENARIO_OPTION_TCP_INFO &&
                   (int)SOCKSPEC_STACK_TCP_CORK - (int)SOCKSPEC_STACK_SO_ERROR ==
                       (int)SCENARIO_OPTION_TCP_CORK,
               "the contract has the options in the order of the language");

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
        return OP(ACCEPT);
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
    default:
        return 0;
    }
}

const char *stack_case_unfit(const struct suite_case *the_case, const struct subject *subject)
{
    static const char *const reasons[SOCKSPEC_STACK_OPERATION_COUNT] = {
#define REASON(name, word) "the stack's adapter has no '" word "'",
        SOCKSPEC_STACK_OPERATIONS(REASON)
#undef REASON
    };
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
    return missing == 0 ? NULL : reasons[__builtin_ctzll(missing)];
}
