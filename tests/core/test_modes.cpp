// SPDX-License-Identifier: BSL-1.0
// Is the mode set the one that the manual pages describe: additive, readable, and in force?
#include "memory_pair.hpp"
#include "step_checks.hpp"

#include <tlsmode/mode.hpp>

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <array>
#include <set>

BOOST_AUTO_TEST_SUITE(modes)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

constexpr std::array all_modes{mode::enable_partial_write, mode::accept_moving_write_buffer, mode::auto_retry,
                               mode::release_buffers,      mode::send_fallback_scsv,         mode::async};

// Modes that the engine keeps for itself, whatever the caller asks for.
constexpr mode_set always_inside = mode::enable_partial_write | mode::accept_moving_write_buffer;

// OpenSSL's modes that are none of ours: the caller may have set them, and they must stay.
constexpr long foreign = SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_SEND_CLIENTHELLO_TIME;

mode_set subset(unsigned which) {
  mode_set s;
  for (std::size_t i = 0; i < all_modes.size(); ++i)
    if ((which >> i & 1u) != 0) s |= all_modes[i];
  return s;
}

mode_set native_modes(const engine& e) {
  return mode_set::from_native(static_cast<std::uint64_t>(SSL_get_mode(e.native_handle())));
}

struct fresh_context {
  fresh_context() : ctx(SSL_CTX_new(TLS_client_method())) { SSL_CTX_clear_mode(ctx, ~0u); }
  ~fresh_context() { SSL_CTX_free(ctx); }
  fresh_context(const fresh_context&) = delete;
  fresh_context& operator=(const fresh_context&) = delete;
  SSL_CTX* ctx;
};

} // namespace

BOOST_AUTO_TEST_CASE(every_set_survives_the_round_trip_through_text) {
  std::set<std::string> texts;
  for (unsigned i = 0; i < 64; ++i) {
    const std::string text = to_string(subset(i));
    texts.insert(text);
    const auto parsed = parse_modes(text);
    BOOST_REQUIRE(parsed.has_value());
    BOOST_TEST(*parsed == subset(i));
  }
  BOOST_TEST(texts.size() == 64u);
}

BOOST_AUTO_TEST_CASE(a_mode_has_the_name_of_its_set) {
  for (unsigned bit = 0; bit < 6; ++bit) {
    const mode_set one = subset(1U << bit);
    for (const mode m : {mode::enable_partial_write, mode::accept_moving_write_buffer, mode::auto_retry,
                         mode::release_buffers, mode::send_fallback_scsv, mode::async})
      BOOST_TEST((to_string(m) == to_string(one)) == (one == mode_set(m)));
  }
}

BOOST_AUTO_TEST_CASE(text_has_openssl_names_in_the_order_of_the_bits) {
  BOOST_TEST(to_string(mode_set()) == "none");
  BOOST_TEST(to_string(mode_set(mode::async)) == "async");
  BOOST_TEST(to_string(subset(63)) == "enable_partial_write,accept_moving_write_buffer,auto_retry,"
                                      "release_buffers,send_fallback_scsv,async");
}

BOOST_AUTO_TEST_CASE(text_is_read_generously_and_errors_are_seen) {
  const auto two = mode::async | mode::auto_retry;
  for (const char* good : {"async,auto_retry", "auto_retry|async", " ASYNC ,\tSSL_MODE_AUTO_RETRY\n",
                           "ssl_mode_async|Auto_Retry", "async,async,auto_retry"}) {
    BOOST_TEST_CONTEXT(good) BOOST_TEST((parse_modes(good) == two));
  }
  for (const char* none : {"", "  \t", "none", " none ", "None"})
    BOOST_TEST_CONTEXT(none) BOOST_TEST((parse_modes(none) == mode_set()));
  for (const char* bad : {"asynch", "async,", ",async", "async,,auto_retry", "async auto_retry", "none,async",
                          "0x1", "ssl_mode_", "ssl_mode_ssl_mode_async", "async;auto_retry"})
    BOOST_TEST_CONTEXT(bad) BOOST_TEST(!parse_modes(bad).has_value());
}

