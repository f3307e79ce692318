// SPDX-License-Identifier: BSL-1.0
// See memory_pair.hpp.
#include "memory_pair.hpp"

#include "harness/tls_settings.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <system_error>

namespace bench {
namespace {

ssl_context_ptr context_for(role side, const tls_parameters& tls) {
  ssl_context_ptr context(SSL_CTX_new(TLS_method()));
  require(context != nullptr, "context");
  configure(context.get(), side, tls);
  return context;
}

tlsmode::step checked(tlsmode::step s) {
  if (s.error) throw std::system_error(s.error);
  return s;
}

} // namespace

// ---- tlsmode ----

void queue_link::carry() {
  const auto move = [](tlsmode::memory_transport& from, tlsmode::memory_transport& to) {
    const auto bytes = from.output();
    if (bytes.empty()) return;
    if (!to.feed(bytes)) throw std::bad_alloc();
    from.consume(bytes.size());
  };
  move(client, server);
  move(server, client);
}

tlsmode::transfer block_link::side::read(tlsmode::mutable_buffer to) noexcept {
  const std::size_t size = std::min(to.size(), in_.end - in_.begin);
  if (size == 0) return tlsmode::transfer::blocked();
  std::memcpy(to.data(), in_.bytes.data() + in_.begin, size);
  in_.begin += size;
  if (in_.begin == in_.end) in_.begin = in_.end = 0;
  return tlsmode::transfer::moved(size);
}

tlsmode::transfer block_link::side::write(tlsmode::const_buffer from) noexcept {
  const std::size_t size = std::min(from.size(), out_.bytes.size() - out_.end);
  if (size == 0) return tlsmode::transfer::blocked();
  std::memcpy(out_.bytes.data() + out_.end, from.data(), size);
  out_.end += size;
  return tlsmode::transfer::moved(size);
}

template <class Link>
tlsmode_pair<Link>::tlsmode_pair(const tls_parameters& tls)
    : client_(context_for(role::client, tls)), server_(context_for(role::server, tls)) {
  for (bool done = false; !done;) {
    const bool client = checked(client_.tls.handshake(link_.client, tlsmode::role::client)).complete();
    link_.carry();
    const bool server = checked(server_.tls.handshake(link_.server, tlsmode::role::server)).complete();
    link_.carry();
    done = client && server;
  }
  check_session(client_.tls.native_handle());
  check_session(server_.tls.native_handle());
}

template <class Link>
void tlsmode_pair<Link>::move(std::span<const std::byte> from, std::span<std::byte> to) {
  const tlsmode::const_buffer source(from);
  for (bool written = false; !written || !to.empty();) {
    if (!written) written = checked(client_.tls.write(link_.client, {&source, 1})).complete();
    link_.carry();
    while (!to.empty()) {
      const tlsmode::mutable_buffer target(to);
      const auto s = checked(server_.tls.read(link_.server, {&target, 1}));
      if (!s.complete()) break;
      to = to.subspan(s.bytes);
    }
  }
}

template class tlsmode_pair<queue_link>;
template class tlsmode_pair<block_link>;

// ---- asio::ssl ----

asio_pair::asio_pair(const tls_parameters& tls)
    : client_(context_for(role::client, tls)), server_(context_for(role::server, tls)) {
  for (bool done = false; !done;) {
    const bool client = shake(client_, server_, boost::asio::ssl::stream_base::client);
    const bool server = shake(server_, client_, boost::asio::ssl::stream_base::server);
    done = client && server;
  }
  check_session(client_.tls.native_handle());
  check_session(server_.tls.native_handle());
}

// What a socket would carry: copied from the one's output buffer into the other's BIO.
void asio_pair::give(end& from, end& to) {
  const auto bytes = from.tls.get_output(boost::asio::buffer(from.output));
  to.input = to.tls.put_input(bytes);
}

bool asio_pair::shake(end& one, end& other, boost::asio::ssl::stream_base::handshake_type type) {
  for (;;) {
    boost::system::error_code error;
    const auto want = one.tls.handshake(type, error);
    if (error) throw boost::system::system_error(error);
    if (want == engine::want_output_and_retry || want == engine::want_output) give(one, other);
    if (want == engine::want_input_and_retry) return false;
    if (want == engine::want_output || want == engine::want_nothing) return true;
  }
}

std::size_t asio_pair::read(std::span<std::byte> to) {
  std::size_t total = 0;
  while (total < to.size()) {
    boost::system::error_code error;
    std::size_t size = 0;
    const auto want =
        server_.tls.read(boost::asio::buffer(to.data() + total, to.size() - total), error, size);
    if (error) throw boost::system::system_error(error);
    total += size;
    if (want != engine::want_input_and_retry) continue;
    if (server_.input.size() == 0) return total;
    server_.input = server_.tls.put_input(server_.input); // what did not fit before
  }
  return total;
}

void asio_pair::move(std::span<const std::byte> from, std::span<std::byte> to) {
  while (!from.empty() || !to.empty()) {
    if (!from.empty()) {
      boost::system::error_code error;
      std::size_t size = 0;
      const auto want = client_.tls.write(boost::asio::buffer(from.data(), from.size()), error, size);
      if (error) throw boost::system::system_error(error);
      from = from.subspan(size);
      if (want == engine::want_output || want == engine::want_output_and_retry) give(client_, server_);
    }
    to = to.subspan(read(to));
  }
}

} // namespace bench
