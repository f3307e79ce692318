# SPDX-License-Identifier: BSL-1.0
# The parts of the package test, run by CTest as `cmake -D PART=... -P run.cmake` in a directory of its own:
#   install    installs this build below stage/ (DESTDIR), to be used from there: the package must not mind
#   contents   all headers and no other file; no path of this machine in any of them
#   find       find_package(); both consumers run; -lssl -lcrypto is all that a linker needs;
#              versions and components that there are not are refused in words
#   core_only  a project that has no Boost
#   shared     the same with shared libraries and other directories
#   fetch      FetchContent; the consumer's own settings stay
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_BINARY_DIR}/settings.cmake)
string(REGEX REPLACE "\\.[0-9]+$" "" abi ${version}) # "0.1"
set(stage ${CMAKE_CURRENT_BINARY_DIR}/stage)
set(package ${stage}${prefix})

# run(COMMAND...): fails the test if the command fails; sets `out`.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text
    ENCODING UTF-8)
  if(NOT status EQUAL 0)
    list(JOIN ARGV " " command)
    message("${text}") # as it is; FATAL_ERROR would break its lines anew
    message(FATAL_ERROR "failed (${status}): ${command}")
  endif()
  set(out "${text}" PARENT_SCOPE)
endfunction()

function(expect_match text regex)
  if(NOT text MATCHES "${regex}")
    message(FATAL_ERROR "expected '${regex}' in:\n${text}")
  endif()
endfunction()

function(configure_command variable name)
  set(${variable} ${CMAKE_COMMAND} -S ${name} -B ${name}/build -G ${generator} --no-warn-unused-cli
    -DCMAKE_CXX_COMPILER=${compiler} -DCMAKE_CXX_COMPILER_LAUNCHER=${launcher}
    "-DCMAKE_CXX_FLAGS=${compiler_flags}" -DCMAKE_BUILD_TYPE= ${ARGN} PARENT_SCOPE)
endfunction()

