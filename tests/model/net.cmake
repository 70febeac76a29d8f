# SPDX-License-Identifier: Apache-2.0
# Tests of the network's side of the model.
sockspec_test(test_facts SOURCES test_facts.c MODULES model LABELS model)
sockspec_test(test_facts_corners SOURCES test_facts_corners.c MODULES model LABELS model)
sockspec_test(test_net_twin SOURCES test_net_twin.c MODULES model LABELS model live)
sockspec_test(test_net_wire SOURCES test_net_wire.c MODULES model LABELS model)
sockspec_test(test_net_time SOURCES test_net_time.c MODULES model LABELS model)
