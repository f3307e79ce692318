// SPDX-License-Identifier: BSL-1.0
// Loading certificate, key and client authorities; every failure says which file and why.
#include "certificates.hpp"

#include <openssl/ssl.h>

#include <fstream>
#include <string>

namespace https_server {
namespace {

void check(const std::error_code& ec, const std::string& what, const std::string& file) {
  if (ec) throw startup_error("cannot use " + what + " '" + file + "': " + ec.message());
}

// OpenSSL calls a key whose password nobody types "interrupted or cancelled".
bool is_encrypted(const std::string& key_file) {
  std::ifstream file(key_file);
  for (std::string line; std::getline(file, line);)
    if (line.find("ENCRYPTED") != std::string::npos) return true;
  return false;
}

} // namespace

tlsmode::context make_context(const options& opt) {
  auto context = tlsmode::context::server();
  check(context.use_certificate_chain_file(opt.cert), "certificate", opt.cert);
  const auto bad_key = context.use_private_key_file(opt.key);
  if (bad_key && is_encrypted(opt.key))
    throw startup_error("cannot use private key '" + opt.key + "': it is encrypted, and nobody can type its password");
  check(bad_key, "private key", opt.key);
  if (!opt.client_ca.empty())
    check(context.require_client_certificate(opt.client_ca), "client authorities", opt.client_ca);
  if (const auto ec = context.set_alpn({"http/1.1", "http/1.0"})) throw startup_error("cannot set ALPN: " + ec.message());
  // OpenSSL sends two session tickets per TLS 1.3 handshake; clients that resume at all use one.
  SSL_CTX_set_num_tickets(context.native_handle(), 1);
  return context;
}

} // namespace https_server
