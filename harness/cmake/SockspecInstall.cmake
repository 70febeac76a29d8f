# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where: the command, one archive of all of harness/, the public headers, the CMake
# package with sockspec_add_target, the pkg-config file, the man page and the corpus.
include(CMakePackageConfigHelpers)

set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/sockspec")
# Objects that are linked whole, and the library that afl-fuzz loads.
set(private_folder "${CMAKE_INSTALL_LIBDIR}/sockspec")

get_property(modules GLOBAL PROPERTY SOCKSPEC_MODULES)
get_property(foreign GLOBAL PROPERTY SOCKSPEC_FOREIGN_LIBRARIES)
list(REMOVE_DUPLICATES foreign)
list(TRANSFORM modules REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)
add_library(sockspec_archive STATIC ${objects})
set_target_properties(sockspec_archive PROPERTIES OUTPUT_NAME sockspec EXPORT_NAME sockspec LINKER_LANGUAGE C)
target_include_directories(sockspec_archive INTERFACE "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
target_link_libraries(sockspec_archive INTERFACE ${foreign})

set_target_properties(sockspec PROPERTIES EXPORT_NAME command)
install(TARGETS sockspec sockspec_archive EXPORT sockspec
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(EXPORT sockspec NAMESPACE sockspec:: FILE sockspec-targets.cmake DESTINATION "${package_folder}")
foreach(entry check_main stack_main fuzz_libfuzzer fuzz_afl)
  install(FILES "$<TARGET_OBJECTS:sockspec_${entry}>" DESTINATION "${private_folder}" RENAME ${entry}.o)
endforeach()
if(TARGET sockspec_afl_mutator)
  install(TARGETS sockspec_afl_mutator LIBRARY DESTINATION "${private_folder}")
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/harness/include/sockspec" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/corpus" DESTINATION "${CMAKE_INSTALL_DATADIR}/sockspec")

# The CMake package: find_package(sockspec).
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/sockspec-config.cmake.in"
  "${PROJECT_BINARY_DIR}/sockspec-config.cmake" INSTALL_DESTINATION "${package_folder}"
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR private_folder NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/sockspec-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/sockspec-config.cmake" "${PROJECT_BINARY_DIR}/sockspec-config-version.cmake"
  "${CMAKE_CURRENT_LIST_DIR}/SockspecTarget.cmake" "${CMAKE_CURRENT_LIST_DIR}/target.ld.in"
  "${PROJECT_SOURCE_DIR}/harness/redirect/symbols.def" DESTINATION "${package_folder}")
install(PROGRAMS "${CMAKE_CURRENT_LIST_DIR}/prepare_target.sh" "${CMAKE_CURRENT_LIST_DIR}/with_compiler.sh"
  DESTINATION "${package_folder}")

# pkg-config, for programs that embed the check (sockspec/sockspec.h).
list(TRANSFORM foreign PREPEND "-l" OUTPUT_VARIABLE SOCKSPEC_PC_LIBRARIES)
list(JOIN SOCKSPEC_PC_LIBRARIES " " SOCKSPEC_PC_LIBRARIES)
# The way from the file itself to the prefix: what is installed may be moved.
file(RELATIVE_PATH SOCKSPEC_PC_PREFIX "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" SOCKSPEC_PC_PREFIX "${SOCKSPEC_PC_PREFIX}")
configure_file("${CMAKE_CURRENT_LIST_DIR}/sockspec.pc.in" "${PROJECT_BINARY_DIR}/sockspec.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/sockspec.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# The man page, where scdoc is at hand.
find_program(SOCKSPEC_SCDOC NAMES scdoc)
mark_as_advanced(SOCKSPEC_SCDOC)
if(SOCKSPEC_SCDOC)
  set(page "${PROJECT_BINARY_DIR}/sockspec.1")
  add_custom_command(OUTPUT "${page}" DEPENDS "${PROJECT_SOURCE_DIR}/docs/sockspec.1.scd"
    COMMAND sh -c "\"$1\" < \"$2\" > \"$3\"" sh "${SOCKSPEC_SCDOC}" "${PROJECT_SOURCE_DIR}/docs/sockspec.1.scd"
      "${page}"
    COMMENT "Writing the man page" VERBATIM)
  add_custom_target(sockspec_man ALL DEPENDS "${page}")
  install(FILES "${page}" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
else()
  message(STATUS "The man page is left out: scdoc is not installed")
endif()
