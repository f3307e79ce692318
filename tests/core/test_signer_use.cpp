// SPDX-License-Identifier: BSL-1.0
// Does one call put a key behind a signer, on any context and on single connections, and say what is wrong?
// And do requests survive the way to where the key is?
#include "signers.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>

#include <memory>
#include <string_view>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(signer_use)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;
using side = signing_side;
using bytes = std::vector<std::byte>;

std::shared_ptr<signer> signer_of(key_kind kind) {
  return std::make_shared<inline_signer>(key_of(identity_of(kind)));
}

context certificate_only(key_kind kind) {
  context ctx = context::server();
  BOOST_REQUIRE(!ctx.use_certificate_chain(pem(identity_of(kind).certificate_pem)));
  return ctx;
}

std::vector<std::string> suites(SSL_CTX* ctx) {
  std::vector<std::string> names;
  const STACK_OF(SSL_CIPHER)* const all = SSL_CTX_get_ciphers(ctx);
  for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i)
    names.emplace_back(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, i)));
  return names;
}

using native_context = std::unique_ptr<SSL_CTX, decltype([](SSL_CTX* p) { SSL_CTX_free(p); })>;

std::string with_new_lines(bytes b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

} // namespace

BOOST_AUTO_TEST_CASE(what_is_wrong_is_said_at_once_and_nothing_is_changed) {
  const context rsa = certificate_only(key_kind::rsa2048);
  SSL_CTX* const ctx = rsa.native_handle();
  const auto before = suites(ctx);
  const auto check = [&](std::error_code got, std::error_code expected) {
    BOOST_TEST(got == expected);
    BOOST_TEST(SSL_CTX_get0_privatekey(ctx) == nullptr);
    BOOST_TEST((suites(ctx) == before));
    BOOST_TEST(!get_mode(ctx).contains(mode::async));
    BOOST_TEST(ERR_peek_error() == 0u);
  };
  check(use_signer(ctx, nullptr), error::bad_option);
  check(use_signer(ctx, signer_of(key_kind::rsa2048), std::chrono::milliseconds(-1)), error::bad_option);
  check(use_signer(ctx, signer_of(key_kind::p256)), error::key_mismatch);
  check(use_signer(ctx, std::make_shared<thread_pool_signer>(key_of(client_identity()))),
        error::key_mismatch);
  check(use_signer(ctx, std::make_shared<calling_signer>([](const request_ptr&) {}, bytes(10))),
        error::key_mismatch);
  context none = context::server();
  BOOST_TEST(none.use_signer(signer_of(key_kind::p256)).message() ==
             "no certificate assigned (SSL routines)");
  // Another key of the same kind.
  const context p256 = certificate_only(key_kind::p256);
  BOOST_TEST(use_signer(p256.native_handle(), std::make_shared<inline_signer>(key_of(client_identity()))) ==
             error::key_mismatch);
}

BOOST_AUTO_TEST_CASE(a_signer_that_does_not_say_its_key_is_found_out_later) {
  const auto s = std::make_shared<calling_signer>(
      [](const request_ptr& r) { sign_with(client_identity().key.get(), *r); });
  context server = certificate_only(key_kind::p256);
  BOOST_REQUIRE(!server.use_signer(s));
  memory_pair pair(client_context(), server);
  BOOST_TEST(!pair.connect());
  BOOST_TEST(fails(pair.server.last, error::wrong_signature));
}

