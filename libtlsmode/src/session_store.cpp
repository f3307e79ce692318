// SPDX-License-Identifier: BSL-1.0
// A bounded store of sessions. Sessions are freed with the lock released: freeing runs foreign code.
#include "session_store.hpp"

#include <openssl/ssl.h>

#include <algorithm>
#include <ctime>

namespace tlsmode::detail {
namespace {

bool used_once(const SSL_SESSION* s) noexcept {
  return SSL_SESSION_get_protocol_version(s) >= TLS1_3_VERSION;
}

// The client's own limit and, if there is one, the server's, in seconds (RFC 8446, section 4.6.1). A clock
// that was set back makes a session old, too.
bool usable(const SSL_SESSION* s) noexcept {
  long lifetime = SSL_SESSION_get_timeout(s);
  const auto hint = static_cast<long>(SSL_SESSION_get_ticket_lifetime_hint(s));
  if (hint > 0) lifetime = std::min(lifetime, hint);
  const long age = static_cast<long>(std::time(nullptr)) - SSL_SESSION_get_time(s);
  return SSL_SESSION_is_resumable(s) != 0 && age >= 0 && age < lifetime;
}

} // namespace

session_store::family session_store::new_family() noexcept {
  const std::lock_guard lock(mutex_);
  if (++last_family_ == 0) ++last_family_; // 0: none
  return last_family_;
}

// Moves an entry out of the store into `to`.
void session_store::remove(list::iterator which, list& to) noexcept {
  const auto same_key = by_key_.find(which->key);
  std::erase(same_key->second, which);
  if (same_key->second.empty()) by_key_.erase(same_key);
  to.splice(to.end(), entries_, which);
}

void session_store::put(entry e) {
  list added;
  added.push_back(std::move(e));
  const std::string& key = added.front().key;
  list removed;
  const std::lock_guard lock(mutex_);
  auto& same_key = by_key_[key];
  try {
    same_key.reserve(same_key.size() + 1);
  } catch (...) {
    if (same_key.empty()) by_key_.erase(key);
    throw;
  }
  const auto here = added.begin();
  entries_.splice(entries_.begin(), added);
  same_key.push_back(here);
  if (!used_once(here->session.get()))
    for (const auto& older : std::vector(same_key.begin(), same_key.end() - 1))
      if (!used_once(older->session.get())) remove(older, removed);
  if (same_key.size() > most_per_key) remove(same_key.front(), removed);
  while (entries_.size() > most_) remove(std::prev(entries_.end()), removed);
}

session_store::entry session_store::take(const std::string& key) {
  entry found{key, nullptr, 0};
  list removed;
  const std::lock_guard lock(mutex_);
  for (auto same_key = by_key_.find(key); same_key != by_key_.end(); same_key = by_key_.find(key)) {
    const auto newest = same_key->second.back();
    found.origin = newest->origin;
    if (!usable(newest->session.get())) {
      remove(newest, removed);
    } else if (used_once(newest->session.get())) {
      found.session = std::move(newest->session);
      remove(newest, removed);
      break;
    } else {
      found.session.reset(SSL_SESSION_dup(newest->session.get()));
      entries_.splice(entries_.begin(), entries_, newest);
      break;
    }
  }
  return found;
}

void session_store::clear() noexcept {
  list removed;
  const std::lock_guard lock(mutex_);
  by_key_.clear();
  removed.swap(entries_);
}

void session_store::drop(family origin) noexcept {
  list removed;
  const std::lock_guard lock(mutex_);
  for (auto e = entries_.begin(); e != entries_.end();) {
    const auto next = std::next(e);
    if (e->origin == origin) remove(e, removed);
    e = next;
  }
}

} // namespace tlsmode::detail
