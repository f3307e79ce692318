// SPDX-License-Identifier: BSL-1.0
// A server whose process has its certificate and no private key: a signing service, another process on this
// host or on another, makes the signatures. The two know each other by certificates.
//
//   remote_signer PORT CERTIFICATE SERVICE-HOST SERVICE-PORT CA CLIENT-CERTIFICATE CLIENT-KEY
//
// CERTIFICATE is what our clients see. CA signed the service's certificate; with the client certificate and
// its key we show the service who we are. How to try it: README.md.
#include "echo_service.hpp"
#include "remote_signer/signing_client.hpp"

#include <tlsmode/asio/coroutine_signer.hpp>
#include <tlsmode/context.hpp>

#include <openssl/ssl.h>

#include <cstdlib>
#include <iostream>
#include <stdexcept>

namespace {

void check(std::error_code ec, const char* what) {
  if (ec) throw std::system_error(ec, what);
}

} // namespace

int main(int argc, char** argv) try {
  if (argc != 8)
    throw std::invalid_argument("usage: remote_signer PORT CERTIFICATE SERVICE-HOST SERVICE-PORT CA "
                                "CLIENT-CERTIFICATE CLIENT-KEY");
  boost::asio::io_context io(1); // first: connections to the service are kept, and end before it
  auto to_service = tlsmode::context::client();
  check(to_service.trust_file(argv[5]), argv[5]);
  check(to_service.use_certificate_chain_file(argv[6]), argv[6]);
  check(to_service.use_private_key_file(argv[7]), argv[7]);
  signing_client service(to_service, argv[3], argv[4]);

  // The whole of it: any coroutine is a signer.
  const auto signer = std::make_shared<tlsmode::coroutine_signer>(
      [&service](const tlsmode::signature_request& request) { return service.sign(request); });

  auto context = tlsmode::context::server();
  check(context.use_certificate_chain_file(argv[2]), argv[2]);
  check(context.use_signer(signer, std::chrono::seconds(5)), argv[2]);
  // What is signed in TLS 1.2 does not say what it is for, so the service signs for TLS 1.3 only.
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_3_VERSION);

  run_echo_service(io, static_cast<unsigned short>(std::atoi(argv[1])), context);
} catch (const std::exception& e) {
  std::cerr << "remote_signer: " << e.what() << '\n';
  return 1;
}
