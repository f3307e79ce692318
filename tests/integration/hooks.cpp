// SPDX-License-Identifier: BSL-1.0
// Do the examples with hooks do what the documentation says of them? Certificates that are loaded when a
// client asks for the name, and clients that a status service says are revoked.
#define BOOST_TEST_MODULE integration_hooks
#include "child_process.hpp"
#include "test_files.hpp"
#include "tls_client.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>

namespace {

using namespace integration;

// An example that says where it listens.
class listening : public child_process {
 public:
  explicit listening(std::vector<std::string> command) : child_process(std::move(command)) {
    const std::string ready = "listening on 127.0.0.1:";
    BOOST_REQUIRE(
        wait_for_output([](const auto& out, const auto&) { return out.find('\n') != std::string::npos; }));
    BOOST_REQUIRE(out().starts_with(ready));
    port = static_cast<std::uint16_t>(std::stoul(out().substr(ready.size())));
  }
  // True if its log comes to have this in it so often.
  [[nodiscard]] bool says(const std::string& text, std::ptrdiff_t times = 1) const {
    return wait_for_output([&](const auto&, const auto& err) {
      std::ptrdiff_t n = 0;
      for (auto at = err.find(text); at != std::string::npos; at = err.find(text, at + 1)) ++n;
      return n == times;
    });
  }
  int stop() {
    signal(SIGTERM);
    return exit_status().value_or(-1);
  }
  std::uint16_t port = 0;
};

std::string certificate_directory() {
  static const std::string directory = [] {
    const auto path = scratch() / "names";
    std::filesystem::create_directory(path);
    const auto add = [&](const std::string& from, const std::string& to) {
      std::filesystem::copy_file(from, path / to);
    };
    add(certs().server, "localhost.pem");
    add(certs().server_key, "localhost.key");
    add(certs().foreign, "elsewhere.example.pem");
    add(certs().foreign_key, "elsewhere.example.key");
    add(certs().server, "broken.example.pem");
    add(certs().foreign_key, "broken.example.key");
    return path.string();
  }();
  return directory;
}

std::string why_refused(std::uint16_t port, const tls_settings& settings) {
  try {
    tls_client client(port, settings);
    return client.read().empty() ? "end" : "data"; // with TLS 1.3 the client hears of it now
  } catch (const tls_error& e) {
    return e.what();
  }
}

tls_settings for_host(const char* name, int version) {
  tls_settings s;
  s.version = version;
  s.host = name;
  return s;
}

std::string serial_in(const std::string& file) {
  const std::unique_ptr<BIO, decltype([](BIO* b) { BIO_free(b); })> in(BIO_new_file(file.c_str(), "r"));
  const std::unique_ptr<X509, decltype([](X509* c) { X509_free(c); })> certificate(
      PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
  const std::unique_ptr<BIGNUM, decltype([](BIGNUM* n) { BN_free(n); })> number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate.get()), nullptr));
  const std::unique_ptr<char, decltype([](char* p) { OPENSSL_free(p); })> text(BN_bn2hex(number.get()));
  return text.get();
}

} // namespace

BOOST_AUTO_TEST_CASE(certificates_are_loaded_for_the_name_that_is_asked_for) {
  listening server({SNI_CERTIFICATES, "0", certificate_directory()});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION})
    for (const char* name : {"localhost", "elsewhere.example", "LOCALHOST"}) {
      tls_client client(server.port, for_host(name, version)); // which verifies the name
      BOOST_TEST(client.read() == "hello\n");
      BOOST_TEST(client.ends_with_close_notify());
    }
  BOOST_TEST(server.says("loaded localhost"), "once: " << server.err());
  BOOST_TEST(server.says("loaded elsewhere.example"), "once: " << server.err());
  BOOST_TEST(server.stop() == 0);
}

BOOST_AUTO_TEST_CASE(names_without_a_certificate_are_refused) {
  listening server({SNI_CERTIFICATES, "0", certificate_directory()});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const char* name : {"nobody.example", "../names/localhost", ".", ""})
      BOOST_TEST(why_refused(server.port, for_host(name, version)).find("unrecognized name") !=
                     std::string::npos,
                 name);
    BOOST_TEST(why_refused(server.port, for_host("broken.example", version)).find("internal error") !=
               std::string::npos);
  }
  BOOST_TEST(server.says("a hook of the handshake failed", 2), server.err());
  BOOST_TEST(server.says("broken.example: key values mismatch", 2), server.err());
  tls_client client(server.port);
  BOOST_TEST(client.read() == "hello\n");
  BOOST_TEST(server.stop() == 0);
}

BOOST_AUTO_TEST_CASE(revoked_clients_are_refused_from_the_moment_on) {
  const std::string serial = serial_in(certs().client);
  const std::string revoked = write_file("revoked.txt", "00AA\n");
  listening server({REVOCATION_CHECK, "0", certs().server, certs().server_key, certs().ca, revoked});
  std::ptrdiff_t good = 0;
  std::ptrdiff_t bad = 0;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    tls_settings known;
    known.version = version;
    known.certificate = certs().client;
    known.key = certs().client_key;
    {
      tls_client client(server.port, known);
      BOOST_TEST(client.read() == "welcome\n");
      BOOST_TEST(server.says(serial + " is good", ++good), server.err());
    }
    write_file("revoked.txt", "00AA\n" + serial + "\n");
    BOOST_TEST(why_refused(server.port, known).find("certificate revoked") != std::string::npos);
    BOOST_TEST(server.says(serial + " is revoked", ++bad), server.err());
    std::filesystem::remove(revoked); // nobody knows any more
    BOOST_TEST(why_refused(server.port, known).find("certificate revoked") != std::string::npos);
    write_file("revoked.txt", "00AA\n");

    tls_settings nobody;
    nobody.version = version;
    BOOST_TEST(why_refused(server.port, nobody) != "data");
    tls_settings stranger = known;
    stranger.certificate = certs().other_client;
    stranger.key = certs().other_client_key;
    BOOST_TEST(why_refused(server.port, stranger).find("unknown ca") != std::string::npos,
               why_refused(server.port, stranger));
  }
  BOOST_TEST(server.stop() == 0);
}

BOOST_AUTO_TEST_CASE(both_say_why_they_do_not_start) {
  for (const std::string program : {SNI_CERTIFICATES, REVOCATION_CHECK}) {
    const auto usage = run({program});
    BOOST_TEST(usage.status == 1);
    BOOST_TEST(usage.err.find("usage: ") != std::string::npos, usage.err);
  }
  const auto missing = run({SNI_CERTIFICATES, "0", "/no/such"});
  BOOST_TEST(missing.status == 1);
  BOOST_TEST(missing.err.find("/no/such") != std::string::npos, missing.err);
}
