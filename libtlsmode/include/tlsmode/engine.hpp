// SPDX-License-Identifier: BSL-1.0
// The mode-state engine: one TLS connection as a state machine that asks for bytes and never waits.
//
// Every operation is a *step*: it runs until it is complete or cannot go on, and then says why it stopped.
// The caller waits for that reason to go away and calls the same operation again. The engine does no I/O
// of its own: a transport, bound for the length of a step, moves the ciphertext.
//
//   step s;
//   while (!(s = engine.read(transport, buffers)).complete()) wait_for(s.why);
//
// What holds at all times is listed in docs/architecture.md as invariants 1 to 10.
#ifndef TLSMODE_ENGINE_HPP
#define TLSMODE_ENGINE_HPP

#include <tlsmode/context.hpp>
#include <tlsmode/error.hpp>
#include <tlsmode/mode.hpp>
#include <tlsmode/record_sizing.hpp>
#include <tlsmode/session.hpp>
#include <tlsmode/stats.hpp>
#include <tlsmode/suspend.hpp>
#include <tlsmode/transport.hpp>

#include <tlsmode/detail/byte_queue.hpp>
#include <tlsmode/detail/job_buffer.hpp>
#include <tlsmode/detail/state.hpp>

#include <openssl/types.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tlsmode {

namespace detail {
struct answer_wait;
class held_record;
struct job_extras;
class record_sizer;
struct rare_settings;
} // namespace detail
class answer_host;
struct context_switch;
struct hook_bridge;

/// How much of closing a connection an engine::shutdown does.
enum class shutdown_form : std::uint8_t {
  send_only,     ///< send close_notify; the peer may go on sending, and its data can still be read
  wait_for_peer, ///< also wait for the peer's close_notify; unread application data is an error
  drain          ///< also read and drop what the peer still sends first, up to 16 MiB
};

/// When operations run as jobs while mode::async is set.
enum class job_scope : std::uint8_t {
  handshake, ///< only the handshake: nothing is paid for jobs on the data path
  all        ///< reads, writes and shutdowns too
};

/// One TLS connection. Not movable: OpenSSL holds its address.
/// Thread safety: none; calls must not overlap. While a job is paused, the owner's calls must come from the
/// thread that started it.
class engine {
 public:
  /// What an engine is asked to do; as a name in failure::operation.
  enum class operation : std::uint8_t { none, handshake, read, write, shutdown };

  /// A connection of a context. Its modes are those of the context.
  /// Throws std::system_error if OpenSSL cannot make one.
  explicit engine(const context& ctx);
  /// A connection of a native context, say that of a boost::asio::ssl::context, which keeps its own settings.
  /// Its modes are those of the context. Precondition: `ctx` is not null. Throws std::system_error.
  explicit engine(SSL_CTX* ctx);
  /// Takes over an SSL object: the engine frees it, replaces its BIOs and forbids renegotiation on it. The
  /// modes are those of the object. Throws std::system_error with bad_option, and leaves the object to the
  /// caller, if `ssl` is null or has begun a handshake.
  explicit engine(SSL* ssl);
  ~engine();
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  // ---- operations ----

  /// Begins or goes on with the handshake; complete once it is done and all its bytes are with the
  /// transport. Complete at once if it was done before.
  /// Errors: wrong_role, host_name_needed, fallback_scsv_misuse, job_on_other_thread, stream_truncated,
  /// session_not_verified, client_not_asked, those of signers and hooks (error.hpp), of OpenSSL and of the
  /// transport. Source: SSL_do_handshake(3).
  step handshake(transport& t, role r);

  /// Decrypts into `to`: at least one byte, and then as much as can be had without waiting. An empty `to` is
  /// complete with 0 bytes and touches nothing. A failure that follows bytes is kept for the next call.
  /// Errors: end_of_stream after the peer's close_notify, stream_truncated, handshake_needed, OpenSSL's, the
  /// transport's. Source: SSL_read_ex(3).
  step read(transport& t, std::span<const mutable_buffer> to);

  /// Seals bytes of `from`, in order, and hands the records to the transport. Complete once every sealed
  /// record is with the transport and either all of `from` is sealed, or, with enable_partial_write, at
  /// least one byte is and going on would wait or exceed the batch limit.
  /// If it stops before that, the same call must be repeated: with an equal sequence at the same address, or,
  /// with accept_moving_write_buffer, with equal bytes anywhere. cancel_write() ends it instead.
  /// Errors: write_after_shutdown, write_buffer_moved, write_retry_too_short, handshake_needed, OpenSSL's,
  /// the transport's. Source: SSL_write_ex(3), SSL_CTX_set_mode(3).
  step write(transport& t, std::span<const const_buffer> from);

