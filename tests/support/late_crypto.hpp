// SPDX-License-Identifier: BSL-1.0
// Crypto that is ready late: AES-GCM and ECDSA as a device behind a bus would do them. In a job every
// operation pauses, and some time later another thread says that it is ready, or nobody does. (OpenSSL's own
// dasync is always ready before it pauses.) Knows no engine of ours.
#ifndef TLSMODE_TESTS_SUPPORT_LATE_CRYPTO_HPP
#define TLSMODE_TESTS_SUPPORT_LATE_CRYPTO_HPP

#include <openssl/types.h>

#include <chrono>
#include <ostream>

namespace tlsmode::test {

/// How the device says that it is ready.
enum class says { by_descriptor, by_callback, nothing };

inline std::ostream& boost_test_print_type(std::ostream& out, says how) {
  static constexpr const char* names[] = {"by descriptor", "by callback", "nothing"};
  return out << names[static_cast<int>(how)];
}

inline constexpr says all_ways[] = {says::by_descriptor, says::by_callback, says::nothing};

/// The device. While one exists, operations in jobs take their time; there is one at most.
class late_crypto {
 public:
  /// Makes OpenSSL use the device for AES-GCM from now on, in contexts that are made from now on; without a
  /// late_crypto it is as fast as any. Call it before anything else; again it does nothing.
  static void install();
  /// A private key that has the device sign with this one, an EC key. The caller frees it.
  static EVP_PKEY* behind_device(EVP_PKEY* ec_key);

  explicit late_crypto(says how, std::chrono::microseconds time = std::chrono::microseconds(500));
  ~late_crypto();
  late_crypto(const late_crypto&) = delete;
  late_crypto& operator=(const late_crypto&) = delete;

  /// Times that a job was paused for the device.
  [[nodiscard]] int operations() const noexcept;
  /// Signatures among them.
  [[nodiscard]] int signatures() const noexcept;
  /// Times that a job was resumed before the device was ready.
  [[nodiscard]] int early() const noexcept;
};

} // namespace tlsmode::test

#endif
