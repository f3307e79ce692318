// SPDX-License-Identifier: BSL-1.0
// The transport over two byte queues.
#include <tlsmode/memory_transport.hpp>

#include <algorithm>
#include <cstring>

namespace tlsmode {

transfer memory_transport::read(mutable_buffer to) noexcept {
  if (in_.empty()) {
    if (read_error_) return transfer::failed(read_error_);
    return eof_ ? transfer::ended() : transfer::blocked();
  }
  const std::size_t n = std::min({to.size(), in_.size(), chunk_});
  std::memcpy(to.data(), in_.data().data(), n);
  in_.consume(n);
  return transfer::moved(n);
}

transfer memory_transport::write(const_buffer from) noexcept {
  if (write_error_) return transfer::failed(write_error_);
  if (out_.size() >= capacity_) return transfer::blocked();
  const std::size_t n = std::min({from.size(), capacity_ - out_.size(), chunk_});
  if (!out_.append(from.first(n)))
    return transfer::failed(std::make_error_code(std::errc::not_enough_memory));
  return transfer::moved(n);
}

} // namespace tlsmode
