// SPDX-License-Identifier: BSL-1.0
// Questions about resumption, asked of two contexts through a fresh pair of connections.
#ifndef TLSMODE_TESTS_SUPPORT_RESUMPTION_HPP
#define TLSMODE_TESTS_SUPPORT_RESUMPTION_HPP

#include "memory_pair.hpp"
#include "wire_format.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <functional>
#include <stdexcept>
#include <utility>

namespace tlsmode::test {

inline constexpr int both_versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/// A test case that runs for each version, in `version`.
#define TLSMODE_CASE_PER_VERSION(name)                                                                       \
  static void name##_with(int version);                                                                      \
  BOOST_AUTO_TEST_CASE(name) {                                                                               \
    for (const int v : tlsmode::test::both_versions) BOOST_TEST_CONTEXT("version " << v) {                   \
        name##_with(v);                                                                                      \
      }                                                                                                      \
  }                                                                                                          \
  static void name##_with(int version)

/// A context for one version only.
inline context only(int version, context ctx) {
  SSL_CTX_set_min_proto_version(ctx.native_handle(), version);
  SSL_CTX_set_max_proto_version(ctx.native_handle(), version);
  return ctx;
}

/// A client that keeps sessions.
inline context resuming_client(int version) {
  context ctx = only(version, client_context());
  if (const std::error_code ec = ctx.resume_sessions()) throw std::system_error(ec);
  return ctx;
}

/// What to do to a connection before its handshake.
using change = std::function<void(engine&)>;
inline void as_it_is(engine&) {}
inline void does_not_verify(engine& e) { e.set_verify_mode(SSL_VERIFY_NONE); }

/// True if a client's first message offers a session. Nothing else comes of the connection.
inline bool offers(const context& ctx, const change& prepare = as_it_is) {
  endpoint client(ctx, role::client);
  if (client.tls.set_host(server_name)) throw std::runtime_error("set_host");
  prepare(client.tls);
  client.handshake();
  return client_hello_of(text_of(client.wire.output())).offers_session;
}

/// Connects, which must work, and tells whether that was a resumption, for both sides alike.
inline bool resumes(const context& client, const context& server, const change& prepare = as_it_is) {
  memory_pair pair(client, server);
  prepare(pair.client.tls);
  if (!pair.connect()) throw std::system_error(pair.client.last.error, "no connection");
  if (pair.client.tls.resumed() != pair.server.tls.resumed()) throw std::runtime_error("sides disagree");
  return pair.client.tls.resumed();
}

/// The session of a connection that must work.
inline session_ptr session_of(const context& client, const context& server,
                              const change& prepare = as_it_is) {
  memory_pair pair(client, server);
  prepare(pair.client.tls);
  if (!pair.connect()) throw std::runtime_error("no connection");
  session_ptr s = pair.client.tls.session();
  if (!s) throw std::runtime_error("no session");
  return s;
}

} // namespace tlsmode::test

#endif
