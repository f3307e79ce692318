// SPDX-License-Identifier: BSL-1.0
// What becomes of a connection when an allocation fails, any one of ours or of OpenSSL's, in any operation?
// It says so, loses and invents no byte, leaks nothing, and serves again after reset(). No sockets, no Asio.
#define BOOST_TEST_MODULE sweep_core
#include "heap_counter.hpp"
#include "memory_pair.hpp"
#include "memory_shortage.hpp"
#include "resumption.hpp"
#include "signers.hpp"
#include "step_checks.hpp"
#include "sweep_settings.hpp"

#include <tlsmode/hook.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <iostream>
#include <memory>
#include <optional>

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

enum class scenario { handshake, client_auth, resumption, write, read, key_update, shutdown };
constexpr std::array scenario_names{
    "handshake", "client authentication", "resumption", "write", "read", "KeyUpdate", "shutdown"};
enum class variant { plain, signer, hooks, jobs };
constexpr std::array variant_names{"plain", "with a signer", "with hooks", "with jobs"};

constexpr long most_allocations = sweep_is_slow() ? 2 : 12; // of each sweep
const std::string text = pattern(40'000);

// Hooks that answer at once.
hooks answering(role side) {
  hooks h;
  if (side == role::server)
    h.client_hello = [](std::shared_ptr<client_hello_request> r) {
      r->answer(client_hello_answer::proceed());
    };
  h.verify = [](std::shared_ptr<verify_request> r) { r->answer(verify_answer::accept()); };
  return h;
}

struct settings {
  settings(scenario s, variant v, int version)
      : client(only(version, client_context())), server(only(version, tlsmode::context::server())) {
    must(server.use_certificate_chain(pem(server_identity().certificate_pem)));
    if (v == variant::signer)
      must(server.use_signer(std::make_shared<inline_signer>(key_of(server_identity()))));
    else
      must(server.use_private_key(pem(server_identity().key_pem)));
    if (s == scenario::client_auth) {
      must(server.require_client_certificate(pem(authority().certificate_pem)));
      must(client.use_certificate_chain(pem(client_identity().certificate_pem)));
      if (v == variant::signer)
        must(client.use_signer(std::make_shared<inline_signer>(key_of(client_identity()))));
      else
        must(client.use_private_key(pem(client_identity().key_pem)));
    }
    if (v == variant::jobs)
      for (context* c : {&client, &server}) c->set_mode(mode::async);
    if (v == variant::hooks) {
      must(set_hooks(client, answering(role::client)));
      must(set_hooks(server, answering(role::server)));
    }
    if (s == scenario::resumption) session = session_of(client, server);
  }
  static void must(std::error_code ec) {
    if (ec) throw std::system_error(ec);
  }
  context client;
  context server;
  session_ptr session;
};

// One side, in whose steps allocations fail, goes through a scenario.
class run {
 public:
  run(const settings& s, scenario what, role side) : settings_(s), what_(what), side_(side) {}

  // Everything that comes before. Nothing fails in it.
  void prepare() {
    pair_.emplace(settings_.client, settings_.server);
    if (what_ == scenario::resumption) { // a copy: OpenSSL spoils the session of a connection that ends badly
      const session_ptr copy(SSL_SESSION_dup(settings_.session.get()));
      settings::must(pair_->client.tls.offer_session(copy.get()));
    }
    for (endpoint* e : {&self(), &peer()}) {
      e->tls.clear_mode(mode::enable_partial_write);
      e->tls.set_job_scope(job_scope::all);
    }
    if (what_ <= scenario::resumption) return;
    if (!pair_->connect()) throw std::runtime_error("no connection");
    pair_->server.read_all();
    if (what_ == scenario::read) {
      peer().write(text);
      settings::must(SSL_version(peer().native()) == TLS1_3_VERSION ? peer().tls.update_keys(false)
                                                                    : std::error_code());
      peer().write(text);
      deliver(peer(), self());
    }
  }

  // The scenario itself; ends with a good step or a failed one. Throws what allocations throw.
  step go() {
    step s{suspend::want_read, 0, {}};
    for (int i = 0; i < 200; ++i) {
      s = one_step();
      if (s.complete() && (s.error || arrived())) return s;
      const no_allocation_fault mine;
      deliver(self(), peer());
      answer();
      deliver(peer(), self());
    }
    throw std::runtime_error("no end");
  }

  // Afterwards nothing fails any more: either all is whole, or only a beginning arrived.
  void check(const step& last, bool struck) {
    BOOST_TEST(!self().tls.job_paused());
    // A read's failure may be kept for the next one.
    if (!last.error && !self().tls.last_failure().code) {
      if (what_ == scenario::shutdown) return;
      // Without memory a client may have shown no certificate; it hears later that the server minds.
      if (struck && what_ == scenario::client_auth && self().tls.protocol() == "TLSv1.3" && peer_refuses())
        return;
      BOOST_TEST(converse());
      return;
    }
    answer();
    BOOST_TEST((!last.error || sane(last.error)), "error " << last.error << ": " << last.error.message());
    BOOST_TEST(text.compare(0, got_by_peer_.size(), got_by_peer_) == 0);
    const std::string both = text + text;
    BOOST_TEST(both.compare(0, got_.size(), got_) == 0);
    // Reading may go on to what has come; all else says that it is over, or works.
    const step again = self().write("x");
    if (!self().tls.last_failure().code) return;
    BOOST_TEST((again.complete() && again.error));
  }

  // The same engine serves the next connection.
  void check_reuse() {
    for (endpoint* e : {&self(), &peer()}) {
      BOOST_REQUIRE(!e->tls.reset());
      e->wire = memory_transport();
    }
    got_by_peer_.clear();
    if (!pair_->connect()) {
      BOOST_TEST(false, "no second connection: " << pair_->client.last.error.message() << ", "
                                                 << pair_->server.last.error.message());
      return;
    }
    BOOST_TEST(converse());
  }

  [[nodiscard]] endpoint& self() { return side_ == role::client ? pair_->client : pair_->server; }
  [[nodiscard]] endpoint& peer() { return side_ == role::client ? pair_->server : pair_->client; }

 private:
  step one_step() {
    switch (what_) {
    case scenario::write: return self().write(text);
    case scenario::read: {
      std::string room(7'000, '\0');
      const mutable_buffer to = room_in(room);
      const step s = self().tls.read(self().wire, {&to, 1});
      const no_allocation_fault mine;
      got_.append(room, 0, s.bytes);
      return s;
    }
    case scenario::key_update:
      if (const std::error_code ec = self().tls.update_keys(true); ec) return {suspend::none, 0, ec};
      return self().write(text);
    case scenario::shutdown: return self().shutdown(shutdown_form::wait_for_peer);
    default: return self().handshake();
    }
  }
  bool arrived() const { return what_ != scenario::read || got_.size() == 2 * text.size(); }
  void answer() {
    if (detail::before_open(peer().tls.state())) {
      peer().last = peer().handshake();
    } else {
      got_by_peer_ += peer().read_all();
      if (peer().last.error == error::end_of_stream) peer().shutdown(shutdown_form::send_only);
    }
  }
  bool peer_refuses() {
    deliver(self(), peer());
    answer();
    return bool(peer().last.error);
  }
  // A little text both ways.
  bool converse() {
    for (int i = 0; i < 3; ++i) {
      deliver(self(), peer());
      answer();
      deliver(peer(), self());
    }
    if (!got_by_peer_.empty() && got_by_peer_ != text) return false;
    self().read_all();
    if (!self().write("there").complete() || !peer().write("back").complete()) return false;
    deliver(self(), peer());
    deliver(peer(), self());
    return peer().read_all() == "there" && self().read_all() == "back";
  }
  // Where memory runs out while something is proved, the proof is missing: the connection is refused.
  static bool sane(std::error_code ec) {
    if (ec == std::errc::not_enough_memory || ec.category() == openssl_category()) return true;
    for (const error e :
         {error::openssl_internal, error::hook_failed, error::signer_failed, error::hook_cannot_wait,
          error::wrong_signature, error::key_mismatch, error::session_not_verified})
      if (ec == e) return true;
    return false;
  }

  const settings& settings_;
  scenario what_;
  role side_;
  std::optional<memory_pair> pair_;
  std::string got_;
  std::string got_by_peer_;
};

// The wire of the tests, which takes memory for what it holds, as no socket does.
class wire_with_memory final : public transport {
 public:
  explicit wire_with_memory(memory_transport& wire) noexcept : wire_(wire) {}
  transfer read(mutable_buffer to) noexcept override {
    const no_allocation_fault mine;
    return wire_.read(to);
  }
  transfer write(const_buffer from) noexcept override {
    const no_allocation_fault mine;
    return wire_.write(from);
  }

 private:
  memory_transport& wire_;
};

struct tally {
  long cases = 0, errors = 0, thrown = 0, unharmed = 0;
};

// One fresh pair, one allocation that fails. Returns how many allocations there were up to the end.
long run_once(const settings& s, scenario what, role side, heap_user who, long number, tally& t) {
  ERR_clear_error();
  run r(s, what, side);
  r.prepare();
  std::optional<step> last;
  long count = 0;
  bool struck = false;
  try {
    const allocation_fault fault(who, number);
    try {
      last = r.go();
    } catch (const std::bad_alloc&) {
      ++t.thrown;
    }
    count = allocation_fault::count();
    struck = allocation_fault::struck();
  } catch (const std::exception& e) {
    BOOST_ERROR(e.what());
    return count;
  }
  ++t.cases;
  if (last) {
    if (last->error) ++t.errors;
    if (!last->error && struck) ++t.unharmed;
    BOOST_TEST((struck || !last->error), "failed by itself: " << last->error.message());
    r.check(*last, struck);
  }
  r.check_reuse();
  return count;
}

void sweep(scenario what, variant v, int version, role side, heap_user who, long most, tally& t) {
  BOOST_TEST_CONTEXT(scenario_names[static_cast<std::size_t>(what)]
                     << ", " << variant_names[static_cast<std::size_t>(v)] << ", TLS " << version << ", "
                     << (side == role::client ? "client" : "server") << ", "
                     << (who == heap_user::openssl ? "OpenSSL's" : "our") << " allocations") {
    const settings s(what, v, version);
    tally unused;
    run_once(s, what, side, who, 0, unused); // what OpenSSL makes once
    const long steps = run_once(s, what, side, who, 0, unused);
    const auto salt = static_cast<std::uint32_t>(static_cast<int>(what) * 97 + static_cast<int>(v) * 31 +
                                                 version * 7 + static_cast<int>(side));
    for (const long number : steps_to_take(steps, most, salt)) {
      BOOST_TEST_CONTEXT("allocation " << number << " of " << steps) {
        // Caches may grow once; what grows each time is lost.
        std::size_t before = heap_bytes();
        std::size_t stacks = job_stacks();
        bool grows = true;
        for (int again = 0; again < 4 && grows; ++again) {
          run_once(s, what, side, who, number, t);
          ERR_clear_error();
          grows = heap_bytes() > before || job_stacks() > stacks;
          before = heap_bytes();
          stacks = job_stacks();
        }
        BOOST_TEST(!grows, "something is left behind each time");
      }
    }
  }
}

void sweep_all(heap_user who, long most) {
  BOOST_REQUIRE(heap_is_counted());
  tally t;
  for (int s = 0; s < static_cast<int>(scenario_names.size()); ++s) {
    for (int v = 0; v < static_cast<int>(variant_names.size()); ++v) {
      const auto what = static_cast<scenario>(s);
      const auto how = static_cast<variant>(v);
      const bool data = what > scenario::resumption;
      if (data && (how == variant::signer || how == variant::hooks)) continue; // they have no part in it
      if (what == scenario::resumption && how == variant::signer) continue;
      if (what == scenario::resumption && how == variant::hooks) continue; // nothing is verified
      // An exception that leaves frames of the libraries on a job's stack leaves their guards there, and the
      // address sanitizer reports whoever uses the stack next. Signers and hooks are asked on one, too.
      if (sweep_is_slow() && how != variant::plain && who == heap_user::operator_new) continue;
      for (const int version : both_versions) {
        if (what == scenario::key_update && version != TLS1_3_VERSION) continue;
        for (const role side : {role::client, role::server}) sweep(what, how, version, side, who, most, t);
      }
    }
  }
  std::cout << t.cases << " cases: " << t.errors << " errors, " << t.thrown << " exceptions, " << t.unharmed
            << " unharmed\n";
  BOOST_TEST(t.errors + t.thrown > 0);
}

} // namespace

BOOST_AUTO_TEST_SUITE(sweep_core)

BOOST_AUTO_TEST_CASE(our_allocations) {
  sweep_all(heap_user::operator_new, most_of("TLSMODE_SWEEP_ALLOCATIONS", most_allocations));
}

BOOST_AUTO_TEST_CASE(the_allocations_of_openssl) {
  sweep_all(heap_user::openssl, most_of("TLSMODE_SWEEP_ALLOCATIONS", most_allocations));
}

// The transport would have taken them: memory is wanted only because they are to leave together.
BOOST_AUTO_TEST_CASE(a_server_without_memory_to_collect_its_tickets_sends_them) {
  context server = server_context();
  BOOST_REQUIRE(!server.set_ticket_count(3));
  long number = 0;
  for (bool struck = true; struck;) {
    memory_pair pair(only(TLS1_3_VERSION, client_context()), server);
    pair.advance();
    pair.client.handshake();
    deliver(pair.client, pair.server);
    step last;
    {
      wire_with_memory wire(pair.server.wire);
      const memory_shortage shortage(heap_user::operator_new, ++number);
      last = pair.server.tls.handshake(wire, role::server);
      struck = allocation_fault::struck();
    }
    BOOST_TEST((last.complete() && !last.error), "allocation " << number << ": " << last.error.message());
    deliver(pair.server, pair.client);
    BOOST_TEST(pair.client.read_all().empty());
    BOOST_TEST(pair.client.tls.stats().cipher_read == pair.server.tls.stats().cipher_written);
  }
  BOOST_TEST(number > 2, "nothing could fail");
}

BOOST_AUTO_TEST_SUITE_END()
