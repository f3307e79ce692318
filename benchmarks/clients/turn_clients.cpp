// SPDX-License-Identifier: BSL-1.0
// TLS in memory, sockets only to pass on what is there. See turn_clients.hpp.
#include "turn_clients.hpp"

#include "client_process.hpp"

#include <openssl/bio.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <sys/socket.h>
#include <system_error>
#include <thread>

namespace bench {

turn_clients::turn_clients(SSL_CTX* context, unsigned short port, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    connection one{connect_to(port), ssl_ptr(SSL_new(context)), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem())};
    if (!one.session || one.received == nullptr || one.to_send == nullptr)
      throw std::runtime_error("client: no memory");
    SSL_set_bio(one.session.get(), one.received, one.to_send);
    SSL_set_connect_state(one.session.get());
    SSL_do_handshake(one.session.get()); // cannot be complete yet
    connections_.push_back(std::move(one));
  }
}

void turn_clients::send() {
  for (const connection& one : connections_) {
    char* bytes = nullptr;
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(one.to_send, &bytes));
    send_bytes(one.socket, std::as_bytes(std::span(bytes, size)));
    BIO_reset(one.to_send);
  }
}

void turn_clients::await_server() {
  constexpr std::chrono::microseconds nap{200}; // one awakening for many connections
  readable_set readable;
  std::size_t waiting = connections_.size();
  const auto give_up = steady::now() + std::chrono::seconds(20);
  for (std::size_t i = 0; i < waiting; ++i) readable.add_once(connections_[i].socket.value(), i);
  while (waiting > 0) {
    if (steady::now() > give_up) throw std::runtime_error("client: no answer from the server");
    waiting -= readable.wait(give_up).size();
    if (waiting > 0) std::this_thread::sleep_for(nap);
  }
}

// The sockets block: called only when there is something.
void turn_clients::receive(const connection& on) {
  std::array<std::byte, 8192> bytes;
  const auto size = ::recv(on.socket.value(), bytes.data(), bytes.size(), 0);
  if (size < 0) throw std::system_error(errno, std::generic_category(), "recv");
  if (size == 0) throw std::runtime_error("client: the server has left");
  if (BIO_write(on.received, bytes.data(), static_cast<int>(size)) != size)
    throw std::runtime_error("client: no memory");
}

void turn_clients::compute() {
  for (const connection& one : connections_) {
    receive(one);
    while (SSL_do_handshake(one.session.get()) != 1) {
      if (SSL_get_error(one.session.get(), -1) != SSL_ERROR_WANT_READ)
        throw std::runtime_error("client: the handshake failed");
      receive(one);
    }
  }
}

void turn_clients::finish() {
  for (const connection& one : connections_) {
    char signal = 0;
    while (SSL_read(one.session.get(), &signal, 1) != 1) receive(one);
    if (signal != '!') throw std::runtime_error("client: a wrong byte arrived");
  }
}

} // namespace bench
