// SPDX-License-Identifier: BSL-1.0
// Crypto in every record and signature that is ready late and says so from another thread, by a descriptor,
// by the callback, or not at all: do all operations go on, often within one, and not before they are told to?
#include "late_crypto.hpp"
#include "leak_check.hpp"
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <condition_variable>
#include <mutex>
#include <poll.h>

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

struct settings {
  explicit settings(int version, bool late_key = true) {
    late_crypto::install();
    client.emplace(client_context());
    server.emplace(server_context());
    for (context* ctx : {&*client, &*server}) {
      ctx->set_mode(mode::async);
      SSL_CTX_set_max_proto_version(ctx->native_handle(), version);
    }
    if (!late_key) return;
    const std::unique_ptr<EVP_PKEY, free_key> key(late_crypto::behind_device(server_identity().key.get()));
    BOOST_REQUIRE(SSL_CTX_use_PrivateKey(server->native_handle(), key.get()) == 1);
  }
  std::optional<context> client;
  std::optional<context> server;
};

// Waits as an event loop would: for what the engine names, and for nothing else.
class waiting_room {
 public:
  void attach(engine& e) {
    // A call may be under way when the connection goes away, and this with it.
    e.set_job_callback(std::make_shared<std::function<void()>>([news = news_] {
      const std::lock_guard lock(news->mutex);
      ++news->calls;
      news->changed.notify_all();
    }));
  }
  void wait(const engine& e) {
    const std::vector<int> fds = e.job_descriptors();
    if (e.job_calls_back()) {
      std::unique_lock lock(news_->mutex);
      news_->changed.wait(lock, [this] { return news_->calls > 0; });
      news_->calls = 0;
      ++called;
    } else if (!fds.empty()) {
      BOOST_REQUIRE(fds.size() == 1u);
      pollfd p{fds[0], POLLIN, 0};
      BOOST_REQUIRE(::poll(&p, 1, 20'000) == 1);
      ++readable;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ++polled;
    }
  }
  int called = 0;
  int readable = 0;
  int polled = 0;

 private:
  struct news {
    std::mutex mutex;
    std::condition_variable changed;
    int calls = 0;
  };
  std::shared_ptr<news> news_ = std::make_shared<news>();
};

// Two endpoints with jobs for everything, over a device that is ready late.
struct session : memory_pair {
  explicit session(const settings& s) : memory_pair(*s.client, *s.server) {
    for (endpoint* e : {&client, &server}) {
      e->tls.set_job_scope(job_scope::all);
      room.attach(e->tls);
    }
  }
  template <class Step>
  step drive(endpoint& e, const Step& one_step) {
    if (e.tls.job_paused()) room.wait(e.tls); // a read gave what it had, and left the rest to the next one
    for (;;) {
      const step s = one_step();
      if (s.why != suspend::want_async) return s;
      room.wait(e.tls);
    }
  }
  void handshake() {
    for (int i = 0; i < 10 && !(client.last.complete() && server.last.complete()); ++i) {
      client.last = drive(client, [&] { return client.handshake(); });
      deliver(client, server);
      server.last = drive(server, [&] { return server.handshake(); });
      deliver(server, client);
    }
    BOOST_REQUIRE_MESSAGE(completes(server.last), server.tls.last_failure().to_string());
    BOOST_REQUIRE_MESSAGE(completes(client.last), client.tls.last_failure().to_string());
  }
  std::string read(endpoint& at) {
    std::string all;
    std::string part(30'000, '\0');
    for (;;) {
      at.last = drive(at, [&] { return at.read(part); });
      if (at.last.bytes == 0) return all;
      all.append(part, 0, at.last.bytes);
    }
  }
  waiting_room room;
};

} // namespace

BOOST_AUTO_TEST_SUITE(late)

BOOST_AUTO_TEST_CASE(a_whole_session) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const settings s(version);
    for (const says how : all_ways) {
      BOOST_TEST_CONTEXT("version " << version << ", way " << static_cast<int>(how)) {
        const late_crypto device(how);
        session pair(s);
        pair.client.tls.clear_mode(mode::enable_partial_write);
        int before = 0;
        const auto check_paused = [&](const char* what, int times) {
          BOOST_TEST(device.operations() >= before + times, what);
          before = device.operations();
        };
        pair.handshake();
        BOOST_TEST(device.signatures() == 1);
        check_paused("handshake", 4);
        BOOST_TEST(pair.read(pair.client).empty()); // the tickets
        before = device.operations();
        const std::string data = pattern(40'000);
        BOOST_TEST(completes(pair.drive(pair.client, [&] { return pair.client.write(data); }), data.size()));
        check_paused("write", 3); // one operation, three records
        deliver(pair.client, pair.server);
        BOOST_TEST(same_bytes(pair.read(pair.server), data));
        check_paused("read", 3);
        const auto shutdown = [&](endpoint& e) {
          return pair.drive(e, [&] { return e.shutdown(shutdown_form::send_only); });
        };
        BOOST_TEST(completes(shutdown(pair.client)));
        check_paused("shutdown", 1);
        deliver(pair.client, pair.server);
        BOOST_TEST(pair.read(pair.server).empty());
        BOOST_TEST(fails(pair.server.last, error::end_of_stream));
        check_paused("end", 1);
        BOOST_TEST(completes(shutdown(pair.server)));
        deliver(pair.server, pair.client);
        const auto wait_for_peer = [&] { return pair.client.shutdown(shutdown_form::wait_for_peer); };
        BOOST_TEST(completes(pair.drive(pair.client, wait_for_peer)));
        BOOST_TEST(pair.client.tls.state() == connection_state::closed);
        // It was waited for by what it named, and not resumed before.
        BOOST_TEST((pair.room.called > 0) == (how == says::by_callback));
        BOOST_TEST((pair.room.readable > 0) == (how == says::by_descriptor));
        BOOST_TEST((pair.room.polled > 0) == (how == says::nothing));
        if (how != says::nothing) BOOST_TEST(device.early() == 0);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_signature_alone) {
  for (const says how : all_ways) {
    const settings s(TLS1_3_VERSION);
    const late_crypto device(how);
    session pair(s);
    BOOST_TEST(device.signatures() == 0);
    pair.handshake();
    BOOST_TEST(device.signatures() == 1);
  }
}

BOOST_AUTO_TEST_CASE(others_wait_for_their_turn_while_it_works) {
  const settings s(TLS1_3_VERSION);
  for (const says how : all_ways) {
    for (const bool reading_first : {false, true}) {
      BOOST_TEST_CONTEXT("way " << static_cast<int>(how) << ", reading first " << reading_first) {
        const late_crypto device(how);
        session pair(s);
        pair.handshake();
        pair.read(pair.client);
        BOOST_TEST(completes(pair.drive(pair.server, [&] { return pair.server.write("answer"); }), 6));
        deliver(pair.server, pair.client);
        std::string room(100, '\0');
        endpoint& e = pair.client;
        const std::string data = pattern(10'000);
        const auto read = [&] { return e.read(room); };
        const auto write = [&] { return e.write(data); };
        const auto shutdown = [&] { return e.shutdown(shutdown_form::send_only); };
        if (reading_first) {
          BOOST_TEST(stops(read(), suspend::want_async));
          BOOST_TEST(stops(write(), suspend::want_turn));
        } else {
          BOOST_TEST(stops(write(), suspend::want_async));
          BOOST_TEST(stops(read(), suspend::want_turn));
        }
        BOOST_TEST(fails(shutdown(), error::operation_in_progress)); // the write comes first
        const auto finish = [&](const auto& operation, std::size_t n) {
          BOOST_TEST(completes(pair.drive(e, operation), n));
        };
        if (reading_first) {
          finish(read, 6);
          BOOST_TEST(completes(pair.drive(e, write), data.size()));
        } else {
          finish(write, data.size());
          BOOST_TEST(completes(pair.drive(e, read), 6));
        }
        BOOST_TEST(completes(pair.drive(e, shutdown)));
        deliver(e, pair.server);
        BOOST_TEST(same_bytes(pair.read(pair.server), data));
        BOOST_TEST(fails(pair.server.last, error::end_of_stream));
        if (how != says::nothing) BOOST_TEST(device.early() == 0);
      }
    }
  }
}

// The connection goes away while the device works. It cannot be hurried, but it comes to an end.
BOOST_AUTO_TEST_CASE(connections_that_go_away_leave_nothing) {
  const settings s(TLS1_3_VERSION);
  for (const says how : all_ways) {
    for (const int stop : {1, 2, 3, 5, 8, 12}) {
      BOOST_TEST_CONTEXT("way " << static_cast<int>(how) << ", operation " << stop) {
        check_no_leak(
            [&] {
              const late_crypto device(how);
              session pair(s);
              const auto up_to = [&](endpoint& e, const auto& one_step) { // false: it goes no further
                for (;;) {
                  e.last = one_step();
                  if (e.last.why != suspend::want_async) return true;
                  if (device.operations() >= stop) return false;
                  pair.room.wait(e.tls);
                }
              };
              const std::string data = pattern(40'000);
              for (int i = 0; i < 4; ++i) {
                if (!up_to(pair.client, [&] { return pair.client.handshake(); })) return;
                deliver(pair.client, pair.server);
                if (!up_to(pair.server, [&] { return pair.server.handshake(); })) return;
                deliver(pair.server, pair.client);
              }
              if (!up_to(pair.client, [&] { return pair.client.write(data); })) return;
              deliver(pair.client, pair.server);
              std::string room(50'000, '\0');
              up_to(pair.server, [&] { return pair.server.read(room); });
              BOOST_REQUIRE(device.operations() >= stop);
            },
            3);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
