// SPDX-License-Identifier: BSL-1.0
// The signature operation of the signers' provider: what libssl says of how to sign, and the question to the
// signer. libssl signs in one go, so this is all there is. Source: provider-signature(7).
#include "signer_signature.hpp"

#include "signing.hpp"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/proverr.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>

namespace tlsmode::detail {
namespace {

// One signature to be. The key outlives it: OpenSSL's context holds a reference.
struct operation {
  const signer_key* key = nullptr;
  signing_scheme scheme;
  int salt = RSA_PSS_SALTLEN_DIGEST; // bytes, or one of OpenSSL's negative numbers
};

void* operation_new(void*, const char*) noexcept { return new (std::nothrow) operation; }
void operation_free(void* op) noexcept { delete static_cast<operation*>(op); }

// A number that may come as text; nothing if it is neither.
std::optional<int> number_in(const OSSL_PARAM& p) noexcept {
  int n = 0;
  if (p.data_type == OSSL_PARAM_INTEGER || p.data_type == OSSL_PARAM_UNSIGNED_INTEGER)
    return OSSL_PARAM_get_int(&p, &n) == 1 ? std::optional(n) : std::nullopt;
  const char* text = nullptr;
  if (OSSL_PARAM_get_utf8_string_ptr(&p, &text) != 1 || text == nullptr) return std::nullopt;
  const char* const end = text + std::strlen(text);
  const auto [stopped, ec] = std::from_chars(text, end, n);
  return ec == std::errc() && stopped == end ? std::optional(n) : std::nullopt;
}

bool text_is(const OSSL_PARAM& p, const char* expected) noexcept {
  const char* text = nullptr;
  return p.data_type == OSSL_PARAM_UTF8_STRING && OSSL_PARAM_get_utf8_string_ptr(&p, &text) == 1 &&
         text != nullptr && std::strcmp(text, expected) == 0;
}

bool set_padding(operation& op, const OSSL_PARAM& p) noexcept {
  using padding = signing_scheme::rsa_padding;
  if (op.key == nullptr || op.key->kind != signing_scheme::key_kind::rsa) return false;
  const std::optional<int> n = number_in(p);
  if (n == RSA_PKCS1_PADDING || text_is(p, OSSL_PKEY_RSA_PAD_MODE_PKCSV15))
    op.scheme.padding = padding::pkcs1;
  else if (n == RSA_PKCS1_PSS_PADDING || text_is(p, OSSL_PKEY_RSA_PAD_MODE_PSS))
    op.scheme.padding = padding::pss;
  else
    return false;
  return true;
}

bool set_salt(operation& op, const OSSL_PARAM& p) noexcept {
  if (text_is(p, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST))
    op.salt = RSA_PSS_SALTLEN_DIGEST;
  else if (text_is(p, OSSL_PKEY_RSA_PSS_SALT_LEN_MAX) || text_is(p, OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO))
    op.salt = RSA_PSS_SALTLEN_MAX;
  else if (const std::optional<int> n = number_in(p))
    op.salt = *n;
  else
    return false;
  return true;
}

int operation_set_params(void* context, const OSSL_PARAM params[]) noexcept {
  if (params == nullptr) return 1;
  auto& op = *static_cast<operation*>(context);
  for (const OSSL_PARAM* p = params; p->key != nullptr; ++p) {
    bool good = false; // what is not understood must not be ignored
    if (std::strcmp(p->key, OSSL_SIGNATURE_PARAM_PAD_MODE) == 0)
      good = set_padding(op, *p);
    else if (std::strcmp(p->key, OSSL_SIGNATURE_PARAM_PSS_SALTLEN) == 0)
      good = set_salt(op, *p);
    if (!good) return 0;
  }
  return 1;
}

const OSSL_PARAM* operation_settable_params(void*, void*) noexcept {
  static const OSSL_PARAM params[] = {
      {OSSL_SIGNATURE_PARAM_PAD_MODE, OSSL_PARAM_UTF8_STRING, nullptr, 0, OSSL_PARAM_UNMODIFIED},
      {OSSL_SIGNATURE_PARAM_PSS_SALTLEN, OSSL_PARAM_UTF8_STRING, nullptr, 0, OSSL_PARAM_UNMODIFIED},
      OSSL_PARAM_END};
  return params;
}

int operation_begin(void* context, const char* digest, void* key, const OSSL_PARAM params[]) noexcept {
  auto& op = *static_cast<operation*>(context);
  if (key != nullptr) op.key = key_in(key);
  if (op.key == nullptr) return 0;
  const bool digests = op.key->kind != signing_scheme::key_kind::ed25519;
  if (digests != (digest != nullptr && *digest != '\0')) return 0;
  try {
    op.scheme = {op.key->kind, {}, signing_scheme::rsa_padding::none, 0};
    if (op.key->kind == signing_scheme::key_kind::rsa) op.scheme.padding = signing_scheme::rsa_padding::pkcs1;
    if (digests) {
      const EVP_MD* const md = EVP_get_digestbyname(digest); // it has many names
      if (md == nullptr) return 0;
      op.scheme.digest = OBJ_nid2sn(EVP_MD_get_type(md));
    }
  } catch (...) {
    return 0;
  }
  return operation_set_params(context, params);
}

// The salt in bytes; negative if it cannot be (RFC 8017 section 9.1.1).
int salt_of(const operation& op) noexcept {
  const EVP_MD* const md = EVP_get_digestbyname(op.scheme.digest.c_str());
  const int digest = md == nullptr ? 0 : EVP_MD_get_size(md);
  const int room = (EVP_PKEY_get_bits(op.key->public_key.get()) - 1 + 7) / 8 - digest - 2;
  if (op.salt == RSA_PSS_SALTLEN_DIGEST) return digest <= room ? digest : -1;
  if (op.salt == RSA_PSS_SALTLEN_MAX || op.salt == RSA_PSS_SALTLEN_AUTO) return room;
  return op.salt <= room ? op.salt : -1;
}

int operation_sign(void* context, unsigned char* signature, std::size_t* size, std::size_t room,
                   const unsigned char* message, std::size_t n) noexcept {
  auto& op = *static_cast<operation*>(context);
  if (op.key == nullptr) return 0;
  if (signature == nullptr) { // how long at most?
    *size = static_cast<std::size_t>(EVP_PKEY_get_size(op.key->public_key.get()));
    return 1;
  }
  if (op.scheme.padding == signing_scheme::rsa_padding::pss) {
    op.scheme.salt_length = salt_of(op);
    if (op.scheme.salt_length < 0) return 0;
  }
  const std::vector<std::byte> made = signing::ask(*op.key, op.scheme, std::as_bytes(std::span(message, n)));
  if (made.empty() || made.size() > room) {
    ERR_raise(ERR_LIB_PROV, PROV_R_FAILED_TO_SIGN);
    return 0;
  }
  std::memcpy(signature, made.data(), made.size());
  *size = made.size();
  return 1;
}

template <class F>
void (*erased(F* function) noexcept)() {
  return reinterpret_cast<void (*)()>(function);
}

} // namespace

const OSSL_DISPATCH* signature_functions() noexcept {
  static const OSSL_DISPATCH functions[] = {
      {OSSL_FUNC_SIGNATURE_NEWCTX, erased(&operation_new)},
      {OSSL_FUNC_SIGNATURE_FREECTX, erased(&operation_free)},
      {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, erased(&operation_begin)},
      {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, erased(&operation_sign)},
      {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, erased(&operation_set_params)},
      {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, erased(&operation_settable_params)},
      {0, nullptr}};
  return functions;
}

} // namespace tlsmode::detail
