/* `sockspec diff`: two worlds against one another. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_CLI_DIFF_H
#define SOCKSPEC_CLI_DIFF_H

#include "cli/options.h"

/* Plays made-up scenarios on both worlds until the count, the time or an interrupt is reached, or
 * they differ. Returns an exit code: 1 where they differed. */
int cli_diff(const struct cli_options *options);

#endif
