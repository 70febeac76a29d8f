# SPDX-License-Identifier: Apache-2.0
# sockspec_add_target: from a program's sources to the program, its conformance check and its fuzzers. Included by
# sockspec's own build and by find_package(sockspec).

set(_SOCKSPEC_SCRIPTS "${CMAKE_CURRENT_LIST_DIR}")
if(EXISTS "${CMAKE_CURRENT_LIST_DIR}/symbols.def")
  set(_SOCKSPEC_SYMBOLS "${CMAKE_CURRENT_LIST_DIR}/symbols.def")
else()
  set(_SOCKSPEC_SYMBOLS "${CMAKE_CURRENT_LIST_DIR}/../redirect/symbols.def")
endif()
if(NOT DEFINED SOCKSPEC_INCLUDE_DIR)
  set(SOCKSPEC_INCLUDE_DIR "${CMAKE_CURRENT_LIST_DIR}/../include")
endif()

# Where AFL++ keeps the driver and the runtime that n_afl is linked with.
set(SOCKSPEC_AFL_DIR "/usr/lib/afl" CACHE PATH "Folder of libAFLDriver.a and afl-compiler-rt.o")
# GNU's tools, whatever the compiler: LLVM's objcopy looks at symbols before it renames them.
find_program(SOCKSPEC_LD NAMES ld.bfd ld REQUIRED)
find_program(SOCKSPEC_NM NAMES nm REQUIRED)
find_program(SOCKSPEC_OBJCOPY NAMES objcopy REQUIRED)
find_program(SOCKSPEC_CLANG NAMES clang clang-14 clang-15 clang-16 clang-17 clang-18 clang-19)
mark_as_advanced(SOCKSPEC_LD SOCKSPEC_NM SOCKSPEC_OBJCOPY SOCKSPEC_CLANG)

# The C library's own parts are linked as they are: their calls are the ones that we redirect to.
set(_SOCKSPEC_SYSTEM_LIBRARIES c m pthread dl rt resolv util atomic gcc gcc_s)
# A shared library with any of these undefined would reach the real kernel behind our back.
set(_SOCKSPEC_SOCKET_CALLS socket socketpair bind listen accept accept4 connect shutdown send sendto sendmsg
  sendmmsg recv recvfrom recvmsg recvmmsg poll ppoll select pselect epoll_create epoll_create1 epoll_ctl epoll_wait
  epoll_pwait __poll_chk __recv_chk __recvfrom_chk)

# A library of ours by name, whether from this build or from the installed package; empty when there is none.
function(_sockspec_resolve ret_target name)
  set(found "")
  foreach(candidate "${name}" "sockspec::${name}")
    if(TARGET ${candidate})
      set(found ${candidate})
    endif()
  endforeach()
  set(${ret_target} "${found}" PARENT_SCOPE)
endfunction()

function(_sockspec_refuse_shared name library)
  execute_process(COMMAND "${SOCKSPEC_NM}" -D --undefined-only "${library}" OUTPUT_VARIABLE symbols
    ERROR_QUIET RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "sockspec_add_target(${name}): cannot read ${library}")
  endif()
  set(calls "")
  foreach(call IN LISTS _SOCKSPEC_SOCKET_CALLS)
    if(symbols MATCHES " U ${call}(@[^\n]*)?\n")
      list(APPEND calls ${call})
    endif()
  endforeach()
  if(calls)
    list(JOIN calls ", " calls)
    message(FATAL_ERROR "sockspec_add_target(${name}): the shared library ${library} calls ${calls}; those calls "
      "would escape to the real kernel. Link its static form (lib….a), or judge the program with "
      "`sockspec check -- COMMAND`.")
  endif()
endfunction()

