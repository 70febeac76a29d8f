# SPDX-License-Identifier: Apache-2.0
# How sockspec itself is built: options, warnings, one static library per folder of harness/.
include(GNUInstallDirs)
include(CheckCCompilerFlag)

option(SOCKSPEC_TARGETS "Build the reference and broken targets" ON)
option(SOCKSPEC_TESTS "Build the tests" ON)
option(SOCKSPEC_FUZZERS "Build a fuzzer for every linked target" ON)
option(SOCKSPEC_LIBFUZZER "… with libFuzzer, where clang is found" ON)
option(SOCKSPEC_AFL "… with AFL++, where it is installed" ON)
option(SOCKSPEC_WERROR "Treat warnings as errors" OFF)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

# Hundreds of executables are linked: with lld in a third of the time.
find_program(SOCKSPEC_LLD NAMES ld.lld)
mark_as_advanced(SOCKSPEC_LLD)
if(SOCKSPEC_LLD)
  add_link_options(-fuse-ld=lld)
endif()

# Assertions stay in, whatever the build type.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2")

add_library(sockspec_flags INTERFACE)
target_compile_options(sockspec_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  $<$<BOOL:${SOCKSPEC_WERROR}>:-Werror>)
target_compile_definitions(sockspec_flags INTERFACE _GNU_SOURCE)

# sockspec_module(NAME SOURCES … USES … LIBRARIES …)
# One folder of harness/: a static library sockspec_NAME that sees the folders in USES (and, through
# them, what they use). LIBRARIES are foreign ones.
function(sockspec_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_library(sockspec_${name} STATIC ${arg_SOURCES})
  target_include_directories(sockspec_${name} PUBLIC
    "${PROJECT_SOURCE_DIR}/harness" "${PROJECT_SOURCE_DIR}/harness/include")
  target_link_libraries(sockspec_${name} PRIVATE sockspec_flags)
  foreach(used IN LISTS arg_USES)
    target_link_libraries(sockspec_${name} PUBLIC sockspec_${used})
  endforeach()
  target_link_libraries(sockspec_${name} PUBLIC ${arg_LIBRARIES})
  # What libsockspec.a is made of.
  set_property(GLOBAL APPEND PROPERTY SOCKSPEC_MODULES sockspec_${name})
  set_property(GLOBAL APPEND PROPERTY SOCKSPEC_FOREIGN_LIBRARIES ${arg_LIBRARIES})
endfunction()

# sockspec_test(NAME SOURCES … MODULES … LABELS … ARGUMENTS …)
# One cmocka executable that links the named folders, run by ctest.
function(sockspec_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;MODULES;LABELS;ARGUMENTS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${name} PRIVATE sockspec_flags cmocka)
  foreach(module IN LISTS arg_MODULES)
    target_link_libraries(${name} PRIVATE sockspec_${module})
  endforeach()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  # A skipped test shows as skipped, never as passed, and a failed one always as failed.
  add_test(NAME ${name} COMMAND sh "${PROJECT_SOURCE_DIR}/harness/cmake/run_test.sh" $<TARGET_FILE:${name}>
    ${arg_ARGUMENTS})
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" SKIP_RETURN_CODE 77)
endfunction()

# sockspec_parser_fuzzer(NAME SOURCES … CODE … MODULES … LIBRARIES … SEED file LENGTH bytes)
# One libFuzzer executable over a parser of ours, and a short run of it from one seed as a test. CODE is what
# is compiled for it under sanitizers, relative to harness/; MODULES are linked as they are.
function(sockspec_parser_fuzzer name)
  cmake_parse_arguments(arg "" "SEED;LENGTH" "SOURCES;CODE;MODULES;LIBRARIES" ${ARGN})
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang" OR NOT SOCKSPEC_FUZZERS OR NOT SOCKSPEC_LIBFUZZER
     OR CMAKE_C_FLAGS MATCHES "-fsanitize|-fprofile")
    return()
  endif()
  _sockspec_clang(launcher available)
  if(NOT SOCKSPEC_HAS_LIBFUZZER)
    return()
  endif()
  list(TRANSFORM arg_CODE PREPEND "${PROJECT_SOURCE_DIR}/harness/")
  add_executable(${name} ${arg_SOURCES} ${arg_CODE})
  target_include_directories(${name} PRIVATE
    "${PROJECT_SOURCE_DIR}/harness" "${PROJECT_SOURCE_DIR}/harness/include")
  set(sanitizers -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined)
  target_compile_options(${name} PRIVATE ${sanitizers})
  target_link_options(${name} PRIVATE ${sanitizers})
  target_link_libraries(${name} PRIVATE sockspec_flags)
  foreach(module IN LISTS arg_MODULES)
    target_link_libraries(${name} PRIVATE sockspec_${module})
  endforeach()
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  set(dictionary "")
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${name}.dict")
    set(dictionary "-dict=${CMAKE_CURRENT_SOURCE_DIR}/${name}.dict")
  endif()
  # The seed is named as a file: the run writes into no folder, so that each one is the same.
  add_test(NAME ${name} COMMAND ${name} -runs=20000 -seed=1 -verbosity=0 "-max_len=${arg_LENGTH}" ${dictionary}
    "-artifact_prefix=${CMAKE_CURRENT_BINARY_DIR}/${name}-" "-seed_inputs=${arg_SEED}")
  set_tests_properties(${name} PROPERTIES LABELS fuzz)
endfunction()

# Our own targets all stand in one folder, where the command looks for them.
set(SOCKSPEC_TARGET_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/targets")
include("${CMAKE_CURRENT_LIST_DIR}/SockspecTarget.cmake")
