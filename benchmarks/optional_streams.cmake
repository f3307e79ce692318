# SPDX-License-Identifier: BSL-1.0
# The streams that take long to compile, and are left out unless asked for: over and beside Beast; and, where they are
# found, standalone Asio and Botan 2 with its Asio headers. ./dev bench asks for all.
option(TLSMODE_BENCH_ALL_STREAMS "Compile every stream type into tlsmode_bench" OFF)
option(TLSMODE_BENCH_FETCH_BOTAN "Fetch the headers of Botan::TLS::Stream where Botan was installed without" OFF)
if(NOT TLSMODE_BENCH_ALL_STREAMS)
  message(STATUS "Streams of tlsmode_bench that are left out: TLSMODE_BENCH_ALL_STREAMS has them")
  return()
endif()

# Adds the stream types in streams/SOURCE to tlsmode_bench; further.cpp lists them if MACRO is defined.
function(add_optional_streams source macro)
  target_sources(tlsmode_bench PRIVATE streams/${source})
  set_property(SOURCE streams/further.cpp APPEND PROPERTY COMPILE_DEFINITIONS ${macro}=1)
  set(further_streams ${further_streams} ${ARGN} PARENT_SCOPE)
endfunction()

add_optional_streams(beast_ssl.cpp TLSMODE_BENCH_BEAST_SSL beast-ssl)
add_optional_streams(tlsmode_beast_tcp.cpp TLSMODE_BENCH_TLSMODE_BEAST_TCP tlsmode-beast-tcp)

find_path(TLSMODE_ASIO_INCLUDE_DIR asio/ssl.hpp)
if(TLSMODE_ASIO_INCLUDE_DIR)
  add_optional_streams(asio_standalone.cpp TLSMODE_BENCH_ASIO_STANDALONE asio-standalone)
  target_include_directories(tlsmode_bench SYSTEM PRIVATE ${TLSMODE_ASIO_INCLUDE_DIR})
else()
  message(STATUS "The stream asio-standalone is left out: <asio/ssl.hpp> was not found (libasio-dev)")
endif()

# Botan::TLS::Stream is four headers over Botan's library. Debian builds Botan without Boost, and so without them;
# then they come from the sources of the same release, if this is allowed.
find_path(TLSMODE_BOTAN_INCLUDE_DIR botan/tls_channel.h PATH_SUFFIXES botan-2)
find_library(TLSMODE_BOTAN_LIBRARY botan-2)
find_path(TLSMODE_BOTAN_ASIO_INCLUDE_DIR botan/asio_stream.h HINTS ${TLSMODE_BOTAN_INCLUDE_DIR})

function(fetch_botan_asio_headers)
  set(archive ${CMAKE_CURRENT_BINARY_DIR}/botan.tar.xz)
  file(DOWNLOAD https://deb.debian.org/debian/pool/main/b/botan/botan_2.19.3+dfsg.orig.tar.xz ${archive}
    TIMEOUT 60 INACTIVITY_TIMEOUT 10 STATUS status)
  list(GET status 0 failed)
  if(failed)
    message(STATUS "Botan's sources could not be fetched: ${status}")
    return()
  endif()
  file(SHA256 ${archive} hash)
  if(NOT hash STREQUAL "a9005fe9965123f9613f5bc87d2a38b8cc33e8789cf8e82696dae8f07d1cb959")
    message(STATUS "Botan's sources are not the expected ones: their SHA-256 is ${hash}")
    return()
  endif()
  file(ARCHIVE_EXTRACT INPUT ${archive} DESTINATION ${CMAKE_CURRENT_BINARY_DIR}/botan PATTERNS */src/lib/tls/asio/*.h)
  file(GLOB headers ${CMAKE_CURRENT_BINARY_DIR}/botan/*/src/lib/tls/asio/*.h)
  file(COPY ${headers} DESTINATION ${CMAKE_CURRENT_BINARY_DIR}/botan/include/botan)
  find_path(TLSMODE_BOTAN_ASIO_INCLUDE_DIR botan/asio_stream.h PATHS ${CMAKE_CURRENT_BINARY_DIR}/botan/include
    NO_DEFAULT_PATH)
endfunction()

if(TLSMODE_BOTAN_INCLUDE_DIR AND TLSMODE_BOTAN_LIBRARY)
  file(STRINGS ${TLSMODE_BOTAN_INCLUDE_DIR}/botan/build.h same_release REGEX "BOTAN_VERSION_MINOR 19$")
  if(NOT TLSMODE_BOTAN_ASIO_INCLUDE_DIR AND TLSMODE_BENCH_FETCH_BOTAN AND same_release)
    fetch_botan_asio_headers()
  endif()
  if(TLSMODE_BOTAN_ASIO_INCLUDE_DIR)
    add_optional_streams(botan.cpp TLSMODE_BENCH_BOTAN botan)
    target_include_directories(tlsmode_bench SYSTEM PRIVATE
      ${TLSMODE_BOTAN_INCLUDE_DIR} ${TLSMODE_BOTAN_ASIO_INCLUDE_DIR})
    target_link_libraries(tlsmode_bench PRIVATE ${TLSMODE_BOTAN_LIBRARY})
  else()
    message(STATUS "The stream botan is left out: Botan has no <botan/asio_stream.h> here (./dev bench fetches it)")
  endif()
else()
  message(STATUS "The stream botan is left out: Botan 2 was not found (libbotan-2-dev)")
endif()