  /// Ends an unfinished write and returns how many of its bytes are sealed: these, and no others, reach the
  /// peer. Their records stay with the engine until the transport takes them. 0 if no write is unfinished.
  std::size_t cancel_write() noexcept;

  /// Sends close_notify and then does what `form` says. Earlier records go first.
  /// Errors: handshake_needed, operation_in_progress with an unfinished write, stream_truncated; OpenSSL's
  /// "application data after close notify" with wait_for_peer if there is any (it stays readable), with drain
  /// after 16 MiB of it. Source: SSL_shutdown(3), RFC 8446 section 6.1.
  step shutdown(transport& t, shutdown_form form);

  /// Hands the transport what the engine holds back; complete when nothing is left. Errors: the transport's.
  step flush(transport& t);

  /// True while the connection has failed and its last alert waits for the transport: the failed operation
  /// completes when the alert is gone. drop_output() ends the wait.
  [[nodiscard]] bool alert_pending() const noexcept { return failing_ && !spill_.empty(); }
  /// Throws away the ciphertext held back for the transport. If there was any, nothing can be written any
  /// more (errc::timed_out): for a peer that does not read even the last alert.
  void drop_output() noexcept;
  /// For a transport that takes bytes and sends them later, as memory_transport does: they will not arrive,
  /// because of `ec`. Nothing can be written any more, and last_failure() has the code with `told`, the
  /// operation that completes with it; with operation::none nobody has been told yet.
  void output_lost(std::error_code ec, operation told) noexcept;

  /// Complete when a read would not have to wait: there is plaintext, or the end, or a failure for it to
  /// report. Moves no plaintext. Errors: handshake_needed, job_on_other_thread. Source: SSL_peek_ex(3).
  step wait_readable(transport& t);

  /// Complete when nothing is held back that a write would have to wait for, or when a write would fail.
  /// Whether the transport has room for more is for its owner to say. Errors: handshake_needed.
  step wait_writable(transport& t);

  /// Hands over ciphertext that somebody else has read from the peer, such as the bytes that told that TLS
  /// begins, or what a step shall read that runs where the transport is not; it comes before what the
  /// transport reads. Returns false, with nothing taken, if there is no memory.
  [[nodiscard]] bool feed(const_buffer bytes) noexcept;
  /// Says that the peer sends nothing after the bytes fed, because the transport has come to its end or, with
  /// `ec`, has failed: it is not asked any more.
  void feed_end(std::error_code ec = {}) noexcept;
  /// What is left of the bytes fed; valid until the next operation.
  [[nodiscard]] const_buffer unread_early() const noexcept;
  /// True if OpenSSL holds bytes of the peer that no read has returned yet. Behind the peer's close_notify
  /// they are not TLS, and cannot be got at: whoever leaves TLS again switches read-ahead off.
  [[nodiscard]] bool holds_ciphertext() const noexcept;

  /// Makes the object ready for another connection: settings, modes and the host name stay; session, errors,
  /// counters and all bytes held go. A paused job is ended, on its thread. What hooks have changed is undone,
  /// but for PSK callbacks that the choice of another context has removed. Precondition: no operation is to
  /// be repeated. Errors, with nothing changed but the job: those of OpenSSL, job_on_other_thread,
  /// operation_in_progress if the job does not end. Source: SSL_clear(3).
  [[nodiscard]] std::error_code reset() noexcept;

  /// Say that a read, or a shutdown before its close_notify is sent, will not be repeated. If it owns the
  /// paused job, the next operation finishes the job first, and what it reads goes to the next read.
  void cancel_read() noexcept { abandon_job_of(operation::read); }
  void cancel_shutdown() noexcept { abandon_job_of(operation::shutdown); }
  /// Says that nobody waits for the handshake for now: whoever works out an answer for it is told to stop. A
  /// handshake that is called again asks again.
  void cancel_handshake() noexcept;

  // ---- modes and settings ----

