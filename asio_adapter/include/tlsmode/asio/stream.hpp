// SPDX-License-Identifier: BSL-1.0
// The TLS stream for Boost.Asio: a drop-in for boost::asio::ssl::stream on the mode-state engine.
#ifndef TLSMODE_ASIO_STREAM_HPP
#define TLSMODE_ASIO_STREAM_HPP

#include <tlsmode/asio/error.hpp>
#include <tlsmode/context.hpp>
#include <tlsmode/engine.hpp>

#include <tlsmode/asio/detail/actions.hpp>
#include <tlsmode/asio/detail/async_driver.hpp>
#include <tlsmode/asio/detail/lowest_layer.hpp>
#include <tlsmode/asio/detail/sync_driver.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream_base.hpp>
#include <boost/asio/ssl/verify_context.hpp>
#include <boost/asio/ssl/verify_mode.hpp>
#include <boost/system/system_error.hpp>

#include <type_traits>
#include <utility>

namespace tlsmode {

/// A TLS stream over any stream: plain sockets of Boost.Asio directly, all others through memory.
///
/// Writes and reads may be outstanding together, with a shutdown as well. Operations of the same kind are
/// carried out in the order in which they were started.
/// Thread safety: distinct objects are independent; one object must not be used from two threads at once.
/// Its operations, with their handlers, must run in one strand, implicit or explicit.
template <class NextLayer>
class stream : public net::ssl::stream_base {
 public:
  using next_layer_type = std::remove_reference_t<NextLayer>;
  using lowest_layer_type = detail::lowest_layer_t<next_layer_type>;
  using executor_type = typename next_layer_type::executor_type;
  using native_handle_type = SSL*;
  /// The same stream over the next layer's type for another executor.
  template <class Executor>
  struct rebind_executor {
    using other = stream<typename next_layer_type::template rebind_executor<Executor>::other>;
  };

  /// A connection with the settings that a Boost.Asio context has now. It keeps a reference to the native
  /// context, so the context object may be destroyed. Modes: those of the context, and, as with
  /// boost::asio::ssl::stream, enable_partial_write and accept_moving_write_buffer.
  template <class Arg>
  stream(Arg&& arg, net::ssl::context& ctx) : stream(std::forward<Arg>(arg), ctx.native_handle(), 0) {
    set_mode(mode::enable_partial_write | mode::accept_moving_write_buffer);
  }
  /// A connection of a core context, with exactly its modes.
  template <class Arg>
  stream(Arg&& arg, const context& ctx) : stream(std::forward<Arg>(arg), ctx.native_handle(), 0) {}
  /// Takes over an SSL object, which must not have begun a handshake. Modes: as with a Boost.Asio context.
  template <class Arg>
  stream(Arg&& arg, SSL* ssl) : stream(std::forward<Arg>(arg), ssl, 0) {
    set_mode(mode::enable_partial_write | mode::accept_moving_write_buffer);
  }

  /// `other` must have no operations outstanding; what it holds decrypted or sealed moves along. As with the
  /// next layer, the new stream has the executor of the old one.
  stream(stream&& other) noexcept(std::is_nothrow_move_constructible_v<NextLayer>)
      : next_layer_(other.give_up_next_layer()), state_(std::move(other.state_)) {
    if (state_) state_->next = &next_layer_;
  }
  stream& operator=(stream&& other) noexcept(std::is_nothrow_move_assignable_v<next_layer_type>) requires(
      !std::is_reference_v<NextLayer>) {
    if (this == &other) return *this;
    if (state_) state_->close();
    next_layer_ = other.give_up_next_layer();
    state_ = std::move(other.state_);
    if (state_) state_->next = &next_layer_;
    return *this;
  }
  /// Outstanding operations complete with operation_aborted; those on a socket that the stream only refers to
  /// are cancelled for that, with all that waits on the socket.
  ~stream() {
    if (!state_) return;
    if constexpr (std::is_reference_v<NextLayer>) {
      boost::system::error_code ignored;
      if constexpr (requires { next_layer_.cancel(ignored); })
        if (state_->outstanding != 0) next_layer_.cancel(ignored);
    }
    state_->close();
  }

  // ---- layers and settings ----

  [[nodiscard]] executor_type get_executor() noexcept { return next_layer_.get_executor(); }
  [[nodiscard]] next_layer_type& next_layer() noexcept { return next_layer_; }
  [[nodiscard]] const next_layer_type& next_layer() const noexcept { return next_layer_; }
  [[nodiscard]] lowest_layer_type& lowest_layer() noexcept { return detail::lowest_layer(next_layer_); }
  [[nodiscard]] const lowest_layer_type& lowest_layer() const noexcept {
    return detail::lowest_layer(next_layer_);
  }
  [[nodiscard]] native_handle_type native_handle() const noexcept { return engine_().native_handle(); }

