/* Runs programs that are linked into this process and puts them back between runs, as the model's
 * runner. There is one image of each program, so one `struct redirect` may exist at a time. Order:
 * redirect_new, redirect_runner, model_new, redirect_bind, then runs; redirect_free after the model
 * was freed. `program` and `peer_program` of struct world_target are `const struct sockspec_program
 * *`. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_REDIRECT_PROGRAM_H
#define SOCKSPEC_REDIRECT_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "model/model.h"
#include "sockspec/program.h"

struct redirect;

/* Saves what every run starts from: the image of `program` (and of its peer), environment, working
 * folder, umask. Call it before the program has run. `program` must outlive the result. Errors:
 * STATUS_NO_MEMORY, STATUS_LIMIT (one exists already), STATUS_ENVIRONMENT. */
enum status redirect_new(const struct sockspec_program *program, struct redirect **ret_redirect,
                         struct status_detail *detail) STATUS_MUST_USE;
/* Accepts NULL. */
void redirect_free(struct redirect *redirect);

/* Fills in the runner that model_new wants; it lives inside `redirect`. */
const struct model_runner *redirect_runner(struct redirect *redirect);
/* From here on a crash in the running program's own code (an access to memory that is not there, a
 * division by zero, an access that AddressSanitizer refuses) ends its run as CRASHED instead of the
 * process, where `survive` says so. `place` is where in that code, the same in every process of an
 * executable. `survive` may be called in a signal handler. Any other crash takes its course. For
 * fuzzers. Once in a process. */
void redirect_survive(bool (*survive)(void *context, int64_t place), void *context);

/* The model that the redirected calls reach. */
void redirect_bind(struct redirect *redirect, struct model *model);

#endif
