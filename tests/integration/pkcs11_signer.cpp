// SPDX-License-Identifier: BSL-1.0
// Does a server whose private key is in a PKCS#11 token serve, with every kind of key, and say what is the
// matter if it cannot? The token is SoftHSM's, made for this test in a directory of its own.
#define BOOST_TEST_MODULE integration_pkcs11_signer
#include "listening_process.hpp"
#include "test_files.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>

namespace {

using namespace integration;

void softhsm(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), SOFTHSM2_UTIL);
  const run_result r = run(std::move(arguments));
  if (r.status != 0) throw std::runtime_error("softhsm2-util: " + r.out + r.err);
}

// A token named "tests" with a key of each kind, labelled with its kind.
void make_token() {
  static const bool made = [] {
    const auto tokens = scratch() / "tokens";
    std::filesystem::create_directory(tokens);
    const std::string conf =
        write_file("softhsm2.conf", "directories.tokendir = " + tokens.string() + "\nlog.level = ERROR\n");
    ::setenv("SOFTHSM2_CONF", conf.c_str(), 1);
    ::setenv("PKCS11_PIN", "1234", 1);
    softhsm({"--init-token", "--free", "--label", "tests", "--pin", "1234", "--so-pin", "5678"});
    int id = 10;
    for (const key_files& k : certs().kinds)
      softhsm({"--import", k.key, "--token", "tests", "--label", k.kind, "--id", std::to_string(id++),
               "--pin", "1234"});
    return true;
  }();
  (void)made;
}

struct pkcs11_server : listening_process {
  explicit pkcs11_server(const std::string& certificate, const std::string& label,
                         const std::string& token = "tests", const std::string& module = SOFTHSM2_MODULE)
      : listening_process({PKCS11_SIGNER, "0", certificate, module, token, label}) {}
};

const key_files& kind(const std::string& name) {
  for (const key_files& k : certs().kinds)
    if (k.kind == name) return k;
  throw std::logic_error(name);
}

} // namespace

BOOST_AUTO_TEST_CASE(every_kind_of_key_in_a_token_serves) {
  make_token();
  for (const key_files& k : certs().kinds) {
    BOOST_TEST_CONTEXT(k.kind) {
      pkcs11_server server(k.certificate, k.kind);
      for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        BOOST_TEST(echo(server.port(), "hello", {.version = version}) == "hello");
      }
      BOOST_TEST(server.err() == "");
      BOOST_TEST(server.stop() == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(many_at_a_time) {
  make_token();
  pkcs11_server server(kind("rsa").certificate, "rsa");
  std::vector<std::thread> clients;
  std::atomic<int> served{0};
  for (int i = 0; i < 16; ++i)
    clients.emplace_back([&] {
      try {
        if (echo(server.port(), "many") == "many") ++served;
      } catch (const std::exception&) {
      }
    });
  for (std::thread& t : clients) t.join();
  BOOST_TEST(served == 16);
  BOOST_TEST(server.stop() == 0);
}

BOOST_AUTO_TEST_CASE(the_key_of_another_certificate) {
  make_token();
  pkcs11_server server(certs().server, "p256"); // of the right kind, too
  BOOST_CHECK_THROW(echo(server.port(), "hello"), tls_error);
  BOOST_TEST(server.says("the signer's signature does not fit the certificate"), server.err());
  BOOST_TEST(server.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_key_of_another_kind) {
  make_token();
  pkcs11_server server(certs().server, "rsa");
  BOOST_CHECK_THROW(echo(server.port(), "hello"), tls_error);
  BOOST_TEST(server.says("the signer of the private key failed: CKR_"), server.err());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_opened_is_said) {
  make_token();
  const auto fails = [](const std::string& module, const std::string& token, const std::string& label,
                        const std::string& text) {
    const run_result r = run({PKCS11_SIGNER, "0", certs().server, module, token, label});
    BOOST_TEST(r.status == 1);
    BOOST_TEST(r.err.find(text) != std::string::npos, r.err);
    BOOST_TEST(r.err.find("1234") == std::string::npos);
  };
  fails("/no/such/module.so", "tests", "p256", "/no/such/module.so");
  fails(SOFTHSM2_MODULE, "nobody", "p256", "no token with the label 'nobody'");
  fails(SOFTHSM2_MODULE, "tests", "nothing", "no private key with the label 'nothing'");
  ::setenv("PKCS11_PIN", "0000", 1);
  fails(SOFTHSM2_MODULE, "tests", "p256", "C_Login: CKR_PIN_INCORRECT");
  ::unsetenv("PKCS11_PIN");
  fails(SOFTHSM2_MODULE, "tests", "p256", "PKCS11_PIN is not set");
  ::setenv("PKCS11_PIN", "1234", 1);
  BOOST_TEST(run({PKCS11_SIGNER}).err.find("usage: ") != std::string::npos);
}
