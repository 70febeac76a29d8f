# SPDX-License-Identifier: Apache-2.0
sockspec_test(test_linux_net SOURCES test_net.c MODULES linux LABELS live)
sockspec_test(test_linux_net_end SOURCES test_net_end.c MODULES linux LABELS live)
sockspec_test(test_linux_net_twin SOURCES test_net_twin.c MODULES linux model LABELS live)
sockspec_test(test_stack_twin SOURCES test_stack_twin.c MODULES linux model LABELS live)
