# SPDX-License-Identifier: BSL-1.0
# What `cmake --install` installs: both libraries, their headers, and the package that find_package() reads.
# Nothing in it names the source or the build directory, so the whole may be moved.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tlsmode)

# While the version is 0.x, a minor version may change the binary interface.
set_target_properties(tlsmode tlsmode_asio PROPERTIES
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
# As shared libraries: the stream's finds the core's beside itself, wherever the two are.
set_target_properties(tlsmode_asio PROPERTIES INSTALL_RPATH "$ORIGIN")

foreach(component IN ITEMS core asio)
  if(component STREQUAL "core")
    set(library tlsmode)
    set(include_dir ${PROJECT_SOURCE_DIR}/libtlsmode/include)
  else()
    set(library tlsmode_asio)
    set(include_dir ${PROJECT_SOURCE_DIR}/asio_adapter/include)
  endif()
  install(TARGETS ${library} EXPORT tlsmode-${component}-targets
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY ${include_dir}/tlsmode DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.hpp")
  install(EXPORT tlsmode-${component}-targets NAMESPACE tlsmode:: DESTINATION ${package_dir})
endforeach()

configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/tlsmode-config.cmake.in ${PROJECT_BINARY_DIR}/tlsmode-config.cmake
  INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/tlsmode-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/tlsmode-config.cmake
  ${PROJECT_BINARY_DIR}/tlsmode-config-version.cmake
  DESTINATION ${package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
