// SPDX-License-Identifier: BSL-1.0
// A process of its own for the clients, so that their processor time, their heap and their locks inside
// libcrypto are not the server's. A copy of this process, made before the server has any thread.
#ifndef TLSMODE_BENCH_CLIENTS_CLIENT_PROCESS_HPP
#define TLSMODE_BENCH_CLIENTS_CLIENT_PROCESS_HPP

#include "harness/loopback.hpp"

#include <cstddef>
#include <functional>
#include <span>
#include <sys/types.h>
#include <type_traits>

namespace bench {

// Moves whole values between the two processes. Throw if the other one is gone.
void send_bytes(const unique_fd& to, std::span<const std::byte> bytes);
void receive_bytes(const unique_fd& from, std::span<std::byte> bytes);

template <class T>
requires std::is_trivially_copyable_v<T>
void send_value(const unique_fd& to, const T& value) { send_bytes(to, std::as_bytes(std::span(&value, 1))); }
template <class T>
requires std::is_trivially_copyable_v<T> T receive_value(const unique_fd& from) {
  T value{};
  receive_bytes(from, std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

class client_process {
 public:
  // Runs body in the new process with its end of the control channel; it must not throw. The process ends
  // when body returns, and is killed if its parent goes away.
  explicit client_process(const std::function<void(const unique_fd& control)>& body);
  // Kills it if it has not ended yet.
  ~client_process();
  client_process(const client_process&) = delete;
  client_process& operator=(const client_process&) = delete;

  const unique_fd& control() const noexcept { return control_; }

 private:
  unique_fd control_;
  pid_t child_ = -1;
};

} // namespace bench

#endif