  /// Adds modes; those set earlier stay. Returns the new set. Refused, with nothing changed, while a job is
  /// paused. Source: SSL_set_mode(3).
  mode_set set_mode(mode_set modes) noexcept;
  /// Takes modes out and returns the new set. Refused, with nothing changed, while a job is paused.
  mode_set clear_mode(mode_set modes) noexcept;
  /// The mode set in force. OpenSSL's own bits on native_handle() differ: inside, partial writes from moving
  /// buffers are always on.
  [[nodiscard]] mode_set mode() const noexcept { return modes_; }
  /// When mode::async makes jobs; job_scope::handshake at first.
  void set_job_scope(job_scope scope) noexcept;

  /// How many bytes one step moves, about, before it completes, so that one busy connection does not keep a
  /// thread to itself; 256 KiB at first. Writes without enable_partial_write are not limited.
  void set_batch_limit(std::size_t bytes) noexcept {
    batch_limit_ = static_cast<std::uint32_t>(std::clamp<std::size_t>(bytes, 1, largest_limit));
  }
  /// Makes writes begin with small records, for a peer that waits for the first bytes; nothing: records are
  /// as big as they can be, as at first. From the next record on. Errors: std::bad_alloc. Source: RFC 8446
  /// section 5.1, RFC 6066 section 4, SSL_CTX_set_max_send_fragment(3).
  void set_record_sizing(const std::optional<record_sizing>& sizing);
  /// Upper limit, in bytes, of the read-ahead that busy connections grow to; 128 KiB at first. Never less
  /// than a record, but 0 switches read-ahead off, for protocols that leave TLS again. Takes effect with the
  /// next buffer. Source: SSL_CTX_set_read_ahead(3).
  void set_read_ahead(std::size_t bytes) noexcept;
  /// Whether OpenSSL's record buffers stay while the connection waits: about 34 KB more in an idle
  /// connection, and four allocations less for a message and its answer. Not at first. Read-ahead beyond a
  /// record goes back all the same. Takes effect with the next wait; mode::release_buffers frees them
  /// nevertheless.
  void set_keep_buffers(bool keep) noexcept { keep_buffers_ = keep; }

  /// On a client: the name to check the certificate against and to send as SNI. An IP address in text form
  /// is checked as an address and not sent; a dot at the end is dropped. Sessions are kept and offered by
  /// name and `port`, where the context keeps them (context::resume_sessions()); the port means nothing else.
  /// Errors: bad_host_name for what is neither, bad_option once the handshake has begun.
  /// Source: SSL_set1_host(3), SSL_set_tlsext_host_name(3), RFC 6066 section 3.
  [[nodiscard]] std::error_code set_host(std::string_view name, std::uint16_t port = 0);
  /// SSL_VERIFY_ flags for this connection. This and the two below belong before the handshake: certificates
  /// are asked for and checked by what is set at that moment. A handshake that turns out to be a resumption,
  /// which checks none, fails with session_not_verified if the session does not prove what is set by then;
  /// not so where OpenSSL alone keeps the sessions of a native context. Source: SSL_set_verify(3).
  void set_verify_mode(int flags) noexcept;
  /// Longest chain accepted. Source: SSL_set_verify_depth(3).
  void set_verify_depth(int depth) noexcept;
  /// Called for each certificate of the peer's chain with OpenSSL's own opinion; its answer decides. An
  /// exception refuses the certificate. A client's callback may ask for time with SSL_set_retry_verify(), and
  /// the step then stops with want_verify. On a server OpenSSL 3.0 would let the client in unverified, so
  /// there the same refuses the client, whoever installed the callback; a server that needs time runs the
  /// handshake as a job. Source: SSL_set_verify(3), SSL_set_retry_verify(3).
  void set_verify_callback(std::function<bool(bool preverified, X509_STORE_CTX* store)> callback);

  // ---- keys and sessions ----

  /// Asks for a new key for what this side sends, and, with `both`, for what the peer sends. The message goes
  /// out in front of the next write or shutdown; asking again before that changes nothing.
  /// Precondition: none. Errors: handshake_needed; bad_option before TLS 1.3; write_after_shutdown;
  /// operation_in_progress while a job is paused or a write is unfinished, and with `both` while a message
  /// waits that does not ask the peer; what the connection failed with.
  /// Source: SSL_key_update(3), RFC 8446 section 4.6.3.
  [[nodiscard]] std::error_code update_keys(bool both) noexcept;