BOOST_AUTO_TEST_CASE(suites_that_decrypt_are_taken_out_with_rsa_only) {
  const context rsa = certificate_only(key_kind::rsa2048);
  SSL_CTX* const ctx = rsa.native_handle();
  SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=1");
  const auto all = suites(ctx);
  const native_context other(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_cipher_list(other.get(), "ALL:!kRSA:!kRSAPSK:@SECLEVEL=1");
  const auto expected = suites(other.get());
  BOOST_TEST(all.size() > expected.size());
  BOOST_REQUIRE(!use_signer(ctx, signer_of(key_kind::rsa2048)));
  BOOST_TEST(suites(ctx) == expected, boost::test_tools::per_element());
  BOOST_TEST(SSL_CTX_get_security_level(ctx) == 1);
  BOOST_TEST(get_mode(ctx).contains(mode::async));

  const context ec = certificate_only(key_kind::p256);
  const auto before = suites(ec.native_handle());
  BOOST_REQUIRE(!use_signer(ec.native_handle(), signer_of(key_kind::p256)));
  BOOST_TEST((suites(ec.native_handle()) == before));

  const context only = certificate_only(key_kind::rsa2048);
  SSL_CTX_set_cipher_list(only.native_handle(), "AES128-SHA256");
  BOOST_TEST(use_signer(only.native_handle(), signer_of(key_kind::rsa2048)) == error::bad_option);
}

BOOST_AUTO_TEST_CASE(a_client_that_can_only_encrypt_to_the_key_is_refused) {
  context server = certificate_only(key_kind::rsa2048);
  SSL_CTX_set_max_proto_version(server.native_handle(), TLS1_2_VERSION);
  BOOST_REQUIRE(!server.use_signer(signer_of(key_kind::rsa2048)));
  const context client = client_context();
  BOOST_REQUIRE(SSL_CTX_set_cipher_list(client.native_handle(), "AES128-SHA256") == 1);
  memory_pair pair(client, server);
  alert_log alerts(pair.client.native());
  BOOST_TEST(!pair.connect());
  BOOST_TEST(fails_for(pair.server.last, SSL_R_NO_SHARED_CIPHER));
}

BOOST_AUTO_TEST_CASE(each_certificate_of_a_context_has_its_own_signer) {
  context server = certificate_only(key_kind::p256);
  SSL_CTX_set_max_proto_version(server.native_handle(), TLS1_2_VERSION);
  const auto counting = [](key_kind kind) {
    return std::make_shared<calling_signer>(
        [kind](const request_ptr& r) { sign_with(identity_of(kind).key.get(), *r); });
  };
  const auto ec = counting(key_kind::p256);
  const auto rsa = counting(key_kind::rsa2048);
  BOOST_REQUIRE(!server.use_signer(ec));
  BOOST_REQUIRE(!server.use_certificate_chain(pem(identity_of(key_kind::rsa2048).certificate_pem)));
  BOOST_REQUIRE(!server.use_signer(rsa));
  for (const char* list : {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"}) {
    const context client = client_context();
    BOOST_REQUIRE(SSL_CTX_set_cipher_list(client.native_handle(), list) == 1);
    memory_pair pair(client, server);
    BOOST_TEST(pair.connect());
  }
  BOOST_TEST(ec->schemes.size() == 1u);
  BOOST_TEST(rsa->schemes.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_key_that_is_loaded_moves_behind_a_signer_and_back) {
  context server = server_context();
  SSL_CTX* const ctx = server.native_handle();
  const private_key own = private_key_of(ctx);
  BOOST_REQUIRE(own);
  BOOST_REQUIRE(!use_signer(ctx, std::make_shared<thread_pool_signer>(own)));
  BOOST_TEST(!private_key_of(ctx)); // it is nobody's to take any more
  BOOST_TEST(SSL_CTX_check_private_key(ctx) == 1);
  memory_pair pair(client_context(), server);
  pair.advance();
  while (pair.server.handshake().why == suspend::want_async) std::this_thread::yield();
  BOOST_TEST(pair.connect());
  BOOST_REQUIRE(!server.use_private_key(pem(server_identity().key_pem)));
  BOOST_TEST(EVP_PKEY_eq(private_key_of(ctx).get(), own.get()) == 1);
  memory_pair as_ever(client_context(), server);
  BOOST_TEST(as_ever.connect());
  BOOST_TEST(!private_key_of(context::server().native_handle()));
}

BOOST_AUTO_TEST_CASE(the_private_key_is_not_to_be_had) {
  context server = certificate_only(key_kind::rsa2048);
  BOOST_REQUIRE(!server.use_signer(signer_of(key_kind::rsa2048)));
  EVP_PKEY* const key = SSL_CTX_get0_privatekey(server.native_handle());
  BOOST_REQUIRE(key != nullptr);
  BIGNUM* d = nullptr;
  BOOST_TEST(EVP_PKEY_get_bn_param(key, "d", &d) == 0);
  OSSL_PARAM* params = nullptr;
  BOOST_TEST(EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params) == 0);
  BIO* const out = BIO_new(BIO_s_mem());
  BOOST_TEST(PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr) == 0);
  BIO_free(out);
  BOOST_TEST(EVP_PKEY_get_bits(key) == 2048);
  ERR_clear_error();
}

// What OpenSSL's own programs and engines ask of a key: padding and salt as text, and what it can tell.
BOOST_AUTO_TEST_CASE(padding_and_salt_may_be_text) {
  context server = certificate_only(key_kind::rsa2048);
  BOOST_REQUIRE(!server.use_signer(signer_of(key_kind::rsa2048)));
  EVP_PKEY* const key = SSL_CTX_get0_privatekey(server.native_handle());
  BOOST_TEST(OSSL_PARAM_locate_const(EVP_PKEY_gettable_params(key), "bits") != nullptr);
  EVP_PKEY* const known = identity_of(key_kind::rsa2048).key.get();
  constexpr std::string_view text = "what is signed";
  const auto* const message = reinterpret_cast<const unsigned char*>(text.data());
  struct asked {
    const char *padding, *salt;
    bool good;
  };
  for (const asked& a : {asked{"pkcs1", nullptr, true},
                         {"pss", "digest", true},
                         {"pss", "max", true},
                         {"pss", "auto", true},
                         {"pss", "20", true},
                         {"pss", "400", false},
                         {"pss", "2x", false},
                         {"oaep", nullptr, false}}) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> md(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    const auto start = [&](auto init, EVP_PKEY* with, const char* salt) {
      EVP_PKEY_CTX* of = nullptr;
      if (init(md.get(), &of, "SHA256", nullptr, nullptr, with, nullptr) != 1) return false;
      std::vector<OSSL_PARAM> params{
          OSSL_PARAM_construct_utf8_string("pad-mode", const_cast<char*>(a.padding), 0)};
      if (salt != nullptr)
        params.push_back(OSSL_PARAM_construct_utf8_string("saltlen", const_cast<char*>(salt), 0));
      params.push_back(OSSL_PARAM_construct_end());
      return EVP_PKEY_CTX_set_params(of, params.data()) > 0;
    };
    std::vector<unsigned char> signature(256);
    std::size_t n = signature.size();
    const bool good = start(&EVP_DigestSignInit_ex, key, a.salt) &&
                      EVP_DigestSign(md.get(), signature.data(), &n, message, text.size()) == 1;
    BOOST_TEST(good == a.good, a.padding << ' ' << (a.salt != nullptr ? a.salt : ""));
    if (!good) continue;
    EVP_MD_CTX_reset(md.get());
    BOOST_REQUIRE(start(&EVP_DigestVerifyInit_ex, known, a.salt));
    BOOST_TEST(EVP_DigestVerify(md.get(), signature.data(), n, message, text.size()) == 1);
  }
  ERR_clear_error();
}

BOOST_AUTO_TEST_CASE(the_program_s_own_keys_and_providers_stay_as_they_are) {
  context server = certificate_only(key_kind::p256);
  BOOST_REQUIRE(!server.use_signer(signer_of(key_kind::p256)));
  const private_key made(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), &EVP_PKEY_free);
  const OSSL_PROVIDER* const from = EVP_PKEY_get0_provider(made.get());
  BOOST_TEST(std::string(OSSL_PROVIDER_get0_name(from)) == "default");
  BOOST_TEST(OSSL_PROVIDER_available(nullptr, "tlsmode") == 0);
  BOOST_TEST(EVP_PKEY_CTX_new_from_name(nullptr, "EC", "provider=tlsmode") == nullptr);
  ERR_clear_error();
}

