// SPDX-License-Identifier: BSL-1.0
// Signers that do what a test says, and connections whose keys are behind them.
#ifndef TLSMODE_TESTS_SUPPORT_SIGNERS_HPP
#define TLSMODE_TESTS_SUPPORT_SIGNERS_HPP

#include "alert_log.hpp"
#include "memory_pair.hpp"

#include <tlsmode/signer.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace tlsmode::test {

using request_ptr = std::shared_ptr<signature_request>;

/// The key of an identity, as signers take it. The identity must outlive it.
inline private_key key_of(const identity& who) {
  return private_key(who.key.get(), [](EVP_PKEY*) {});
}

/// Keeps every request until the test answers it, and counts.
class held_signer : public signer {
 public:
  void sign(request_ptr request) override {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
    ++asked_;
  }
  /// Requests so far.
  [[nodiscard]] std::size_t asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  /// Requests that were not taken.
  [[nodiscard]] std::size_t held() const {
    const std::lock_guard lock(mutex_);
    return requests_.size();
  }
  /// The oldest request that was not taken; there must be one.
  request_ptr take() {
    const std::lock_guard lock(mutex_);
    request_ptr first = std::move(requests_.at(0));
    requests_.erase(requests_.begin());
    return first;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<request_ptr> requests_;
  std::size_t asked_ = 0;
};

/// Calls a function where it is asked.
class calling_signer : public signer {
 public:
  using function = std::function<void(const request_ptr&)>;
  explicit calling_signer(function f, std::vector<std::byte> key = {})
      : f_(std::move(f)), key_(std::move(key)) {}
  void sign(request_ptr request) override {
    schemes.push_back(request->scheme());
    f_(request);
  }
  [[nodiscard]] std::vector<std::byte> public_key_der() const override { return key_; }

  std::vector<signing_scheme> schemes; ///< of all requests

 private:
  function f_;
  std::vector<std::byte> key_;
};

/// Which side's key is behind a signer.
enum class signing_side { server, client };

/// Contexts of which one side's certificate has this kind of key, behind `who`; the server demands a
/// certificate if it is the client's.
struct signing_contexts {
  signing_contexts(key_kind kind, int version, signing_side side, const std::shared_ptr<signer>& who,
                   std::chrono::milliseconds limit = std::chrono::minutes(1))
      : client(client_context()),
        server(side == signing_side::server ? context::server() : server_context()) {
    const identity& shown = identity_of(kind);
    context& ours = side == signing_side::server ? server : client;
    if (side == signing_side::client)
      check(server.require_client_certificate(pem(authority().certificate_pem)));
    for (context* c : {&client, &server}) {
      SSL_CTX_set_min_proto_version(c->native_handle(), version);
      SSL_CTX_set_max_proto_version(c->native_handle(), version);
    }
    check(ours.use_certificate_chain(pem(shown.certificate_pem)));
    check(ours.use_signer(who, limit));
  }
  static void check(std::error_code ec) {
    if (ec) throw std::system_error(ec);
  }
  context client;
  context server;
};

/// Two engines of such contexts.
struct signing_pair : memory_pair {
  explicit signing_pair(const signing_contexts& contexts, signing_side s = signing_side::server)
      : memory_pair(contexts.client, contexts.server), signing(s == signing_side::server ? server : client),
        peer(s == signing_side::server ? client : server), alerts(peer.native()) {}

  /// Until the signing side has stopped for a reason that is not the peer's bytes, failed, or all is done.
  void advance_to_the_signature() {
    for (int i = 0; i < 20; ++i) {
      const bool moved = advance();
      if (signing.last.error || signing.last.why == suspend::want_async || !moved) return;
    }
  }
  /// After a failure of the signing side: what its peer makes of it.
  void tell_the_peer() {
    for (int i = 0; i < 4; ++i) {
      deliver(signing, peer);
      if (!peer.last.error) peer.last = peer.handshake();
      deliver(peer, signing);
    }
  }

  endpoint& signing;
  endpoint& peer;
  alert_log alerts; // the peer's
};

} // namespace tlsmode::test

#endif
