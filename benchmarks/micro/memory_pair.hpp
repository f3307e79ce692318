// SPDX-License-Identifier: BSL-1.0
// Two ends of a TLS connection with only memory between them, over tlsmode::engine and over the engine that
// is inside boost::asio::ssl::stream: an SSL on a BIO pair, and a buffer of 17 KiB between pair and socket.
#ifndef TLSMODE_BENCH_MICRO_MEMORY_PAIR_HPP
#define TLSMODE_BENCH_MICRO_MEMORY_PAIR_HPP

#include "clients/raw_tls.hpp"

#include <tlsmode/engine.hpp>
#include <tlsmode/memory_transport.hpp>

#include <boost/asio/ssl/stream.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace bench {

// Both kinds: move() writes all of from at the client, reads as much at the server, and throws if either
// fails. The constructor has done the handshake and has checked the session.

// The library's own transport: what the one has written is copied into what the other will read.
struct queue_link {
  tlsmode::memory_transport client, server;
  queue_link() {
    for (auto* one : {&client, &server}) one->set_capacity(64 * 1024); // as a socket's buffer
  }
  void carry();
};

// A transport that a program may write for itself: the one writes into a block from which the other reads.
class block_link {
  struct block {
    std::vector<std::byte> bytes = std::vector<std::byte>(64 * 1024);
    std::size_t begin = 0, end = 0;
  };
  class side final : public tlsmode::transport {
   public:
    side(block& in, block& out) : in_(in), out_(out) {}
    tlsmode::transfer read(tlsmode::mutable_buffer to) noexcept override;
    tlsmode::transfer write(tlsmode::const_buffer from) noexcept override;

   private:
    block &in_, &out_;
  };
  block to_client_, to_server_;

 public:
  side client{to_client_, to_server_}, server{to_server_, to_client_};
  void carry() {}
};

template <class Link>
class tlsmode_pair {
 public:
  explicit tlsmode_pair(const tls_parameters& tls);
  void move(std::span<const std::byte> from, std::span<std::byte> to);

 private:
  struct end {
    ssl_context_ptr context;
    tlsmode::engine tls;
    explicit end(ssl_context_ptr settings) : context(std::move(settings)), tls(context.get()) {}
  };
  end client_, server_;
  Link link_;
};
extern template class tlsmode_pair<queue_link>;
extern template class tlsmode_pair<block_link>;

class asio_pair {
 public:
  explicit asio_pair(const tls_parameters& tls);
  void move(std::span<const std::byte> from, std::span<std::byte> to);

 private:
  using engine = boost::asio::ssl::detail::engine;
  struct end {
    ssl_context_ptr context;
    engine tls;
    std::vector<std::byte> output; // as boost::asio::ssl::detail::stream_core has it
    boost::asio::const_buffer input{};
    explicit end(ssl_context_ptr settings)
        : context(std::move(settings)), tls(context.get()), output(17 * 1024) {}
  };
  static bool shake(end& one, end& other, boost::asio::ssl::stream_base::handshake_type type);
  static void give(end& from, end& to);
  std::size_t read(std::span<std::byte> to);
  end client_, server_;
};

} // namespace bench

#endif
