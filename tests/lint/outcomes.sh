#!/bin/sh
# What run_test.sh makes of each outcome of cmocka tests.
# SPDX-License-Identifier: Apache-2.0
#
# outcomes.sh RUN_TEST OUTCOMES
set -u
status=0

expect() {
  want=$1
  shift
  sh "$run_test" "$outcomes" "$@" > /dev/null 2>&1
  got=$?
  if [ "$got" -ne "$want" ]; then
    echo "tests that $*: exit status $got, not $want"
    status=1
  fi
}

run_test=$1 outcomes=$2
unset SOCKSPEC_NO_SKIP
expect 0 pass
expect 77 skip
expect 77 pass skip
expect 1 fail
expect 1 skip fail
expect 1 fail skip pass
expect 9 skip exit
# Where everything could run, what is skipped has failed.
SOCKSPEC_NO_SKIP=1
export SOCKSPEC_NO_SKIP
expect 1 skip
expect 0 pass
exit $status
