// SPDX-License-Identifier: BSL-1.0
// What few connections are set up with: kept apart, because an idle connection counts every byte. Private to
// the core.
#ifndef TLSMODE_SRC_RARE_SETTINGS_HPP
#define TLSMODE_SRC_RARE_SETTINGS_HPP

#include <tlsmode/engine.hpp>
#include <tlsmode/record_sizing.hpp>

#include <openssl/types.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

namespace tlsmode::detail {

/// Says how big the next record of one connection may be.
class record_sizer {
 public:
  using clock = std::chrono::steady_clock;
  explicit record_sizer(const record_sizing& settings) noexcept
      : count_(settings.count), small_(std::max<std::uint32_t>(settings.small, 1)),
        pause_(std::clamp<std::chrono::milliseconds>(settings.pause, std::chrono::milliseconds(0), longest)) {
  }

  /// A write begins, or goes on with something sealed already: then it was no pause.
  void write_at(clock::time_point now, bool goes_on) noexcept {
    if (!goes_on && now - last_ >= pause_) sealed_ = 0;
    last_ = now;
  }
  /// Most plaintext bytes for it, where full records have that many.
  [[nodiscard]] std::uint32_t limit(std::uint32_t full) const noexcept {
    return sealed_ < count_ ? std::min(small_, full) : full;
  }
  /// One has been sealed.
  void sealed() noexcept {
    if (sealed_ < count_) ++sealed_;
  }
  /// Another connection begins.
  void restart() noexcept { sealed_ = 0; }

 private:
  static constexpr std::chrono::hours longest{24 * 365 * 100}; // what a clock can count

  std::uint32_t count_;
  std::uint32_t small_;
  clock::duration pause_;
  std::uint32_t sealed_ = 0;
  clock::time_point last_;
};

struct rare_settings {
  std::function<bool(bool, X509_STORE_CTX*)> verify; // of engine::set_verify_callback()
  std::optional<record_sizer> sizer;                 // of engine::set_record_sizing()
};

} // namespace tlsmode::detail

namespace tlsmode {

// Here, because every record asks.
inline detail::record_sizer* engine::sizer() const noexcept {
  return rare_ && rare_->sizer ? &*rare_->sizer : nullptr;
}

} // namespace tlsmode

#endif