# Sorts LIBRARIES into static ones (part of the target's image) and those of the final link.
function(_sockspec_libraries name ret_archives ret_links)
  set(archives "")
  set(links "")
  foreach(library IN LISTS ARGN)
    set(more_archives "")
    set(more_links "")
    if(TARGET ${library})
      _sockspec_library_target(${name} ${library} more_archives more_links)
    elseif(library MATCHES "\\.a$")
      set(more_archives "${library}")
    elseif(library MATCHES "\\.so(\\.[0-9]+)*$")
      _sockspec_refuse_shared(${name} "${library}")
      set(more_links "${library}")
    else()
      _sockspec_library_name(${name} ${library} more_archives more_links)
    endif()
    list(APPEND archives ${more_archives})
    list(APPEND links ${more_links})
  endforeach()
  set(${ret_archives} "${archives}" PARENT_SCOPE)
  set(${ret_links} "${links}" PARENT_SCOPE)
endfunction()

function(_sockspec_library_target name library ret_archives ret_links)
  get_target_property(type ${library} TYPE)
  get_target_property(used ${library} INTERFACE_LINK_LIBRARIES)
  get_target_property(imported ${library} IMPORTED)
  set(archives "")
  set(links "")
  if(type STREQUAL "STATIC_LIBRARY")
    set(archives "$<TARGET_FILE:${library}>")
  elseif(type MATCHES "SHARED_LIBRARY|UNKNOWN_LIBRARY" AND imported)
    get_target_property(location ${library} LOCATION)
    if(location MATCHES "\\.a$")
      set(archives "${location}")
    else()
      _sockspec_refuse_shared(${name} "${location}")
      set(links "${library}")
    endif()
  elseif(NOT type STREQUAL "INTERFACE_LIBRARY")
    message(FATAL_ERROR "sockspec_add_target(${name}): ${library} is a ${type}; make it a static library")
  endif()
  if(used)
    string(REGEX REPLACE "\\$<LINK_ONLY:([^>]*)>" "\\1" used "${used}")
    _sockspec_libraries(${name} used_archives used_links ${used})
    list(APPEND archives ${used_archives})
    list(APPEND links ${used_links})
  endif()
  set(${ret_archives} "${archives}" PARENT_SCOPE)
  set(${ret_links} "${links}" PARENT_SCOPE)
endfunction()

# The static form is preferred: only that can be put back between runs.
function(_sockspec_library_name name library ret_archives ret_links)
  string(REGEX REPLACE "^-l" "" short "${library}")
  set(${ret_archives} "" PARENT_SCOPE)
  set(${ret_links} "" PARENT_SCOPE)
  if(library MATCHES "^-[^l]" OR short IN_LIST _SOCKSPEC_SYSTEM_LIBRARIES)
    set(${ret_links} "${library}" PARENT_SCOPE)
    return()
  endif()
  find_library(_sockspec_static_${short} NAMES "lib${short}.a")
  find_library(_sockspec_shared_${short} NAMES "${short}")
  mark_as_advanced(_sockspec_static_${short} _sockspec_shared_${short})
  if(_sockspec_static_${short})
    set(${ret_archives} "${_sockspec_static_${short}}" PARENT_SCOPE)
  elseif(_sockspec_shared_${short})
    _sockspec_refuse_shared(${name} "${_sockspec_shared_${short}}")
    set(${ret_links} "${_sockspec_shared_${short}}" PARENT_SCOPE)
  else()
    message(FATAL_ERROR "sockspec_add_target(${name}): library ${library} was not found")
  endif()
endfunction()

