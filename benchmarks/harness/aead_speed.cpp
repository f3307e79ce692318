// SPDX-License-Identifier: BSL-1.0
// EVP on records in memory. See aead_speed.hpp.
#include "aead_speed.hpp"

#include "credentials.hpp"
#include "usage.hpp"

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <vector>

namespace bench {
namespace {

const EVP_CIPHER* cipher_of(aead which) {
  switch (which) {
  case aead::aes_128_gcm: return EVP_aes_128_gcm();
  case aead::aes_256_gcm: return EVP_aes_256_gcm();
  case aead::chacha20_poly1305: return EVP_chacha20_poly1305();
  }
  throw std::logic_error("no such cipher");
}

struct free_cipher {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};

// One direction of a connection: the key is set once, the rest for each record.
class record_cipher {
 public:
  record_cipher(aead which, bool seals) : context_(EVP_CIPHER_CTX_new()), seals_(seals) {
    const std::array<unsigned char, 32> key{1, 2, 3};
    require(context_ && EVP_CipherInit_ex(context_.get(), cipher_of(which), nullptr, key.data(), nullptr,
                                          seals ? 1 : 0) == 1,
            "cipher");
  }

  // False if the record does not open.
  bool run(std::vector<unsigned char>& text, const std::vector<unsigned char>& from) {
    int size = 0;
    EVP_CIPHER_CTX* const c = context_.get();
    const auto length = static_cast<int>(from.size());
    if (EVP_CipherInit_ex(c, nullptr, nullptr, nullptr, nonce_.data(), -1) != 1) return false;
    if (!seals_ && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, tag.data()) != 1) return false;
    return EVP_CipherUpdate(c, nullptr, &size, header_.data(), static_cast<int>(header_.size())) == 1 &&
           EVP_CipherUpdate(c, text.data(), &size, from.data(), length) == 1 && size == length &&
           EVP_CipherFinal_ex(c, text.data() + size, &size) == 1 &&
           (!seals_ || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, tag.data()) == 1);
  }

  std::array<unsigned char, 16> tag{};

 private:
  std::unique_ptr<EVP_CIPHER_CTX, free_cipher> context_;
  bool seals_;
  std::array<unsigned char, 12> nonce_{};
  std::array<unsigned char, 5> header_{23, 3, 3, 0, 0};
};

// CPU seconds per byte.
double time_of(record_cipher& cipher, std::vector<unsigned char>& to, const std::vector<unsigned char>& from,
               double seconds) {
  std::uint64_t records = 0;
  const usage before = usage_now();
  for (;;) {
    constexpr int at_once = 32;
    for (int i = 0; i < at_once; ++i)
      if (!cipher.run(to, from)) throw std::runtime_error("libcrypto does not take its own record");
    records += at_once;
    const double used = usage_now().cpu_seconds - before.cpu_seconds;
    if (used >= seconds) return used / static_cast<double>(records * from.size());
  }
}

} // namespace

aead_cost measure_aead(aead which, std::size_t record_size, double seconds) {
  std::vector<unsigned char> plain(record_size, 'x'), sealed(record_size);
  record_cipher sealer(which, true), opener(which, false);
  time_of(sealer, sealed, plain, seconds / 10); // warm-up
  aead_cost cost;
  cost.seal = time_of(sealer, sealed, plain, seconds);
  opener.tag = sealer.tag;
  cost.open = time_of(opener, plain, sealed, seconds);
  return cost;
}

} // namespace bench