# consumer(NAME KIND [CMAKE ARGS...]): copies the project out of the source tree and configures it.
function(consumer name kind)
  file(REMOVE_RECURSE ${name})
  file(GLOB sources ${CMAKE_CURRENT_LIST_DIR}/consumer/*)
  file(COPY ${CMAKE_CURRENT_LIST_DIR}/${kind}/CMakeLists.txt ${sources} DESTINATION ${name})
  configure_command(configure ${name} ${ARGN})
  run(${configure})
endfunction()

# build_and_run(NAME PROGRAMS...)
function(build_and_run name)
  run(${CMAKE_COMMAND} --build ${name}/build --parallel 2)
  foreach(program IN LISTS ARGN)
    run(${CMAKE_CURRENT_BINARY_DIR}/${name}/build/${program}_consumer)
    expect_match("${out}" "^${program}: TLSv1.3\n$")
  endforeach()
endfunction()

function(expect_refusal name find regex)
  configure_command(configure ${name} "-DCONSUMER_FIND=${find}")
  execute_process(COMMAND ${configure} RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE text)
  if(status EQUAL 0)
    message(FATAL_ERROR "find_package(tlsmode ${find}) is not refused")
  endif()
  string(REGEX REPLACE "[ \n]+" " " text "${text}") # CMake breaks lines
  expect_match("${text}" "${regex}")
endfunction()

function(part_install)
  file(REMOVE_RECURSE ${stage})
  run(${CMAKE_COMMAND} -E env DESTDIR=${stage} ${CMAKE_COMMAND} --install ${build_dir})
endfunction()

function(part_contents)
  set(expected lib/libtlsmode lib/libtlsmode_asio share/doc/tlsmode/LICENSE)
  foreach(file IN ITEMS config config-version core-targets asio-targets)
    list(APPEND expected lib/cmake/tlsmode/tlsmode-${file}.cmake)
  endforeach()
  foreach(library IN ITEMS libtlsmode asio_adapter)
    file(GLOB_RECURSE headers RELATIVE ${source_dir}/${library} ${source_dir}/${library}/include/*.hpp)
    list(APPEND expected ${headers})
  endforeach()
  file(GLOB_RECURSE files RELATIVE ${package} ${package}/*)
  string(REGEX REPLACE "([][+.*^$?|()])" "\\\\\\1" here "${source_dir}|${build_dir}")
  string(REPLACE "\\|" "|" here "${here}")
  foreach(file IN LISTS files)
    file(STRINGS ${package}/${file} bad REGEX "${here}")
    # With debug information a library does name its sources.
    if(bad AND NOT (file MATCHES "\\.(a|so[.0-9]*)$" AND NOT build_type MATCHES "^(Release|MinSizeRel)$"))
      message(FATAL_ERROR "a path of this machine is in ${file}: ${bad}")
    endif()
  endforeach()
  list(TRANSFORM files REPLACE "^${libdir}/" "lib/")
  list(TRANSFORM files REPLACE "\\.(a|so[.0-9]*)$" "")
  list(FILTER files EXCLUDE REGEX "targets-[a-z]+\\.cmake$") # one for each configuration
  list(REMOVE_DUPLICATES files)
  list(SORT files)
  list(SORT expected)
  if(NOT files STREQUAL expected)
    message(FATAL_ERROR "installed: ${files}\nexpected: ${expected}")
  endif()
endfunction()

function(part_find)
  consumer(find installed "-DCMAKE_PREFIX_PATH=${package}" -DCONSUMER_FIND=${abi})
  build_and_run(find core asio)
  # By hand, from the objects just made. Only glibc before 2.34 needs -pthread.
  set(object find/build/CMakeFiles/asio_consumer.dir/asio_consumer.cpp.o)
  run(${compiler} ${object} -o find/by_hand -L${package}/${libdir} -Wl,-rpath,${package}/${libdir}
    -ltlsmode_asio -ltlsmode -lssl -lcrypto)
  run(${CMAKE_CURRENT_BINARY_DIR}/find/by_hand)
  expect_refusal(find 0.0 "compatible with requested version \"0.0\"") # 0.x promises nothing to 0.y
  expect_refusal(find 99.0 "tlsmode.* compatible with requested version \"99.0\".*version: ${version}")
  expect_refusal(find "COMPONENTS core quic" "no component \"quic\"")
endfunction()

function(part_core_only)
  consumer(core_only installed "-DCMAKE_PREFIX_PATH=${package}" "-DCONSUMER_FIND=COMPONENTS core"
    -DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON)
  if(EXISTS core_only/build/CMakeFiles/asio_consumer.dir)
    message(FATAL_ERROR "component core has brought tlsmode::asio")
  endif()
  build_and_run(core_only core)
endfunction()

function(part_shared)
  set(place ${CMAKE_CURRENT_BINARY_DIR}/shared_package)
  file(REMOVE_RECURSE ${place} shared_build)
  run(${CMAKE_COMMAND} -S ${source_dir} -B shared_build -G ${generator} -DBUILD_SHARED_LIBS=ON
    -DCMAKE_CXX_COMPILER=${compiler} -DCMAKE_CXX_COMPILER_LAUNCHER=${launcher} -DCMAKE_BUILD_TYPE=None
    "-DCMAKE_CXX_FLAGS=${compiler_flags}" -DCMAKE_INSTALL_LIBDIR=libraries -DCMAKE_INSTALL_INCLUDEDIR=headers
    -DBUILD_TESTING=OFF -DTLSMODE_BUILD_EXAMPLES=OFF -DTLSMODE_BUILD_BENCHMARKS=OFF)
  run(${CMAKE_COMMAND} --build shared_build --parallel 2)
  run(${CMAKE_COMMAND} --install shared_build --prefix ${place})
  foreach(file IN ITEMS libtlsmode libtlsmode_asio)
    if(NOT EXISTS ${place}/libraries/${file}.so.${abi})
      message(FATAL_ERROR "there is no ${file}.so.${abi}")
    endif()
  endforeach()
  file(REMOVE_RECURSE shared_build) # whoever looks for libraries there is found out
  consumer(shared installed -Dtlsmode_DIR=${place}/libraries/cmake/tlsmode)
  build_and_run(shared core asio)
  # The program loads both; a library of somebody's would load only the stream's.
  run(ldd ${place}/libraries/libtlsmode_asio.so)
  if(out MATCHES "not found")
    message(FATAL_ERROR "the stream's library does not find the core's:\n${out}")
  endif()
endfunction()

function(part_fetch)
  set(own "-DCONSUMER -O0")
  if(compiler_flags)
    string(PREPEND own "${compiler_flags} ")
  endif()
  consumer(fetch fetched "-DCMAKE_CXX_FLAGS=${own}" -DFETCHCONTENT_SOURCE_DIR_TLSMODE=${source_dir}
    -DCMAKE_EXPORT_COMPILE_COMMANDS=ON)
  file(READ fetch/build/compile_commands.json commands)
  string(JSON count LENGTH "${commands}")
  math(EXPR last "${count} - 1")
  set(seen 0)
  foreach(i RANGE ${last})
    string(JSON file GET "${commands}" ${i} file)
    string(JSON command GET "${commands}" ${i} command)
    if(file MATCHES "_consumer\\.cpp$")
      math(EXPR seen "${seen} + 1")
      string(REGEX REPLACE " -o .*" "" command "${command}")
      foreach(program IN ITEMS ${launcher} ${compiler})
        string(REPLACE "${program} " "" command "${command}")
      endforeach()
      string(REGEX REPLACE "-(I|isystem )[^ ]+ +" "" command "${command}")
      string(REGEX REPLACE " -std=[a-z+20]+$" "" command "${command}")
      string(STRIP "${command}" command)
      set(wanted "${own}")
      if(file MATCHES "asio_consumer")
        string(REGEX MATCH "^-DTLSMODE_COMPILED_WITH_BOOST=10[0-9]+ " definition "${command}")
        if(definition STREQUAL "")
          message(FATAL_ERROR "${file} is not told which Boost the stream was compiled with: '${command}'")
        endif()
        string(PREPEND wanted "${definition}")
      endif()
      if(NOT command STREQUAL wanted)
        message(FATAL_ERROR "${file} is compiled with '${command}', and should be with '${wanted}'")
      endif()
    endif()
  endforeach()
  if(NOT seen EQUAL 2)
    message(FATAL_ERROR "${seen} commands of the consumer looked at")
  endif()
  build_and_run(fetch core asio)
  run(${CMAKE_COMMAND} --install fetch/build --prefix ${CMAKE_CURRENT_BINARY_DIR}/fetch/installed)
  if(EXISTS fetch/installed)
    message(FATAL_ERROR "installing the consumer installs tlsmode")
  endif()
endfunction()

cmake_language(CALL part_${PART})
