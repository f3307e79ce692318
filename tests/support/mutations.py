# SPDX-License-Identifier: BSL-1.0
"""The ways in which `./dev mutate` breaks the libraries: for each a name, the file, the exact text, which occurs
once, what stands there instead, what that breaks, and the tests that should see it, as (target, filter), cheapest
first. A filter is Boost.Test's --run_test; None is the whole program."""

from collections import namedtuple

Mutation = namedtuple("Mutation", "name file old new breaks tests")

CORE = "libtlsmode/src/"
ADAPTER = "asio_adapter/include/tlsmode/asio/detail/"

MODEL = ("tlsmode_model", None)
RECORDS = ("fuzz_records", None)
HANDSHAKE = ("fuzz_handshake", None)
PARSERS = ("fuzz_parsers", None)
STREAM = ("fuzz_stream", None)
SWEEP = ("sweep_adapter", None)
DIFFERENTIAL = ("differential", None)


def core(suite):
    return ("tlsmode_core_tests", suite)


def jobs(suite):
    return ("tlsmode_core_job_tests", suite)


def adapter(suite):
    return ("adapter_" + suite, None)


MUTATIONS = [Mutation(*m) for m in [
    # Invariant 1: sealed bytes.
    ("bio-loses-the-rest", CORE + "bio.cpp", "  if (rest.empty()) return 1;\n", "  return 1;\n",
     "what the transport does not take is lost", [MODEL, core("writes")]),
    ("bio-overtakes-the-spill", CORE + "bio.cpp", "if (e.transport_ != nullptr && e.spill_.empty()) {",
     "if (e.transport_ != nullptr) {", "a record overtakes what is held back", [MODEL, core("alerts")]),
    ("bio-doubles-bytes", CORE + "bio.cpp", "      rest = rest.subspan(t.n);\n", "",
     "what the transport took is sent twice", [MODEL, core("writes")]),
    ("spill-consumes-too-much", CORE + "engine.cpp", "    spill_.consume(t.n);\n", "    spill_.clear();\n",
     "a short transfer of what is held back loses the rest", [MODEL, core("writes")]),
    ("write-complete-with-spill", CORE + "engine.cpp",
     "    if (!spill_.empty()) return stop(suspend::want_write);\n    const bool enough",
     "    const bool enough", "a write is complete before its bytes are with the transport",
     [MODEL, core("writes")]),
    ("cancel-forgets-sealed", CORE + "engine.cpp",
     "  if (job_owner_ != operation::write) return write_sealed_;\n",
     "  if (job_owner_ != operation::write) return 0;\n", "a cancelled write does not own up to what it sealed",
     [MODEL, core("cancelled_writes")]),
    ("cancel-forgets-the-jobs-bytes", CORE + "engine.cpp", "  write_committed_ = true;",
     "  write_committed_ = false;", "bytes that a cancelled write promised are not sealed",
     [MODEL, jobs("data_jobs")]),
    ("cursor-skips", CORE + "engine.cpp", "  [[nodiscard]] const_buffer piece() const noexcept { return "
     "rest.front().subspan(inside); }", "  [[nodiscard]] const_buffer piece() const noexcept { return rest.front(); }",
     "a record begins at the start of its buffer instead of inside", [MODEL, core("buffer_sequences")]),
    # 2: the modes of a write.
    ("partial-always", CORE + "engine.cpp", "  const bool partial = modes_.contains(mode::enable_partial_write);\n",
     "  const bool partial = true;\n", "a write without enable_partial_write takes a part",
     [MODEL, core("modes_at_work")]),
    ("moved-buffer-taken", CORE + "engine.cpp",
     "             (address != write_address_ || total != write_total_)) {",
     "             total != write_total_) {", "a moved buffer is taken without accept_moving_write_buffer",
     [MODEL, core("writes")]),
    ("short-retry-taken", CORE + "engine.cpp", "  } else if (total < unfinished_write()) {",
     "  } else if (total == 0) {", "a retry with fewer bytes than are sealed is taken", [MODEL, core("writes")]),
    ("modes-replaced", CORE + "engine_setup.cpp", "  modes_ |= modes;\n", "  modes_ = modes;\n",
     "set_mode drops the modes set before", [MODEL, core("modes")]),
    ("modes-change-under-a-job", CORE + "engine_setup.cpp",
     "  if (job_paused()) return modes_; // OpenSSL would crash if ASYNC changed now\n", "",
     "modes change while a job is paused", [MODEL]),
    # 3: alerts.
    ("failure-without-alert", CORE + "engine_call.cpp",
     "  if (state_.now() == connection_state::failed && !spill_.empty()) {\n", "  if (false) {\n",
     "a failure is reported before its alert is out", [core("alerts"), core("failure_alerts")]),
    ("spill-dropped-on-failure", CORE + "engine_call.cpp", "step engine::deliver_failure() {\n  push_spill();\n",
     "step engine::deliver_failure() {\n  spill_.clear();\n", "the alert of a failure is lost",
     [MODEL, core("alerts")]),
    # 4: close_notify.
    ("shutdown-passes-a-write", CORE + "engine_shutdown.cpp",
     "  if (write_total_ != 0) return {suspend::none, 0, error::operation_in_progress};\n", "",
     "close_notify is sent in the middle of a write", [MODEL, core("shutdown")]),
    ("close-notify-not-remembered", CORE + "engine_shutdown.cpp",
     "  if (r.what == outcome::ok) state_.on(detail::event::close_notify_sent);\n", "",
     "nobody remembers that close_notify is sent", [MODEL, core("shutdown")]),
    ("write-after-close", CORE + "engine_call.cpp",
     "    if (who == operation::write) return error::write_after_shutdown;\n    break;\n  case "
     "connection_state::close_received:", "    break;\n  case connection_state::close_received:",
     "a write after close_notify is let through", [MODEL, core("shutdown")]),
    ("drain-does-not-end", CORE + "engine_shutdown.cpp",
     "(discarded_ += static_cast<std::uint32_t>(n)) > drain_limit)", "(n > drain_limit))",
     "a draining shutdown drops without limit", [core("shutdown")]),
    ("shutdown-forgets-keyupdate", CORE + "engine_shutdown.cpp",
     "int rc = SSL_in_init(ssl_.get()) != 0 ? SSL_do_handshake(ssl_.get()) : 1;", "int rc = 1;",
     "a shutdown fails behind a KeyUpdate", [MODEL, core("key_updates")]),
    ("write-begins-behind-shutdown", CORE + "engine.cpp",
     "    if (job_owner_ == operation::shutdown) return stop(suspend::want_turn);\n", "",
     "a write begins while a shutdown's job is paused, which then cannot go on", [MODEL, jobs("data_jobs")]),
    # 5: would-block.
    ("want-read-for-nothing", CORE + "engine_call.cpp",
     "    if (!read_blocked_) return {outcome::again, suspend::none, {}};\n", "",
     "want_read is said though the transport has bytes", [MODEL, core("waiting")]),
    ("drained-is-trusted-too-early", CORE + "engine.cpp",
     "  return SSL_has_pending(ssl_.get()) == 0 && job_in_.empty() && !job_paused() && !read_error_ && !early_;",
     "  return job_in_.empty() && !job_paused() && !read_error_;", "what OpenSSL has decrypted is not found",
     [MODEL, core("waiting")]),
    # 6: the fallback.
    ("fallback-unguarded", CORE + "engine.cpp",
     "    if (r == role::server || highest == 0 || highest == TLS_MAX_VERSION) return error::fallback_scsv_misuse;\n",
     "    (void)highest;\n", "an ordinary handshake is sent with the fallback signal", [MODEL, core("fallback")]),
    # 7: memory.
    ("idle-keeps-buffers", CORE + "engine_call.cpp", "      enter_idle();\n", "",
     "an idle connection keeps its record buffers", [MODEL]),
    ("gate-open", CORE + "bio.cpp", "  if (e.spill_.size() > spill_gate) {", "  if (false) {",
     "a flood of KeyUpdates makes the spill grow", [core("key_update_flood")]),
    ("tickets-one-by-one", CORE + "bio.cpp", "TLS_ST_SW_SESSION_TICKET", "TLS_ST_BEFORE",
     "each ticket is sent by itself", [core("tickets")]),
    ("ticket-waits-for-the-next", CORE + "engine.cpp",
     "      send_all(); // a ticket does not wait for what the next one needs\n", "",
     "a ticket stays until the next one's key is there", [("tlsmode_core_hook_tests", "hooks_sessions")]),
    # 9: jobs.
    ("anybody-enters", CORE + "engine_call.hpp",
     "    if (job_owner_ != who) return {outcome::stopped, suspend::want_turn, {}};\n", "",
     "another operation enters OpenSSL while a job is paused", [MODEL, jobs("data_jobs")]),
    ("job-never-abandoned", CORE + "engine_job.cpp", "  if (job_owner_ == who) job_abandoned_ = true;\n", "",
     "the job of a cancelled operation keeps everybody out", [MODEL, jobs("data_jobs")]),
    ("job-reads-a-part", CORE + "engine.cpp", "    job_in_.consume(opened);\n", "    job_in_.consume(job_in_.size());\n",
     "what a job read beyond the caller's room is lost", [MODEL, jobs("data_jobs")]),
    # 10: ends.
    ("job-left-behind", CORE + "engine_job.cpp", "  if (sink != nullptr && !job_elsewhere()) {",
     "  if (false) {", "a connection goes away and leaves its job", [MODEL]),
    ("reset-keeps-the-spill", CORE + "engine_reuse.cpp", "  early_.reset();\n  spill_.clear();\n",
     "  early_.reset();\n", "a reset connection sends what the one before held back", [MODEL]),
    ("failure-keeps-the-write", CORE + "engine_setup.cpp",
     "  write_total_ = 0; // an unfinished write ends with the connection\n", "",
     "a failed connection has an unfinished write", [MODEL, core("alerts")]),
    ("early-bytes-lost", CORE + "engine_reuse.cpp", "  early_->consume(n);\n", "  early_->clear();\n",
     "of the bytes handed over some are lost", [MODEL]),
    ("truncation-is-an-end", CORE + "bio.cpp",
     "  case transfer::status::eof: e.read_error_ = error::stream_truncated; return 0;",
     "  case transfer::status::eof: e.read_error_ = error::end_of_stream; return 0;",
     "a cut connection looks like one that was closed", [MODEL, core("truncation")]),
    # Names and settings.
    ("any-host-name", CORE + "engine_setup.cpp",
     "  if (name.empty() || name.front() == '.' || name.find(\"..\") != std::string_view::npos) return false;\n", "",
     "a name that matches every name below it is taken", [PARSERS, core("names")]),
    ("host-with-nul", CORE + "engine_setup.cpp", " || name.find('\\0') != std::string_view::npos)", ")",
     "a host name is cut at a NUL", [core("peer_checks")]),
    ("verify-answer-ignored", CORE + "engine_setup.cpp",
     "      verdict = self->rare_->verify(preverified != 0, store) ? 1 : 0;",
     "      verdict = self->rare_->verify(preverified != 0, store) ? 1 : 1;",
     "a verify callback cannot refuse", [core("peer_checks"), core(None)]),
    ("scheme-salt", CORE + "signer_wire.cpp", "  return whole && plain ?", "  return whole && n >= 0 ?",
     "two texts mean one scheme", [PARSERS, ("tlsmode_core_signer_tests", None)]),
    ("salt-too-long", CORE + "signer_signature.cpp", "  return op.salt <= room ? op.salt : -1;\n",
     "  return op.salt;\n", "a salt that does not fit is asked of a signer",
     [("tlsmode_core_signer_tests", "signer_use")]),
    ("ticket-keys-lost", CORE + "secret.cpp", "  std::copy(from.begin(), from.end(), bytes_.begin());\n",
     "  (void)from;\n", "ticket keys are all zero", [("tlsmode_core_hook_tests", "hooks_sessions")]),
    # The adapter.
    ("socket-read-ends-early", "asio_adapter/src/socket_transport.cpp",
     "      drained_ = static_cast<std::size_t>(n) < to.size();", "      drained_ = true;",
     "a socket is taken for empty after a full read", [("adapter_defects", "frugality")]),
    ("socket-eof-is-would-block", "asio_adapter/src/socket_transport.cpp",
     "    if (n == 0) return transfer::ended();", "    if (n == 0) return transfer::blocked();",
     "the end of the connection is not seen", [adapter("shutdown")]),
    ("lane-for-all", ADAPTER + "waiters.hpp", "    if (busy_) return false;\n", "",
     "two reads, or two writes, run at once", [adapter("concurrency")]),
    ("lane-never-passed-on", ADAPTER + "waiters.hpp", "      waiting.wake_first();\n", "      busy_ = true;\n",
     "who waits for its turn is not woken", [adapter("concurrency")]),
    ("receives-twice", ADAPTER + "async_driver.hpp",
     "    if (state_->channel.receiving())\n      return wait_among(state_->waits.list(rare_wait::arrival), "
     "waiting::turn, initiating);\n", "", "two operations read from the next layer at once",
     [adapter("layered")]),
    ("cancel-ignored", ADAPTER + "async_driver.hpp",
     "    if (cancel_.came(types)) {\n      abort(initiating);\n      return false;\n    }\n", "",
     "a cancellation that comes while an operation runs is forgotten",
     [("adapter_cancellation", "cancelled_read")]),
    ("cancelled-write-tells-nothing", ADAPTER + "actions.hpp",
     "  std::size_t stop(engine& e) noexcept { return e.cancel_write(); }",
     "  std::size_t stop(engine& e) noexcept { return e.cancel_write(), 0; }",
     "a cancelled write does not tell what is sealed", [STREAM, adapter("cancellation")]),
    ("finished-write-tells-nothing", ADAPTER + "async_driver.hpp",
     "    if (finished_.over) return finished_.result().bytes; // sealed, and still to be sent\n",
     "    if (finished_.over) return 0;\n", "a write cancelled while the layer sends tells nothing",
     [STREAM]),
    ("total-always", ADAPTER + "actions.hpp",
     "  [[nodiscard]] bool may_stop_total(const engine& e) const noexcept { return e.unfinished_write() == 0; }",
     "  [[nodiscard]] bool may_stop_total(const engine&) const noexcept { return true; }",
     "total cancellation stops a write that has sealed bytes", [adapter("cancellation")]),
    ("sends-beside-flusher", ADAPTER + "buffered_channel.hpp",
     "    if (sending_) { // an asynchronous operation has the output now\n", "    if (false) {\n",
     "a blocking call writes while the layer writes", [("adapter_layered", "layered_flusher")]),
    ("turn-not-told", ADAPTER + "sync_driver.hpp",
     "    case suspend::want_turn: ec = to_boost(error::operation_in_progress); return false;\n",
     "    case suspend::want_turn: ec = net::error::would_block; return false;\n",
     "a blocking call does not say that another operation is in its way", [("adapter_modes", "data_jobs*")]),
    ("completions-overtake", ADAPTER + "completion.hpp",
     "  constexpr bool directly = !goes_to_system<associated>;", "  constexpr bool directly = false;",
     "operations that complete at once overtake each other on their strand",
     [("adapter_threads", "*/overlapping_reads*")]),
    ("engine-before-lane", ADAPTER + "async_driver.hpp", "if (state_->away && !Action::lanes_known)",
     "if (state_->away)", "those who wait for a step on a job thread lose their place among the others",
     [("adapter_job_threads", "*/a_write_of_a_reads_handler*")]),
    ("records-stay-small", "libtlsmode/src/rare_settings.hpp", "    if (sealed_ < count_) ++sealed_;\n", "",
     "records stay small for ever", [("tlsmode_core_tests", "record_sizes")]),
    ("waiting-is-a-pause", "libtlsmode/src/rare_settings.hpp", "if (!goes_on && now - last_", "if (now - last_",
     "a write that waits for room begins with small records again", [("tlsmode_core_tests", "record_sizes")]),
    ("instances-for-everybody", ADAPTER + "asio_compat.hpp", "#define TLSMODE_ASIO_IS_AS_USUAL 0",
     "#define TLSMODE_ASIO_IS_AS_USUAL 1", "a program with other types of Asio's gets the library's instances",
     [("adapter_other_asio", None)]),
    ("output-moves-while-sent", ADAPTER + "buffered_channel.hpp", "    memory_.set_capacity(0);", "    //",
     "the output moves while the layer sends it", [STREAM]),
    ("sends-twice", ADAPTER + "buffered_channel.hpp",
     "    memory_.set_capacity(output_limit);\n    memory_.consume(n);\n    if (!ec ||",
     "    memory_.set_capacity(output_limit);\n    if (!ec ||", "what the layer took is sent again",
     [STREAM]),
    # What only the fault sweep or the comparison with the stock stream would see.
    ("failed-write-keeps-its-job", CORE + "engine.cpp",
     "      cancel_write(); // nobody repeats it: whoever comes next ends its paused job\n", "",
     "a write that fails leaves its paused job without an owner", [SWEEP]),
    ("aborted-operation-leaks", ADAPTER + "async_driver.hpp",
     "    const std::size_t n = stop_action();\n    finish(cancel_.late()",
     "    const std::size_t n = stop_action();\n    state_ptr<NextLayer>(state_).detach();\n    finish(cancel_.late()",
     "a cancelled operation leaves the stream's state on the heap", [SWEEP]),
    ("reset-keeps-bytes", ADAPTER + "buffered_channel.hpp",
     "    memory_ = {};\n    memory_.set_capacity(output_limit);\n    read_error_", "    read_error_",
     "reset() keeps what the last connection has left with the channel", [SWEEP]),
    ("failure-told-once", ADAPTER + "buffered_channel.hpp", "      memory_.fail_reads(ec);\n", "      memory_.feed_eof();\n",
     "a failure of the layer is told as its end", [SWEEP]),
    ("end-is-an-error", ADAPTER + "buffered_channel.hpp", "      memory_.feed_eof();\n", "      memory_.fail_reads(ec);\n",
     "the end of a layer is told as an error of its own", [DIFFERENTIAL]),
    ("each-burst-begins-small", CORE + "engine_setup.cpp",
     "!read_buffer_big_ || std::exchange(read_full_, false)", "!read_buffer_big_",
     "a busy connection reads the beginning of each burst in pieces", [("tlsmode_core_memory_tests", "buffers")]),
    ("a-big-buffer-stays", CORE + "engine_setup.cpp",
     "  SSL_set_default_read_buffer_len(ssl_.get(), small_read_buffer);\n  read_buffer_big_ = false;\n}\n\n// ---- verif", "}\n\n// ---- verif",
     "a connection that was busy once can have a big buffer pinned by one byte", [("tlsmode_core_memory_tests", "buffers")]),
    ("read-stops-at-a-record", CORE + "engine.cpp",
     "      if (got >= batch_limit_) return {suspend::none, got, {}};\n",
     "      if (got != 0) return {suspend::none, got, {}};\n", "a read stops at the end of a record", [DIFFERENTIAL]),
    ("long-operation-counts-less", ADAPTER + "async_driver.hpp",
     "        return finish(state_->channel.restore(s.error), s.bytes, initiating);",
     "        return finish(state_->channel.restore(s.error), s.bytes > 9'000 ? 9'000 : s.bytes, initiating);",
     "a long operation tells less bytes than it moved", [DIFFERENTIAL]),
    # Handlers and tokens.
    ("usual-executor-ignored", ADAPTER + "async_driver.hpp",
     "        executor_(net::get_associated_executor(handler_, state_->next->get_executor())) {",
     "        executor_([this] {\n"
     "          const auto own = state_->next->get_executor();\n"
     "          if constexpr (std::is_same_v<executor_type, typename NextLayer::executor_type>) return own;\n"
     "          else return net::get_associated_executor(handler_, own);\n"
     "        }()) {",
     "a handler's executor is ignored where it is of the same type as the stream's",
     [("adapter_handlers", "executors")]),
    ("step-kept-in-upcall", ADAPTER + "async_driver.hpp", "    waiter_.reset();\n    travels_.reset();\n",
     "    waiter_.reset();\n", "the memory of a step that went away is not free before the handler runs",
     [("adapter_counts", "allocators")]),
    ("posted-past-the-allocator", ADAPTER + "completion.hpp",
     "boost::asio::prefer(done.get_executor(), relationship.continuation, alloc)",
     "boost::asio::prefer(done.get_executor(), relationship.continuation)",
     "a handler with an executor of its own is posted with memory of nobody", [("adapter_counts", "allocators")]),
    ("initiation-without-executor", ADAPTER + "initiate.hpp",
     "  using executor_type = typename NextLayer::executor_type;\n  initiate(NextLayer& next, const "
     "state_ptr<NextLayer>& state) noexcept : next_(&next), state_(&state) {}\n  [[nodiscard]] executor_type "
     "get_executor()",
     "  initiate(NextLayer& next, const state_ptr<NextLayer>& state) noexcept : next_(&next), state_(&state) {}\n"
     "  [[nodiscard]] auto get_executor()",
     "a completion token is not told where the stream's operations run", [("adapter_handlers", "tokens")]),
    # Time limits and cancellation.
    ("partial-ignored", ADAPTER + "operation_cancellation.hpp",
     "  static constexpr types no_total = types::terminal | types::partial;",
     "  static constexpr types no_total = types::terminal;",
     "partial cancellation does not stop a write that has sealed bytes", [("adapter_deadlines", "deadlines"), ("adapter_cancellation", "cancelled_write")]),
    # Hooks and signers.
    ("hook-ends-without-a-word", ADAPTER + "hook_call.hpp",
     "  ~hook_call_of() override { request_->fail(error::hook_failed); }\n", "",
     "a hook whose coroutine is destroyed leaves its handshake waiting", [("adapter_hooks", "adapter_hooks_ending")]),
    ("abandoned-fill-the-queue", CORE + "signer_pool.cpp",
     "      std::erase_if(waiting, [](const auto& r) { return r->abandoned(); });\n", "      (void)0;\n",
     "requests that nobody waits for keep others out of a full queue",
     [("tlsmode_core_signer_tests", "signer_failures")]),
    # Sessions.
    ("hint-ignored", CORE + "session_store.cpp", "  if (hint > 0) lifetime = std::min(lifetime, hint);\n",
     "  (void)hint;\n", "a ticket is offered for longer than its server takes it",
     [core("session_stores"), core("kept_sessions")]),
    ("trust-that-shrank", CORE + "verification.cpp",
     "settings == nullptr ? 0 : settings->trust_changes.load(std::memory_order_relaxed)", "settings == nullptr ? 0 : 1",
     "a session outlives the trust in who its peer was checked by", [core("what_a_mark_cannot_say")]),
    ("failure-keeps-sessions", CORE + "engine_session.cpp", "  if (session_family_ == 0) return;\n", "  return;\n",
     "a session is offered again after a connection that failed on it", [core("kept_sessions")]),
    # Job threads.
    ("step-posted-twice", "asio_adapter/src/away_step.cpp",
     "    if (std::exchange(queued_, true)) return; // one that was withdrawn has not been there yet\n",
     "    queued_ = true;\n", "a step is put into a job thread's queue where its predecessor still is, and others are lost",
     [("adapter_job_threads", "away_steps")]),
    ("step-not-fed", ADAPTER + "offload.hpp",
     "    if (s.why == suspend::want_read) hungry_ = true; // whatever the action says\n", "",
     "a write on a job thread that has to read first is given nothing to read",
     [("adapter_layered", "layered_receive")]),
    ("stop-drops-the-queue", CORE + "job_threads.cpp",
     "    std::shared_ptr<job_thread::task> t = std::move(first_);\n",
     "    if (stopping_) first_.reset();\n    std::shared_ptr<job_thread::task> t = std::move(first_);\n",
     "job threads that are stopped leave undone what they had taken", [("tlsmode_core_thread_tests", "job_threads_suite")]),
    # Blocking calls.
    ("would-block-hides-a-write", ADAPTER + "sync_driver.hpp",
     "if (sending && (!is_would_block(sending) || !Action::has_bytes)) ec = sending;", "if (sending) ec = sending;",
     "a write of which the layer takes only a part is told as one that did nothing",
     [("adapter_layered", "layered_regressions")]),
    ("teardown-without-end", ADAPTER + "teardown.hpp",
     "    for (std::size_t total = 0; !below && total < detail::most_dropped;)",
     "    for (std::size_t total = 0; !below;)", "a blocking teardown waits for a peer that sends without end",
     [("adapter_websocket", "teardown_*")]),
]]
