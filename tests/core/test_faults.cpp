// SPDX-License-Identifier: BSL-1.0
// What becomes of a connection whose transport fails at any one of its moves, from the first of the handshake
// to the last of the shutdown, whatever the transport moves at once?
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <string>

BOOST_AUTO_TEST_SUITE(faults)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

const std::error_code broken = std::make_error_code(std::errc::network_down);

// Moves at most `chunk` bytes at once, and nothing any more from move number `fails_at` on.
class faulty_transport final : public transport {
 public:
  faulty_transport(memory_transport& inner, int fails_at) noexcept : inner_(inner), fails_at_(fails_at) {}
  transfer read(mutable_buffer to) noexcept override {
    return ++moves_ >= fails_at_ ? transfer::failed(broken) : inner_.read(to);
  }
  transfer write(const_buffer from) noexcept override {
    return ++moves_ >= fails_at_ ? transfer::failed(broken) : inner_.write(from);
  }
  [[nodiscard]] bool has_failed() const noexcept { return moves_ >= fails_at_; }

 private:
  memory_transport& inner_;
  int fails_at_;
  int moves_ = 0;
};

enum class part { handshake, first_write, key_update, second_write, read, shutdown, over };
constexpr std::array part_names{"handshake", "write", "key update", "write", "read", "shutdown", "over"};

const std::string text = pattern(150);

// One side goes through all parts; the other one answers what it gets, and says goodbye last.
class session {
 public:
  session(const context& client, const context& server, role faulty, std::size_t chunk, int fails_at)
      : pair_(client, server), self_(faulty == role::client ? pair_.client : pair_.server),
        peer_(faulty == role::client ? pair_.server : pair_.client), wire_(self_.wire, fails_at) {
    self_.wire.set_chunk(chunk);
    self_.tls.clear_mode(mode::enable_partial_write);
    peer_.tls.clear_mode(mode::enable_partial_write);
  }

  // Runs until a part fails, or to the end; returns the last step.
  step run() {
    int idle = 0;
    for (; at != part::over; ++idle) {
      BOOST_REQUIRE(idle < 5000);
      const step s = take_step(at);
      if (s.error) return s;
      // A read hands out first what came before the fault; everybody else says at once that it met one.
      if (s.complete() && at != part::read) BOOST_TEST(!fault_met());
      if (s.complete() && next_part(s.bytes)) at = static_cast<part>(static_cast<int>(at) + 1), idle = 0;
      deliver(self_, peer_);
      answer();
      deliver(peer_, self_);
    }
    return {};
  }
  step take_step(part p) {
    const const_buffer from = bytes_of(text);
    const mutable_buffer to = room_in(room_);
    switch (p) {
    case part::handshake: return self_.tls.handshake(wire_, self_.side);
    case part::first_write:
    case part::second_write: return self_.tls.write(wire_, {&from, 1});
    case part::key_update:
      if (SSL_version(self_.native()) != TLS1_3_VERSION) return {};
      return {suspend::none, 0, self_.tls.update_keys(true)};
    case part::read: return self_.tls.read(wire_, {&to, 1});
    case part::shutdown: return self_.tls.shutdown(wire_, shutdown_form::wait_for_peer);
    case part::over: break;
    }
    return {};
  }

  part at = part::handshake;
  [[nodiscard]] engine& tls() noexcept { return self_.tls; }
  [[nodiscard]] bool fault_met() const noexcept { return wire_.has_failed(); }
  [[nodiscard]] const std::string& answers() const noexcept { return answers_; }
  [[nodiscard]] const std::string& peer_got() const noexcept { return peer_got_; }

 private:
  bool next_part(std::size_t bytes) {
    if (at != part::read) return true;
    answers_.append(room_, 0, bytes);
    return answers_.size() == 2 * text.size();
  }
  void answer() {
    if (peer_over_) return;
    if (detail::before_open(peer_.tls.state())) return void(peer_.handshake());
    const std::string got = peer_.read_all();
    peer_got_ += got;
    if (!got.empty()) peer_.write(got);
    peer_over_ = peer_.last.error == error::end_of_stream;
    if (peer_over_) peer_.shutdown(shutdown_form::send_only);
  }

  memory_pair pair_;
  endpoint& self_;
  endpoint& peer_;
  faulty_transport wire_;
  std::string room_ = std::string(64, '\0');
  std::string answers_;
  std::string peer_got_;
  bool peer_over_ = false;
};

void check_failed(session& s, const step& last) {
  BOOST_TEST(fails(last, broken));
  const std::string operation = part_names[static_cast<std::size_t>(s.at)];
  BOOST_TEST(s.tls().last_failure().code == broken);
  BOOST_TEST(s.tls().last_failure().operation == operation);
  // Whoever comes next is told at once, too, and for the same reason.
  const step again = s.take_step(s.at);
  BOOST_TEST(fails(again, broken));
  for (const part p : {part::read, part::first_write, part::shutdown}) {
    const step other = s.take_step(p);
    BOOST_TEST(other.complete());
    BOOST_TEST((other.error || (p == part::read && other.bytes != 0)));
  }
  BOOST_TEST(!s.tls().flush_pending()); // nobody will ever take it
  const std::string all = text + text;
  BOOST_TEST(all.compare(0, s.peer_got().size(), s.peer_got()) == 0);
  BOOST_TEST(all.compare(0, s.answers().size(), s.answers()) == 0);
}

} // namespace

BOOST_AUTO_TEST_CASE(at_every_move_of_a_session) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const context client = client_context();
    const context server = server_context();
    SSL_CTX_set_max_proto_version(client.native_handle(), version);
    for (const role side : {role::client, role::server}) {
      for (const std::size_t chunk : {1U, 5U, 13U, 64U}) {
        const int stride = chunk < 10 ? 11 : 1; // of thousands of single bytes some are enough
        std::array<int, part_names.size()> failures{};
        bool whole = false;
        for (int at = 1; !whole; at += stride) {
          BOOST_TEST_CONTEXT("TLS " << version << ", side " << (side == role::client ? "client" : "server")
                                    << ", " << chunk << " bytes at once, fault at move " << at) {
            session s(client, server, side, chunk, at);
            const step last = s.run();
            whole = s.at == part::over;
            BOOST_TEST(s.fault_met() == !whole, "each move is one that somebody hears of");
            ++failures[static_cast<std::size_t>(s.at)];
            if (!whole) check_failed(s, last);
            if (whole) BOOST_TEST(same_bytes(s.answers(), text + text));
          }
        }
        for (const part p :
             {part::handshake, part::first_write, part::second_write, part::read, part::shutdown})
          BOOST_TEST(failures[static_cast<std::size_t>(p)] > 0);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
