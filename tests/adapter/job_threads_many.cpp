// SPDX-License-Identifier: BSL-1.0
// Thousands of handshakes on strands that four threads run, on two job threads: some end well, others are
// cancelled, run out of time or are destroyed at any point. Does each end once, on its strand, and is nothing
// left behind? Made for the sanitizers.
#include "answer_wait.hpp"
#include "asio_job_threads.hpp"
#include "job_call.hpp"

#include <tlsmode/job.hpp>
#include <tlsmode/stats.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <vector>

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

#if defined(TLSMODE_SANITIZE_THREAD) || defined(TLSMODE_SANITIZE_ADDRESS)
constexpr int connections = 300;
#else
constexpr int connections = 2400;
#endif
constexpr int at_a_time = 60;

using strand = net::strand<net::io_context::executor_type>;

// Boost.Test's own checks are not for several threads.
struct tally {
  std::atomic<int> ended{0};
  std::atomic<int> good{0};
  std::atomic<int> aborted{0};
  std::atomic<int> late{0};
  std::atomic<int> wrong{0};
  std::atomic<int> off_strand{0};
  std::atomic<int> twice{0};
};

// A question that another thread answers, some time later, one after the other.
class answerer {
 public:
  class question final : public pending_answer {
   public:
    void reply() {
      answer([] {});
    }
  };
  ~answerer() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  void ask(std::shared_ptr<question> q) {
    {
      const std::lock_guard lock(mutex_);
      questions_.push_back(std::move(q));
    }
    changed_.notify_one();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return over_ || !questions_.empty(); });
      if (questions_.empty()) return;
      const auto q = std::move(questions_.front());
      questions_.pop_front();
      lock.unlock();
      q->reply();
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<question>> questions_;
  bool over_ = false;
  std::thread thread_{[this] { work(); }}; // the last member: it uses the others
};

// What pauses a server's handshake: crypto that knows nothing of us and has signalled before it pauses, so
// that its job can always be ended, or a question, which is told when nobody waits any more.
class key {
 public:
  key(int number, answerer& who) : who_(who) {
    constexpr waking ways[] = {waking::callback, waking::descriptor, waking::two_descriptors,
                               waking::nothing};
    if (number % 2 == 0) crypto_.emplace(ways[number / 2 % 4], true);
  }
  void install(SSL* server) {
    if (crypto_) return crypto_->install(server);
    SSL_set_cert_cb(
        server, [](SSL*, void* self) { return static_cast<key*>(self)->ask() ? 1 : 0; }, this);
  }

 private:
  bool ask() {
    for (;;) {
      const auto q = std::make_shared<answerer::question>();
      detail::answer_wait::prepare(*q, std::chrono::hours(1));
      who_.ask(q);
      const auto result = detail::answer_wait::pause(q);
      if (result != detail::waited::cancelled) return result == detail::waited::answered;
    }
  }
  answerer& who_;
  std::optional<pausing> crypto_;
};

enum class fate { ends_well, cancelled, destroyed, out_of_time };

// One server connection, in a strand of its own. What the paused job uses outlives the job thread's last
// step.
class connection : public std::enable_shared_from_this<connection> {
 public:
  connection(net::io_context& io, tcp_socket socket, net::ssl::context& settings, job_threads& pool,
             strand on, fate f, key& k, tally& t)
      : strand_(std::move(on)), timer_(io), fate_(f), tally_(t) {
    stream_ = std::make_unique<tls_stream>(std::move(socket), settings);
    k.install(stream_->native_handle());
    stream_->set_mode(mode::async);
    stream_->set_job_threads(pool); // the placement is the automatic one
  }

  void start(std::chrono::microseconds when) {
    if (fate_ == fate::out_of_time) stream_->expires_after(when);
    stream_->async_handshake(
        as_server, net::bind_executor(strand_, net::bind_cancellation_slot(
                                                   signal_.slot(), [self = shared_from_this()](
                                                                       error_code ec) { self->end(ec); })));
    if (fate_ != fate::cancelled && fate_ != fate::destroyed) return;
    timer_.expires_after(when);
    timer_.async_wait(
        net::bind_executor(strand_, [self = shared_from_this()](error_code) { self->strike(); }));
  }

