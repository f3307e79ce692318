// SPDX-License-Identifier: BSL-1.0
// Does any order of operations, cancellations, pauses, mode changes and transport limits keep both streams
// exact? The walks are random and the same in every run; a failure names its number.
#include "job_pauser.hpp"
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <memory>
#include <random>

BOOST_AUTO_TEST_SUITE(random_walks)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using point = job_pauser::point;

class walker {
 public:
  walker(endpoint& e, std::mt19937& random, bool jobs) : self_(e), random_(random), jobs_(jobs) {
    if (random_() % 2 == 0)
      SSL_set_max_send_fragment(e.native(), 512 + static_cast<long>(random_() % 15'000));
    if (!jobs) return;
    e.tls.set_mode(mode::async);
    e.tls.set_job_scope(job_scope::all);
  }

  void take_a_step() {
    switch (random_() % 8) {
    case 0:
    case 1: return write();
    case 2:
    case 3: return read();
    case 4: return change_limits();
    case 5: return change_modes();
    case 6: return random_() % 4 == 0 ? cancel_write() : update_keys();
    default: return pause();
    }
  }
  // No more trouble: finishes what is unfinished and closes.
  void come_to_an_end() {
    pauser_.disarm();
    self_.wire.set_capacity(no_limit);
    self_.wire.set_chunk(no_limit);
    self_.tls.cancel_read();
    for (int i = 0; i < 100 && pending_; ++i) write();
    BOOST_REQUIRE(!pending_);
    BOOST_REQUIRE(completes(self_.shutdown(shutdown_form::send_only)));
  }
  void read_to_the_end() {
    got_ += self_.read_all();
    BOOST_TEST(fails(self_.last, error::end_of_stream));
  }
  [[nodiscard]] const std::string& sent() const { return sent_; }
  [[nodiscard]] const std::string& got() const { return got_; }

 private:
  void write() {
    if (!pending_) pending_ = std::make_unique<std::string>(pattern(1 + random_() % 50'000, random_()));
    if (self_.tls.mode().contains(mode::accept_moving_write_buffer)) {
      auto moved = std::make_unique<std::string>(*pending_);
      pending_->assign(pending_->size(), '!');
      pending_ = std::move(moved);
    }
    const step s = self_.write(*pending_);
    BOOST_REQUIRE(!s.error);
    if (!s.complete()) return;
    BOOST_REQUIRE(s.bytes > 0u);
    if (!self_.tls.mode().contains(mode::enable_partial_write)) BOOST_REQUIRE(s.bytes == pending_->size());
    end_write(s.bytes);
  }
  void cancel_write() {
    const std::size_t n = self_.tls.cancel_write();
    if (pending_) end_write(n);
  }
  void end_write(std::size_t n) {
    BOOST_REQUIRE(n <= pending_->size());
    sent_.append(*pending_, 0, n);
    pending_.reset();
  }
  void read() {
    std::string a(random_() % 100, '\0');
    std::string b(1 + random_() % 20'000, '\0');
    const step s = self_.read({room_in(a), room_in(b)});
    BOOST_REQUIRE(!s.error);
    got_ += (a + b).substr(0, s.bytes);
    if (s.why == suspend::want_async && random_() % 2 == 0) self_.tls.cancel_read(); // the reader gives up
  }
  void change_limits() {
    self_.wire.set_capacity(random_() % 3 == 0 ? no_limit : random_() % 30'000);
    self_.wire.set_chunk(random_() % 3 == 0 ? no_limit : 1 + random_() % 20'000);
    self_.tls.set_batch_limit(random_() % 100'000);
    self_.tls.set_read_ahead(random_() % 200'000);
  }
  void change_modes() {
    const mode_set some = random_() % 2 == 0 ? mode_set(mode::auto_retry) : mode_set(mode::release_buffers);
    random_() % 2 == 0 ? self_.tls.set_mode(some) : self_.tls.clear_mode(some);
    if (pending_) return; // the modes of a write are those that it began with
    const mode_set of_writes = random_() % 2 == 0 ? mode_set(mode::enable_partial_write)
                                                  : mode_set(mode::accept_moving_write_buffer);
    random_() % 2 == 0 ? self_.tls.set_mode(of_writes) : self_.tls.clear_mode(of_writes);
  }
  void update_keys() {
    if (self_.tls.job_paused()) return;
    SSL_key_update(self_.native(),
                   random_() % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
  }
  void pause() {
    if (!jobs_ || random_() % 2 == 0) return pauser_.disarm();
    pauser_.arm(random_() % 2 == 0 ? point::record_in : point::record_out, static_cast<int>(random_() % 3));
  }

  endpoint& self_;
  std::mt19937& random_;
  bool jobs_;
  job_pauser pauser_{self_.native()};
  std::unique_ptr<std::string> pending_;
  std::string sent_;
  std::string got_;
};

void deliver_some(endpoint& from, endpoint& to, std::mt19937& random) {
  const std::size_t n = std::min<std::size_t>(from.wire.output().size(), random() % 40'000);
  BOOST_REQUIRE(to.wire.feed(from.wire.output().first(n)));
  from.wire.consume(n);
}

void walk(unsigned number, bool jobs) {
  std::mt19937 random(number);
  memory_pair pair;
  BOOST_REQUIRE(pair.connect());
  walker client(pair.client, random, jobs);
  walker server(pair.server, random, jobs);
  for (int i = 0; i < 150; ++i) {
    (random() % 2 == 0 ? client : server).take_a_step();
    if (random() % 2 == 0) deliver_some(pair.client, pair.server, random);
    if (random() % 2 == 0) deliver_some(pair.server, pair.client, random);
  }
  client.come_to_an_end();
  server.come_to_an_end();
  pair.settle();
  client.read_to_the_end();
  server.read_to_the_end();
  BOOST_TEST(same_bytes(server.got(), client.sent()));
  BOOST_TEST(same_bytes(client.got(), server.sent()));
  BOOST_TEST(pair.client.tls.stats().plain_written == client.sent().size());
  BOOST_TEST(pair.client.tls.state() == connection_state::closed);
  BOOST_TEST(pair.server.tls.state() == connection_state::closed);
}

} // namespace

BOOST_AUTO_TEST_CASE(without_jobs) {
  for (unsigned number = 0; number < 200; ++number) BOOST_TEST_CONTEXT("walk " << number) walk(number, false);
}

BOOST_AUTO_TEST_CASE(with_jobs) {
  for (unsigned number = 0; number < 200; ++number) BOOST_TEST_CONTEXT("walk " << number) walk(number, true);
}

BOOST_AUTO_TEST_SUITE_END()
