// SPDX-License-Identifier: BSL-1.0
// One end of a walk: an engine, its transport and its reference. Each function does one thing at random to
// the engine, and has the reference judge what came of it.
#ifndef TLSMODE_TESTS_MODEL_SIDE_HPP
#define TLSMODE_TESTS_MODEL_SIDE_HPP

#include "job_pauser.hpp"
#include "memory_pair.hpp"
#include "reference.hpp"
#include "traffic.hpp"
#include "wire.hpp"

#include <functional>
#include <random>
#include <string>
#include <vector>

namespace tlsmode::model {

using randomness = std::mt19937;

class side {
 public:
  using log = std::function<void(const std::string&)>;

  /// `sends` and `gets` are the streams of the two directions. With `jobs`, operations may pause.
  side(test::endpoint& e, randomness& random, const traffic& sends, const traffic& gets, bool jobs,
       const log& tell);

  /// Does one thing; which one depends on where the connection stands.
  void take_a_step();
  /// Brings up to `most` bytes of the peer's output here, maybe in front of the transport.
  void receive(test::endpoint& from, std::size_t most);
  /// Lets the transport fail in some way from now on.
  void break_transport();
  /// Changes a bit of what comes to this side next, if there is anything.
  void break_wire();

  /// No more trouble: finishes what is unfinished and closes.
  void finish();
  /// Nobody waits for anything any more.
  void give_up();
  void read_to_the_end();
  /// Another connection with the same engine.
  void reset();
  void calm_down();

  [[nodiscard]] view look() const;
  [[nodiscard]] reference& promises() noexcept { return promises_; }
  [[nodiscard]] test::endpoint& end() noexcept { return end_; }
  [[nodiscard]] bool over() const noexcept;

 private:
  [[nodiscard]] unsigned up_to(unsigned n) { return static_cast<unsigned>(random_() % (n + 1U)); }
  [[nodiscard]] bool one_in(unsigned n) { return random_() % n == 0; }
  template <class Operation>
  step judged(action a, std::size_t size, const view& before, const Operation& operation);
  void say(std::string_view what, std::size_t n, const step* s = nullptr);

  void shake_hands();
  void write();
  void write_badly();
  void cancel_write();
  void read();
  void shut_down();
  void wait();
  void cancel_something();
  void change_modes();
  void change_limits();
  void update_keys();
  void pause();
  const_buffer place_for(const_buffer content);

  test::endpoint& end_;
  randomness& random_;
  const traffic& sends_;
  const traffic& gets_;
  bool jobs_;
  const log& tell_;
  test::job_pauser pauser_;
  watched_transport transport_;
  framing arrives_;
  reference promises_;
  std::size_t offered_ = 0; // bytes of the write under way; its buffer:
  std::vector<std::byte> own_;
  bool in_own_ = false;
  std::vector<std::byte> room_;
};

} // namespace tlsmode::model

#endif
