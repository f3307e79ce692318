// SPDX-License-Identifier: BSL-1.0
// The reference: what a caller of the engine is promised (docs/architecture.md, "What holds at all times"),
// as a few counters and rules. It sees operations, their results and the transport, and none of the engine's
// insides; the engine is right if it never surprises the reference.
#ifndef TLSMODE_TESTS_MODEL_REFERENCE_HPP
#define TLSMODE_TESTS_MODEL_REFERENCE_HPP

#include <tlsmode/engine.hpp>

#include <cstdint>
#include <string_view>

namespace tlsmode::model {

enum class action : std::uint8_t { handshake, read, write, shutdown, flush, wait_readable, wait_writable };

[[nodiscard]] std::string_view to_string(action a) noexcept;

/// What can be seen of one side before and after an operation.
struct view {
  connection_state state;
  bool job;      ///< a job is paused
  bool held;     ///< ciphertext is held back
  bool alert;    ///< among it the last alert
  bool unopened; ///< OpenSSL has bytes that no read has returned
  std::size_t unfinished;
  tlsmode::stats stats;
  mode_set modes;
  int pauses; ///< of jobs, so far
};

/// What the transport said during one operation.
struct transport_says {
  bool nothing_to_read = false;
  bool no_room = false; ///< also: it took less than it was given
};

/// One side's promises. Every judge_ function throws violation.
class reference {
 public:
  /// The peer's; both live equally long.
  void meets(reference& peer) noexcept { peer_ = &peer; }

  // ---- what the test does to the connection ----

  void modes_changed(mode_set added, mode_set removed, const view& before, mode_set now);
  /// Whether it may keep its record buffers while it waits.
  void buffers_kept(bool keep) noexcept { keeps_buffers_ = keep; }
  /// From now on the transport may fail this side's reading, or its writing.
  void reads_may_fail() noexcept { reads_may_fail_ = true; }
  void writes_may_fail() noexcept { writes_may_fail_ = true; }
  /// What comes to this side was changed on its way: anything may fail now, on both sides.
  void wire_is_bad() noexcept { bad_wire_ = peer_->bad_wire_ = true; }
  void key_update_answered(std::error_code ec, bool both, bool tls13, const view& before);
  /// The engine was reset: everything but the settings begins again.
  void reset() noexcept;

  // ---- what the engine answers ----

  /// What holds for each operation; called before those below.
  void judge(action a, const view& before, const step& s, const view& after, const transport_says& said);
  /// `total` bytes were offered, at `address`.
  void judge_write(std::size_t total, const void* address, const view& before, const step& s,
                   const view& after);
  void judge_read(std::size_t room, const step& s);
  void judge_shutdown(shutdown_form form, const step& s, const view& before, const view& after);
  void judge_cancelled_write(std::size_t n, const view& before);
  /// The owner of the paused job was cancelled.
  void cancelled(action a) noexcept {
    if (owner_ == a) abandoned_ = true;
  }
  /// All that was under way has arrived, and this side has read to its end.
  void judge_the_end(const view& after) const;

  /// How many bytes are promised to reach the peer; the next write begins there.
  [[nodiscard]] std::uint64_t told() const noexcept { return told_; }
  /// How many bytes of the peer were read.
  [[nodiscard]] std::uint64_t received() const noexcept { return received_; }
  /// True while nothing was done that may end the connection badly.
  [[nodiscard]] bool unharmed() const noexcept { return !reads_may_fail_ && !writes_may_fail_ && !bad_wire_; }
  [[nodiscard]] bool reads_well() const noexcept { return !reads_may_fail_; }
  [[nodiscard]] bool sends_well() const noexcept { return !writes_may_fail_; }
  /// True if a draining shutdown may have dropped bytes: what is read afterwards begins anywhere.
  [[nodiscard]] bool dropped_data() const noexcept { return dropped_; }
  /// True if the engine is certain to remember an unfinished write.
  [[nodiscard]] bool surely_begun() const noexcept { return surely_begun_; }
  [[nodiscard]] mode_set modes() const noexcept { return modes_; }
  void begins_with(mode_set modes) noexcept { modes_ = modes; }
  [[nodiscard]] std::size_t offered() const noexcept { return offered_; }

 private:
  void judge_state(action a, const view& before, const view& after) const;
  void judge_stop(action a, const view& before, const step& s, const view& after,
                  const transport_says& said) const;
  void judge_job(action a, const view& before, const step& s, const view& after);
  void judge_error(action a, const view& before, const step& s, const view& after);
  void judge_numbers(const view& before, const view& after) const;
  [[nodiscard]] bool transports_error(std::error_code ec) const noexcept;

  reference* peer_ = nullptr;
  mode_set modes_;
  std::uint64_t told_ = 0;
  std::uint64_t received_ = 0;
  std::size_t offered_ = 0; // of the unfinished write
  const void* address_ = nullptr;
  std::size_t sealed_ = 0;    // of it, so far
  std::size_t given_ = 0;     // the same, and what a paused job has
  bool surely_begun_ = false; // it did not stop behind somebody else's job
  std::uint64_t maybe_ = 0;   // sealed by writes that failed: may arrive or not
  bool update_asked_ = false; // a KeyUpdate of this side may still wait for the next record
  bool asked_peer_ = false;   // for a KeyUpdate, which may wait there in the same way
  bool keeps_buffers_ = false;
  bool reads_may_fail_ = false;
  bool writes_may_fail_ = false;
  bool bad_wire_ = false;
  bool dropped_ = false;
  bool close_asked_ = false;         // this side's close_notify is out, or with a job
  action owner_ = action::handshake; // of the paused job, if there is one
  bool owner_known_ = true;
  bool abandoned_ = false;
  bool committed_ = false; // a cancelled write's bytes are with a job
  std::error_code failed_with_;
};

} // namespace tlsmode::model

#endif
