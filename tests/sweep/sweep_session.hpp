// SPDX-License-Identifier: BSL-1.0
// A connection of the fault sweep: our stream, which meets a fault of the layer below in a chosen part of a
// session, and a peer that answers what it gets.
#ifndef TLSMODE_TESTS_SWEEP_SESSION_HPP
#define TLSMODE_TESTS_SWEEP_SESSION_HPP

#include "faulty_layer.hpp"
#include "heap_counter.hpp"
#include "sweep_case.hpp"
#include "sweep_contexts.hpp"

#include <tlsmode/asio/stream.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tlsmode::test {

using boost::system::error_code;
using sweep_stream = stream<faulty_layer>;

/// Pauses the running job at every record of a connection; the loop resumes it.
class record_pauser {
 public:
  explicit record_pauser(net::io_context& io) : io_(io) {}
  void install(SSL* ssl);

 private:
  static void on_message(int, int, int content_type, const void*, std::size_t, SSL*, void* self);
  void pause();
  std::shared_ptr<bool> call_later(int (*callback)(void*), void* argument);
  net::io_context& io_;
};

/// Owned by its handlers, so that it goes with them when the loop is destroyed.
class sweep_session : public std::enable_shared_from_this<sweep_session> {
 public:
  enum class part { handshake, update, write, read, shutdown, over };

  sweep_session(net::io_context& io, const sweep_case& c, sweep_contexts& contexts);
  sweep_session(const sweep_session&) = delete;
  sweep_session& operator=(const sweep_session&) = delete;

  /// To the end, or until the fault has ended it. True if the loop, with everything in it, is to be
  /// destroyed.
  [[nodiscard]] bool run(sweep_result& r);
  /// On a client, after a run without a fault.
  [[nodiscard]] session_ptr take_session() const { return tls_->session(); }

 private:
  struct ending;
  ending ends_with(void (sweep_session::*then)(error_code, std::size_t), bool cancellable = false);

  // The side that meets the fault.
  void arm();
  void disarm();
  void act(); // the fault, where it is something that the test does
  void start();
  void start_synchronously();
  void ended(error_code ec, std::size_t n);
  void next_part();
  error_code call(part p, std::size_t& n);
  // The other one.
  void start_peer();
  void peer_open(error_code ec, std::size_t);
  void peer_reads();
  void peer_has_read(error_code ec, std::size_t n);
  void peer_has_written(error_code ec, std::size_t);

  // What must be so at the end.
  void check_whole();
  void check_failed();
  void check_again(part p, bool must_be_same);
  void check_destroyed();
  void flush();
  void check_reuse();
  void say(const std::string& what) { wrong_.push_back(what); }

  enum class drive_end { done, idle, thrown };
  drive_end drive(const std::function<bool()>& done);
  drive_end drive_to_the_end();
  [[nodiscard]] layer_plan& plan() { return layer_plan_(); }
  [[nodiscard]] layer_plan& layer_plan_() { return tls_->next_layer().plan(); }
  [[nodiscard]] bool struck();

  net::io_context& io_;
  const sweep_case case_;
  sweep_contexts& contexts_;
  record_pauser pauser_;
  std::vector<part> parts_;
  std::size_t at_ = 0;
  std::size_t armed_from_ = 0;
  std::size_t armed_to_ = 1;
  bool armed_ = false;
  bool acted_ = false;
  bool stop_ = false; // the loop is to be destroyed
  int base_ = 0;
  long steps_ = 0;
  std::optional<allocation_fault> allocation_;
  bool allocation_struck_ = false;

  std::string text_;
  std::string reported_; // what writes have reported
  std::string_view left_;
  std::string got_;
  std::string expected_;
  std::array<char, 4096> room_{};
  net::cancellation_signal signal_;
  error_code ec_;
  int pending_ = 0;
  int aborted_ = 0;
  bool again_ = false; // an operation that only asks what it comes to
  error_code again_ec_;
  std::size_t again_n_ = 0;

  error_code peer_ec_;
  int peer_pending_ = 0;
  std::string peer_got_;
  std::size_t peer_n_ = 0;
  std::array<char, 4096> peer_room_{};

  std::vector<std::string> wrong_;
  std::pair<faulty_layer, faulty_layer> layers_;
  std::optional<sweep_stream> tls_;
  std::optional<sweep_stream> peer_;
};

} // namespace tlsmode::test

#endif