BOOST_AUTO_TEST_CASE(single_connections_have_signers_too) {
  const auto s = std::make_shared<held_signer>();
  const context server = server_context(identity_of(key_kind::p256));
  memory_pair pair(client_context(), server);
  BOOST_REQUIRE(!use_signer(pair.server.tls, s));
  BOOST_TEST(pair.server.tls.mode().contains(mode::async));
  BOOST_TEST(!server.mode().contains(mode::async));
  pair.advance();
  sign_with(identity_of(key_kind::p256).key.get(), *s->take());
  BOOST_TEST(pair.connect());
  memory_pair other(client_context(), server);
  BOOST_TEST(other.connect());
  BOOST_TEST(s->asked() == 1u);
  BOOST_TEST(use_signer(other.client.tls, s).message() == "no certificate assigned (SSL routines)");
}

BOOST_AUTO_TEST_CASE(a_certificate_callback_chooses_a_certificate_and_its_signer) {
  static const auto s = std::make_shared<calling_signer>(
      [](const request_ptr& r) { sign_with(identity_of(key_kind::rsa2048).key.get(), *r); });
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    context server = context::server();
    SSL_CTX_set_max_proto_version(server.native_handle(), version);
    SSL_CTX_set_cert_cb(
        server.native_handle(),
        [](SSL* ssl, void*) {
          if (SSL_use_certificate(ssl, identity_of(key_kind::rsa2048).certificate.get()) != 1) return 0;
          return use_signer(ssl, s) ? 0 : 1;
        },
        nullptr);
    memory_pair pair(client_context(), server);
    BOOST_TEST(pair.connect());
  }
  BOOST_TEST(s->schemes.size() == 2u);
}