  /// On a client: a copy of the newest session, for a later connection to the same peer with the same
  /// settings. Null if there is none that can be resumed, before the handshake is done, after a failure, and
  /// while a job is paused. With TLS 1.3 sessions come after the handshake, with the first reads. How the
  /// connection ends does not change the copy. Source: SSL_get1_session(3), SSL_SESSION_is_resumable(3).
  [[nodiscard]] session_ptr session() const noexcept;
  /// On a client: offers a session in the coming handshake; resumed() tells whether the peer took it.
  /// A resumption skips the check of the peer's certificate. So a connection that verifies offers only a
  /// session for which an engine of the same context did the same check: same names, settings and trust, and
  /// no verify callback on either side, since nobody can know what a callback would have said. A session read
  /// from a file has lost the proof. To the server a resumption comes from whoever made the session: one that
  /// was made with another certificate of this side, or none, is not offered either. A TLS 1.3 session should
  /// be offered once (RFC 8446 appendix C.4). Preconditions: the host, the verification settings and the
  /// certificate are set; if they are changed afterwards, the session is silently not offered; if during the
  /// handshake, a resumption fails. Errors: session_not_verified; bad_option for null, for a session that
  /// cannot be resumed, on a server, and once the handshake has begun; OpenSSL's. Source: SSL_set_session(3).
  [[nodiscard]] std::error_code offer_session(SSL_SESSION* session) noexcept;

  // ---- jobs ----

  /// True if the next operation may run as a job, and so be paused.
  [[nodiscard]] bool may_pause() const noexcept;
  /// True while a job is paused.
  [[nodiscard]] bool job_paused() const noexcept { return job_owner_ != operation::none; }
  /// True while a job is paused that cannot be gone on with here: only the thread that started it can, and
  /// not from inside another connection's job.
  [[nodiscard]] bool job_elsewhere() const noexcept;
  /// Says that the engine will only be destroyed, later and maybe on another thread: whoever works out an
  /// answer for it is told to stop, and its verify callback is not called any more. See destroy_on().
  void give_up() noexcept;
  /// The descriptors whose readability may mean that the paused job is ready. They are the crypto's: watch
  /// them, never close them. Source: SSL_get_all_async_fds(3).
  [[nodiscard]] std::vector<int> job_descriptors() const;
  /// True if whoever paused the job promised to call the callback of set_job_callback().
  [[nodiscard]] bool job_calls_back() const noexcept;
  /// What to call when a paused job may go on. Must be set before the first operation with mode::async; it
  /// may be called on any thread, also before the pausing step has returned, and must only pass the news on.
  /// Source: SSL_set_async_callback(3).
  void set_job_callback(std::shared_ptr<std::function<void()>> callback);
  /// Where the answers to this connection's questions may be worked out: what pending_answer::host() returns.
  void set_answer_host(std::shared_ptr<answer_host> host);
  /// True while the operation that stopped last waits for somebody's answer: with want_async, and with
  /// want_client_hello, want_certificate and want_verify when they come from a hook. The job callback is
  /// called when the answer is there.
  [[nodiscard]] bool answer_awaited() const noexcept;
  /// When that answer has to be there; whoever waits calls the operation again then, and it fails. No value
  /// without a limit.
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> answer_deadline() const noexcept;
  /// True while the connection waits, in turn, for a slot in its thread's job pool: the job callback is
  /// called when it may try again. An operation whose job pauses ends the wait for all of them.
  [[nodiscard]] bool slot_awaited() const noexcept;
  /// True if it is the first of those. A slot that a job of somebody else's frees goes unnoticed, so the
  /// first one must ask again from time to time, and the others need not.
  [[nodiscard]] bool first_for_slot() const noexcept;
  /// Gives up its place in that queue: for who will not ask again soon. The next one is called.
  void leave_slot_queue() noexcept;
  /// True if the handshake may need an event loop to get answers (hooks::need_async): whoever would block in
  /// it reports hooks_need_async instead.
  [[nodiscard]] bool hooks_need_async() const noexcept;

  // ---- what is known ----

