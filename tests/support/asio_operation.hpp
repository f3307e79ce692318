// SPDX-License-Identifier: BSL-1.0
// Operations of a stream with a record of how they ended. They are instantiated once, in the support library,
// for our stream and for Boost.Asio's, so that a test that uses them compiles fast.
#ifndef TLSMODE_TESTS_SUPPORT_ASIO_OPERATION_HPP
#define TLSMODE_TESTS_SUPPORT_ASIO_OPERATION_HPP

#include "asio_sockets.hpp"

#include <tlsmode/asio/stream.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <functional>
#include <memory>
#include <thread>

namespace tlsmode::test {

using boost::system::error_code;
using tls_stream = stream<tcp_socket>;
using asio_stream = net::ssl::stream<tcp_socket>;
using handshake_type = net::ssl::stream_base::handshake_type;
constexpr auto as_client = net::ssl::stream_base::client;
constexpr auto as_server = net::ssl::stream_base::server;

/// The name of a cancellation type in the conformance tables.
inline const char* name_of(boost::asio::cancellation_type type) {
  using enum boost::asio::cancellation_type;
  return type == terminal ? "terminal" : type == partial ? "partial" : "total";
}

/// One started operation: whether and how it ended, and the means to cancel it.
class operation {
 public:
  using callback = std::function<void(error_code, std::size_t)>;

  operation() : record_(std::make_shared<record>()) {}

  [[nodiscard]] int calls() const noexcept { return record_->calls; }
  [[nodiscard]] bool done() const noexcept { return record_->calls != 0; }
  /// Ended well.
  [[nodiscard]] bool good() const noexcept { return done() && !record_->ec; }
  /// Ended with operation_aborted.
  [[nodiscard]] bool aborted() const noexcept { return record_->ec == net::error::operation_aborted; }
  [[nodiscard]] const error_code& ec() const noexcept { return record_->ec; }
  [[nodiscard]] std::size_t bytes() const noexcept { return record_->bytes; }
  [[nodiscard]] std::thread::id thread() const noexcept { return record_->thread; }
  void cancel(net::cancellation_type type = net::cancellation_type::terminal) { record_->signal.emit(type); }

 private:
  struct record {
    int calls = 0;
    error_code ec;
    std::size_t bytes = 0;
    std::thread::id thread;
    net::cancellation_signal signal;
  };
  std::shared_ptr<record> record_;

 public:
  /// The completion handler: with the operation's cancellation slot, on the stream's executor.
  class handler {
   public:
    using cancellation_slot_type = net::cancellation_slot;
    handler(std::shared_ptr<record> r, callback then)
        : record_(std::move(r)), then_(then ? std::make_shared<callback>(std::move(then)) : nullptr) {}
    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
      return record_->signal.slot();
    }
    void operator()(error_code ec, std::size_t bytes = 0) {
      const auto r = record_;
      ++r->calls;
      r->ec = ec;
      r->bytes = bytes;
      r->thread = std::this_thread::get_id();
      if (const auto then = std::move(then_)) (*then)(ec, bytes);
    }

   private:
    std::shared_ptr<record> record_;
    std::shared_ptr<callback> then_; // not in the record: what it owns goes away with the event loop
  };
  /// `then` runs at the end of the handler.
  [[nodiscard]] handler make_handler(callback then = {}) { return handler(record_, std::move(then)); }
};

template <class Stream>
operation start_handshake(Stream& s, handshake_type type, operation::callback then = {}) {
  operation op;
  s.async_handshake(type, op.make_handler(std::move(then)));
  return op;
}
template <class Stream>
operation start_read(Stream& s, net::mutable_buffer to, operation::callback then = {}) {
  operation op;
  s.async_read_some(to, op.make_handler(std::move(then)));
  return op;
}
template <class Stream>
operation start_write(Stream& s, net::const_buffer from, operation::callback then = {}) {
  operation op;
  s.async_write_some(from, op.make_handler(std::move(then)));
  return op;
}
template <class Stream>
operation start_shutdown(Stream& s, operation::callback then = {}) {
  operation op;
  s.async_shutdown(op.make_handler(std::move(then)));
  return op;
}
template <class Stream>
operation start_shutdown_form(Stream& s, shutdown_form form, operation::callback then = {}) {
  operation op;
  s.async_shutdown(form, op.make_handler(std::move(then)));
  return op;
}

extern template operation start_handshake(tls_stream&, handshake_type, operation::callback);
extern template operation start_handshake(asio_stream&, handshake_type, operation::callback);
extern template operation start_read(tls_stream&, net::mutable_buffer, operation::callback);
extern template operation start_read(asio_stream&, net::mutable_buffer, operation::callback);
extern template operation start_write(tls_stream&, net::const_buffer, operation::callback);
extern template operation start_write(asio_stream&, net::const_buffer, operation::callback);
extern template operation start_shutdown(tls_stream&, operation::callback);
extern template operation start_shutdown(asio_stream&, operation::callback);
extern template operation start_shutdown_form(tls_stream&, shutdown_form, operation::callback);

} // namespace tlsmode::test

#endif