# The command in front of another compiler's command lines; empty where the build's own compiler is clang.
function(_sockspec_clang ret_launcher ret_available)
  set(${ret_launcher} "" PARENT_SCOPE)
  set(${ret_available} FALSE PARENT_SCOPE)
  if(CMAKE_C_COMPILER_ID MATCHES "Clang")
    set(clang "${CMAKE_C_COMPILER}")
  elseif(SOCKSPEC_CLANG AND NOT CMAKE_C_FLAGS MATCHES "-fsanitize")
    set(clang "${SOCKSPEC_CLANG}")
    set(${ret_launcher} "${_SOCKSPEC_SCRIPTS}/with_compiler.sh;${SOCKSPEC_CLANG}" PARENT_SCOPE)
  else()
    return()
  endif()
  if(NOT DEFINED CACHE{SOCKSPEC_HAS_LIBFUZZER})
    set(probe "${CMAKE_BINARY_DIR}/CMakeFiles/sockspec_fuzzer_probe")
    file(WRITE "${probe}.c" "int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n);\n"
      "int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return d == 0 && n == 1; }\n")
    execute_process(COMMAND "${clang}" -fsanitize=fuzzer,address "${probe}.c" -o "${probe}"
      RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    if(failed)
      set(SOCKSPEC_HAS_LIBFUZZER FALSE CACHE INTERNAL "clang links libFuzzer and AddressSanitizer")
    else()
      set(SOCKSPEC_HAS_LIBFUZZER TRUE CACHE INTERNAL "clang links libFuzzer and AddressSanitizer")
    endif()
  endif()
  set(${ret_available} TRUE PARENT_SCOPE)
endfunction()

# The target's objects, compiled for one use: NAME_VARIANT_objects.
function(_sockspec_objects name variant launcher)
  set(objects "${name}_${variant}_objects")
  add_library(${objects} OBJECT EXCLUDE_FROM_ALL ${arg_SOURCES})
  target_compile_definitions(${objects} PRIVATE ${arg_DEFINITIONS})
  target_include_directories(${objects} PRIVATE ${arg_INCLUDES})
  target_compile_options(${objects} PRIVATE ${arg_OPTIONS} ${ARGN})
  foreach(library IN LISTS arg_LIBRARIES)
    if(TARGET ${library})
      target_link_libraries(${objects} PRIVATE ${library})
    endif()
  endforeach()
  set_target_properties(${objects} PROPERTIES C_COMPILER_LAUNCHER "${launcher}")
  if(NOT variant STREQUAL "check")
    # Sources may be generated: with make, only one target at a time may generate them.
    add_dependencies(${objects} ${name}_check_objects)
  endif()
endfunction()

# All object files of a target: its own, and those that it takes from its BASE.
function(_sockspec_target_objects name variant ret_targets ret_files)
  get_property(base GLOBAL PROPERTY SOCKSPEC_${name}_BASE)
  set(targets "${name}_${variant}_objects")
  set(files "$<TARGET_OBJECTS:${targets}>")
  if(base)
    get_property(replaced GLOBAL PROPERTY SOCKSPEC_${name}_REPLACES)
    list(APPEND targets "${base}_${variant}_objects")
    set(base_files "$<TARGET_OBJECTS:${base}_${variant}_objects>")
    foreach(source IN LISTS replaced)
      string(REGEX REPLACE "([][+.*()^])" "\\\\\\1" pattern "${source}")
      set(base_files "$<FILTER:${base_files},EXCLUDE,/${pattern}\\.o$>")
    endforeach()
    list(APPEND files "${base_files}")
  endif()
  set(${ret_targets} "${targets}" PARENT_SCOPE)
  set(${ret_files} "${files}" PARENT_SCOPE)
endfunction()

# What prepare_target.sh needs for a slot and is the same for every target: marks at both ends of thread-local
# storage (the linker names sections, but not those), the linker's script, the list of renames.
function(_sockspec_slot slot)
  if(TARGET sockspec_slot${slot}_begin)
    return()
  endif()
  set(folder "${CMAKE_BINARY_DIR}/sockspec")
  foreach(end begin end)
    set(t "sockspec_target${slot}_tls")
    file(CONFIGURE OUTPUT "${folder}/slot${slot}_${end}.c" @ONLY CONTENT
"_Thread_local char ${t}_data_${end}[16] __attribute__((aligned(16))) = {1};
_Thread_local char ${t}_zero_${end}[16] __attribute__((aligned(16)));
")
    add_library(sockspec_slot${slot}_${end} OBJECT EXCLUDE_FROM_ALL "${folder}/slot${slot}_${end}.c")
    set_target_properties(sockspec_slot${slot}_${end} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  endforeach()
  set(SLOT ${slot})
  configure_file("${_SOCKSPEC_SCRIPTS}/target.ld.in" "${folder}/slot${slot}.ld" @ONLY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${_SOCKSPEC_SYMBOLS}")
  file(STRINGS "${_SOCKSPEC_SYMBOLS}" entries REGEX "^REDIRECT")
  list(TRANSFORM entries REPLACE "^REDIRECT(_HIDDEN)?\\((.*)\\)$" "\\2 sockspec_call_\\2")
  list(TRANSFORM entries REPLACE "^REDIRECT_ALIAS\\((.*), (.*)\\)$" "\\1 sockspec_call_\\2")
  list(TRANSFORM entries REPLACE "^REDIRECT_DATA\\((.*)\\)$" "\\1 sockspec_call_\\1${slot}")
  list(JOIN entries "\n" entries)
  file(CONFIGURE OUTPUT "${folder}/slot${slot}.renames" CONTENT "${entries}\n" @ONLY)
endfunction()

# One object of the target's objects and static libraries, for a slot of executable `exe`.
function(_sockspec_prepare exe name variant slot ret_object)
  _sockspec_slot(${slot})
  _sockspec_target_objects(${name} ${variant} targets objects)
  get_property(archives GLOBAL PROPERTY SOCKSPEC_${name}_ARCHIVES)
  set(common "${CMAKE_BINARY_DIR}/sockspec/slot${slot}")
  set(marks "$<TARGET_OBJECTS:sockspec_slot${slot}_begin>" "$<TARGET_OBJECTS:sockspec_slot${slot}_end>")
  set(output "${CMAKE_CURRENT_BINARY_DIR}/sockspec/${exe}.${slot}.o")
  file(MAKE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/sockspec")
  add_custom_command(OUTPUT "${output}"
    COMMAND sh "${_SOCKSPEC_SCRIPTS}/prepare_target.sh" "${SOCKSPEC_LD}" "${SOCKSPEC_NM}" "${SOCKSPEC_OBJCOPY}"
      "${name}" ${slot} "${common}" "${output}" ${marks} "${objects}" ${archives}
    DEPENDS sockspec_slot${slot}_begin sockspec_slot${slot}_end ${targets} ${marks} "${objects}" ${archives}
      "${common}.ld" "${common}.renames" "${_SOCKSPEC_SCRIPTS}/prepare_target.sh"
    COMMENT "Preparing target ${name} for ${exe}" COMMAND_EXPAND_LISTS VERBATIM)
  set(${ret_object} "${output}" PARENT_SCOPE)
endfunction()

# A C string literal.
function(_sockspec_literal ret_text value)
  string(REPLACE "\\" "\\\\" value "${value}")
  string(REPLACE "\"" "\\\"" value "${value}")
  set(${ret_text} "\"${value}\"" PARENT_SCOPE)
endfunction()

# The C definition of one struct sockspec_program and what it names.
function(_sockspec_describe ret_text name slot symbol peer)
  foreach(field ROLE PROFILE MANIFEST BROKEN ARGS)
    get_property(${field} GLOBAL PROPERTY SOCKSPEC_${name}_${field})
  endforeach()
  foreach(field PROFILE MANIFEST)
    set(${field}_literal "NULL")
    if(${field})
      _sockspec_literal(${field}_literal "${${field}}")
    endif()
  endforeach()
  set(arguments "")
  list(LENGTH ARGS argc)
  foreach(argument IN LISTS ARGS)
    _sockspec_literal(literal "${argument}")
    string(APPEND arguments "${literal}, ")
  endforeach()
  set(broken "false")
  if(BROKEN)
    set(broken "true")
  endif()
  set(t "sockspec_target${slot}")
  set(text "
int ${t}_main(int argc, char **argv, char **environment);
extern const char __start_sockspec_text${slot}[] __attribute__((visibility(\"hidden\")));
extern const char __stop_sockspec_text${slot}[] __attribute__((visibility(\"hidden\")));
extern char __start_sockspec_data${slot}[] __attribute__((weak, visibility(\"hidden\")));
extern char __stop_sockspec_data${slot}[] __attribute__((weak, visibility(\"hidden\")));
extern char __start_sockspec_bss${slot}[] __attribute__((weak, visibility(\"hidden\")));
extern char __stop_sockspec_bss${slot}[] __attribute__((weak, visibility(\"hidden\")));
extern _Thread_local char ${t}_tls_data_begin[], ${t}_tls_data_end[];
extern _Thread_local char ${t}_tls_zero_begin[], ${t}_tls_zero_end[];

static void tls${slot}(struct sockspec_program_tls *ret_bounds)
{
    *ret_bounds = (struct sockspec_program_tls){${t}_tls_data_begin + 16, ${t}_tls_data_end,
                                                ${t}_tls_zero_begin + 16, ${t}_tls_zero_end};
}

static const char *const arguments${slot}[] = {${arguments}NULL};

${symbol} = {
    .name = \"${name}\",
    .role = \"${ROLE}\",
    .profile = ${PROFILE_literal},
    .manifest = ${MANIFEST_literal},
    .broken = ${broken},
    .argc = ${argc},
    .argv = arguments${slot},
    .slot = ${slot},
    .main = ${t}_main,
    .text = __start_sockspec_text${slot},
    .text_end = __stop_sockspec_text${slot},
    .data = __start_sockspec_data${slot},
    .data_end = __stop_sockspec_data${slot},
    .zero = __start_sockspec_bss${slot},
    .zero_end = __stop_sockspec_bss${slot},
    .tls = tls${slot},
    .peer = ${peer},
};
")
  set(${ret_text} "${text}" PARENT_SCOPE)
endfunction()

# The compiled description of target `name` (with `peer` in pair mode), the same for every executable that runs it.
function(_sockspec_description name peer ret_object)
  set(library "${name}_program")
  if(peer)
    set(library "${name}+${peer}_program")
  endif()
  set(${ret_object} "$<TARGET_OBJECTS:${library}>" PARENT_SCOPE)
  if(TARGET ${library})
    return()
  endif()
  set(text "/* Generated by sockspec_add_target. */\n#include <stddef.h>\n\n#include <sockspec/program.h>\n")
  set(peer_pointer "NULL")
  if(peer)
    _sockspec_describe(part ${peer} 1 "static const struct sockspec_program peer" "NULL")
    string(APPEND text "${part}")
    set(peer_pointer "&peer")
  endif()
  _sockspec_describe(part ${name} 0 "const struct sockspec_program sockspec_target_program" "${peer_pointer}")
  string(APPEND text "${part}")
  set(description "${CMAKE_CURRENT_BINARY_DIR}/sockspec/${library}.c")
  file(CONFIGURE OUTPUT "${description}" CONTENT "${text}" @ONLY)
  add_library(${library} OBJECT EXCLUDE_FROM_ALL "${description}")
  target_include_directories(${library} PRIVATE "${SOCKSPEC_INCLUDE_DIR}")
endfunction()

# An executable `exe` that holds target `name` (and, in pair mode, `peer`), compiled as `variant`, and the
# description sockspec_target_program. The caller links the rest: a main and our libraries.
function(_sockspec_executable exe name peer variant)
  _sockspec_description(${name} "${peer}" description)
  _sockspec_prepare(${exe} ${name} ${variant} 0 objects)
  if(peer)
    _sockspec_prepare(${exe} ${peer} ${variant} 1 object)
    list(APPEND objects "${object}")
  endif()
  add_executable(${exe} ${description} ${objects})
  set_target_properties(${exe} PROPERTIES LINKER_LANGUAGE C)
  foreach(linked ${name} ${peer})
    get_property(links GLOBAL PROPERTY SOCKSPEC_${linked}_LINKS)
    target_link_libraries(${exe} PRIVATE ${links})
  endforeach()
  _sockspec_place(${exe})
endfunction()

# Executables go to the calling project's binary folder, ours to one place.
function(_sockspec_place exe)
  set(folder "${CMAKE_CURRENT_BINARY_DIR}")
  if(DEFINED SOCKSPEC_TARGET_OUTPUT_DIRECTORY)
    set(folder "${SOCKSPEC_TARGET_OUTPUT_DIRECTORY}")
  endif()
  set_target_properties(${exe} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${folder}")
endfunction()

# What `sockspec list targets` reads, beside NAME_check.
function(_sockspec_inform name exe)
  foreach(field ROLE PROFILE MANIFEST BROKEN ARGS)
    get_property(${field} GLOBAL PROPERTY SOCKSPEC_${name}_${field})
  endforeach()
  set(broken "no")
  if(BROKEN)
    set(broken "yes")
  endif()
  # The plain program is started with these in the live world.
  set(arguments "")
  foreach(argument IN LISTS ARGS)
    string(APPEND arguments "argument = ${argument}\n")
  endforeach()
  set(role "${ROLE}")
  if(ARGC GREATER 2 AND NOT ARGV2 STREQUAL "")
    set(role "pair")
  endif()
  string(REGEX REPLACE "_check$" "" shown "${exe}")
  file(GENERATE OUTPUT "$<TARGET_FILE_DIR:${exe}>/${shown}.target.ini" CONTENT
"name = ${shown}
role = ${role}
profile = ${PROFILE}
broken = ${broken}
manifest = ${MANIFEST}
${arguments}")
endfunction()

function(_sockspec_check name target peer)
  _sockspec_resolve(main sockspec_check_main)
  _sockspec_resolve(redirect sockspec_redirect)
  if(NOT main)
    return()
  endif()
  _sockspec_executable(${name}_check ${target} "${peer}" check)
  target_link_libraries(${name}_check PRIVATE ${main} ${redirect})
  _sockspec_inform(${target} ${name}_check "${peer}")
  # A target that breaks a rule on purpose is looked at by the test broken.own-rule: some rules are only a WARN.
  get_property(broken GLOBAL PROPERTY SOCKSPEC_${target}_BROKEN)
  if(NOT broken)
    add_test(NAME ${name}.conformance COMMAND ${name}_check)
    set_tests_properties(${name}.conformance PROPERTIES LABELS model SKIP_RETURN_CODE 77)
  endif()
endfunction()

function(_sockspec_fuzzers name target peer launcher)
  foreach(option SOCKSPEC_FUZZERS SOCKSPEC_LIBFUZZER SOCKSPEC_AFL)
    if(NOT DEFINED ${option})
      set(${option} ON)
    endif()
  endforeach()
  if(NOT SOCKSPEC_FUZZERS)
    return()
  endif()
  _sockspec_resolve(redirect sockspec_redirect)
  _sockspec_resolve(libfuzzer sockspec_fuzz_libfuzzer)
  _sockspec_resolve(afl sockspec_fuzz_afl)
  if(SOCKSPEC_LIBFUZZER AND libfuzzer AND SOCKSPEC_HAS_LIBFUZZER)
    _sockspec_executable(${name}_fuzzer ${target} "${peer}" fuzzer)
    target_link_libraries(${name}_fuzzer PRIVATE ${libfuzzer} ${redirect})
    target_link_options(${name}_fuzzer PRIVATE -fsanitize=fuzzer,address)
    set_target_properties(${name}_fuzzer PROPERTIES C_LINKER_LAUNCHER "${launcher}")
  endif()
  if(SOCKSPEC_AFL AND afl AND EXISTS "${SOCKSPEC_AFL_DIR}/libAFLDriver.a" AND EXISTS "${SOCKSPEC_AFL_DIR}/afl-compiler-rt.o")
    _sockspec_executable(${name}_afl ${target} "${peer}" afl)
    # The runtime as an object: in a list of libraries CMake may repeat it, as it does where LIBRARIES has pthread.
    target_sources(${name}_afl PRIVATE "${SOCKSPEC_AFL_DIR}/afl-compiler-rt.o")
    target_link_libraries(${name}_afl PRIVATE "${SOCKSPEC_AFL_DIR}/libAFLDriver.a" ${afl} ${redirect} dl pthread)
    set_target_properties(${name}_afl PROPERTIES C_LINKER_LAUNCHER "${launcher}")
    if(DEFINED SOCKSPEC_AFL_MUTATOR)
      # `sockspec fuzz` looks for the mutator beside the fuzzer.
      add_custom_command(TARGET ${name}_afl POST_BUILD VERBATIM
        COMMAND "${CMAKE_COMMAND}" -E copy_if_different "${SOCKSPEC_AFL_MUTATOR}" "$<TARGET_FILE_DIR:${name}_afl>")
    endif()
  endif()
endfunction()

# The plain program and the objects of the variants, with all that is known of the target. Sets `available` in the
# caller: whether there are objects for fuzzers; `launcher`: how they are linked.
function(_sockspec_declare)
  cmake_parse_arguments(PARSE_ARGV 0 arg "BROKEN" "NAME;ROLE;PROFILE;MANIFEST;PEER;BASE"
    "SOURCES;LIBRARIES;DEFINITIONS;INCLUDES;OPTIONS;ARGS;REPLACES")
  if(NOT arg_NAME OR NOT arg_SOURCES OR NOT arg_ROLE MATCHES "^(server|client)$")
    message(FATAL_ERROR "sockspec_add_target: NAME, SOURCES and ROLE server|client are needed")
  endif()
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "sockspec_add_target(${arg_NAME}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  # Its library makes threads, and calls constructors, where we do not see it.
  set(cxx ${arg_SOURCES})
  list(FILTER cxx INCLUDE REGEX "\\.(C|cc|cp|cpp|cxx|c\\+\\+|CPP|mm?)$")
  if(cxx)
    message(FATAL_ERROR "sockspec_add_target(${arg_NAME}): ${cxx}: only C can be linked to the model; judge the "
      "program as a process, with `sockspec check -- COMMAND`.")
  endif()
  if(arg_MANIFEST)
    get_filename_component(arg_MANIFEST "${arg_MANIFEST}" ABSOLUTE)
  endif()
  _sockspec_libraries(${arg_NAME} archives links ${arg_LIBRARIES})
  set_property(GLOBAL PROPERTY SOCKSPEC_${arg_NAME}_ARCHIVES "${archives}")
  set_property(GLOBAL PROPERTY SOCKSPEC_${arg_NAME}_LINKS "${links}")
  foreach(field ROLE PROFILE MANIFEST BROKEN ARGS BASE REPLACES)
    set_property(GLOBAL PROPERTY SOCKSPEC_${arg_NAME}_${field} "${arg_${field}}")
  endforeach()

  # The plain program and n_check are made of the same object files.
  _sockspec_objects(${arg_NAME} check "")
  _sockspec_target_objects(${arg_NAME} check object_targets objects)
  add_executable(${arg_NAME} ${objects})
  add_dependencies(${arg_NAME} ${object_targets})
  set_target_properties(${arg_NAME} PROPERTIES LINKER_LANGUAGE C)
  target_link_libraries(${arg_NAME} PRIVATE ${arg_LIBRARIES})
  _sockspec_place(${arg_NAME})

  _sockspec_clang(launcher available)
  if(available)
    # The mutator changes steps, not bytes that the program compares: comparisons need not be traced.
    _sockspec_objects(${arg_NAME} fuzzer "${launcher}" -O1 -g1 -fno-omit-frame-pointer
      -fsanitize=fuzzer-no-link,address -fno-sanitize-coverage=trace-cmp)
    _sockspec_objects(${arg_NAME} afl "${launcher}" -O2 -g1 -fsanitize-coverage=trace-pc-guard)
  endif()
  set(available ${available} PARENT_SCOPE)
  set(launcher "${launcher}" PARENT_SCOPE)
endfunction()

# sockspec_add_target(NAME n ROLE server|client SOURCES … [LIBRARIES …] [DEFINITIONS …] [INCLUDES …] [OPTIONS …]
#                     [PROFILE p] [ARGS …] [MANIFEST target.ini] [BROKEN] [PEER client]
#                     [BASE target [REPLACES …]])
# Makes n (the plain program), n_check (the conformance suite on it), n_fuzzer (libFuzzer, where clang has it),
# n_afl (AFL++, where installed) and the test n.conformance. ARGS are the program's arguments with {port} and
# {host} unfilled. PEER names another target, a client: then n_check and the fuzzers run both programs against
# each other. BASE names a target with the same DEFINITIONS and OPTIONS whose object files are used too, all but
# those of the sources that REPLACES names (as BASE named them): a program that differs in one file compiles one.
function(sockspec_add_target)
  cmake_parse_arguments(arg "" "NAME;PEER" "" ${ARGN})
  # Not ${ARGN}, which has no empty arguments: ARGS may.
  set(arguments "")
  foreach(argument RANGE 1 ${ARGC})
    math(EXPR argument "${argument} - 1")
    string(APPEND arguments " [==[${ARGV${argument}}]==]")
  endforeach()
  cmake_language(EVAL CODE "_sockspec_declare(${arguments})")
  _sockspec_check(${arg_NAME} ${arg_NAME} "${arg_PEER}")
  if(available)
    _sockspec_fuzzers(${arg_NAME} ${arg_NAME} "${arg_PEER}" "${launcher}")
  endif()
endfunction()

# sockspec_add_pair(NAME n SERVER s CLIENT c)
# Two targets that stand already, against each other: n_check, n_fuzzer, n_afl and the test n.conformance.
function(sockspec_add_pair)
  cmake_parse_arguments(arg "" "NAME;SERVER;CLIENT" "" ${ARGN})
  if(NOT arg_NAME OR NOT TARGET "${arg_SERVER}" OR NOT TARGET "${arg_CLIENT}")
    message(FATAL_ERROR "sockspec_add_pair: NAME and two targets, SERVER and CLIENT, are needed")
  endif()
  _sockspec_check(${arg_NAME} ${arg_SERVER} ${arg_CLIENT})
  _sockspec_clang(launcher available)
  if(available)
    _sockspec_fuzzers(${arg_NAME} ${arg_SERVER} ${arg_CLIENT} "${launcher}")
  endif()
endfunction()

# sockspec_add_stack(NAME n SOURCES … [LIBRARIES …] [DEFINITIONS …] [INCLUDES …] [OPTIONS …] [MANIFEST target.ini])
# Makes n_stack, which `sockspec check --stack n` judges, from an adapter: sources that define the struct
# sockspec_stack of sockspec/stack.h. What they define stands in for functions of shared libraries, such as a clock.
# MANIFEST, of role stack, lists known failures.
function(sockspec_add_stack)
  cmake_parse_arguments(arg "" "NAME;MANIFEST" "SOURCES;LIBRARIES;DEFINITIONS;INCLUDES;OPTIONS" ${ARGN})
  if(NOT arg_NAME OR NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "sockspec_add_stack: NAME and SOURCES are needed; unknown: '${arg_UNPARSED_ARGUMENTS}'")
  endif()
  _sockspec_resolve(main sockspec_stack_main)
  add_executable(${arg_NAME}_stack ${arg_SOURCES})
  target_compile_definitions(${arg_NAME}_stack PRIVATE ${arg_DEFINITIONS})
  target_include_directories(${arg_NAME}_stack PRIVATE "${SOCKSPEC_INCLUDE_DIR}" ${arg_INCLUDES})
  target_compile_options(${arg_NAME}_stack PRIVATE ${arg_OPTIONS})
  target_link_libraries(${arg_NAME}_stack PRIVATE ${main} ${arg_LIBRARIES})
  set_target_properties(${arg_NAME}_stack PROPERTIES ENABLE_EXPORTS ON)
  _sockspec_place(${arg_NAME}_stack)
  if(arg_MANIFEST)
    get_filename_component(arg_MANIFEST "${arg_MANIFEST}" ABSOLUTE)
    file(GENERATE OUTPUT "$<TARGET_FILE_DIR:${arg_NAME}_stack>/${arg_NAME}.stack.ini"
      CONTENT "manifest = ${arg_MANIFEST}\n")
  endif()
endfunction()