  /// Adds modes, takes modes out, tells the modes; each returns the set in force. Refused, with nothing
  /// changed, while a job is paused. Source: SSL_set_mode(3).
  mode_set set_mode(mode_set modes) noexcept { return engine_().set_mode(modes); }
  mode_set clear_mode(mode_set modes) noexcept { return engine_().clear_mode(modes); }
  [[nodiscard]] mode_set mode() const noexcept { return engine_().mode(); }

  /// When mode::async makes jobs: for the handshake only, as at first, or for reads, writes and shutdowns
  /// too.
  void set_job_scope(job_scope scope) noexcept { engine_().set_job_scope(scope); }
  /// Upper limit, in bytes, of the read-ahead; see engine::set_read_ahead.
  void set_read_ahead(std::size_t bytes) noexcept { engine_().set_read_ahead(bytes); }
  /// Upper limit, in bytes, of what one operation moves before it completes; see engine::set_batch_limit.
  void set_batch_limit(std::size_t bytes) noexcept { engine_().set_batch_limit(bytes); }

  /// On a client: the name, or IP address in text form, to check the certificate against; a name is also sent
  /// as SNI. Errors: error::bad_host_name.
  void set_host(std::string_view name) {
    boost::system::error_code ec;
    set_host(name, ec);
    throw_if(ec, "set_host");
  }
  void set_host(std::string_view name, boost::system::error_code& ec) {
    ec = to_boost(engine_().set_host(name));
  }

  /// As with boost::asio::ssl::stream. Source: SSL_set_verify(3).
  void set_verify_mode(net::ssl::verify_mode v) { engine_().set_verify_mode(v); }
  void set_verify_mode(net::ssl::verify_mode v, boost::system::error_code& ec) {
    ec = {};
    set_verify_mode(v);
  }
  void set_verify_depth(int depth) { engine_().set_verify_depth(depth); }
  void set_verify_depth(int depth, boost::system::error_code& ec) {
    ec = {};
    set_verify_depth(depth);
  }
  /// `callback` has the signature bool(bool preverified, boost::asio::ssl::verify_context&).
  template <class VerifyCallback>
  void set_verify_callback(VerifyCallback callback) {
    engine_().set_verify_callback(
        [callback = std::move(callback)](bool preverified, X509_STORE_CTX* store) mutable {
          net::ssl::verify_context v(store);
          return static_cast<bool>(callback(preverified, v));
        });
  }
  template <class VerifyCallback>
  void set_verify_callback(VerifyCallback callback, boost::system::error_code& ec) {
    ec = {};
    set_verify_callback(std::move(callback));
  }

  // ---- what is known ----

  /// All that is known of the failure that ended the connection.
  [[nodiscard]] const failure& last_failure() const noexcept { return engine_().last_failure(); }
  [[nodiscard]] const tlsmode::stats& stats() const noexcept { return engine_().stats(); }
  [[nodiscard]] std::string_view protocol() const noexcept { return engine_().protocol(); }
  [[nodiscard]] std::string_view cipher() const noexcept { return engine_().cipher(); }
  /// The protocol agreed on by ALPN (RFC 7301); empty if none.
  [[nodiscard]] std::string_view alpn() const noexcept { return engine_().alpn(); }
  [[nodiscard]] bool resumed() const noexcept { return engine_().resumed(); }
  /// Bytes that a read can have without waiting.
  [[nodiscard]] std::size_t pending() const noexcept { return engine_().pending(); }

  // ---- handshake ----

  /// Performs the handshake, or goes on with one that was cancelled.
  /// Completion signature: void(error_code). Never completes inside the call.
  /// Cancellation: terminal and partial at any time, total until the first byte; the handshake can be gone on
  /// with by another call. Errors: OpenSSL's (ssl category), stream_truncated, the socket's, misuse.
  /// Source: SSL_do_handshake(3).
  template <class Token = net::default_completion_token_t<executor_type>>
  auto async_handshake(handshake_type type, Token&& token = {}) {
    return start<void(boost::system::error_code), Token>(token, detail::handshake_action(role_of(type)));
  }
  void handshake(handshake_type type, boost::system::error_code& ec) {
    run(detail::handshake_action(role_of(type)), ec);
  }
  void handshake(handshake_type type) {
    boost::system::error_code ec;
    handshake(type, ec);
    throw_if(ec, "handshake");
  }

  // ---- shutdown ----

  /// Sends close_notify and waits for the peer's, as boost::asio::ssl::stream does; unread application data
  /// is the error "application data after close notify". Completion signature: void(error_code).
  /// Cancellation: terminal and partial at any time, total until close_notify is sent; another call goes on.
  template <class Token = net::default_completion_token_t<executor_type>>
  requires(!std::is_same_v<std::decay_t<Token>, shutdown_form>) auto async_shutdown(Token&& token = {}) {
    return async_shutdown(shutdown_form::wait_for_peer, std::forward<Token>(token));
  }
  /// The same in a chosen form: only send, wait for the peer, or drop what it still sends.
  template <class Token = net::default_completion_token_t<executor_type>>
  auto async_shutdown(shutdown_form form, Token&& token = {}) {
    return start<void(boost::system::error_code), Token>(token, detail::shutdown_action(form));
  }
  void shutdown(shutdown_form form, boost::system::error_code& ec) { run(detail::shutdown_action(form), ec); }
  void shutdown(boost::system::error_code& ec) { shutdown(shutdown_form::wait_for_peer, ec); }
  void shutdown(shutdown_form form = shutdown_form::wait_for_peer) {
    boost::system::error_code ec;
    shutdown(form, ec);
    throw_if(ec, "shutdown");
  }

