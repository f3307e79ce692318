// SPDX-License-Identifier: BSL-1.0
// Does a server without a private key serve, does the process with the key sign for nobody else and nothing
// else, and do both get over the other's end?
#define BOOST_TEST_MODULE integration_remote_signer
#include "listening_process.hpp"
#include "test_files.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <thread>

namespace {

using namespace integration;

struct signing_service : listening_process {
  explicit signing_service(std::uint16_t port = 0, const std::string& signing_key = certs().server_key)
      : listening_process({SIGNING_SERVICE, std::to_string(port), certs().service, certs().service_key,
                           certs().ca, signing_key}) {}
};

struct front_end : listening_process {
  explicit front_end(std::uint16_t service, const std::string& certificate = certs().client,
                     const std::string& key = certs().client_key, const std::string& ca = certs().ca)
      : listening_process({REMOTE_SIGNER, "0", certs().server, "localhost", std::to_string(service), ca,
                           certificate, key}) {}
};

void check_refused(const front_end& f, const std::string& why) {
  BOOST_CHECK_EXCEPTION(echo(f.port(), "hello"), tls_error, [](const tls_error& e) {
    return std::string(e.what()).find("alert internal error") != std::string::npos;
  });
  BOOST_TEST(f.says("the signer of the private key failed"), f.err());
  BOOST_TEST(f.says(why), f.err());
}

std::string framed(const std::string& content) {
  const auto n = content.size();
  return std::string{static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
                     static_cast<char>(n)} +
         content;
}

std::string file(const std::string& name) {
  FILE* const f = std::fopen(name.c_str(), "r");
  std::string text(10'000, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), f));
  std::fclose(f);
  return text;
}

// The public key in a certificate, as DER.
std::string public_key_of(const std::string& certificate) {
  BIO* const in = BIO_new_file(certificate.c_str(), "r");
  X509* const c = PEM_read_bio_X509(in, nullptr, nullptr, nullptr);
  unsigned char* der = nullptr;
  const int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c), &der);
  std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(n));
  OPENSSL_free(der);
  X509_free(c);
  BIO_free(in);
  return text;
}

std::string certificate_verify(const char* who) {
  return std::string(64, ' ') + "TLS 1.3, " + who + " CertificateVerify" + std::string(1, '\0') +
         std::string(32, 'x');
}