  /// Where the connection stands; see docs/architecture.md for the diagram.
  [[nodiscard]] connection_state state() const noexcept { return state_.now(); }
  /// Bytes of an unfinished write that are sealed, or with a job that will seal them.
  [[nodiscard]] std::size_t unfinished_write() const noexcept {
    return write_total_ == 0 ? 0 : write_sealed_ + (job_owner_ == operation::write ? job_out_.size() : 0);
  }
  /// True while ciphertext is held back for the transport. Whoever then waits because of want_read must also
  /// call flush() when there is room: the peer may be waiting for these bytes.
  [[nodiscard]] bool flush_pending() const noexcept { return !spill_.empty(); }
  /// Plaintext bytes that a read can have without the transport.
  [[nodiscard]] std::size_t pending() const noexcept;
  /// What happened on the connection so far, in numbers; valid as long as the engine.
  [[nodiscard]] const tlsmode::stats& stats() const noexcept { return stats_; }
  /// Everything about the failure that ended the connection; empty code while there was none.
  [[nodiscard]] const failure& last_failure() const noexcept;
  /// "TLSv1.3" and the like; the name of the cipher suite; the protocol chosen by ALPN, empty if none.
  [[nodiscard]] std::string_view protocol() const noexcept;
  [[nodiscard]] std::string_view cipher() const noexcept;
  [[nodiscard]] std::string_view alpn() const noexcept;
  /// True if the handshake resumed an earlier session.
  [[nodiscard]] bool resumed() const noexcept;
  /// The OpenSSL connection, owned by the engine. Its BIOs, modes and ex_data of the engine must be left
  /// alone, and no reading, writing, handshake or shutdown function may be called on it.
  [[nodiscard]] SSL* native_handle() const noexcept { return ssl_.get(); }

 private:
  friend struct bio_bridge;
  friend struct session_bridge;
  friend struct hook_bridge;
  friend struct context_switch;
  friend struct detail::answer_wait;
  friend struct client_checks;
  struct free_ssl {
    void operator()(SSL* s) const noexcept;
  };
  struct free_x509 {
    void operator()(X509* c) const noexcept;
  };
  /// What an OpenSSL call came to. `again`: call once more, nothing to wait for.
  enum class outcome : std::uint8_t { ok, again, closed, stopped, failed };
  struct call_result {
    outcome what = outcome::ok;
    suspend why = suspend::none;
    std::error_code error;
  };
  class transport_binding;
  class running;

  template <class Call>
  call_result call(operation who, Call&& openssl_call);
  call_result interpret(operation who, int rc);
  std::error_code ready_for(operation who) const noexcept;
  step stop(suspend why) noexcept;
  step finish_failed(operation who, std::error_code ec);
  step deliver_failure();
  void record_failure(operation who, std::error_code ec) noexcept;
  void describe_failure(operation who, std::error_code ec);
  void push_spill() noexcept;
  void send_held() noexcept;
  [[nodiscard]] bool has_abandoned_work() const noexcept { return job_abandoned_ || write_committed_; }
  call_result finish_abandoned_work();
  step finish_call(operation who, const call_result& r);
  bool job_scope_covers(operation who) const noexcept;
  void abandon_job_of(operation who) noexcept;
  void apply_modes() noexcept;
  std::error_code begin_handshake(role r) noexcept;
  std::error_code check_handshake(role r) const noexcept;
  std::error_code finish_handshake() noexcept;
  void say_goodbye() noexcept;
  void enter_idle() noexcept;
  [[nodiscard]] bool nothing_buffered() const noexcept;
  [[nodiscard]] bool reads_through_job() const noexcept;
  void prepare_read_buffer() noexcept;
  call_result seal_some(std::span<const const_buffer> from, detail::held_record& held, std::size_t& sealed);
  [[nodiscard]] std::size_t short_record_first(std::span<const const_buffer> from,
                                               std::size_t most) const noexcept;
  call_result peek();
  call_result open_some(mutable_buffer to, std::size_t& opened);
  call_result run_job_write();
  call_result run_job_read();
  call_result send_close_notify();
  step await_close_notify(shutdown_form form);
  call_result discard(std::size_t& n);
  const std::shared_ptr<detail::job_extras>& extras();
  void stop_waiting_for_answers(bool ending) noexcept;
  void job_has_ended() noexcept;
  call_result wait_for_slot(operation who) noexcept;
  void leave_slot_queue(operation who) noexcept;
  void end_paused_job() noexcept;
  void resume_job_to_its_end() noexcept;
  std::size_t take_early(mutable_buffer to) noexcept;
  static engine* of(const SSL* ssl) noexcept;
  static int on_verify(int preverified, X509_STORE_CTX* store) noexcept;
  static void on_info(const SSL* ssl, int where, int value) noexcept;
  std::error_code prepare_sessions() noexcept;
  std::error_code check_resumption() noexcept;
  void mark_session() noexcept;
  void forget_sessions() noexcept;
  detail::rare_settings& rare();
  [[nodiscard]] detail::record_sizer* sizer() const noexcept;
  [[nodiscard]] bool has_verify_callback() const noexcept;

