# SPDX-License-Identifier: Apache-2.0
# Tests of the descriptors' side of the model.
foreach(name epoll fault file network pair sleep)
  sockspec_test(test_io_${name} SOURCES test_io_${name}.c MODULES model LABELS unit model)
endforeach()