  // ---- write ----

  /// Writes bytes of `buffers`: with enable_partial_write at least one and as many as the socket takes at
  /// once, up to the batch limit; without it all of them. Bytes reported reach the peer, in order. Completion
  /// signature: void(error_code, size_t n), n = 0 on error except when cancelled. Cancellation: terminal and
  /// partial at any time, total until the first byte is sealed; completes with operation_aborted and n = the
  /// bytes sealed, which still go out with later operations.
  template <class ConstBufferSequence, class Token = net::default_completion_token_t<executor_type>>
  auto async_write_some(const ConstBufferSequence& buffers, Token&& token = {}) {
    return start<void(boost::system::error_code, std::size_t), Token>(
        token, detail::write_action<ConstBufferSequence>(buffers));
  }
  /// On a non-blocking socket would_block comes with n = 0, and the same call must be repeated until it
  /// succeeds.
  template <class ConstBufferSequence>
  std::size_t write_some(const ConstBufferSequence& buffers, boost::system::error_code& ec) {
    return run(detail::write_action<ConstBufferSequence>(buffers), ec);
  }
  template <class ConstBufferSequence>
  std::size_t write_some(const ConstBufferSequence& buffers) {
    boost::system::error_code ec;
    const std::size_t n = write_some(buffers, ec);
    throw_if(ec, "write_some");
    return n;
  }

  // ---- read ----

  /// Reads at least one byte and then as many as are there without waiting, into the whole sequence.
  /// Completion signature: void(error_code, size_t n), n = 0 on error; eof after the peer's close_notify,
  /// stream_truncated if the connection ended without it.
  /// Cancellation: all types; nothing is lost, the stream stays usable.
  template <class MutableBufferSequence, class Token = net::default_completion_token_t<executor_type>>
  auto async_read_some(const MutableBufferSequence& buffers, Token&& token = {}) {
    return start<void(boost::system::error_code, std::size_t), Token>(
        token, detail::read_action<MutableBufferSequence>(buffers));
  }
  template <class MutableBufferSequence>
  std::size_t read_some(const MutableBufferSequence& buffers, boost::system::error_code& ec) {
    return run(detail::read_action<MutableBufferSequence>(buffers), ec);
  }
  template <class MutableBufferSequence>
  std::size_t read_some(const MutableBufferSequence& buffers) {
    boost::system::error_code ec;
    const std::size_t n = read_some(buffers, ec);
    throw_if(ec, "read_some");
    return n;
  }

 private:
  using state_type = detail::stream_state<next_layer_type>;

  template <class Arg, class Native>
  stream(Arg&& arg, Native* native, int)
      : next_layer_(std::forward<Arg>(arg)), state_(new state_type(native, next_layer_)) {}

  // Asio's waits for a socket refer to the socket object by its address when they are to be cancelled: the
  // flusher, which goes on after the move, must wait anew.
  NextLayer&& give_up_next_layer() noexcept {
    if (state_) state_->stop_flushing();
    return std::forward<NextLayer>(next_layer_);
  }

  // What async_initiate calls with the handler.
  class initiate {
   public:
    using executor_type = typename stream::executor_type;
    explicit initiate(stream& s) noexcept : self_(&s) {}
    [[nodiscard]] executor_type get_executor() const noexcept { return self_->get_executor(); }
    template <class Handler, class Action>
    void operator()(Handler&& handler, Action action) const {
      detail::async_driver<next_layer_type, Action, std::decay_t<Handler>>(self_->state_, std::move(action),
                                                                           std::forward<Handler>(handler))
          .start();
    }

   private:
    stream* self_;
  };

  template <class Signature, class Token, class Action>
  auto start(std::remove_reference_t<Token>& token, Action action) {
    return net::async_initiate<Token, Signature>(initiate(*this), token, std::move(action));
  }
  template <class Action>
  std::size_t run(Action action, boost::system::error_code& ec) {
    return detail::sync_driver<next_layer_type, Action>(*state_, std::move(action)).run(ec);
  }

  static void throw_if(const boost::system::error_code& ec, const char* operation) {
    if (ec) throw boost::system::system_error(ec, operation);
  }
  static role role_of(handshake_type type) noexcept { return type == client ? role::client : role::server; }
  [[nodiscard]] engine& engine_() const noexcept { return state_->eng; }

  NextLayer next_layer_;
  detail::state_ptr<next_layer_type> state_;
};

} // namespace tlsmode

#endif
