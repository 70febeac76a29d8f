# SPDX-License-Identifier: Apache-2.0
# The tracer, with a program that acts short plays: linked both ways, as one that carries its libc
# along makes its calls elsewhere.
find_package(Threads REQUIRED)
set(tracer_actor programs/actor.c)
set(tracer_actor_static programs/actor.c)
set(tracer_caller programs/caller.c)
foreach(name IN ITEMS tracer_actor tracer_actor_static tracer_caller)
  add_executable(${name} ${${name}})
  target_link_libraries(${name} PRIVATE sockspec_flags Threads::Threads)
  # Judged, not tested: LeakSanitizer refuses to run under a tracer, and no run time of it is static.
  target_compile_options(${name} PRIVATE -fno-sanitize=all)
  target_link_options(${name} PRIVATE -fno-sanitize=all)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
endforeach()
target_link_options(tracer_actor_static PRIVATE -static)
foreach(name IN ITEMS test_tracer test_tracer_calls test_tracer_faults)
  sockspec_test(${name} SOURCES ${name}.c MODULES linux LABELS live)
  add_dependencies(${name} tracer_actor tracer_actor_static tracer_caller)
  target_compile_definitions(${name} PRIVATE "CALLER=\"$<TARGET_FILE:tracer_caller>\""
    "ACTOR=\"$<TARGET_FILE:tracer_actor>\"" "ACTOR_STATIC=\"$<TARGET_FILE:tracer_actor_static>\"")
endforeach()
