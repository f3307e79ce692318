// SPDX-License-Identifier: BSL-1.0
// Random operations over plain sockets, on strands that three threads run, with and without job threads: many
// at a time, cancelled, under limits, between changes of settings. Every handler runs once, on its strand;
// the peer gets the bytes that writes have told of, in the order of the writes; and everything ends.
#define BOOST_TEST_MODULE adapter_random_walks
#include "asio_fixture.hpp"
#include "settings.hpp"

#include <tlsmode/record_sizing.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <iostream>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <sstream>
#include <thread>

BOOST_AUTO_TEST_SUITE(random_walks)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using std::chrono::microseconds;
using strand = net::strand<net::any_io_executor>;
using handshake_side = tls_stream::handshake_type;

// What the walks found out; Boost.Test's own checks are not for several threads.
class findings {
 public:
  void add(const std::string& what) {
    const std::lock_guard lock(mutex_);
    all_ += what + "; ";
  }
  [[nodiscard]] std::string all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }

 private:
  mutable std::mutex mutex_;
  std::string all_;
};

struct tally {
  long written = 0, cancelled = 0, aborted = 0, late = 0, sealed_when_cancelled = 0;
};

// One side of a connection. All of it runs on its strand.
class walker {
 public:
  walker(tcp_socket socket, net::ssl::context& settings, const strand& on, handshake_side r, unsigned seed,
         int steps, bool with_jobs, findings& found)
      : on_(on), timer_(on), random_(seed), tls_(std::in_place, std::move(socket), settings), role_(r),
        steps_(steps), found_(found) {
    if (!with_jobs) return;
    tls_->set_mode(mode::async);
    tls_->set_job_scope(tlsmode::job_scope::all);
  }

  void begin() {
    net::post(on_, [this] { step(); });
  }
  [[nodiscard]] bool ended() const noexcept { return ended_ && running_.empty(); }
  // What the peer must have got.
  [[nodiscard]] std::string sent() const {
    std::string all;
    for (const write& w : writes_) all += w.data.substr(0, w.told);
    return all;
  }
  [[nodiscard]] const std::string& got() const noexcept { return got_; }
  [[nodiscard]] const tally& counts() const noexcept { return tally_; }
  [[nodiscard]] std::string describe() const {
    std::ostringstream out;
    out << (role_ == as_client ? "client" : "server") << ": " << running_.size() << " operations, "
        << reading_ << " reads, " << writing_ << " writes, open " << open_ << ", closed " << closed_
        << ", end " << end_seen_ << ", got " << got_.size()
        << ", failure: " << tls_->last_failure().to_string();
    return out.str();
  }

 private:
  struct write {
    std::string data;
    std::size_t told = 0;
  };
  struct running {
    net::cancellation_signal signal;
    bool done = false;
  };
  using ended_function = std::function<void(error_code, std::size_t)>;
  // One type for the handlers of all operations.
  struct on_end {
    walker* self;
    std::shared_ptr<running> which;
    ended_function then;
    void operator()(error_code ec, std::size_t n = 0) {
      if (!self->on_.running_in_this_thread()) self->complain("a handler is off its strand");
      if (which->done) return self->complain("a handler runs twice");
      which->done = true;
      self->running_.remove(which);
      then(ec, n);
    }
  };

  void complain(const std::string& what) {
    found_.add(std::string(role_ == as_client ? "client: " : "server: ") + what);
  }
  std::size_t up_to(std::size_t n) { return random_() % (n + 1); }
  bool one_in(unsigned n) { return random_() % n == 0; }

  auto handler(ended_function then) {
    const auto which = std::make_shared<running>();
    running_.push_back(which);
    return net::bind_executor(
        on_, net::bind_cancellation_slot(which->signal.slot(), on_end{this, which, std::move(then)}));
  }

  // True if the operation has done what it was to do, and not only ended well.
  bool good(error_code ec, const char* what) {
    if (ec == net::error::operation_aborted)
      ++tally_.aborted;
    else if (ec == net::error::timed_out && limited_)
      ++tally_.late;
    else if (ec)
      complain(std::string(what) + ": " + ec.message());
    return !ec;
  }

  void shake_hands() {
    if (open_ || shaking_) return;
    shaking_ = true;
    tls_->async_handshake(role_, handler([this](error_code ec, std::size_t) {
                            shaking_ = false;
                            if (good(ec, "handshake")) open_ = true;
                          }));
  }

