// SPDX-License-Identifier: BSL-1.0
// Does a peer that keeps to no rule get what it must not: another handshake, early data, a certificate after
// the handshake, an old version?
#include "raw_peer.hpp"
#include "resumption.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>

BOOST_AUTO_TEST_SUITE(hostile_peers)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using namespace std::string_literals;

// What the engine on `from` has put out, with `old_bytes`, which must be there once, made `new_bytes`.
std::string tampered(endpoint& from, const std::string& old_bytes, const std::string& new_bytes) {
  std::string wire = text_of(from.wire.output());
  from.wire.consume(wire.size());
  const std::size_t at = wire.find(old_bytes);
  BOOST_REQUIRE(at != std::string::npos);
  BOOST_REQUIRE(wire.find(old_bytes, at + 1) == std::string::npos);
  return wire.replace(at, old_bytes.size(), new_bytes);
}

// Where the version of a ClientHello or a ServerHello is: after the headers of record and message.
constexpr std::size_t version_offset = 5 + 4;

bool has_extension(const std::string& wire, std::uint16_t type) {
  const auto e = client_hello_of(wire).extensions;
  return std::find(e.begin(), e.end(), type) != e.end();
}

// ---- a record of TLS_AES_128_GCM_SHA256, sealed by hand (RFC 8446, sections 5.2 and 7.3) ----

std::string expand_label(const std::string& secret, const std::string& label, std::size_t n) {
  const std::string full = "tls13 " + label;
  std::string info{'\0', static_cast<char>(n), static_cast<char>(full.size())};
  info += full + '\0';
  std::string out(n, '\0');
  EVP_PKEY_CTX* const c = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr);
  const auto bytes = [](const std::string& s) { return reinterpret_cast<const unsigned char*>(s.data()); };
  EVP_PKEY_derive_init(c);
  EVP_PKEY_CTX_set_hkdf_mode(c, EVP_PKEY_HKDEF_MODE_EXPAND_ONLY);
  EVP_PKEY_CTX_set_hkdf_md(c, EVP_sha256());
  EVP_PKEY_CTX_set1_hkdf_key(c, bytes(secret), static_cast<int>(secret.size()));
  EVP_PKEY_CTX_add1_hkdf_info(c, bytes(info), static_cast<int>(info.size()));
  const int rc = EVP_PKEY_derive(c, reinterpret_cast<unsigned char*>(out.data()), &n);
  EVP_PKEY_CTX_free(c);
  BOOST_REQUIRE(rc == 1);
  return out;
}

// The first record under this traffic secret: its number is 0, so the nonce is the IV itself.
std::string first_record(const std::string& secret, content type, std::string plain) {
  const std::string key = expand_label(secret, "key", 16);
  const std::string iv = expand_label(secret, "iv", 12);
  plain += static_cast<char>(type);
  const std::size_t n = plain.size() + 16;
  const std::string header{23, 3, 3, static_cast<char>(n >> 8), static_cast<char>(n)};
  std::string sealed(plain.size(), '\0');
  std::string tag(16, '\0');
  const auto in = [](const std::string& s) { return reinterpret_cast<const unsigned char*>(s.data()); };
  const auto out = [](std::string& s) { return reinterpret_cast<unsigned char*>(s.data()); };
  EVP_CIPHER_CTX* const c = EVP_CIPHER_CTX_new();
  int k = 0;
  EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), nullptr, in(key), in(iv));
  EVP_EncryptUpdate(c, nullptr, &k, in(header), static_cast<int>(header.size()));
  EVP_EncryptUpdate(c, out(sealed), &k, in(plain), static_cast<int>(plain.size()));
  EVP_EncryptFinal_ex(c, nullptr, &k);
  EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, out(tag));
  EVP_CIPHER_CTX_free(c);
  return header + sealed + tag;
}

// The server's traffic secret, from the key log of a raw peer.
std::string server_secret;
void remember_secret(const SSL*, const char* line) {
  const std::string text(line);
  if (text.rfind("SERVER_TRAFFIC_SECRET_0 ", 0) != 0) return;
  server_secret.clear();
  for (std::size_t i = text.rfind(' ') + 1; i + 1 < text.size(); i += 2)
    server_secret += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
}

} // namespace

BOOST_AUTO_TEST_CASE(a_client_cannot_renegotiate) {
  endpoint server(server_context(), role::server);
  raw_peer attacker(role::client, TLS1_2_VERSION);
  BOOST_REQUIRE(attacker.connect(server));
  BOOST_REQUIRE(SSL_renegotiate(attacker.native()) == 1);
  SSL_do_handshake(attacker.native());
  attacker.exchange(server);
  BOOST_TEST(server.read_all().empty());
  BOOST_TEST(SSL_num_renegotiations(server.native()) == 0);
  BOOST_TEST(server.tls.state() == connection_state::open);
  attacker.exchange(server);
  attacker.read_all();
  BOOST_TEST(attacker.reason() == SSL_R_NO_RENEGOTIATION);
}

