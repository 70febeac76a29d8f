/* A static library with state of its own. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "archived.h"

int archived_count(void)
{
    static int count = 10;
    return count++;
}
