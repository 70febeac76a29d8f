#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# diff_states.sh SOCKSPEC PAGE: the column of the suite on the model in PAGE is what the cases exercise now. Skipped where the
# live world cannot be had, which is a failure where SOCKSPEC_NO_SKIP is set.
set -u
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
"$1" diff --worlds model,model --count 1 --states "$folder/page" > /dev/null 2> "$folder/errors"
code=$?
cat "$folder/errors" >&2
if [ "$code" -ne 0 ]; then
    if [ "$code" -eq 3 ] && [ -z "${SOCKSPEC_NO_SKIP:-}" ] &&
        grep -qE 'refused|namespace|/dev/net/tun' "$folder/errors"; then
        echo "skipped: the live world cannot be had here"
        exit 77
    fi
    exit "$code"
fi
# Rows of pairs and of moves with the count of the suite on the model, which is the first of each. A move that the suite does
# not make may have a row because a made-up scenario does.
column() {
    awk -F'|' '/^## /{part=$0} part && /^\|/ {
        moves = part ~ /From state/
        if (!moves || $4 != 0) print part, $2, moves ? $3 $4 : $3
    }' "$1"
}
column "$2" > "$folder/kept"
column "$folder/page" > "$folder/now"
if ! [ -s "$folder/now" ] || ! diff "$folder/kept" "$folder/now"; then
    echo "$2 is stale: write it again by the command that stands in it"
    exit 1
fi
