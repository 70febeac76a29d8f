#!/bin/sh
# Installs into a scratch prefix and builds, judges and fuzzes the server of an outside project against it.
# SPDX-License-Identifier: Apache-2.0
#
# install.sh CMAKE BUILD SCRATCH GENERATOR COMPILER VARIANTS
#   VARIANTS: those of "fuzzer afl" that this machine can build.
set -eu

cmake=$1 build=$2 scratch=$3 generator=$4 compiler=$5 variants=$6
outside=$(cd "$(dirname "$0")/outside" && pwd)
prefix=$scratch/prefix
project=$scratch/project
rm -rf "$scratch"
mkdir -p "$scratch"

fail() {
  echo "not ok: $1"
  exit 1
}

"$cmake" --install "$build" --prefix "$prefix" > "$scratch/install.log"
for file in bin/sockspec lib/libsockspec.a include/sockspec/sockspec.h include/sockspec/program.h include/sockspec/stack.h \
  lib/cmake/sockspec/sockspec-config.cmake lib/pkgconfig/sockspec.pc share/sockspec/corpus/conformance/server; do
  [ -e "$prefix/$file" ] || fail "$file is not installed"
done
if command -v scdoc > /dev/null; then
  grep -q '^\.TH "sockspec" "1"' "$prefix/share/man/man1/sockspec.1" || fail "no man page"
fi
# Nothing may point back to where it was built: people move and package what is installed.
if grep -rlF "$build" "$prefix/lib/cmake" "$prefix/lib/pkgconfig" "$prefix/share"; then
  fail "an installed file names the build folder"
fi
moved=$scratch/moved
mv "$prefix" "$moved"

export PKG_CONFIG_PATH="$moved/lib/pkgconfig"
"$cmake" -G "$generator" -S "$outside" -B "$project" "-DCMAKE_C_COMPILER=$compiler" "-DCMAKE_PREFIX_PATH=$moved"
"$cmake" --build "$project"

# C++ is refused when the project is configured, and not by a compiler that knows no such option.
mkdir "$scratch/refused"
cat > "$scratch/refused/CMakeLists.txt" << 'END'
cmake_minimum_required(VERSION 3.25)
project(refused LANGUAGES C)
find_package(sockspec 0.1 REQUIRED)
sockspec_add_target(NAME refused ROLE server SOURCES main.cc PROFILE echo)
END
if "$cmake" -G "$generator" -S "$scratch/refused" -B "$scratch/refused/build" "-DCMAKE_C_COMPILER=$compiler" \
  "-DCMAKE_PREFIX_PATH=$moved" > "$scratch/refused.log" 2>&1; then
  fail "a target in C++ was not refused"
fi
grep -q 'main.cc: only C can' "$scratch/refused.log" || fail "it is not said why a target in C++ is refused"

for file in small-echo small-echo_check skeleton_stack embed; do
  [ -x "$project/$file" ] || fail "$file was not built"
done
(cd "$project" && "${cmake%cmake}ctest" --output-on-failure) || fail "ctest of the outside project"
(cd "$project" && "${cmake%cmake}ctest" -N) | grep -q ' small-echo\.conformance$' || fail "no small-echo.conformance"

"$moved/bin/sockspec" check small-echo --targets "$project" > "$scratch/check.txt" || fail "sockspec check: $?"
"$moved/bin/sockspec" list targets --targets "$project" | grep -q '^small-echo ' || fail "sockspec list targets"
"$moved/bin/sockspec" list stacks --targets "$project" | grep -q '^skeleton ' || fail "sockspec list stacks"
code=0
"$moved/bin/sockspec" check --stack skeleton --targets "$project" > "$scratch/stack.txt" || code=$?
[ "$code" -eq 77 ] || fail "sockspec check --stack skeleton: $code"
for variant in $variants; do
  [ -x "$project/small-echo_$variant" ] || fail "small-echo_$variant was not built"
  case $variant in
  fuzzer) engine=libfuzzer ;;
  afl) engine=afl++ ;;
  esac
  # What it finds in this little server is not the point (1): that the campaign runs is.
  code=0
  "$moved/bin/sockspec" fuzz small-echo --targets "$project" --engine "$engine" --time 3s \
    --out "$scratch/campaign-$variant" > "$scratch/fuzz-$variant.txt" 2>&1 || code=$?
  if [ "$code" -gt 1 ]; then
    cat "$scratch/fuzz-$variant.txt"
    fail "sockspec fuzz --engine $engine: $code"
  fi
done
echo "ok"
