# SPDX-License-Identifier: Apache-2.0
# Targets from folders: what a target.ini says is read here, so that it stands in one place.

# sockspec_ini_value(FILE KEY OUT): the value of KEY in an INI file, empty when it is not there.
function(sockspec_ini_value file key out)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  file(STRINGS "${file}" lines REGEX "^${key} *=")
  set(value "")
  if(lines)
    list(GET lines 0 line)
    string(REGEX REPLACE "^${key} *= *" "" value "${line}")
  endif()
  set(${out} "${value}" PARENT_SCOPE)
endfunction()

# sockspec_folder_target(FOLDER INCLUDE SOURCES LIBRARIES [BROKEN …])
# The target that FOLDER/target.ini describes, named after the folder; INCLUDE is where its headers
# are found from. What follows is handed to sockspec_add_target; where there is no such function, only
# the plain program is built.
function(sockspec_folder_target folder include sources libraries)
  get_filename_component(name "${folder}" NAME)
  foreach(key role profile args)
    sockspec_ini_value("${folder}/target.ini" ${key} ${key})
  endforeach()
  separate_arguments(args UNIX_COMMAND "${args}")
  if(COMMAND sockspec_add_target)
    # The definition is what glibc wants before it declares accept4(), ppoll() and memmem().
    sockspec_add_target(NAME ${name} ROLE ${role} PROFILE ${profile} ARGS ${args}
      MANIFEST "${folder}/target.ini" SOURCES ${sources} LIBRARIES ${libraries}
      INCLUDES ${include} DEFINITIONS _GNU_SOURCE
      OPTIONS $<TARGET_PROPERTY:sockspec_flags,INTERFACE_COMPILE_OPTIONS> ${ARGN})
  else()
    add_executable(${name} ${sources})
    target_include_directories(${name} PRIVATE ${include})
    target_link_libraries(${name} PRIVATE sockspec_flags ${libraries})
  endif()
endfunction()

# sockspec_process_inform(FOLDER [BROKEN])
# Writes the NAME.target.ini that the command finds a program by. One without a NAME_check beside it means: run the
# program NAME, in the live world, with the `args` of its manifest.
function(sockspec_process_inform folder)
  get_filename_component(name "${folder}" NAME)
  foreach(key role profile)
    sockspec_ini_value("${folder}/target.ini" ${key} ${key})
  endforeach()
  set(broken no)
  if("BROKEN" IN_LIST ARGN)
    set(broken yes)
  endif()
  file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/targets/${name}.target.ini" CONTENT
"name = ${name}
role = ${role}
profile = ${profile}
broken = ${broken}
manifest = ${folder}/target.ini
")
endfunction()

# sockspec_process_target(FOLDER INCLUDE SOURCES [BROKEN])
# For a program that the model cannot hold, since it needs processes or threads: the plain program only.
function(sockspec_process_target folder include sources)
  get_filename_component(name "${folder}" NAME)
  find_package(Threads REQUIRED)
  add_executable(${name} ${sources})
  target_include_directories(${name} PRIVATE ${include})
  target_link_libraries(${name} PRIVATE sockspec_flags Threads::Threads)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/targets")
  sockspec_process_inform("${folder}" ${ARGN})
endfunction()