// The program may have its own library contexts, and wishes about providers.
BOOST_AUTO_TEST_CASE(contexts_of_other_library_contexts) {
  const std::unique_ptr<OSSL_LIB_CTX, decltype([](OSSL_LIB_CTX* p) { OSSL_LIB_CTX_free(p); })> other(
      OSSL_LIB_CTX_new());
  const std::unique_ptr<OSSL_PROVIDER, decltype([](OSSL_PROVIDER* p) { OSSL_PROVIDER_unload(p); })> loaded(
      OSSL_PROVIDER_load(other.get(), "default"));
  BOOST_REQUIRE(loaded != nullptr);
  struct made_with {
    OSSL_LIB_CTX* library;
    const char* query;
  };
  for (const made_with& how : {made_with{nullptr, "?provider=default"}, made_with{other.get(), nullptr}}) {
    for (const key_kind kind : all_key_kinds) {
      const native_context server(SSL_CTX_new_ex(how.library, how.query, TLS_server_method()));
      BOOST_REQUIRE(SSL_CTX_use_certificate(server.get(), identity_of(kind).certificate.get()) == 1);
      BOOST_REQUIRE(!use_signer(server.get(), signer_of(kind)));
      const context client = client_context();
      endpoint a(client, role::client);
      BOOST_REQUIRE(!a.tls.set_host(server_name));
      engine b(server.get());
      memory_transport wire;
      step s;
      for (int i = 0; i < 4; ++i) {
        a.last = a.handshake();
        BOOST_REQUIRE(wire.feed(a.wire.output()));
        a.wire.consume(a.wire.output().size());
        s = b.handshake(wire, role::server);
        BOOST_REQUIRE(a.wire.feed(wire.output()));
        wire.consume(wire.output().size());
      }
      BOOST_TEST(completes(a.last));
      BOOST_TEST(completes(s));
    }
  }
}

