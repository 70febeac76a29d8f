/* Names of socket options. Apart from trace.h because <netinet/tcp.h> names TCP states as well,
 * with other values. Pure function. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_TRACE_OPTION_H
#define SOCKSPEC_TRACE_OPTION_H

#include <stdint.h>

/* "SO_LINGER" for level << 16 | name; NULL where the option has no name here. */
const char *trace_option_name(int64_t packed);

#endif