  void write_some() {
    if (!open_ || closing_ || writing_ == 4) return;
    ++writing_;
    const std::size_t size = 1 + up_to(one_in(4) ? 60'000 : 3'000);
    const std::size_t number = writes_.size();
    writes_.push_back({random_bytes(size, number * 2 + (role_ == as_client ? 1 : 0)), 0});
    const auto data = std::make_shared<std::string>(writes_.back().data);
    const std::size_t cut = up_to(size);
    const std::array<net::const_buffer, 3> from{net::buffer(data->data(), cut), net::const_buffer(),
                                                net::buffer(data->data() + cut, size - cut)};
    tls_->async_write_some(from, handler([this, number, data](error_code ec, std::size_t n) {
                             --writing_;
                             if (n > data->size()) complain("a write tells of more than it was given");
                             if (!ec && n == 0) complain("a write has written nothing");
                             if (ec && n != 0) ++tally_.sealed_when_cancelled;
                             (void)good(ec, "write");
                             writes_[number].told = n;
                             tally_.written += static_cast<long>(n);
                             std::fill(data->begin(), data->end(), '#'); // the memory is the program's again
                           }));
  }

  void read_some() {
    if (!open_ || end_seen_ || reading_ == 2) return;
    ++reading_;
    const auto room = std::make_shared<std::string>(1 + up_to(40'000), '?');
    tls_->async_read_some(net::buffer(*room), handler([this, room](error_code ec, std::size_t n) {
                            --reading_;
                            if (ec && n != 0) complain("a read that failed tells of bytes");
                            if (ec == net::error::eof)
                              end_seen_ = true;
                            else
                              (void)good(ec, "read");
                            got_.append(*room, 0, n);
                          }));
  }

  void wait() {
    if (!open_ || waiting_ == 2) return;
    ++waiting_;
    tls_->async_wait(one_in(2) ? net::socket_base::wait_read : net::socket_base::wait_write,
                     handler([this](error_code ec, std::size_t) {
                       --waiting_;
                       (void)good(ec, "wait");
                     }));
  }

  void cancel_one() {
    if (running_.empty()) return;
    ++tally_.cancelled;
    auto which = running_.begin();
    std::advance(which, static_cast<std::ptrdiff_t>(up_to(running_.size() - 1)));
    constexpr std::array types{net::cancellation_type::terminal, net::cancellation_type::partial,
                               net::cancellation_type::total};
    const std::shared_ptr<running> cancelled = *which; // its handler may run now
    cancelled->signal.emit(types[up_to(2)]);
  }

  void change_settings() {
    switch (up_to(4)) {
    case 0: return tls_->set_batch_limit(1 + up_to(50'000));
    case 1:
      if (one_in(2)) return tls_->set_record_sizing({});
      return tls_->set_record_sizing(tlsmode::record_sizing{static_cast<std::uint32_t>(1 + up_to(3'000)), 20,
                                                            std::chrono::milliseconds(1)});
    case 2: tls_->set_keep_buffers(one_in(4)); return tls_->set_read_ahead(one_in(2) ? 0 : up_to(200'000));
    case 3:
      if (writing_ != 0) return;
      if (one_in(2))
        tls_->set_mode(mode::enable_partial_write);
      else
        tls_->clear_mode(mode::enable_partial_write);
      return;
    default:
      limited_ = limited_ || one_in(4);
      if (one_in(4) && limited_)
        tls_->expires_after(microseconds(up_to(2'000)));
      else
        tls_->expires_never();
    }
  }

  void step() {
    if (steps_-- == 0) return finish();
    switch (up_to(13)) {
    case 0: shake_hands(); break;
    case 1:
    case 2:
    case 3: write_some(); break;
    case 4:
    case 5:
    case 6: read_some(); break;
    case 7:
    case 8: cancel_one(); break;
    case 9: wait(); break;
    case 10: change_settings(); break;
    case 11: {
      error_code ec; // refused while a write is unfinished, and by TLS 1.2
      if (open_ && !closing_) tls_->update_keys(one_in(2), ec);
      break;
    }
    case 12: {
      error_code ec;
      if (one_in(3)) tls_->next_layer().cancel(ec); // everybody who waits for the socket
      break;
    }
    default: // moving the stream is allowed while nothing is outstanding
      if (!running_.empty()) break;
      tls_stream other(std::move(*tls_));
      tls_.emplace(std::move(other));
    }
    if (one_in(8)) return later(microseconds(up_to(300)), &walker::step);
    net::post(on_, [this] { step(); });
  }

  void later(microseconds time, void (walker::*what)()) {
    timer_.expires_after(time);
    timer_.async_wait([this, what](error_code) { (this->*what)(); });
  }

  // Lets everything end: both sides say that they have sent everything, and read to the other's end.
  void finish() {
    closing_ = true;
    tls_->expires_never();
    shake_hands();
    read_some();
    if (open_ && writing_ == 0 && !closed_ && !shutting_) {
      shutting_ = true;
      tls_->async_shutdown(tlsmode::shutdown_form::send_only, handler([this](error_code ec, std::size_t) {
                             shutting_ = false;
                             if (good(ec, "shutdown")) closed_ = true;
                           }));
    }
    ended_ = end_seen_ && closed_;
    if (!ended()) later(microseconds(200), &walker::finish);
  }

  strand on_;
  net::steady_timer timer_;
  std::mt19937 random_;
  std::optional<tls_stream> tls_;
  handshake_side role_;
  int steps_;
  findings& found_;
  std::list<std::shared_ptr<running>> running_;
  std::vector<write> writes_;
  std::string got_;
  tally tally_;
  int reading_ = 0, writing_ = 0, waiting_ = 0;
  bool shaking_ = false, open_ = false, closing_ = false, shutting_ = false, closed_ = false;
  bool end_seen_ = false, limited_ = false, ended_ = false;
};

// One connection. Returns false if it never ended.
void walk(unsigned seed, bool with_jobs, tally& sum) {
  const int version = seed % 4 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
  net::ssl::context for_client = client_context(version), for_server = server_context(version);
  net::thread_pool pool(3);
  const strand client_on(pool.get_executor()), server_on(pool.get_executor());
  findings found;
  auto [client_socket, server_socket] = tcp_pair(client_on, server_on, seed % 2 == 0 ? 0 : tiny);
  walker client(std::move(client_socket), for_client, client_on, as_client, seed * 2, 500, with_jobs, found);
  walker server(std::move(server_socket), for_server, server_on, as_server, seed * 2 + 1, 500, with_jobs,
                found);
  client.begin();
  server.begin();

  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;
  std::thread watchdog([&] {
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, std::chrono::seconds(60), [&] { return over; })) pool.stop();
  });
  pool.join();
  {
    const std::lock_guard lock(mutex);
    over = true;
  }
  changed.notify_one();
  watchdog.join();

  BOOST_TEST_CONTEXT("TLSMODE_WALK_SEED=" << seed << (with_jobs ? ", job threads" : "")) {
    BOOST_TEST(client.ended(), "hangs: " << client.describe());
    BOOST_TEST(server.ended(), "hangs: " << server.describe());
    BOOST_TEST(found.all().empty(), found.all());
    BOOST_TEST((client.sent() == server.got()), "the server has got something else than was sent");
    BOOST_TEST((server.sent() == client.got()), "the client has got something else than was sent");
  }
  for (const walker* w : {&client, &server}) {
    sum.written += w->counts().written;
    sum.cancelled += w->counts().cancelled;
    sum.aborted += w->counts().aborted;
    sum.late += w->counts().late;
    sum.sealed_when_cancelled += w->counts().sealed_when_cancelled;
  }
}

void walk_all(bool with_jobs) {
  const auto first = setting<unsigned>("TLSMODE_WALK_SEED", 1),
             count = setting<unsigned>("TLSMODE_WALKS", with_jobs ? 12 : 24, 1);
  tally sum;
  for (unsigned seed = first; seed < first + count; ++seed) walk(seed, with_jobs, sum);
  std::cout << count << " walks from seed " << first << " on: " << sum.written << " bytes, " << sum.cancelled
            << " signals, " << sum.aborted << " operations aborted and " << sum.late << " late, "
            << sum.sealed_when_cancelled << " of them had sealed something\n";
  // Else nothing was tested.
  BOOST_TEST(sum.written > 0);
  BOOST_TEST(sum.aborted > 0);
}

} // namespace

BOOST_AUTO_TEST_CASE(over_sockets) { walk_all(false); }
BOOST_AUTO_TEST_CASE(over_sockets_with_job_threads) { walk_all(true); }

BOOST_AUTO_TEST_SUITE_END()
