// SPDX-License-Identifier: BSL-1.0
// One private key in a PKCS#11 module: loaded with dlopen(3), found by the labels of token and key. Knows no
// TLS and no OpenSSL. Source: PKCS #11 Cryptographic Token Interface Base Specification 2.40.
#ifndef DOCS_EXAMPLES_PKCS11_SIGNER_MODULE_HPP
#define DOCS_EXAMPLES_PKCS11_SIGNER_MODULE_HPP

#include <cstddef>
#include <memory>
#include <mutex>
#include <p11-kit/pkcs11.h>
#include <span>
#include <string>
#include <system_error>
#include <vector>

/// What the module's functions return, such as "CKR_PIN_INCORRECT", as error codes.
[[nodiscard]] const std::error_category& pkcs11_category() noexcept;

/// Thread safety: sign() may be called on several threads. Each call uses a session that no other call uses
/// meanwhile, for that is what the standard asks.
class pkcs11_key {
 public:
  /// Opens the module, finds the token, logs in and finds the key. Throws std::system_error, or
  /// std::runtime_error if the module cannot be loaded or there is no such token or key.
  pkcs11_key(const std::string& module, const std::string& token, const std::string& label,
             const std::string& pin);
  ~pkcs11_key();
  pkcs11_key(const pkcs11_key&) = delete;
  pkcs11_key& operator=(const pkcs11_key&) = delete;

  /// The module's signature, in the form that it has in PKCS#11. `parameter` is the mechanism's and may be
  /// empty. Blocks as long as the module takes. Throws std::system_error.
  [[nodiscard]] std::vector<std::byte> sign(CK_MECHANISM_TYPE mechanism, std::span<const std::byte> parameter,
                                            std::span<const std::byte> data);

 private:
  struct close_library {
    void operator()(void* library) const noexcept;
  };
  CK_SLOT_ID find_token(const std::string& label) const;
  CK_OBJECT_HANDLE find_key(CK_SESSION_HANDLE session, const std::string& label) const;
  CK_SESSION_HANDLE take_session();
  void give_back(CK_SESSION_HANDLE session) noexcept;

  std::unique_ptr<void, close_library> library_;
  CK_FUNCTION_LIST* functions_ = nullptr;
  CK_SLOT_ID slot_ = 0;
  CK_OBJECT_HANDLE key_ = 0;
  std::mutex mutex_;
  std::vector<CK_SESSION_HANDLE> idle_; // guarded by mutex_
};

#endif
