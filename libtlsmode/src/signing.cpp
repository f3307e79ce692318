// SPDX-License-Identifier: BSL-1.0
// Signature requests: asking, answering, and the signing and verifying with keys that are here.
#include "signing.hpp"

#include "answer_wait.hpp"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <utility>

namespace tlsmode {
namespace {

using digest_context = std::unique_ptr<EVP_MD_CTX, detail::free_with<&EVP_MD_CTX_free>>;

const unsigned char* raw(std::span<const std::byte> bytes) noexcept {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

const char* digest_of(const signing_scheme& scheme) noexcept {
  return scheme.digest.empty() ? nullptr : scheme.digest.c_str();
}

bool set_padding(EVP_PKEY_CTX* of, const signing_scheme& scheme) noexcept {
  switch (scheme.padding) {
  case signing_scheme::rsa_padding::none: return true;
  case signing_scheme::rsa_padding::pkcs1: return EVP_PKEY_CTX_set_rsa_padding(of, RSA_PKCS1_PADDING) > 0;
  case signing_scheme::rsa_padding::pss:
    return scheme.salt_length >= 0 && EVP_PKEY_CTX_set_rsa_padding(of, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(of, scheme.salt_length) > 0;
  }
  return false;
}

bool fits(const signing_scheme& scheme, const EVP_PKEY* key) noexcept {
  const bool rsa = scheme.kind == signing_scheme::key_kind::rsa;
  return key != nullptr && detail::kind_of(key) == scheme.kind &&
         rsa == (scheme.padding != signing_scheme::rsa_padding::none) &&
         (scheme.kind == signing_scheme::key_kind::ed25519) == scheme.digest.empty();
}

} // namespace

// ---- keys ----

std::optional<signing_scheme::key_kind> detail::kind_of(const EVP_PKEY* key) noexcept {
  if (EVP_PKEY_is_a(key, "RSA") == 1) return signing_scheme::key_kind::rsa;
  if (EVP_PKEY_is_a(key, "EC") == 1) return signing_scheme::key_kind::ec;
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return signing_scheme::key_kind::ed25519;
  return std::nullopt;
}

std::vector<std::byte> detail::der_of(const EVP_PKEY* key) {
  const int n = i2d_PUBKEY(key, nullptr);
  if (n <= 0) return {};
  std::vector<std::byte> der(static_cast<std::size_t>(n));
  auto* to = reinterpret_cast<unsigned char*>(der.data());
  if (i2d_PUBKEY(key, &to) != n) return {};
  return der;
}

detail::pkey_ptr detail::public_key_from(std::span<const std::byte> der) noexcept {
  const unsigned char* from = raw(der);
  return pkey_ptr(d2i_PUBKEY(nullptr, &from, static_cast<long>(der.size())));
}

// ---- arithmetic ----

std::error_code sign_with(EVP_PKEY* key, const signing_scheme& scheme, std::span<const std::byte> message,
                          std::vector<std::byte>& signature) {
  if (!fits(scheme, key)) return error::key_mismatch;
  ERR_clear_error();
  const digest_context md(EVP_MD_CTX_new());
  EVP_PKEY_CTX* settings = nullptr; // owned by md
  std::size_t n = 0;
  if (!md ||
      EVP_DigestSignInit_ex(md.get(), &settings, digest_of(scheme), nullptr, nullptr, key, nullptr) != 1 ||
      !set_padding(settings, scheme) ||
      EVP_DigestSign(md.get(), nullptr, &n, raw(message), message.size()) != 1)
    return detail::first_openssl_error();
  signature.resize(n);
  auto* const to = reinterpret_cast<unsigned char*>(signature.data());
  if (EVP_DigestSign(md.get(), to, &n, raw(message), message.size()) != 1) {
    signature.clear();
    return detail::first_openssl_error();
  }
  signature.resize(n);
  return {};
}

void sign_with(EVP_PKEY* key, signature_request& request) noexcept {
  std::vector<std::byte> signature;
  std::error_code ec;
  try {
    ec = sign_with(key, request.scheme(), request.message(), signature);
  } catch (...) {
    ec = std::make_error_code(std::errc::not_enough_memory);
  }
  if (ec)
    request.fail(ec);
  else
    request.succeed(signature);
}

bool detail::verifies(EVP_PKEY* public_key, const signing_scheme& scheme, std::span<const std::byte> message,
                      std::span<const std::byte> signature) noexcept {
  const int longest = EVP_PKEY_get_size(public_key);
  if (signature.empty() || longest <= 0 || signature.size() > static_cast<std::size_t>(longest)) return false;
  ERR_set_mark();
  EVP_PKEY_CTX* settings = nullptr;
  const digest_context md(EVP_MD_CTX_new());
  const bool good =
      md &&
      EVP_DigestVerifyInit_ex(md.get(), &settings, digest_of(scheme), nullptr, nullptr, public_key,
                              nullptr) == 1 &&
      set_padding(settings, scheme) &&
      EVP_DigestVerify(md.get(), raw(signature), signature.size(), raw(message), message.size()) == 1;
  ERR_pop_to_mark();
  return good;
}

// ---- requests ----

signature_request::signature_request(signing_scheme scheme, std::span<const std::byte> message,
                                     std::shared_ptr<EVP_PKEY> public_key,
                                     std::shared_ptr<const std::vector<std::byte>> public_key_der)
    : scheme_(std::move(scheme)), message_(message.begin(), message.end()),
      public_key_(std::move(public_key)), public_key_der_(std::move(public_key_der)) {}

signature_request::~signature_request() = default;

bool signature_request::succeed(std::span<const std::byte> signature) noexcept {
  if (abandoned()) return false; // verifying costs time
  if (!detail::verifies(public_key(), scheme_, message_, signature)) return fail(error::wrong_signature);
  try {
    std::vector<std::byte> copy(signature.begin(), signature.end());
    return answer([&] { signature_ = std::move(copy); });
  } catch (...) { // no memory
    return fail(std::make_error_code(std::errc::not_enough_memory));
  }
}

bool signature_request::fail(std::error_code why) noexcept {
  try {
    return answer([&] { why_ = why ? why : error::signer_failed; });
  } catch (...) { // a mutex that does not lock: nobody can be told
    return false;
  }
}

std::vector<std::byte> detail::signing::ask(const signer_key& key, const signing_scheme& scheme,
                                            std::span<const std::byte> message) noexcept {
  for (;;) {
    std::shared_ptr<signature_request> request;
    try {
      request.reset(new signature_request(scheme, message, key.public_key, key.public_key_der));
    } catch (...) {
      answer_wait::fail_with(std::make_error_code(std::errc::not_enough_memory));
      return {};
    }
    answer_wait::prepare(*request, key.limit);
    try {
      key.who->sign(request);
    } catch (const std::system_error& e) {
      request->fail(e.code());
    } catch (const std::bad_alloc&) {
      request->fail(std::make_error_code(std::errc::not_enough_memory));
    } catch (...) {
      request->fail(error::signer_failed);
    }
    // Whose connection it is not knows how to wait for a job of ours: there the thread waits.
    const bool pauses = answer_wait::in_job() && answer_wait::current() != nullptr;
    switch (pauses ? answer_wait::pause(request) : answer_wait::block(*request)) {
    case waited::answered:
      if (!request->why_) return std::move(request->signature_);
      if (request->why_.category() == error_category())
        answer_wait::fail_with(request->why_);
      else
        answer_wait::fail_with(error::signer_failed, request->why_);
      return {};
    case waited::late: answer_wait::fail_with(error::signer_timed_out); return {};
    case waited::cancelled: continue;
    case waited::ending: return {};
    }
  }
}

// ---- in this process ----

void inline_signer::sign(std::shared_ptr<signature_request> request) { sign_with(key_.get(), *request); }

std::vector<std::byte> inline_signer::public_key_der() const { return detail::der_of(key_.get()); }

} // namespace tlsmode
