// SPDX-License-Identifier: BSL-1.0
// What a tlsmode::context knows beyond its SSL_CTX; lives as long as the SSL_CTX. Private to the core.
#ifndef TLSMODE_SRC_CONTEXT_SETTINGS_HPP
#define TLSMODE_SRC_CONTEXT_SETTINGS_HPP

#include "session_store.hpp"

#include <openssl/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace tlsmode::detail {

using digest = std::array<unsigned char, 32>;

/// SHA-256 of texts one after the other, each with its length. Throws std::system_error, std::bad_alloc.
[[nodiscard]] digest digest_of(std::initializer_list<std::string_view> texts);

[[nodiscard]] inline std::string_view view_of(const digest& d) noexcept {
  return {reinterpret_cast<const char*>(d.data()), d.size()};
}

struct context_settings {
  bool host_needed = false; // a client connection must name the host it verifies
  std::string alpn;         // in wire format (RFC 7301)

  // A client's sessions, if it keeps them, and the callback that was there before.
  std::unique_ptr<session_store> sessions;
  int (*previous_new_session)(SSL*, SSL_SESSION*) = nullptr;
  // Sessions verified before the last change prove nothing any more.
  std::atomic<std::uint64_t> trust_changes{0};

  // What the session-id context of a server is made of: sessions go from one context to another only where
  // both are equal.
  digest ticket_secret{};  // at first random, later of the ticket keys
  digest client_demands{}; // what is asked of a client's certificate

  digest session_id{};
  // What the connections of a server check when the session-id context is made; others have their own.
  std::string usual_checks;
  const X509_STORE* usual_store = nullptr; // only compared

  /// Takes one more thing into client_demands; order counts.
  void demand_of_clients(std::string_view what);
  /// Sets the session-id context of `ctx` anew. Source: SSL_CTX_set_session_id_context(3).
  void renew_session_id(SSL_CTX* ctx);

  /// The settings of a context; null if it is not one of ours.
  static context_settings* of(SSL_CTX* ctx) noexcept;
};

} // namespace tlsmode::detail

#endif
