// SPDX-License-Identifier: BSL-1.0
// Which certificate a client showed, and the mark on a session that says so: to the server a resumption comes
// from whoever made the session. Private to the core.
#ifndef TLSMODE_SRC_CLIENT_IDENTITY_HPP
#define TLSMODE_SRC_CLIENT_IDENTITY_HPP

#include "context_settings.hpp"

#include <openssl/types.h>

#include <optional>

namespace tlsmode::detail {

/// The digest of a certificate, all zero for none (null); no value if OpenSSL cannot make one.
[[nodiscard]] std::optional<digest> identity_of(const X509* own) noexcept;

/// The mark of a session, which owns it; null if nobody knows who made it.
[[nodiscard]] const digest* identity_of(const SSL_SESSION* session) noexcept;

/// Marks a session that no other thread knows yet, and that has no mark; false if there is no memory.
[[nodiscard]] bool mark_identity(SSL_SESSION* session, const digest& who) noexcept;

} // namespace tlsmode::detail

#endif
