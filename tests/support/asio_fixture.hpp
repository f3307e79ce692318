// SPDX-License-Identifier: BSL-1.0
// Two TLS streams connected over loopback, whole transfers between them, and content that shows any byte that
// is lost, doubled or moved.
#ifndef TLSMODE_TESTS_SUPPORT_ASIO_FIXTURE_HPP
#define TLSMODE_TESTS_SUPPORT_ASIO_FIXTURE_HPP

#include "asio_certificates.hpp"
#include "asio_loop.hpp"
#include "asio_operation.hpp"
#include "asio_sockets.hpp"

#include <boost/asio/io_context.hpp>

#include <openssl/tls1.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace tlsmode::test {

/// `size` bytes that follow from `seed` and do not repeat.
[[nodiscard]] std::string random_bytes(std::size_t size, std::uint64_t seed);

/// A size for kernel buffers that are smaller than a record.
constexpr int tiny = 2048;

/// What a pair is made with.
struct pair_options {
  int version = TLS1_3_VERSION;
  int buffer = 0; ///< of the kernel's, see tcp_pair()
};

template <class Client, class Server>
struct tls_pair {
  explicit tls_pair(pair_options o = {})
      : tls_pair(client_context(o.version), server_context(o.version), o.buffer) {}
  tls_pair(net::ssl::context for_client, net::ssl::context for_server, int buffer = 0)
      : client_settings(std::move(for_client)), server_settings(std::move(for_server)),
        sockets(tcp_pair(io.get_executor(), io.get_executor(), buffer)),
        client(std::move(sockets.first), client_settings),
        server(std::move(sockets.second), server_settings) {}

  /// Throws if it fails.
  void handshake() {
    const operation c = start_handshake(client, as_client);
    const operation s = start_handshake(server, as_server);
    run_until(io, [&] { return c.done() && s.done(); });
    if (c.ec()) throw boost::system::system_error(c.ec(), "client handshake");
    if (s.ec()) throw boost::system::system_error(s.ec(), "server handshake");
  }

  net::io_context io;
  net::ssl::context client_settings;
  net::ssl::context server_settings;
  std::pair<tcp_socket, tcp_socket> sockets;
  Client client;
  Server server;
};

/// Our stream as the client, Boost.Asio's as the peer, the reverse, and ours on both sides.
using our_client = tls_pair<tls_stream, asio_stream>;
using our_server = tls_pair<asio_stream, tls_stream>;
using both_ours = tls_pair<tls_stream, tls_stream>;
using both_asio = tls_pair<asio_stream, asio_stream>;

/// The same, past the handshake.
template <class Pair>
struct open_pair : Pair {
  explicit open_pair(pair_options o = {}) : Pair(o) { this->handshake(); }
};

/// Writes all of `data` in pieces and buffer sequences of random sizes. Must outlive the transfer.
template <class Stream>
class sender {
 public:
  sender(Stream& s, std::string_view data, unsigned seed = 1) : stream_(s), left_(data), random_(seed) {}
  sender(const sender&) = delete;
  sender& operator=(const sender&) = delete;
  void start();
  [[nodiscard]] bool done() const noexcept { return left_.empty() || ec_; }
  [[nodiscard]] const error_code& ec() const noexcept { return ec_; }

 private:
  Stream& stream_;
  std::string_view left_;
  std::mt19937 random_;
  error_code ec_;
};

/// Reads into data() until it holds `want` bytes or the stream ends, into buffer sequences of random sizes.
/// start() may be called again, also while it runs, to ask for more.
template <class Stream>
class receiver {
 public:
  explicit receiver(Stream& s, unsigned seed = 2) : stream_(s), random_(seed) {}
  receiver(const receiver&) = delete;
  receiver& operator=(const receiver&) = delete;
  void start(std::size_t want = static_cast<std::size_t>(-1));
  [[nodiscard]] bool done() const noexcept { return data_.size() >= want_ || ec_; }
  [[nodiscard]] const error_code& ec() const noexcept { return ec_; }
  [[nodiscard]] const std::string& data() const noexcept { return data_; }

 private:
  void next();
  Stream& stream_;
  std::mt19937 random_;
  std::size_t want_ = 0;
  bool reading_ = false;
  std::string data_;
  std::vector<char> memory_;
  error_code ec_;
};

extern template class sender<tls_stream>;
extern template class sender<asio_stream>;
extern template class receiver<tls_stream>;
extern template class receiver<asio_stream>;
extern template struct tls_pair<tls_stream, asio_stream>;
extern template struct tls_pair<asio_stream, tls_stream>;
extern template struct tls_pair<tls_stream, tls_stream>;
extern template struct tls_pair<asio_stream, asio_stream>;

} // namespace tlsmode::test

#endif