std::string task(const std::string& scheme, const std::string& key, const std::string& message) {
  return "tlsmode-sign-1\n" + framed(scheme) + framed(key) + framed(message);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_server_without_a_key_serves) {
  signing_service service;
  front_end front(service.port());
  for (int i = 0; i < 3; ++i)
    BOOST_TEST(echo(front.port(), "hello " + std::to_string(i)).ends_with("hello " + std::to_string(i)));
  std::vector<std::thread> clients;
  std::atomic<int> served{0};
  for (int i = 0; i < 16; ++i)
    clients.emplace_back([&] {
      try {
        if (echo(front.port(), "many") == "many") ++served;
      } catch (const std::exception&) {
      }
    });
  for (std::thread& t : clients) t.join();
  BOOST_TEST(served == 16);
  BOOST_TEST(front.err() == "");
  BOOST_TEST(front.stop() == 0);
  BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(only_the_newest_version_is_spoken) {
  signing_service service;
  front_end front(service.port());
  BOOST_CHECK_THROW(echo(front.port(), "hello", {.version = TLS1_2_VERSION}), tls_error);
  BOOST_TEST(echo(front.port(), "hello", {.version = TLS1_3_VERSION}) == "hello");
  BOOST_TEST(service.err() == "");
}

BOOST_AUTO_TEST_CASE(a_service_that_is_gone_and_comes_back) {
  auto service = std::make_unique<signing_service>();
  const std::uint16_t port = service->port();
  front_end front(port);
  BOOST_TEST(echo(front.port(), "one") == "one");
  BOOST_TEST(service->stop() == 0);
  service.reset();
  check_refused(front, "Connection refused");
  service = std::make_unique<signing_service>(port);
  BOOST_TEST(echo(front.port(), "two") == "two");
  // Started anew between two signatures: nobody notices.
  const std::string before = front.err();
  BOOST_TEST(service->stop() == 0);
  service = std::make_unique<signing_service>(port);
  BOOST_TEST(echo(front.port(), "three") == "three");
  BOOST_TEST(front.err() == before);
  BOOST_TEST(front.stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_service_with_another_key) {
  signing_service service(0, certs().foreign_key);
  front_end front(service.port());
  check_refused(front, "Permission denied");
  BOOST_TEST(service.says("refused to sign"));
}

BOOST_AUTO_TEST_CASE(strangers_on_either_side) {
  signing_service service;
  front_end stranger(service.port(), certs().other_client, certs().other_client_key);
  BOOST_CHECK_THROW(echo(stranger.port(), "hello"), tls_error);
  BOOST_TEST(service.says("certificate verify failed"), service.err());
  front_end wary(service.port(), certs().client, certs().client_key, certs().other_ca);
  check_refused(wary, "certificate verify failed");
  BOOST_CHECK_EXCEPTION(echo(service.port(), framed("?")), tls_error,
                        [](const tls_error& e) { // no certificate
                          return std::string(e.what()).find("certificate required") != std::string::npos;
                        });
}

BOOST_AUTO_TEST_CASE(the_service_signs_nothing_else) {
  signing_service service;
  const tls_settings known{.certificate = certs().client, .key = certs().client_key};
  const std::string key = public_key_of(certs().server);
  const std::string message = certificate_verify("server");
  const std::string no("\0\0\0\1\1", 5);
  const auto answer = [&](const std::string& question) {
    tls_client client(service.port(), known);
    client.write(framed(question));
    return client.read();
  };
  BOOST_TEST(answer(task("ec:SHA256", key, message)).size() > 60U); // that it signs
  for (const std::string& question :
       {std::string(), std::string("?"), task("ec:SHA256", key, certificate_verify("client")),
        task("ec:SHA256", key, "a certificate request, say"), task("ec:SHA256", key, ""),
        task("ec:SHA256", key, ' ' + message), task("ec:SHA256", public_key_of(certs().foreign), message),
        task("ec:SHA256", "", message), task("rsa-pss:SHA256:32", key, message),
        task("ec:NONE", key, message), task("ec:SHA256", key, message) + '\0'})
    BOOST_TEST((answer(question) == no));
  {
    tls_client client(service.port(), known); // one after the other on one connection
    for (int i = 0; i < 3; ++i) {
      client.write(framed("?"));
      BOOST_TEST((client.read() == no));
    }
    client.write(std::string("\x7f\xff\xff\xff", 4));  // a frame of 2 GB
    BOOST_CHECK_THROW((void)client.read(), tls_error); // which it does not wait for
  }
  BOOST_TEST(answer(task("ec:SHA256", key, message)).size() > 60U);
  BOOST_TEST(service.resident_kib() < 300'000U);
  BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(keys_stay_out_of_what_is_printed) {
  signing_service service;
  front_end front(service.port());
  BOOST_TEST(echo(front.port(), "hello") == "hello");
  const std::string key = file(certs().server_key);
  const std::string line = key.substr(key.find('\n') + 1, 40);
  for (const std::string& text : {service.out(), service.err(), front.out(), front.err()})
    BOOST_TEST(text.find(line) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(bad_command_lines) {
  const auto fails = [](std::vector<std::string> command, const std::string& text) {
    const run_result r = run(std::move(command));
    BOOST_TEST(r.status == 1);
    BOOST_TEST(r.err.find(text) != std::string::npos, r.err);
  };
  fails({SIGNING_SERVICE}, "usage: signing_service");
  fails({REMOTE_SIGNER}, "usage: remote_signer");
  const auto& c = certs();
  fails({SIGNING_SERVICE, "0", c.service, c.service_key, c.ca, "/no/such.key"}, "/no/such.key: No such file");
  fails({REMOTE_SIGNER, "0", "/no/such.pem", "localhost", "1", c.ca, c.client, c.client_key}, "/no/such.pem");
}
