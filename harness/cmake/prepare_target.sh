#!/bin/sh
# Makes one object of a target, ready to be linked beside us: its writable memory gathered, main renamed, the calls
# that we redirect renamed where they are undefined, everything else hidden.
# SPDX-License-Identifier: Apache-2.0
#
# prepare_target.sh LD NM OBJCOPY NAME SLOT COMMON OUTPUT BEGIN END INPUT…
#   COMMON.ld, COMMON.renames: what SockspecTarget.cmake made of target.ld.in and symbols.def for this slot.
#   BEGIN, END: objects with marks of thread-local storage. INPUT: objects and static libraries.
# It runs for every executable of every target: hence few processes.
set -eu

ld=$1 nm=$2 objcopy=$3 name=$4 slot=$5 common=$6 output=$7 begin=$8 end=$9
shift 9
whole=$output.whole renames=$output.renames
trap 'rm -f "$whole" "$renames" "$renames".*' EXIT

"$ld" -r -d --force-group-allocation -T "$common.ld" -o "$whole" "$begin" --start-group "$@" --end-group "$end"

# Only undefined symbols are renamed: a target that defines its own error() keeps it. Lines of nm: "    U name",
# "    w name", "address T main". Of two names for one call (fcntl, and fcntl64 of a file with large offsets) the second
# has a list of its own, for objcopy takes each new name once.
"$nm" "$whole" | awk -v main="sockspec_target${slot}_main" -v table="$common.renames" -v list="$renames" '
  FILENAME == table { renamed[$1] = $2; next }
  ($1 == "U" || $1 == "w") && $2 in renamed {
    again = given[renamed[$2]]++
    if (again) print $2, renamed[$2] > (list "." again); else print $2, renamed[$2]
  }
  $2 == "T" && $3 == "main" { print "main", main; found = 1 }
  END { exit !found }' "$common.renames" - > "$renames" || {
  echo "sockspec: target $name: no function main in its sources" >&2
  exit 1
}

# Variables in sections of the program's own (section("read_mostly")) are put back, too: such a section becomes a part
# of the data. Not where the program asks for its bounds: those are tables, which nobody writes to. Lines of nm:
# "name|value|class|type|size|line|section".
sections=$("$nm" -f sysv "$whole" | awk -F '|' -v data="sockspec_data$slot" '
  { gsub(/ /, ""); class = $3; section = $7 }
  class ~ /^[Uw]$/ && sub(/^__(start|stop)_/, "", $1) { table[$1] = 1 }
  class ~ /^[DdBb]$/ && section ~ /^[A-Za-z_]/ && section !~ /^(sockspec_|asan_|__sancov_|__libfuzzer_|__llvm_)/ { own[section] = 1 }
  END { for (name in own) if (!(name in table)) printf " --rename-section %s=%s", name, data }')

# Names of sections are words.
# shellcheck disable=SC2086
"$objcopy" --redefine-syms="$renames" $sections \
  --keep-global-symbol="sockspec_target${slot}_main" \
  --keep-global-symbol="sockspec_target${slot}_tls_data_begin" \
  --keep-global-symbol="sockspec_target${slot}_tls_data_end" \
  --keep-global-symbol="sockspec_target${slot}_tls_zero_begin" \
  --keep-global-symbol="sockspec_target${slot}_tls_zero_end" \
  "$whole" "$output"

for list in "$renames".*; do
  [ ! -e "$list" ] || "$objcopy" --redefine-syms="$list" "$output"
done