  // OpenSSL's smallest read buffer: one record. What a connection has until it proves to be busy.
  static constexpr std::size_t small_read_buffer = 0;
  static constexpr std::size_t largest_limit = 1U << 30; // of what one step moves or reads ahead
  static constexpr std::uint32_t largest_record = 16384; // plaintext bytes (RFC 8446 section 5.1)

  std::unique_ptr<SSL, free_ssl> ssl_;
  SSL_CTX* made_of_ = nullptr;                // whatever context it is one of now; the SSL keeps it
  transport* transport_ = nullptr;            // bound for the length of a step
  detail::byte_queue spill_;                  // ciphertext that the transport did not take
  detail::held_record* held_ = nullptr;       // ciphertext that goes with the next record of this step
  std::unique_ptr<detail::byte_queue> early_; // what feed() was given; few connections have it
  std::error_code write_error_;               // the transport's; from then on ciphertext is dropped
  std::error_code read_error_;                // the transport's, or stream_truncated
  std::error_code failed_with_;               // why the connection failed
  std::unique_ptr<failure> failure_;          // all that is known of it, if there was memory to keep it
  detail::state_machine state_;

  // The unfinished write, if `write_total_` is not 0.
  const std::byte* write_address_ = nullptr;
  std::size_t write_total_ = 0;
  std::size_t write_sealed_ = 0;

  // The paused job, and memory that jobs may see.
  detail::job_buffer job_in_;                  // read jobs: bytes not yet given to the caller
  detail::job_buffer job_out_;                 // write jobs: bytes given to OpenSSL and not yet sealed
  std::uint64_t job_thread_ = 0;               // its number, see thread_number.hpp
  std::shared_ptr<detail::job_extras> extras_; // made when there is something to keep

  std::unique_ptr<X509, free_x509> shown_;      // a client's certificate when its handshake was done
  const void* begun_with_ = nullptr;            // a server's context_settings then; only compared
  std::unique_ptr<detail::rare_settings> rare_; // few connections have them
  int (*previous_verify_)(int, X509_STORE_CTX*) = nullptr; // the one that the context or its owner installed
  void (*previous_info_)(const SSL*, int, int) = nullptr;  // likewise
  int refused_depth_ = -1;
  std::int16_t alert_received_ = -1; // the last one that was more than a notice
  std::int16_t alert_sent_ = -1;
  mode_set modes_;
  tlsmode::stats stats_;
  std::uint32_t batch_limit_ = 256 * 1024;
  std::uint32_t read_ahead_limit_ = 128 * 1024;
  // Most plaintext bytes that OpenSSL was seen to put into one record.
  std::uint32_t record_limit_ = largest_record;
  std::uint32_t discarded_ = 0;      // dropped by draining shutdowns so far
  std::uint32_t session_family_ = 0; // of sessions kept for others to resume; 0: none
  std::uint16_t port_ = 0;
  role role_ = role::client;
  job_scope job_scope_ = job_scope::handshake;
  operation job_owner_ = operation::none;
  // A server's, when its handshake begins: whose sessions it takes, and whether clients are verified.
  enum class sharing : std::uint8_t {
    with_context,
    with_alike,
    with_nobody
  } sharing_ = sharing::with_context;
  bool read_blocked_ = false; // the transport had nothing in this OpenSSL call
  bool read_full_ = false;    // the transport gave more than a small buffer holds: worth a big one
  bool read_gated_ = false;   // reading is held until the peer takes what we owe it
  bool more_follows_ = false; // another record follows the one that OpenSSL is sealing

  // Bits, since an idle connection counts every byte, and these are not asked about in every call.
  bool read_buffer_big_ : 1 = false;
  bool keep_buffers_ : 1 = false;    // of one record, also when idle
  bool failing_ : 1 = false;         // the failure is known; its alert is not sent yet
  bool job_abandoned_ : 1 = false;   // nobody will repeat the operation that owns the job
  bool write_committed_ : 1 = false; // job_out_ holds bytes that a cancelled write has reported as sealed
  bool host_needed_ : 1 = false;
  bool host_named_ : 1 = false;      // by set_host(): there is something to keep sessions by
  bool session_offered_ : 1 = false; // by offer_session(): to be checked once more
  bool asked_client_ : 1 = false;
  bool client_unverified_ : 1 = false; // a server's verify callback asked for time, which nobody has
};

} // namespace tlsmode

#endif
