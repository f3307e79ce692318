// SPDX-License-Identifier: BSL-1.0
// The front end's side: has a signing service sign. Connections are kept for the next signatures.
#ifndef DOCS_EXAMPLES_REMOTE_SIGNER_SIGNING_CLIENT_HPP
#define DOCS_EXAMPLES_REMOTE_SIGNER_SIGNING_CLIENT_HPP

#include "frames.hpp"

#include <tlsmode/context.hpp>
#include <tlsmode/signer.hpp>

#include <memory>
#include <string>
#include <vector>

/// Thread safety: none; all of it runs on one io_context with one thread. It must outlive its coroutines.
class signing_client {
 public:
  /// `context` says whom to trust and who we are, and must outlive this object.
  signing_client(const tlsmode::context& context, std::string host, std::string port)
      : context_(context), host_(std::move(host)), port_(std::move(port)) {}

  /// Throws boost::system::system_error; permission_denied if the service refuses. How long it may take is
  /// the caller's business, who cancels it.
  net::awaitable<bytes> sign(const tlsmode::signature_request& request);

 private:
  using connection = std::unique_ptr<tls_stream>;
  static constexpr std::size_t most_idle = 8;

  [[nodiscard]] net::awaitable<connection> connect() const;
  static net::awaitable<bytes> ask(tls_stream& service, const bytes& question);
  void keep(connection service);

  const tlsmode::context& context_;
  std::string host_;
  std::string port_;
  std::vector<connection> idle_;
};

#endif