BOOST_AUTO_TEST_CASE(a_server_cannot_renegotiate) {
  endpoint client(client_context(), role::client);
  BOOST_REQUIRE(!client.tls.set_host(server_name));
  raw_peer attacker(role::server, TLS1_2_VERSION);
  BOOST_REQUIRE(attacker.connect(client));
  BOOST_REQUIRE(SSL_renegotiate(attacker.native()) == 1);
  SSL_do_handshake(attacker.native()); // HelloRequest
  attacker.exchange(client);
  BOOST_TEST(client.read_all().empty());
  BOOST_TEST(SSL_in_init(client.native()) == 0);
  BOOST_TEST(client.tls.state() == connection_state::open);
  attacker.exchange(client);
  attacker.read_all();
  BOOST_TEST(attacker.reason() == SSL_R_NO_RENEGOTIATION);
}

// With a session of ours, doctored so that OpenSSL's client believes that the server allows early data.
BOOST_AUTO_TEST_CASE(early_data_is_never_accepted) {
  for (const bool servers_owner_asks_for_it : {false, true}) {
    const context ctx = server_context();
    if (servers_owner_asks_for_it) SSL_CTX_set_max_early_data(ctx.native_handle(), 1000);
    raw_peer attacker(role::client, TLS1_3_VERSION);
    endpoint first(ctx, role::server);
    BOOST_REQUIRE(attacker.connect(first));
    attacker.read_all();
    const session_ptr session(SSL_get1_session(attacker.native()));
    SSL_SESSION_set_max_early_data(session.get(), 1000);
    SSL_shutdown(attacker.native()); // otherwise OpenSSL spoils the session

    attacker.renew();
    BOOST_REQUIRE(SSL_set_session(attacker.native(), session.get()) == 1);
    std::size_t n = 0;
    BOOST_REQUIRE(SSL_write_early_data(attacker.native(), "replay me", 9, &n) == 1);
    const std::string wire = attacker.output();
    BOOST_TEST(has_extension(wire, 42)); // early_data
    BOOST_TEST(count_records(wire, content::application_data) == 1u);
    endpoint second(ctx, role::server);
    BOOST_REQUIRE(second.wire.feed(bytes_of(wire)));
    BOOST_TEST(stops(second.handshake(), suspend::want_read));
    std::string room(100, '\0');
    BOOST_TEST(fails(second.read(room), error::handshake_needed)); // none of it before the handshake
    BOOST_REQUIRE(attacker.connect(second));
    BOOST_TEST(SSL_get_early_data_status(attacker.native()) == SSL_EARLY_DATA_REJECTED);
    BOOST_TEST(SSL_get_early_data_status(second.native()) != SSL_EARLY_DATA_ACCEPTED);
    BOOST_TEST(SSL_write(attacker.native(), "honest", 6) == 6);
    attacker.exchange(second);
    BOOST_TEST(second.read_all() == "honest"); // nor after it
  }
}

BOOST_AUTO_TEST_CASE(our_client_sends_no_early_data) {
  const context client = resuming_client(TLS1_3_VERSION);
  const context server = server_context();
  SSL_CTX_set_max_early_data(server.native_handle(), 1000);
  BOOST_TEST(!resumes(client, server));
  endpoint e(client, role::client);
  BOOST_REQUIRE(!e.tls.set_host(server_name));
  e.handshake();
  const std::string wire = text_of(e.wire.output());
  BOOST_TEST(client_hello_of(wire).offers_session);
  BOOST_TEST(!has_extension(wire, 42));
}

BOOST_AUTO_TEST_CASE(our_client_does_not_offer_authentication_after_the_handshake) {
  context ctx = client_context();
  BOOST_REQUIRE(!ctx.use_certificate_chain(pem(client_identity().certificate_pem)));
  BOOST_REQUIRE(!ctx.use_private_key(pem(client_identity().key_pem)));
  endpoint client(ctx, role::client);
  BOOST_REQUIRE(!client.tls.set_host(server_name));
  client.handshake();
  BOOST_TEST(!has_extension(text_of(client.wire.output()), 49)); // post_handshake_auth
  raw_peer server(role::server, TLS1_3_VERSION);
  BOOST_REQUIRE(server.connect(client));
  SSL_set_verify(server.native(), SSL_VERIFY_PEER, nullptr);
  BOOST_TEST(SSL_verify_client_post_handshake(server.native()) == 0); // an honest server does not even ask
}

// And a dishonest one is refused: a CertificateRequest that OpenSSL would not send, sealed by hand.
BOOST_AUTO_TEST_CASE(a_request_for_a_certificate_after_the_handshake_is_fatal) {
  const std::string request{13, 0, 0, 12, 1, 7, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3};
  const std::string harmless = "harmless";
  for (const bool attack : {false, true}) {
    context ctx = client_context();
    BOOST_REQUIRE(!ctx.use_certificate_chain(pem(client_identity().certificate_pem)));
    BOOST_REQUIRE(!ctx.use_private_key(pem(client_identity().key_pem)));
    endpoint client(ctx, role::client);
    BOOST_REQUIRE(!client.tls.set_host(server_name));
    raw_peer server(role::server, TLS1_3_VERSION);
    SSL_CTX_set_keylog_callback(server.native_context(), &remember_secret);
    SSL_CTX_set_num_tickets(server.native_context(), 0);
    server.renew();
    SSL_set_ciphersuites(server.native(), "TLS_AES_128_GCM_SHA256");
    BOOST_REQUIRE(server.connect(client));
    const content type = attack ? content::handshake : content::application_data;
    BOOST_REQUIRE(client.wire.feed(bytes_of(first_record(server_secret, type, attack ? request : harmless))));
    const std::string got = client.read_all();
    if (attack) {
      BOOST_TEST(got.empty());
      BOOST_TEST(fails_for(client.last, SSL_R_UNEXPECTED_MESSAGE));
      BOOST_TEST(client.tls.state() == connection_state::failed);
    } else {
      BOOST_TEST(got == harmless); // so the record was well sealed
    }
  }
}