// A native client and server that are nobody's engine, as boost::asio::ssl::stream has them.
BOOST_AUTO_TEST_CASE(connections_that_are_no_engine_s_block) {
  for (const key_kind kind : all_key_kinds) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      const native_context server(SSL_CTX_new(TLS_server_method()));
      const native_context client(SSL_CTX_new(TLS_client_method()));
      SSL_CTX_set_max_proto_version(server.get(), version);
      BOOST_REQUIRE(SSL_CTX_use_certificate(server.get(), identity_of(kind).certificate.get()) == 1);
      BOOST_REQUIRE(
          !use_signer(server.get(), std::make_shared<thread_pool_signer>(key_of(identity_of(kind)))));
      using connection = std::unique_ptr<SSL, decltype([](SSL* p) { SSL_free(p); })>;
      const connection a(SSL_new(client.get()));
      const connection b(SSL_new(server.get()));
      BIO* one = nullptr;
      BIO* two = nullptr;
      BOOST_REQUIRE(BIO_new_bio_pair(&one, 0, &two, 0) == 1);
      SSL_set_bio(a.get(), one, one);
      SSL_set_bio(b.get(), two, two);
      SSL_set_connect_state(a.get());
      SSL_set_accept_state(b.get());
      int left = 0;
      int right = 0;
      for (int i = 0; i < 10 && (left != 1 || right != 1); ++i) {
        left = SSL_do_handshake(a.get());
        right = SSL_do_handshake(b.get());
        BOOST_TEST(SSL_waiting_for_async(b.get()) == 0);
      }
      BOOST_TEST(left == 1);
      BOOST_TEST(right == 1);
      BOOST_TEST((SSL_get_mode(b.get()) & SSL_MODE_ASYNC) != 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(keys_are_read_from_pem) {
  const memory_file file(server_identity().key_pem);
  BOOST_TEST(EVP_PKEY_eq(load_private_key_file(file.path()).get(), server_identity().key.get()) == 1);
  BOOST_TEST(
      EVP_PKEY_eq(load_private_key(pem(server_identity().key_pem)).get(), server_identity().key.get()) == 1);
  BOOST_CHECK_THROW((void)load_private_key(pem(server_identity().encrypted_key_pem)), std::system_error);
  BOOST_CHECK_THROW((void)load_private_key(pem("no key")), std::system_error);
  BOOST_CHECK_EXCEPTION((void)load_private_key_file("/no/such/key.pem"), std::system_error,
                        [](const auto& e) { return e.code() == std::errc::no_such_file_or_directory; });
}

// ---- on the way to somewhere else ----

BOOST_AUTO_TEST_CASE(schemes_are_text) {
  for (const char* text : {"rsa-pkcs1:SHA256", "rsa-pss:SHA256:32", "rsa-pss:SHA512:0", "ec:SHA384",
                           "ed25519", "rsa-pkcs1:MD5-SHA1"}) {
    const auto scheme = parse_signing_scheme(text);
    BOOST_REQUIRE(scheme.has_value());
    BOOST_TEST(to_string(*scheme) == text);
  }
  for (const char* text :
       {"", "rsa", "rsa:SHA256", "rsa-pss", "rsa-pss:SHA256", "rsa-pss:SHA256:", "rsa-pss:SHA256:-1",
        "rsa-pss:SHA256:032", "rsa-pss:SHA256:32 ", "rsa-pss:SHA256:99999999999999999999", "rsa-pss::32",
        "ec:", "ec:SHA256:1", "ec:SHA 256", "ed25519:", "ed25519:SHA512", " ed25519", "rsa-pkcs1:SHA256:32",
        "ec:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})
    BOOST_TEST(!parse_signing_scheme(text), text);
  BOOST_TEST(!parse_signing_scheme("rsa-pss:SHA256:-0"));
  BOOST_TEST(!parse_signing_scheme(std::string_view("ec:SHA256\0", 10)));
}

BOOST_AUTO_TEST_CASE(a_request_survives_the_way) {
  for (const key_kind kind : all_key_kinds) {
    const auto s = std::make_shared<held_signer>();
    const signing_contexts contexts(kind, TLS1_3_VERSION, side::server, s);
    signing_pair pair(contexts);
    pair.advance_to_the_signature();
    const request_ptr r = s->take();
    const bytes wire = to_bytes(*r);
    // Elsewhere:
    const auto task = parse_signing_task(wire);
    BOOST_REQUIRE(task.has_value());
    BOOST_TEST((task->scheme == r->scheme()));
    BOOST_TEST(
        std::equal(task->message.begin(), task->message.end(), r->message().begin(), r->message().end()));
    BOOST_TEST((task->public_key_der == inline_signer(key_of(identity_of(kind))).public_key_der()));
    bytes signature;
    BOOST_REQUIRE(!sign_with(identity_of(kind).key.get(), task->scheme, task->message, signature));
    // And back:
    BOOST_TEST(r->succeed(signature));
    BOOST_TEST(pair.connect());

    for (std::size_t n = 0; n < wire.size(); ++n)
      BOOST_TEST(!parse_signing_task(std::span(wire).first(n)).has_value());
    bytes longer = wire;
    longer.push_back(std::byte{0});
    BOOST_TEST(!parse_signing_task(longer).has_value());
    for (std::size_t i = 0; i < wire.size(); ++i) { // whatever comes: no crash
      bytes damaged = wire;
      damaged[i] ^= std::byte{0xff};
      (void)parse_signing_task(damaged);
    }
    BOOST_TEST(with_new_lines(wire).starts_with("tlsmode-sign-1\n"));
  }
}

BOOST_AUTO_TEST_CASE(a_key_signs_only_what_it_can) {
  bytes signature;
  const bytes message(10);
  const auto with = [&](key_kind kind, const char* scheme) {
    return sign_with(identity_of(kind).key.get(), *parse_signing_scheme(scheme), message, signature);
  };
  BOOST_TEST(with(key_kind::p256, "rsa-pss:SHA256:32") == error::key_mismatch);
  BOOST_TEST(with(key_kind::rsa2048, "ec:SHA256") == error::key_mismatch);
  BOOST_TEST(with(key_kind::ed25519, "ec:SHA256") == error::key_mismatch);
  BOOST_TEST(with(key_kind::p256, "ed25519") == error::key_mismatch);
  BOOST_TEST(sign_with(nullptr, *parse_signing_scheme("ed25519"), message, signature) == error::key_mismatch);
  BOOST_TEST(static_cast<bool>(with(key_kind::p256, "ec:NO-SUCH-DIGEST")));
  BOOST_TEST(static_cast<bool>(with(key_kind::rsa2048, "rsa-pss:SHA256:4000")));
  BOOST_TEST(!with(key_kind::rsa2048, "rsa-pss:SHA256:32"));
  BOOST_TEST(signature.size() == 256u);
  BOOST_TEST(ERR_peek_error() == 0u);
  signing_scheme odd{signing_scheme::key_kind::rsa, "SHA256", signing_scheme::rsa_padding::pss, -1};
  BOOST_TEST(static_cast<bool>(sign_with(identity_of(key_kind::rsa2048).key.get(), odd, message, signature)));
  odd = {signing_scheme::key_kind::rsa, "SHA256", signing_scheme::rsa_padding::none, 0};
  BOOST_TEST(sign_with(identity_of(key_kind::rsa2048).key.get(), odd, message, signature) ==
             error::key_mismatch);
}

BOOST_AUTO_TEST_SUITE_END()
