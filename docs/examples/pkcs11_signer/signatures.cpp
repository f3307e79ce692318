// SPDX-License-Identifier: BSL-1.0
// Mechanisms, and the form of ECDSA's signatures. Not every module digests by itself, so that is done here: a
// digest is nothing secret.
#include "signatures.hpp"

#include <openssl/ec.h>
#include <openssl/evp.h>

#include <array>
#include <memory>
#include <string_view>

namespace {

using bytes = std::vector<std::byte>;

struct digest_kind {
  std::string_view name;
  CK_MECHANISM_TYPE digest;
  CK_ULONG mask;                 // of PSS
  std::string_view pkcs1_prefix; // DER of DigestInfo up to the digest (RFC 8017 section 9.2)
};

constexpr std::array<digest_kind, 3> digests{{
    {"SHA256",
     CKM_SHA256,
     CKG_MGF1_SHA256,
     {"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20", 19}},
    {"SHA384",
     CKM_SHA384,
     CKG_MGF1_SHA384,
     {"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30", 19}},
    {"SHA512",
     CKM_SHA512,
     CKG_MGF1_SHA512,
     {"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40", 19}},
}};

[[noreturn]] void cannot() {
  throw std::system_error(std::make_error_code(std::errc::operation_not_supported));
}

const digest_kind& kind_of(const tlsmode::signing_scheme& scheme) {
  for (const digest_kind& k : digests)
    if (k.name == scheme.digest) return k;
  cannot();
}

bytes digest_of(const tlsmode::signature_request& request, const digest_kind& kind) {
  bytes digest(EVP_MAX_MD_SIZE);
  unsigned int n = 0;
  if (EVP_Digest(request.message().data(), request.message().size(),
                 reinterpret_cast<unsigned char*>(digest.data()), &n,
                 EVP_get_digestbyname(std::string(kind.name).c_str()), nullptr) != 1)
    cannot();
  digest.resize(n);
  return digest;
}

// PKCS#11: r and s, each as long as the curve's order. TLS: as a DER sequence of integers.
bytes as_der(std::span<const std::byte> r_and_s) {
  const auto* const from = reinterpret_cast<const unsigned char*>(r_and_s.data());
  const int half = static_cast<int>(r_and_s.size() / 2);
  const std::unique_ptr<ECDSA_SIG, decltype([](ECDSA_SIG* p) { ECDSA_SIG_free(p); })> sig(ECDSA_SIG_new());
  if (!sig ||
      ECDSA_SIG_set0(sig.get(), BN_bin2bn(from, half, nullptr), BN_bin2bn(from + half, half, nullptr)) != 1)
    cannot();
  const int n = i2d_ECDSA_SIG(sig.get(), nullptr);
  if (n <= 0) cannot();
  bytes der(static_cast<std::size_t>(n));
  auto* to = reinterpret_cast<unsigned char*>(der.data());
  i2d_ECDSA_SIG(sig.get(), &to);
  return der;
}

} // namespace

bytes sign(pkcs11_key& key, const tlsmode::signature_request& request) {
  using scheme = tlsmode::signing_scheme;
  const scheme& s = request.scheme();
  if (s.kind == scheme::key_kind::ed25519) return key.sign(CKM_EDDSA, {}, request.message());
  const digest_kind& kind = kind_of(s);
  bytes digest = digest_of(request, kind);
  if (s.kind == scheme::key_kind::ec) return as_der(key.sign(CKM_ECDSA, {}, digest));
  if (s.padding == scheme::rsa_padding::pss) {
    const CK_RSA_PKCS_PSS_PARAMS pss{kind.digest, kind.mask, static_cast<CK_ULONG>(s.salt_length)};
    return key.sign(CKM_RSA_PKCS_PSS, std::as_bytes(std::span(&pss, 1)), digest);
  }
  const auto prefix = std::as_bytes(std::span(kind.pkcs1_prefix));
  digest.insert(digest.begin(), prefix.begin(), prefix.end());
  return key.sign(CKM_RSA_PKCS, {}, digest);
}
