// SPDX-License-Identifier: BSL-1.0
// Watching the transport, and counting records.
#include "wire.hpp"

#include <algorithm>

namespace tlsmode::model {

transfer watched_transport::read(mutable_buffer to) noexcept {
  const transfer t = inner_.read(to);
  if (t.what == transfer::status::would_block) says_.nothing_to_read = true;
  return t;
}
transfer watched_transport::write(const_buffer from) noexcept {
  const transfer t = inner_.write(from);
  if (t.what == transfer::status::would_block || t.n < from.size()) says_.no_room = true;
  return t;
}
bool watched_transport::drained() const noexcept {
  if (!tells_ || inner_.unread() != 0) return false;
  says_.nothing_to_read = true;
  return true;
}

void framing::pass(const_buffer bytes) noexcept {
  for (; !bytes.empty();) {
    if (body_ != 0) {
      const std::size_t n = std::min(body_, bytes.size());
      body_ -= n;
      bytes = bytes.subspan(n);
      continue;
    }
    if (++header_ > 3) length_ = length_ << 8 | std::to_integer<std::size_t>(bytes.front());
    bytes = bytes.subspan(1);
    if (header_ != 5) continue;
    body_ = std::exchange(length_, 0);
    header_ = 0;
  }
}

} // namespace tlsmode::model
