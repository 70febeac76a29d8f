#!/bin/sh
# Runs a command line with another compiler: with_compiler.sh COMPILER REPLACED ARGUMENT…
# SPDX-License-Identifier: Apache-2.0
set -eu
compiler=$1
shift 2
exec "$compiler" "$@"
