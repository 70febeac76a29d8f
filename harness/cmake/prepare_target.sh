#!/bin/sh
# Makes one object of a target, ready to be linked beside us: its writable memory gathered, main renamed, the calls
# that we redirect renamed where they are undefined, everything else hidden.
# SPDX-License-Identifier: Apache-2.0
#
# prepare_target.sh NAME SLOT SYMBOLS OUTPUT INPUT…
#   SYMBOLS: symbols.def; INPUT: objects and static libraries. Tools: $CC $LD $NM $OBJCOPY.
set -eu

name=$1 slot=$2 symbols=$3 output=$4
shift 4
here=$(dirname "$0")
work=$output.parts
rm -rf "$work"
mkdir -p "$work"

fail() {
  echo "sockspec: target $name: $1" >&2
  exit 1
}

# Marks at both ends of thread-local storage: the linker names sections, but not those.
mark() {
  printf '%s\n' \
    "_Thread_local char sockspec_target${slot}_tls_data_$1[16] __attribute__((aligned(16))) = {1};" \
    "_Thread_local char sockspec_target${slot}_tls_zero_$1[16] __attribute__((aligned(16)));" > "$work/$1.c"
  ${CC:-cc} -O1 -fPIE -c "$work/$1.c" -o "$work/$1.o"
}
mark begin
mark end

objects='' archives=''
for input in "$@"; do
  case $input in
  *.a) archives="$archives $input" ;;
  *) objects="$objects $input" ;;
  esac
done
case "$objects$archives" in
*[\'\"\\]*) fail "file names with quotes are not supported" ;;
esac

sed "s/@SLOT@/$slot/g" "$here/target.ld.in" > "$work/target.ld"
# shellcheck disable=SC2086 # lists of file names
${LD:-ld} -r -d --force-group-allocation -T "$work/target.ld" -o "$work/whole.o" \
  "$work/begin.o" $objects --start-group $archives --end-group "$work/end.o"

${NM:-nm} "$work/whole.o" > "$work/symbols"
grep -q ' T main$' "$work/symbols" || fail "no function main in its sources"

# Only undefined symbols: a target that defines its own error() keeps it. Lines of nm: "    U name", "    w name".
sed -n 's/^ *[Uw] //p' "$work/symbols" | sort -u > "$work/undefined"
sed -n \
  -e "s/^REDIRECT(\(.*\))\$/\1 sockspec_call_\1/p" \
  -e "s/^REDIRECT_HIDDEN(\(.*\))\$/\1 sockspec_call_\1/p" \
  -e "s/^REDIRECT_ALIAS(\(.*\), \(.*\))\$/\1 sockspec_call_\2/p" \
  -e "s/^REDIRECT_DATA(\(.*\))\$/\1 sockspec_call_\1$slot/p" "$symbols" | sort > "$work/redirected"
join "$work/redirected" "$work/undefined" > "$work/renames"
echo "main sockspec_target${slot}_main" >> "$work/renames"

${OBJCOPY:-objcopy} --redefine-syms="$work/renames" \
  --keep-global-symbol="sockspec_target${slot}_main" \
  --keep-global-symbol="sockspec_target${slot}_tls_data_begin" \
  --keep-global-symbol="sockspec_target${slot}_tls_data_end" \
  --keep-global-symbol="sockspec_target${slot}_tls_zero_begin" \
  --keep-global-symbol="sockspec_target${slot}_tls_zero_end" \
  "$work/whole.o" "$work/ready.o"
mv "$work/ready.o" "$output"
rm -rf "$work"
