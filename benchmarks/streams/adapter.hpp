// SPDX-License-Identifier: BSL-1.0
// What a stream adapter must supply, and how one becomes an entry in the list of stream types.
//
// The scenarios know only these names; so a stream from another library (its own event loop, its own
// coroutine type, or no event loop at all) is added by one file in this folder and one line in registry.cpp.
#ifndef TLSMODE_BENCH_STREAMS_ADAPTER_HPP
#define TLSMODE_BENCH_STREAMS_ADAPTER_HPP

#include "harness/loopback.hpp"
#include "harness/tls_settings.hpp"

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <span>

namespace bench {

// An adapter is a type with static members only:
//   loop                       an event loop that one thread runs
//   task<T>                    the coroutine type that the operations return and that scenarios are written
//   in
//   context(role [, tls])      settings of one side, already configured as in harness/tls_settings.hpp
//   connection                 the stream under test
//   open(loop, context, fd)    makes a connection over a connected TCP socket, which it then owns
//   handshake(connection, role), read_some(connection, span), write_all(connection, span)
//   check(connection)          throws unless the session is the one that was asked for
//   spawn(loop, task, done)    starts a task; done gets its exception or nullptr
//   run(loop)                  runs until nothing is left to do or stop(loop) is called; may be called again
//   run_for(loop, duration)
template <class A>
concept stream_adapter = std::default_initializable<typename A::loop> &&
    std::constructible_from<typename A::context, role> &&
    std::constructible_from<typename A::context, role, const tls_parameters&> &&
    requires(typename A::loop& loop, typename A::context& context, typename A::connection& connection,
             unique_fd fd, std::span<std::byte> in, std::span<const std::byte> out,
             typename A::template task<void> task, std::function<void(std::exception_ptr)> done) {
  { A::open(loop, context, std::move(fd)) } -> std::same_as<typename A::connection>;
  { A::handshake(connection, role::server) } -> std::same_as<typename A::template task<void>>;
  { A::read_some(connection, in) } -> std::same_as<typename A::template task<std::size_t>>;
  { A::write_all(connection, out) } -> std::same_as<typename A::template task<std::size_t>>;
  A::check(connection);
  A::spawn(loop, std::move(task), std::move(done));
  A::run(loop);
  A::run_for(loop, std::chrono::milliseconds(1));
  A::stop(loop);
};

// The same for streams that can be measured as a server that accepts by itself:
//   acceptor                       a listening socket
//   listen(loop, fd)
//   accept(loop, context, acceptor)  the next connection, before its handshake
//   sleep_until(loop, time)
template <class A>
concept server_adapter = stream_adapter<A> &&
    requires(typename A::loop& loop, typename A::context& context, typename A::acceptor& acceptor,
             unique_fd fd, std::chrono::steady_clock::time_point time) {
  { A::listen(loop, std::move(fd)) } -> std::same_as<typename A::acceptor>;
  { A::accept(loop, context, acceptor) } -> std::same_as<typename A::template task<typename A::connection>>;
  { A::sleep_until(loop, time) } -> std::same_as<typename A::template task<void>>;
};

// A stream with no TLS at all says so: static constexpr bool plain = true.
template <class A>
constexpr bool is_plain = requires {
  requires A::plain;
};

// The same for streams on OpenSSL, where sessions can be resumed and records counted:
//   native(connection)             the SSL object, before the handshake and after it
template <class A>
concept openssl_adapter = stream_adapter<A> && requires(typename A::connection& connection) {
  { A::native(connection) } -> std::same_as<SSL*>;
};

// The same for streams of other libraries that can resume sessions. A client of a context that is to resume
// offers what the context has got by itself:
//   has_session(connection)        false if the client has nothing to offer
//   resumed(connection)            after the handshake; true also at an end that cannot tell, as the other
//   one can
template <class A>
concept resuming_adapter = stream_adapter<A> && requires(typename A::connection& connection) {
  { A::has_session(connection) } -> std::same_as<bool>;
  { A::resumed(connection) } -> std::same_as<bool>;
};

// The same for streams that take several buffers in one write:
//   write_sequence(connection, buffers)  all of them, in order; the buffers and the span live until it is
//   done
template <class A>
concept sequence_adapter = stream_adapter<A> &&
    requires(typename A::connection& connection, std::span<const std::span<const std::byte>> from) {
  { A::write_sequence(connection, from) } -> std::same_as<typename A::template task<std::size_t>>;
};

} // namespace bench

#endif