// ---- versions ----

BOOST_AUTO_TEST_CASE(a_server_refuses_versions_that_it_does_not_speak) {
  for (const char minor : {'\x00', '\x01', '\x02'}) { // SSL 3.0, TLS 1.0, TLS 1.1
    endpoint server(server_context(), role::server);
    memory_pair source(only(TLS1_2_VERSION, client_context()), server_context());
    source.client.handshake();
    std::string hello = text_of(source.client.wire.output());
    BOOST_REQUIRE(hello.substr(version_offset, 2) == "\x03\x03");
    hello[version_offset + 1] = minor;
    BOOST_REQUIRE(server.wire.feed(bytes_of(hello)));
    const bool ssl3 = minor == 0; // which OpenSSL calls by another name
    BOOST_TEST(fails_for(server.handshake(), ssl3 ? SSL_R_VERSION_TOO_LOW : SSL_R_UNSUPPORTED_PROTOCOL));
    const auto answer = records_of(text_of(server.wire.output()));
    BOOST_REQUIRE(answer.size() == 1u);
    BOOST_TEST((answer.front().type == content::alert));
    const char* const alert = ssl3 ? "\x02\x28" : "\x02\x46"; // fatal handshake_failure or protocol_version
    BOOST_TEST(answer.front().body == alert);
  }
  // A list that has only a version of the future, or only old ones.
  for (const char minor : {'\x05', '\x02', '\x00'}) {
    memory_pair pair(only(TLS1_3_VERSION, client_context()), server_context());
    pair.client.handshake();
    const std::string hello =
        tampered(pair.client, "\x00\x2b\x00\x03\x02\x03\x04"s, "\x00\x2b\x00\x03\x02\x03"s + minor);
    BOOST_REQUIRE(pair.server.wire.feed(bytes_of(hello)));
    BOOST_TEST(fails_for(pair.server.handshake(), SSL_R_UNSUPPORTED_PROTOCOL));
  }
}

BOOST_AUTO_TEST_CASE(a_client_refuses_versions_that_it_did_not_offer) {
  for (const char minor : {'\x00', '\x01', '\x02', '\x05'}) {
    memory_pair source(client_context(), only(TLS1_2_VERSION, server_context()));
    source.client.handshake();
    deliver(source.client, source.server);
    source.server.handshake();
    std::string hello = text_of(source.server.wire.output());
    BOOST_REQUIRE(hello.substr(version_offset, 2) == "\x03\x03");
    hello[version_offset + 1] = minor;
    BOOST_REQUIRE(source.client.wire.feed(bytes_of(hello)));
    BOOST_TEST(bool(source.client.handshake().error));
    BOOST_TEST(source.client.tls.state() == connection_state::failed);
  }
  for (const char minor : {'\x02', '\x03', '\x05'}) { // chosen in the extension of TLS 1.3
    memory_pair pair;
    pair.client.handshake();
    deliver(pair.client, pair.server);
    pair.server.handshake();
    const std::string hello =
        tampered(pair.server, "\x00\x2b\x00\x02\x03\x04"s, "\x00\x2b\x00\x02\x03"s + minor);
    BOOST_REQUIRE(pair.client.wire.feed(bytes_of(hello)));
    BOOST_TEST(bool(pair.client.handshake().error));
    BOOST_TEST(pair.client.tls.state() == connection_state::failed);
  }
}

// Somebody in between hides that the client speaks TLS 1.3; the server's random number tells it (RFC 8446,
// section 4.1.3).
BOOST_AUTO_TEST_CASE(a_forced_downgrade_is_noticed) {
  memory_pair pair;
  pair.client.handshake();
  const std::string hello =
      tampered(pair.client, "\x00\x2b\x00\x05\x04\x03\x04\x03\x03"s, "\xfa\xfa\x00\x05\x04\x03\x04\x03\x03"s);
  BOOST_REQUIRE(pair.server.wire.feed(bytes_of(hello)));
  BOOST_TEST(stops(pair.server.handshake(), suspend::want_read));
  BOOST_TEST(pair.server.tls.protocol() == "TLSv1.2");
  deliver(pair.server, pair.client);
  BOOST_TEST(fails_for(pair.client.handshake(), SSL_R_INAPPROPRIATE_FALLBACK));
}

BOOST_AUTO_TEST_SUITE_END()
