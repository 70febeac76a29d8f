/* main() of a NAME_check. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "sockspec/sockspec.h"

int main(int argc, char **argv)
{
    return sockspec_check_main(argc, argv, &sockspec_target_program);
}