BOOST_AUTO_TEST_CASE(native_context_modes_are_additive) {
  const fresh_context f;
  SSL_CTX_set_mode(f.ctx, foreign);
  mode_set expected;
  for (const mode m : all_modes) {
    expected |= m;
    BOOST_TEST(set_mode(f.ctx, m) == expected);
    BOOST_TEST(get_mode(f.ctx) == expected);
    BOOST_TEST(SSL_CTX_get_mode(f.ctx) == (static_cast<long>(expected.native()) | foreign));
  }
  for (const mode m : all_modes) {
    expected -= m;
    BOOST_TEST(clear_mode(f.ctx, m) == expected);
    BOOST_TEST(SSL_CTX_get_mode(f.ctx) == (static_cast<long>(expected.native()) | foreign));
  }
}

BOOST_AUTO_TEST_CASE(a_context_begins_with_the_modes_that_its_header_names) {
  for (const role side : {role::client, role::server}) {
    context ctx = side == role::client ? context::client() : context::server();
    const mode_set first = mode::enable_partial_write | mode::accept_moving_write_buffer | mode::auto_retry;
    BOOST_TEST(ctx.mode() == first);
    BOOST_TEST(ctx.set_mode(mode::async) == (first | mode::async));
    BOOST_TEST(ctx.clear_mode(mode::auto_retry) == (first | mode::async) - mode::auto_retry);
    BOOST_TEST(engine(ctx).mode() == ctx.mode());
    BOOST_TEST(SSL_CTX_get_mode(ctx.native_handle()) == static_cast<long>(ctx.mode().native()));
  }
}

BOOST_AUTO_TEST_CASE(a_connection_keeps_every_set_and_openssl_acts_on_it) {
  for (unsigned from = 0; from < 64; ++from) {
    const fresh_context f;
    SSL_CTX_set_mode(f.ctx, foreign);
    set_mode(f.ctx, subset(from));
    engine e(f.ctx);
    BOOST_TEST(e.mode() == subset(from));
    for (const mode m : all_modes) {
      BOOST_TEST(e.set_mode(m) == (subset(from) | m));
      BOOST_TEST(e.mode() == (subset(from) | m));
      BOOST_TEST(native_modes(e) == (subset(from) | m | always_inside));
      BOOST_TEST(e.clear_mode(m) == subset(from) - m);
      BOOST_TEST(e.mode() == subset(from) - m);
      BOOST_TEST(native_modes(e) == ((subset(from) - m) | always_inside));
      e.set_mode(subset(from));
    }
    BOOST_TEST((SSL_get_mode(e.native_handle()) & foreign) == foreign);
    BOOST_TEST(get_mode(f.ctx) == subset(from)); // a connection does not change its context
  }
}

BOOST_AUTO_TEST_CASE(openssl_has_async_while_jobs_are_wanted) {
  context server = server_context();
  server.set_mode(mode::async);
  memory_pair pair(client_context(), server);
  engine& e = pair.server.tls;
  BOOST_TEST(native_modes(e).contains(mode::async));
  BOOST_TEST(e.may_pause());
  BOOST_REQUIRE(pair.connect());
  BOOST_TEST(e.mode().contains(mode::async));
  BOOST_TEST(!native_modes(e).contains(mode::async)); // the data path pays nothing
  BOOST_TEST(!e.may_pause());
  e.set_job_scope(job_scope::all);
  BOOST_TEST(native_modes(e).contains(mode::async));
  BOOST_TEST(e.may_pause());
  BOOST_TEST(!e.clear_mode(mode::async).contains(mode::async));
  BOOST_TEST(!native_modes(e).contains(mode::async));
  BOOST_TEST(!e.may_pause());
}

BOOST_AUTO_TEST_SUITE_END()