 private:
  void strike() {
    if (!strand_.running_in_this_thread()) ++tally_.off_strand;
    if (fate_ == fate::cancelled && ended_ == 0) signal_.emit(net::cancellation_type::terminal);
    if (fate_ == fate::destroyed) stream_.reset();
  }

  void end(error_code ec) {
    if (!strand_.running_in_this_thread()) ++tally_.off_strand;
    if (++ended_ != 1) ++tally_.twice;
    ++tally_.ended;
    timer_.cancel();
    if (!ec)
      ++tally_.good;
    else if (ec == net::error::operation_aborted && (fate_ == fate::cancelled || fate_ == fate::destroyed))
      ++tally_.aborted;
    else if (ec == net::error::timed_out && fate_ == fate::out_of_time)
      ++tally_.late;
    else
      ++tally_.wrong;
    if (stream_ && stream_->state() == connection_state::failed) ++tally_.wrong;
    stream_.reset(); // its job may be paused yet
  }

  strand strand_;
  net::steady_timer timer_;
  net::cancellation_signal signal_;
  std::unique_ptr<tls_stream> stream_;
  fate fate_;
  tally& tally_;
  int ended_ = 0;
};

struct client {
  client(tcp_socket socket, net::ssl::context& settings, strand on)
      : stream(std::move(socket), settings), strand_(std::move(on)) {}
  void start() {
    stream.async_handshake(as_client, net::bind_executor(strand_, [this](error_code ec) {
                             ended = true;
                             good = !ec;
                           }));
  }
  asio_stream stream;
  strand strand_;
  std::atomic<bool> ended{false};
  std::atomic<bool> good{false};
};

// A chunk of connections, until all have ended.
void run_chunk(job_threads& pool, net::ssl::context& client_settings, net::ssl::context& server_settings,
               std::mt19937& random, answerer& who, tally& t) {
  std::vector<std::unique_ptr<key>> keys; // kept until no job can use them
  {
    net::io_context io;
    std::vector<std::unique_ptr<client>> clients;
    std::uniform_int_distribution<int> any(0, 1'000'000);
    for (int i = 0; i < at_a_time; ++i) {
      const strand on_client = net::make_strand(io);
      const strand on_server = net::make_strand(io);
      auto sockets = tcp_pair(on_client, on_server);
      const auto f = static_cast<fate>(i % 4);
      clients.push_back(std::make_unique<client>(std::move(sockets.first), client_settings, on_client));
      keys.push_back(std::make_unique<key>(any(random), who));
      const auto server = std::make_shared<connection>(io, std::move(sockets.second), server_settings, pool,
                                                       on_server, f, *keys.back(), t);
      const auto when = std::chrono::microseconds(any(random) % 20'000);
      net::post(on_client, [c = clients.back().get()] { c->start(); });
      net::post(on_server, [server, when] { server->start(when); });
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&io] { io.run_for(std::chrono::seconds(60)); });
    for (std::thread& thread : threads) thread.join();
    for (const auto& c : clients)
      if (!c->ended) ++t.wrong;
  }
  settle(pool);
}

} // namespace

BOOST_AUTO_TEST_SUITE(many_on_job_threads)

BOOST_AUTO_TEST_CASE(handshakes_on_strands_under_four_threads) {
  net::ssl::context client_settings = client_context(TLS1_3_VERSION);
  net::ssl::context server_settings = server_context(TLS1_3_VERSION);
  const auto before = abandoned_jobs();
  std::mt19937 random(1);
  tally t;
  answerer who;
  {
    job_threads pool(2);
    for (int done = 0; done < connections; done += at_a_time)
      run_chunk(pool, client_settings, server_settings, random, who, t);
  }
  BOOST_TEST(t.ended == connections);
  BOOST_TEST(t.good + t.aborted + t.late == connections);
  BOOST_TEST(t.good >= connections / 4, "at least those that nothing happened to");
  BOOST_TEST(t.aborted > 0);
  BOOST_TEST(t.late > 0);
  BOOST_TEST(t.wrong == 0);
  BOOST_TEST(t.off_strand == 0);
  BOOST_TEST(t.twice == 0);
  BOOST_TEST(abandoned_jobs() == before);
}

BOOST_AUTO_TEST_SUITE_END()
