// SPDX-License-Identifier: BSL-1.0
// Does a program work that has other types of Asio's than the library was compiled with? Handler tracking
// changes them. Nothing of Asio's may then come from the library as long as no jobs and hooks are used.
#define BOOST_TEST_MODULE adapter_other_asio
#include "asio_certificates.hpp"
#include "asio_sockets.hpp"

#include <tlsmode/asio/stream.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <chrono>
#include <functional>
#include <string>

#ifndef BOOST_ASIO_ENABLE_HANDLER_TRACKING
#error "to be compiled with handler tracking"
#endif

BOOST_AUTO_TEST_SUITE(other_asio)

using namespace tlsmode;
using namespace tlsmode::test;
using boost::system::error_code;

// Limits, a flusher, queues of operations and a shutdown: what common_instances.hpp has.
BOOST_AUTO_TEST_CASE(a_program_with_handler_tracking_and_the_usual_library) {
  net::io_context io;
  net::ssl::context client_settings = client_context(TLS1_3_VERSION);
  net::ssl::context server_settings = server_context(TLS1_3_VERSION);
  auto sockets = tcp_pair(io.get_executor(), io.get_executor(), 2048);
  stream<tcp_socket> client(std::move(sockets.first), client_settings);
  stream<tcp_socket> server(std::move(sockets.second), server_settings);
  client.expires_after(std::chrono::minutes(1));
  int ended = 0;
  const auto good = [&ended](error_code ec, std::size_t = 0) {
    BOOST_TEST(!ec, ec.message());
    ++ended;
  };
  client.async_handshake(net::ssl::stream_base::client, good);
  server.async_handshake(net::ssl::stream_base::server, good);
  io.run();
  BOOST_TEST(ended == 2);

  const std::string data(1'000'000, 'x');
  std::string got(data.size(), '\0'), answer(1, '\0');
  net::async_read(client, net::buffer(answer), good);
  net::async_write(client, net::buffer(data), good);
  net::async_read(server, net::buffer(got), [&](error_code ec, std::size_t) {
    good(ec);
    net::async_write(server, net::buffer("!", 1), good);
  });
  io.restart();
  io.run();
  BOOST_TEST(ended == 6);
  BOOST_TEST((got == data));

  client.async_shutdown(good);
  server.async_shutdown(good);
  io.restart();
  io.run();
  BOOST_TEST(ended == 8);
}

BOOST_AUTO_TEST_SUITE_END()
