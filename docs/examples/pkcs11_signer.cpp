// SPDX-License-Identifier: BSL-1.0
// A server whose private key is in a hardware module, or in what stands for one: anything with a PKCS#11
// library. The module is called on threads of the signer's own, so the loop never waits for it.
//
//   PKCS11_PIN=... pkcs11_signer PORT CERTIFICATE MODULE TOKEN KEY
//
// CERTIFICATE is a PEM file, MODULE the library, TOKEN and KEY the labels of token and private key. How to
// try it with SoftHSM: README.md.
#include "echo_service.hpp"
#include "pkcs11_signer/module.hpp"
#include "pkcs11_signer/signatures.hpp"

#include <tlsmode/context.hpp>
#include <tlsmode/signer.hpp>

#include <cstdlib>
#include <iostream>
#include <stdexcept>

int main(int argc, char** argv) try {
  if (argc != 6)
    throw std::invalid_argument("usage: PKCS11_PIN=... pkcs11_signer PORT CERTIFICATE MODULE TOKEN KEY");
  const char* const pin = std::getenv("PKCS11_PIN"); // arguments can be seen by everybody
  if (pin == nullptr) throw std::invalid_argument("PKCS11_PIN is not set");

  pkcs11_key key(argv[3], argv[4], argv[5], pin);
  const auto signer = std::make_shared<tlsmode::thread_pool_signer>(
      [&key](const tlsmode::signature_request& request) { return sign(key, request); }, 4);

  auto context = tlsmode::context::server();
  if (auto ec = context.use_certificate_chain_file(argv[2])) throw std::system_error(ec, argv[2]);
  if (auto ec = context.use_signer(signer)) throw std::system_error(ec, argv[2]);

  boost::asio::io_context io(1);
  run_echo_service(io, static_cast<unsigned short>(std::atoi(argv[1])), context);
} catch (const std::exception& e) {
  std::cerr << "pkcs11_signer: " << e.what() << '\n';
  return 1;
}
