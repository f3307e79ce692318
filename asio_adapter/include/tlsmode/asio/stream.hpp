// SPDX-License-Identifier: BSL-1.0
// The TLS stream for Boost.Asio: a drop-in for boost::asio::ssl::stream on the mode-state engine.
#ifndef TLSMODE_ASIO_STREAM_HPP
#define TLSMODE_ASIO_STREAM_HPP

#include <tlsmode/asio/error.hpp>
#include <tlsmode/asio/placement.hpp>
#include <tlsmode/context.hpp>
#include <tlsmode/engine.hpp>
#include <tlsmode/job_threads.hpp>

#include <tlsmode/asio/detail/actions.hpp>
#include <tlsmode/asio/detail/common_instances.hpp>
#include <tlsmode/asio/detail/initiate.hpp>
#include <tlsmode/asio/detail/lowest_layer.hpp>
#include <tlsmode/asio/detail/stream_settings.hpp>
#include <tlsmode/asio/detail/sync_driver.hpp>
#include <tlsmode/asio/detail/teardown.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream_base.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace tlsmode {

/// A TLS stream over any stream: plain sockets of Boost.Asio directly, all others through memory.
///
/// Writes and reads may be outstanding together, with a shutdown as well. Operations of the same kind are
/// carried out in the order in which they were started, and tell of it in that order. One that completes at
/// once is posted to its handler's executor; if that cannot be asked never to run a handler at once, as
/// any_completion_executor cannot, it goes by way of the stream's executor, and where several threads run
/// that, it may be overtaken on the way.
/// The throwing forms throw boost::system::system_error; if the connection has failed, its what() has all of
/// last_failure(): OpenSSL's reasons, the alert, and why and where in the chain a certificate was refused.
/// A stream that was moved from or released: operations end with error::no_connection, and only destroying
/// it, assigning to it, its layers and its executor are allowed besides. All asynchronous operations may also
/// end with timed_out, once a limit is set (expires_after()). At most 4096 asynchronous operations may be
/// outstanding; more end with error::too_many_operations. Thread safety: distinct objects are independent;
/// one object must not be used from two threads at once. Its operations, with their handlers, must run in one
/// strand, implicit or explicit.
template <class NextLayer>
class stream : public net::ssl::stream_base, public detail::stream_settings<stream<NextLayer>> {
 public:
  /// What the stream is over, without the reference of a stream<T&>; what is below all layers, as
  /// lowest_layer(); where operations run, as get_executor(); OpenSSL's object, as native_handle().
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
  /// context, so the context object may be destroyed, unless it was given a verify callback: that goes with
  /// the object, and a handshake that would ask it fails. Modes: those of the context, and, as with
  /// boost::asio::ssl::stream, enable_partial_write and accept_moving_write_buffer.
  template <class Arg>
  stream(Arg&& arg, net::ssl::context& ctx) : stream(std::forward<Arg>(arg), ctx.native_handle(), 0) {
    this->set_mode(mode::enable_partial_write | mode::accept_moving_write_buffer);
  }
  /// A connection of a core context, with exactly its modes.
  template <class Arg>
  stream(Arg&& arg, const context& ctx) : stream(std::forward<Arg>(arg), ctx.native_handle(), 0) {}
  /// Takes over an SSL object. Modes: as with a Boost.Asio context. Throws std::system_error with
  /// error::bad_option, and leaves the object to the caller, if it is null or has begun a handshake.
  template <class Arg>
  stream(Arg&& arg, SSL* ssl) : stream(std::forward<Arg>(arg), ssl, 0) {
    this->set_mode(mode::enable_partial_write | mode::accept_moving_write_buffer);
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
  /// Outstanding operations complete with operation_aborted. A next layer that the stream only refers to is
  /// cancelled for that, by cancel() of it or of its lowest layer, with all that waits on it.
  ~stream() {
    if (!state_) return;
    if constexpr (std::is_reference_v<NextLayer>)
      if (state_->outstanding != 0) detail::cancel_all(next_layer_);
    state_->close();
  }

  // ---- layers and settings ----

  /// That of the next layer; where operations run whose handlers have no executor of their own.
  [[nodiscard]] executor_type get_executor() noexcept { return next_layer_.get_executor(); }
  /// What the stream was made over, and what is below all layers; one that names none is its own. To connect,
  /// to set options, to close; reading or writing there would destroy the TLS stream.
  [[nodiscard]] next_layer_type& next_layer() noexcept { return next_layer_; }
  [[nodiscard]] const next_layer_type& next_layer() const noexcept { return next_layer_; }
  [[nodiscard]] lowest_layer_type& lowest_layer() noexcept { return detail::lowest_layer(next_layer_); }
  [[nodiscard]] const lowest_layer_type& lowest_layer() const noexcept {
    return detail::lowest_layer(next_layer_);
  }
  /// The OpenSSL connection: for settings and questions; see engine::native_handle.
  [[nodiscard]] native_handle_type native_handle() const noexcept { return engine_ref()->native_handle(); }

  // ---- where jobs run ----

  /// Where those steps of asynchronous operations run that may be paused: with mode::async the handshake,
  /// with job_scope::all all. Synchronous operations always run where they are called. For jobs that start
  /// from now on; a paused job stays where it is. Precondition: none.
  void set_placement(placement p) noexcept { state_->where = p; }
  [[nodiscard]] placement job_placement() const noexcept { return state_->where; }
  /// Pins the stream to one of these threads, from the next job on; otherwise it is pinned to one of
  /// job_threads::shared() when it first needs one. Once they are stopped, operations that need them fail
  /// with error::job_threads_stopped. May throw std::bad_alloc.
  void set_job_threads(job_threads& threads) { state_->make_offload().wanted = threads.next(); }

  // ---- time limit ----

  /// Limits the time of the operations that start from now on, all of each; `limit` is counted from this
  /// call. Operations outstanding keep the limit that they have, and synchronous ones have none.
  /// Precondition: none. One that takes longer completes with boost::asio::error::timed_out, and otherwise as
  /// if it had been cancelled with the terminal type. The socket stays open and other operations go on. Once
  /// the time has passed, operations complete with timed_out at once until another limit is set. A next layer
  /// that is not a plain socket must support cancellation. Source: docs/decisions/0005.
  void expires_after(std::chrono::steady_clock::duration limit) {
    using time_point = std::chrono::steady_clock::time_point;
    const time_point now = std::chrono::steady_clock::now();
    expires_at(limit > time_point::max() - now ? time_point::max() : now + limit);
  }
  /// The same with a point in time.
  void expires_at(std::chrono::steady_clock::time_point limit) {
    if (!state_) return;
    if (!state_->deadlines) state_->deadlines.reset(new detail::deadline_list(get_executor()));
    state_->deadlines->limit = limit;
  }
  /// No limit for the operations that start from now on.
  void expires_never() {
    if (state_ && state_->deadlines) state_->deadlines->limit = std::chrono::steady_clock::time_point::max();
  }

  // ---- handshake ----

  /// Performs the handshake, or goes on with one that was cancelled.
  /// Completion signature: void(error_code). Never completes inside the call.
  /// Cancellation: terminal and partial at any time, total until the first byte; the handshake can be gone on
  /// with by another call.
  /// Errors: OpenSSL's (ssl category), stream_truncated, eof if the peer closed instead, those of the next
  /// layer; error::wrong_role, error::host_name_needed, error::fallback_scsv_misuse,
  /// error::session_not_verified, error::client_not_asked, error::job_on_other_thread,
  /// error::job_threads_stopped; those of signers and
  /// hooks (error.hpp). Source: SSL_do_handshake(3).
  template <class Token = net::default_completion_token_t<executor_type>>
  requires(!net::is_const_buffer_sequence<std::decay_t<Token>>::value) auto async_handshake(
      handshake_type type, Token&& token = {}) {
    return start<void(boost::system::error_code), Token>(token, detail::handshake_action(role_of(type)));
  }
  /// The same, waiting here. On a non-blocking next layer would_block instead; the same call then goes on.
  /// Errors: also error::operation_in_progress while asynchronous operations are outstanding.
  /// With hooks that are coroutines: error::hooks_need_async, and nothing has happened.
  void handshake(handshake_type type, boost::system::error_code& ec) {
    run(detail::handshake_action(role_of(type)), ec);
  }
  void handshake(handshake_type type) {
    boost::system::error_code ec;
    handshake(type, ec);
    throw_failure(ec, "handshake");
  }

  /// The same when the peer's first bytes have been read already, for example to tell TLS from other
  /// protocols. All of `buffers` is taken when the handshake gets its turn, and must not be given again:
  /// whoever goes on with a handshake that was cancelled, that would have blocked or that failed for misuse
  /// calls the form without buffers. What follows the handshake in `buffers` reaches later reads. Completion
  /// signature: void(error_code, size_t n), n = bytes taken, also on error. Never completes inside the call.
  /// Cancellation and errors: as without buffers, and not_enough_memory. Source: SSL_do_handshake(3).
  template <class ConstBufferSequence, class Token = net::default_completion_token_t<executor_type>>
  requires(net::is_const_buffer_sequence<ConstBufferSequence>::value) auto async_handshake(
      handshake_type type, const ConstBufferSequence& buffers, Token&& token = {}) {
    return start<void(boost::system::error_code, std::size_t), Token>(
        token, detail::buffered_handshake_action<ConstBufferSequence>(role_of(type), buffers));
  }
  template <class ConstBufferSequence>
  requires(net::is_const_buffer_sequence<ConstBufferSequence>::value) void handshake(
      handshake_type type, const ConstBufferSequence& buffers, boost::system::error_code& ec) {
    run(detail::buffered_handshake_action<ConstBufferSequence>(role_of(type), buffers), ec);
  }
  template <class ConstBufferSequence>
  requires(net::is_const_buffer_sequence<ConstBufferSequence>::value) void handshake(
      handshake_type type, const ConstBufferSequence& buffers) {
    boost::system::error_code ec;
    handshake(type, buffers, ec);
    throw_failure(ec, "handshake");
  }

  // ---- shutdown ----

  /// Sends close_notify and waits for the peer's, as boost::asio::ssl::stream does; unread application data
  /// is the error "application data after close notify". Completion signature: void(error_code).
  /// Never completes inside the call. Cancellation: terminal and partial at any time, total until
  /// close_notify is sent; another call goes on. Errors: stream_truncated if the peer does not answer with
  /// its own; OpenSSL's, the next layer's; error::handshake_needed; error::operation_in_progress while a
  /// synchronous write on a non-blocking layer is unfinished. Source: SSL_shutdown(3), RFC 8446 section 6.1,
  /// docs/shutdown.md.
  template <class Token = net::default_completion_token_t<executor_type>>
  requires(!std::is_same_v<std::decay_t<Token>, shutdown_form>) auto async_shutdown(Token&& token = {}) {
    return async_shutdown(shutdown_form::wait_for_peer, std::forward<Token>(token));
  }
  /// The same in a chosen form: only send, wait for the peer, or drop what it still sends.
  template <class Token = net::default_completion_token_t<executor_type>>
  auto async_shutdown(shutdown_form form, Token&& token = {}) {
    return start<void(boost::system::error_code), Token>(token, detail::shutdown_action(form));
  }
  /// The same, waiting here; would_block as with handshake(), and error::operation_in_progress while an
  /// asynchronous operation has what it needs.
  void shutdown(shutdown_form form, boost::system::error_code& ec) { run(detail::shutdown_action(form), ec); }
  void shutdown(boost::system::error_code& ec) { shutdown(shutdown_form::wait_for_peer, ec); }
  void shutdown(shutdown_form form = shutdown_form::wait_for_peer) {
    boost::system::error_code ec;
    shutdown(form, ec);
    throw_failure(ec, "shutdown");
  }

  // ---- write ----

  /// Writes bytes of `buffers`: with enable_partial_write at least one and as many as the socket takes at
  /// once, up to the batch limit; without it all of them. Bytes reported reach the peer, in order.
  /// Completion signature: void(error_code, size_t n), n = 0 on error except when cancelled. Never completes
  /// inside the call. Cancellation: terminal and partial at any time, total until the first byte is sealed;
  /// completes with operation_aborted and n = the bytes sealed, which still go out with later operations.
  /// Errors: OpenSSL's, the next layer's; error::handshake_needed, error::write_after_shutdown.
  /// Source: SSL_write_ex(3), docs/modes.md, docs/cancellation.md.
  template <class ConstBufferSequence, class Token = net::default_completion_token_t<executor_type>>
  auto async_write_some(const ConstBufferSequence& buffers, Token&& token = {}) {
    return start<void(boost::system::error_code, std::size_t), Token>(
        token, detail::write_action<ConstBufferSequence>(buffers));
  }
  /// The same, waiting here. On a non-blocking socket would_block comes with n = 0, and the same call must be
  /// repeated until it succeeds. Errors: also error::write_buffer_moved and error::write_retry_too_short if
  /// it is repeated with other bytes than before, error::operation_in_progress while an asynchronous write,
  /// or over a layer that is not a plain socket the read of the peer's bytes that it needs first, is
  /// outstanding.
  template <class ConstBufferSequence>
  std::size_t write_some(const ConstBufferSequence& buffers, boost::system::error_code& ec) {
    return run(detail::write_action<ConstBufferSequence>(buffers), ec);
  }
  template <class ConstBufferSequence>
  std::size_t write_some(const ConstBufferSequence& buffers) {
    boost::system::error_code ec;
    const std::size_t n = write_some(buffers, ec);
    throw_failure(ec, "write_some");
    return n;
  }

  // ---- read ----

  /// Reads at least one byte and then as many as are there without waiting, into the whole sequence.
  /// Completion signature: void(error_code, size_t n), n = 0 on error. Never completes inside the call.
  /// Cancellation: all types; nothing is lost, the stream stays usable.
  /// Errors: eof after the peer's close_notify, stream_truncated if the connection ended without it;
  /// OpenSSL's, the next layer's; error::handshake_needed. Source: SSL_read_ex(3).
  template <class MutableBufferSequence, class Token = net::default_completion_token_t<executor_type>>
  auto async_read_some(const MutableBufferSequence& buffers, Token&& token = {}) {
    return start<void(boost::system::error_code, std::size_t), Token>(
        token, detail::read_action<MutableBufferSequence>(buffers));
  }
  /// The same, waiting here; would_block on a non-blocking next layer that has nothing. Errors: also
  /// error::operation_in_progress while an asynchronous read is outstanding.
  template <class MutableBufferSequence>
  std::size_t read_some(const MutableBufferSequence& buffers, boost::system::error_code& ec) {
    return run(detail::read_action<MutableBufferSequence>(buffers), ec);
  }
  template <class MutableBufferSequence>
  std::size_t read_some(const MutableBufferSequence& buffers) {
    boost::system::error_code ec;
    const std::size_t n = read_some(buffers, ec);
    throw_failure(ec, "read_some");
    return n;
  }

  // ---- readiness ----

  /// Waits until a read would not have to wait, because there is plaintext, the end or a failure, or until a
  /// write would have room; moves no plaintext. Takes its turn among the reads or the writes. Completion
  /// signature: void(error_code). Never completes inside the call. Cancellation: all types; nothing is lost.
  /// Errors: error::handshake_needed, operation_not_supported for other wait types. Source: SSL_peek_ex(3).
  template <class Token = net::default_completion_token_t<executor_type>>
  auto async_wait(net::socket_base::wait_type what, Token&& token = {}) {
    return net::async_initiate<Token, void(boost::system::error_code)>(
        detail::initiate_wait<next_layer_type>(next_layer_, state_), token, what);
  }

  // ---- another use of the object ----

  /// Makes the stream ready for another connection over the same next layer, which is to be connected anew:
  /// settings, modes and the host name stay; session, errors, counters and all bytes held go.
  /// Errors, with nothing changed: error::operation_in_progress while operations are outstanding, or while a
  /// next layer that is not a plain socket still sends what they left behind; those of engine::reset.
  /// Source: SSL_clear(3).
  void reset(boost::system::error_code& ec) {
    if (!state_ || state_->busy()) {
      ec = to_boost(state_ ? error::operation_in_progress : error::no_connection);
      return;
    }
    ec = to_boost(state_->off ? detail::reset_on(state_->off->home, state_->eng) : state_->eng.reset());
    if (!ec) state_->channel.reset();
  }
  void reset() {
    boost::system::error_code ec;
    reset(ec);
    throw_if(ec, "reset");
  }

  /// A next layer without its stream, and the bytes that were read from it and are not TLS.
  struct released {
    NextLayer next_layer;          ///< as the stream had it; a reference for a stream<T&>
    std::vector<std::byte> unread; ///< comes before what is read from the layer from now on
  };
  /// Gives the next layer back, for protocols that leave TLS again; the stream can then only be destroyed or
  /// assigned to. Precondition: set_read_ahead(0) before the handshake; otherwise what follows the peer's
  /// close_notify may be in OpenSSL already.
  /// Errors, with nothing changed: error::operation_in_progress while operations are outstanding or bytes
  /// wait to be sent, error::unread_data if OpenSSL holds bytes of the peer.
  [[nodiscard]] std::optional<released> release(boost::system::error_code& ec) {
    ec = {};
    if (!state_)
      ec = to_boost(error::no_connection);
    else if (state_->busy() || state_->output_pending())
      ec = to_boost(error::operation_in_progress);
    else if (engine_ref()->holds_ciphertext() || engine_ref()->pending() != 0)
      ec = to_boost(error::unread_data);
    if (ec) return std::nullopt;
    std::vector<std::byte> unread;
    for (const const_buffer bytes : {engine_ref()->unread_early(), state_->channel.unread()})
      unread.insert(unread.end(), bytes.begin(), bytes.end());
    state_->close();
    state_.reset();
    return released{std::forward<NextLayer>(next_layer_), std::move(unread)};
  }
  [[nodiscard]] released release() {
    boost::system::error_code ec;
    std::optional<released> r = release(ec);
    throw_if(ec, "release");
    return {std::forward<NextLayer>(r->next_layer), std::move(r->unread)};
  }

 private:
  friend class detail::stream_settings<stream>;
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

  template <class Signature, class Token, class Action>
  auto start(std::remove_reference_t<Token>& token, Action action) {
    return net::async_initiate<Token, Signature>(detail::initiate<next_layer_type>(next_layer_, state_),
                                                 token, std::move(action));
  }
  template <class Action>
  std::size_t run(Action action, boost::system::error_code& ec) {
    if (!state_) {
      ec = to_boost(error::no_connection);
      return 0;
    }
    return detail::sync_driver<next_layer_type, Action>(*state_, std::move(action)).run(ec);
  }

  static void throw_if(const boost::system::error_code& ec, const char* operation) {
    if (ec) throw boost::system::system_error(ec, operation);
  }
  /// If the connection has failed, the exception says all that is known of that.
  void throw_failure(const boost::system::error_code& ec, const char* operation) const {
    if (!ec) return;
    if (state_ && ec == state_->channel.restore(this->last_failure().code))
      throw boost::system::system_error(ec, this->last_failure().to_string());
    throw_if(ec, operation);
  }
  static role role_of(handshake_type type) noexcept { return type == client ? role::client : role::server; }
  [[nodiscard]] detail::engine_access engine_ref() const noexcept { return {state_->eng, state_->off.get()}; }

  NextLayer next_layer_;
  detail::state_ptr<next_layer_type> state_;
};

} // namespace tlsmode

#endif
