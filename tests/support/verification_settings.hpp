// SPDX-License-Identifier: BSL-1.0
// Ways in which two connections of one context may check their peers differently, for tests of resumption.
#ifndef TLSMODE_TESTS_SUPPORT_VERIFICATION_SETTINGS_HPP
#define TLSMODE_TESTS_SUPPORT_VERIFICATION_SETTINGS_HPP

#include "resumption.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <string>

namespace tlsmode::test {

inline change with_host(const char* name, std::uint16_t port) {
  return [=](engine& e) { BOOST_REQUIRE(!e.set_host(name, port)); };
}

/// A connection that does not check its peer as the others of its context do.
struct setting {
  const char* name;
  change apply;
  bool comparable = true; // two connections with it do the same check, and it can be seen that they do
};
inline const setting settings[] = {
    {"a depth", [](engine& e) { e.set_verify_depth(5); }},
    {"flags",
     [](engine& e) {
       X509_VERIFY_PARAM_set_flags(SSL_get0_param(e.native_handle()), X509_V_FLAG_PARTIAL_CHAIN);
     }},
    {"an authentication level",
     [](engine& e) { X509_VERIFY_PARAM_set_auth_level(SSL_get0_param(e.native_handle()), 2); }},
    {"host flags", [](engine& e) { SSL_set_hostflags(e.native_handle(), X509_CHECK_FLAG_NO_WILDCARDS); }},
    {"a point in time",
     [](engine& e) {
       static const std::time_t then = std::time(nullptr) - 60;
       X509_VERIFY_PARAM_set_time(SSL_get0_param(e.native_handle()), then);
     }},
    {"a second name", [](engine& e) { BOOST_REQUIRE(SSL_add1_host(e.native_handle(), "other.test") == 1); }},
    {"another name", [](engine& e) { BOOST_REQUIRE(!e.set_host(server_address)); }},
    {"a security level", [](engine& e) { SSL_set_security_level(e.native_handle(), 1); }},
    {"a trust store",
     [](engine& e) {
       static X509_STORE* const store = [] {
         X509_STORE* const s = X509_STORE_new();
         X509_STORE_add_cert(s, authority().certificate.get());
         return s;
       }();
       SSL_set1_verify_cert_store(e.native_handle(), store);
     }},
    {"a callback", [](engine& e) { e.set_verify_callback([](bool good, X509_STORE_CTX*) { return good; }); },
     false},
    {"a native callback",
     [](engine& e) {
       SSL_set_verify(e.native_handle(), SSL_VERIFY_PEER, [](int good, X509_STORE_CTX*) { return good; });
     },
     false},
    {"DANE",
     [](engine& e) {
       BOOST_REQUIRE(SSL_dane_enable(e.native_handle(), server_name) == 1);
       unsigned char* der = nullptr;
       const int n = i2d_X509(server_identity().certificate.get(), &der);
       BOOST_REQUIRE(SSL_dane_tlsa_add(e.native_handle(), 3, 0, 0, der, static_cast<std::size_t>(n)) == 1);
       OPENSSL_free(der);
     },
     false},
};

/// Settings contain DANE, which the context must allow.
inline context dane_ready(context ctx) {
  SSL_CTX_dane_enable(ctx.native_handle());
  return ctx;
}

/// Ends the connection of `pair` on the client with a record that cannot be opened.
inline void break_client(memory_pair& pair) {
  BOOST_REQUIRE(completes(pair.server.write("good bytes"), 10));
  std::string wire = text_of(pair.server.wire.output());
  pair.server.wire.consume(wire.size());
  wire.back() = static_cast<char>(wire.back() ^ 1);
  BOOST_REQUIRE(pair.client.wire.feed(bytes_of(wire)));
  pair.client.read_all();
  BOOST_REQUIRE(pair.client.tls.state() == connection_state::failed);
}

} // namespace tlsmode::test

#endif
