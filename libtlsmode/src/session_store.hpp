// SPDX-License-Identifier: BSL-1.0
// The sessions that the connections of one client context may resume: bounded, the longest unused one goes
// first. Knows nothing of what makes a key. Private to the core. Thread safety: full.
#ifndef TLSMODE_SRC_SESSION_STORE_HPP
#define TLSMODE_SRC_SESSION_STORE_HPP

#include <tlsmode/session.hpp>

#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace tlsmode::detail {

class session_store {
 public:
  /// Sessions that fall together when a connection that made or used one fails.
  using family = std::uint32_t;
  struct entry {
    std::string key;
    session_ptr session;
    family origin = 0;
  };

  /// No single peer may push the others' sessions out: a server can send tickets without end.
  static constexpr std::size_t most_per_key = 8;

  explicit session_store(std::size_t most) : most_(most) {}

  [[nodiscard]] family new_family() noexcept;
  /// Keeps a session. One before TLS 1.3 takes the place of the earlier one of its key.
  void put(entry e);
  /// The newest session of a key that can still be used; a null session if there is none. A TLS 1.3 ticket
  /// leaves the store: used twice, it would let an observer link the connections (RFC 8446 appendix C.4).
  /// Others stay, and a copy is given out: OpenSSL spoils the session of a connection that is freed without a
  /// shutdown.
  [[nodiscard]] entry take(const std::string& key);
  void drop(family origin) noexcept;
  void clear() noexcept;

 private:
  using list = std::list<entry>;
  void remove(list::iterator which, list& to) noexcept;

  std::mutex mutex_;
  std::size_t most_;
  family last_family_ = 0;
  list entries_;                                                        // the one used last in front
  std::unordered_map<std::string, std::vector<list::iterator>> by_key_; // the newest at the end
};

} // namespace tlsmode::detail

#endif
