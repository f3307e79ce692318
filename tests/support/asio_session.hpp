// SPDX-License-Identifier: BSL-1.0
// Is a session whole? Data both ways and an orderly end, over streams of any kind.
#ifndef TLSMODE_TESTS_SUPPORT_ASIO_SESSION_HPP
#define TLSMODE_TESTS_SUPPORT_ASIO_SESSION_HPP

#include "asio_transfer.hpp"

#include <boost/test/unit_test.hpp>

namespace tlsmode::test {

/// `size` bytes each way at the same time, and a shutdown on both sides. What `server` has sent before and
/// the client has not read is `unread`.
template <class Client, class Server>
void check_session(net::io_context& io, Client& client, Server& server, std::string_view unread = {},
                   std::size_t size = 30'000) {
  const std::string there = random_bytes(size, 5);
  const std::string back = random_bytes(size / 2 + 1, 6);
  sender<Client> to_server(client, there);
  sender<Server> to_client(server, back);
  receiver<Server> at_server(server);
  receiver<Client> at_client(client);
  at_server.start(there.size());
  at_client.start(unread.size() + back.size());
  to_server.start();
  to_client.start();
  run_until(io, [&] { return to_server.done() && to_client.done() && at_server.done() && at_client.done(); });
  BOOST_TEST((at_server.data() == there));
  BOOST_TEST((at_client.data() == std::string(unread) + back));
  const operation bye = start_shutdown(client);
  const operation bye_too = start_shutdown(server);
  run_until(io, [&] { return bye.done() && bye_too.done(); });
  BOOST_TEST(bye.ec() == error_code());
  BOOST_TEST(bye_too.ec() == error_code());
}

} // namespace tlsmode::test

#endif
