#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# diff_worlds.sh SOCKSPEC: model and Linux answer alike on 500 scenarios; skipped where the live world cannot be had, which is a
# failure where SOCKSPEC_NO_SKIP is set.
set -u
errors=$(mktemp) || exit 1
trap 'rm -f "$errors"' EXIT
"$1" diff --worlds model,linux --count 500 --seed 1 2> "$errors"
code=$?
cat "$errors" >&2
if [ "$code" -eq 3 ] && [ -z "${SOCKSPEC_NO_SKIP:-}" ] && grep -qE 'refused|namespace|/dev/net/tun' "$errors"; then
    echo "skipped: the live world cannot be had here"
    exit 77
fi
exit "$code"