# sockspec_broken_target(NAME [PROCESS])
# broken/NAME: the reference program that its target.ini names as base, with mistake.patch applied to a copy of
# the files that the patch names. The other files are those of the base, and so are their object files, unless
# the patch changes a header. A patch that does not apply cleanly is an error. PROCESS: the plain program only.
function(sockspec_broken_target name)
  set(folder "${CMAKE_CURRENT_SOURCE_DIR}/${name}")
  set(reference "${PROJECT_SOURCE_DIR}/targets/reference")
  set(copy "${CMAKE_CURRENT_BINARY_DIR}/${name}")
  sockspec_ini_value("${folder}/target.ini" base base)
  if(NOT ${base}_SOURCES)
    message(FATAL_ERROR "targets/broken/${name}/target.ini: base '${base}' is no reference target")
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${folder}/mistake.patch")
  file(STRINGS "${folder}/mistake.patch" changed REGEX "^\\+\\+\\+ b/")
  list(TRANSFORM changed REPLACE "^\\+\\+\\+ b/([^\t]*).*$" "\\1")
  set(sharing BASE ${base} REPLACES ${changed})
  if(changed MATCHES "\\.h(;|$)")
    set(changed ${${base}_SOURCES})
    set(sharing "")
  endif()
  set(originals ${changed})
  set(copies ${changed})
  list(TRANSFORM originals PREPEND "${reference}/")
  list(TRANSFORM copies PREPEND "${copy}/")
  set(copy_commands "")
  foreach(source IN LISTS changed)
    list(APPEND copy_commands
      COMMAND "${CMAKE_COMMAND}" -E copy "${reference}/${source}" "${copy}/${source}")
  endforeach()
  add_custom_command(
    OUTPUT ${copies}
    ${copy_commands}
    COMMAND "${SOCKSPEC_PATCH}" --quiet --strip=1 --fuzz=0 --no-backup-if-mismatch
      --directory "${copy}" --input "${folder}/mistake.patch"
    DEPENDS ${originals} "${folder}/mistake.patch"
    COMMENT "Breaking ${base}: ${name}"
    VERBATIM)
  if("PROCESS" IN_LIST ARGN)
    set(unchanged ${${base}_SOURCES})
    list(REMOVE_ITEM unchanged ${changed})
    list(TRANSFORM unchanged PREPEND "${reference}/")
    sockspec_process_target("${folder}" "${copy};${reference}" "${copies};${unchanged}" BROKEN)
  else()
    sockspec_folder_target("${folder}" "${copy};${reference}" "${copies}" "" BROKEN ${sharing})
  endif()
endfunction()

# sockspec_go_target(FOLDER), sockspec_java_target(FOLDER CLASS)
# The same for a program in Go, linked statically, and for one in Java, started by a script; nothing where the
# compiler is not there.
function(sockspec_go_target folder)
  get_filename_component(name "${folder}" NAME)
  find_program(SOCKSPEC_GO go)
  mark_as_advanced(SOCKSPEC_GO)
  if(NOT SOCKSPEC_GO)
    return()
  endif()
  set(program "${PROJECT_BINARY_DIR}/targets/${name}")
  add_custom_command(OUTPUT "${program}"
    COMMAND "${CMAKE_COMMAND}" -E env CGO_ENABLED=0 GOFLAGS=-buildvcs=false "${SOCKSPEC_GO}" build -o "${program}" .
    WORKING_DIRECTORY "${folder}" DEPENDS "${folder}/main.go" "${folder}/go.mod"
    COMMENT "Building ${name} with Go" VERBATIM)
  add_custom_target(${name}_program ALL DEPENDS "${program}")
  sockspec_process_inform("${folder}")
endfunction()

function(sockspec_java_target folder class)
  get_filename_component(name "${folder}" NAME)
  find_program(SOCKSPEC_JAVAC javac)
  find_program(SOCKSPEC_JAVA java)
  mark_as_advanced(SOCKSPEC_JAVAC SOCKSPEC_JAVA)
  if(NOT SOCKSPEC_JAVAC OR NOT SOCKSPEC_JAVA)
    return()
  endif()
  set(CLASSES "${CMAKE_CURRENT_BINARY_DIR}/${name}.classes")
  add_custom_command(OUTPUT "${CLASSES}/${class}.class"
    COMMAND "${SOCKSPEC_JAVAC}" -d "${CLASSES}" "${folder}/${class}.java"
    DEPENDS "${folder}/${class}.java" COMMENT "Building ${name} with javac" VERBATIM)
  add_custom_target(${name}_program ALL DEPENDS "${CLASSES}/${class}.class")
  configure_file("${folder}/${name}.in" "${PROJECT_BINARY_DIR}/targets/${name}" @ONLY
    FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  sockspec_process_inform("${folder}")
endfunction()
