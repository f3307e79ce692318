// SPDX-License-Identifier: BSL-1.0
// Private keys that are not in the way: a signer makes the signatures of handshakes, at once or later, on any
// thread, in this process or elsewhere. The handshake is suspended meanwhile where it can be, and blocks
// where it cannot. Knows nothing of event loops.
//
//   ctx.use_certificate_chain_file("chain.pem");
//   auto key = tlsmode::load_private_key_file("key.pem");
//   auto ec = tlsmode::use_signer(ctx.native_handle(),
//                                 std::make_shared<tlsmode::thread_pool_signer>(key, 2));
#ifndef TLSMODE_SIGNER_HPP
#define TLSMODE_SIGNER_HPP

#include <tlsmode/context.hpp>
#include <tlsmode/error.hpp>
#include <tlsmode/job.hpp>

#include <openssl/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace tlsmode {

class engine;

namespace detail {
struct signing;
}

/// How a message is to be signed: everything but the key.
struct signing_scheme {
  enum class key_kind : std::uint8_t { rsa, ec, ed25519 };
  enum class rsa_padding : std::uint8_t { none, pkcs1, pss };

  key_kind kind = key_kind::ec;
  /// OpenSSL's short name of the digest that the signer applies to the message, e.g. "SHA256"; empty for
  /// Ed25519, which signs the message itself.
  std::string digest;
  /// With RSA; `none` otherwise. The mask of PSS uses the same digest (RFC 8446 section 4.2.3).
  rsa_padding padding = rsa_padding::none;
  /// With PSS: bytes of salt.
  int salt_length = 0;

  friend bool operator==(const signing_scheme&, const signing_scheme&) = default;
};

/// A scheme as text without blanks: "rsa-pkcs1:SHA256", "rsa-pss:SHA256:32", "ec:SHA384", "ed25519".
[[nodiscard]] std::string to_string(const signing_scheme& scheme);
/// Reads what to_string() writes, and nothing else. Whether the digest exists is not looked at.
[[nodiscard]] std::optional<signing_scheme> parse_signing_scheme(std::string_view text);

/// One signature that a handshake needs. Answered once, with succeed() or fail(); later calls do nothing.
/// Thread safety: full, and what can be read never changes.
class signature_request : public pending_answer {
 public:
  ~signature_request() override;

  [[nodiscard]] const signing_scheme& scheme() const noexcept { return scheme_; }
  /// All bytes to be signed, not their digest.
  [[nodiscard]] std::span<const std::byte> message() const noexcept { return message_; }
  /// The certificate's public key: which private key is meant.
  [[nodiscard]] EVP_PKEY* public_key() const noexcept { return public_key_.get(); }
  /// The same as DER (SubjectPublicKeyInfo, RFC 5280 section 4.1).
  [[nodiscard]] std::span<const std::byte> public_key_der() const noexcept { return *public_key_der_; }

  /// The signature: RSA's as long as the modulus, ECDSA's as DER (RFC 8446 section 4.2.3), Ed25519's 64
  /// bytes. It is verified here, on the calling thread; one that does not fit the public key fails the
  /// handshake with wrong_signature. Returns false if nobody waits any more or there was an answer before.
  bool succeed(std::span<const std::byte> signature) noexcept;
  /// No signature. The handshake fails with `why` if that is a tlsmode::error, say signer_busy, otherwise
  /// with signer_failed and `why` as failure::cause. Returns as succeed().
  bool fail(std::error_code why) noexcept;

 private:
  friend struct detail::signing;
  signature_request(signing_scheme scheme, std::span<const std::byte> message,
                    std::shared_ptr<EVP_PKEY> public_key,
                    std::shared_ptr<const std::vector<std::byte>> public_key_der);

  const signing_scheme scheme_;
  const std::vector<std::byte> message_;
  const std::shared_ptr<EVP_PKEY> public_key_;
  const std::shared_ptr<const std::vector<std::byte>> public_key_der_;
  std::vector<std::byte> signature_; // once answered: this, or
  std::error_code why_;              // that
};

/// Who has a private key, or knows who has. Serves any number of connections and contexts.
/// Thread safety: connections on several threads may ask at the same time.
class signer {
 public:
  virtual ~signer() = default;
  signer(const signer&) = delete;
  signer& operator=(const signer&) = delete;

  /// Has `request` answered, before it returns or later, on any thread. Called in the middle of a handshake,
  /// with mode::async on a stack of 32 KB, so it hands over and returns, or computes and nothing else; it
  /// must not use the connection. Requests that are abandoned() need no answer. An exception is the answer
  /// signer_failed.
  virtual void sign(std::shared_ptr<signature_request> request) = 0;
  /// The public key as DER (SubjectPublicKeyInfo), for a check against the certificate when the signer is put
  /// to use; empty if it cannot say.
  [[nodiscard]] virtual std::vector<std::byte> public_key_der() const { return {}; }

 protected:
  signer() = default;
};

/// How long a handshake waits for a signature unless told otherwise.
inline constexpr std::chrono::milliseconds default_signing_limit = std::chrono::seconds(10);

/// Puts the key of the certificate that was loaded last behind a signer; a key that was loaded for it is
/// replaced. For any native context, say that of a boost::asio::ssl::context. To connections made afterwards,
/// servers and clients:
/// - each signature is asked of `who` and must be there within `limit`, else the handshake fails with
///   signer_timed_out; no signature that does not fit the certificate is ever sent;
/// - mode::async is added, so that handshakes of engines are suspended meanwhile. Connections that are not
///   an engine's block;
/// - with an RSA certificate, suites whose key exchange decrypts with the private key (kRSA) are taken out:
///   signers only sign. Whoever sets a cipher list afterwards leaves them out, too: "!kRSA".
/// The certificate's key is RSA (PKCS#1 v1.5 and PSS), EC or Ed25519.
/// Preconditions: the certificate is loaded; no other thread uses `ctx`. Errors, with nothing changed:
/// key_mismatch if `who` says another public key, bad_option for null, for a key of another kind, and if no
/// suite is left; OpenSSL's, such as "no certificate assigned". Source: SSL_CTX_use_PrivateKey(3),
/// provider-signature(7).
[[nodiscard]] std::error_code use_signer(SSL_CTX* ctx, std::shared_ptr<signer> who,
                                         std::chrono::milliseconds limit = default_signing_limit);
/// The same for one connection and its own certificate. Precondition: no handshake has begun.
[[nodiscard]] std::error_code use_signer(engine& connection, std::shared_ptr<signer> who,
                                         std::chrono::milliseconds limit = default_signing_limit);
/// The same for a native connection, also from a callback that has just chosen its certificate. Its modes
/// stay: without mode::async the handshake blocks.
[[nodiscard]] std::error_code use_signer(SSL* connection, std::shared_ptr<signer> who,
                                         std::chrono::milliseconds limit = default_signing_limit);

// ---- private keys in this process ----

/// A private key, shared.
using private_key = std::shared_ptr<EVP_PKEY>;

/// Reads a private key that is not encrypted from PEM. Throws std::system_error with the system's, PEM's or
/// OpenSSL's error.
[[nodiscard]] private_key load_private_key_file(const std::string& path);
[[nodiscard]] private_key load_private_key(pem key);
/// The private key that was loaded with a context's certificate; null if there is none, or if it is behind a
/// signer. With it a program that is set up as ever moves its key to a signer.
[[nodiscard]] private_key private_key_of(SSL_CTX* ctx) noexcept;

/// Signs with a key, here and now. Errors: key_mismatch if the key is not of the scheme's kind; OpenSSL's.
/// Thread safety: several threads may sign with one key. Source: EVP_DigestSign(3).
[[nodiscard]] std::error_code sign_with(EVP_PKEY* key, const signing_scheme& scheme,
                                        std::span<const std::byte> message,
                                        std::vector<std::byte>& signature);
/// Answers a request so.
void sign_with(EVP_PKEY* key, signature_request& request) noexcept;

/// Signs where it is asked, so the handshake does not wait: what OpenSSL does by itself, as a signer.
class inline_signer final : public signer {
 public:
  /// Precondition: `key` is not null.
  explicit inline_signer(private_key key) : key_(std::move(key)) {}
  void sign(std::shared_ptr<signature_request> request) override;
  [[nodiscard]] std::vector<std::byte> public_key_der() const override;

 private:
  private_key key_;
};

/// Signs on threads of its own: with a private key, or by calling a function that takes its time, say that of
/// a hardware module. Requests wait in order, and in a queue that is bounded: when it is full the answer is
/// signer_busy. Who was given up by its handshake before its turn comes is dropped.
class thread_pool_signer final : public signer {
 public:
  /// Returns the signature; whatever it throws is the answer signer_failed, a std::system_error with its code
  /// as the cause. Called on the pool's threads, several at a time.
  using function = std::function<std::vector<std::byte>(const signature_request&)>;

  /// Starts `threads` threads, at least one. At most `queue` requests, at least one, wait for a thread.
  /// Precondition: `key` is not null. Throws std::system_error if there are no more threads.
  explicit thread_pool_signer(private_key key, std::size_t threads = 1, std::size_t queue = 1024);
  /// The same with a function; `public_key_der` is what the member function returns.
  explicit thread_pool_signer(function sign, std::size_t threads = 1, std::size_t queue = 1024,
                              std::vector<std::byte> public_key_der = {});
  /// Answers what waits with signer_failed, and waits for the signatures that have been begun.
  ~thread_pool_signer() override;

  void sign(std::shared_ptr<signature_request> request) override;
  [[nodiscard]] std::vector<std::byte> public_key_der() const override { return public_key_der_; }

  /// Requests that wait for a thread.
  [[nodiscard]] std::size_t waiting() const noexcept;

 private:
  struct pool;
  void start(std::size_t threads);
  std::vector<std::byte> public_key_der_;
  std::shared_ptr<pool> pool_;
};

// ---- private keys elsewhere ----

/// What somebody who is to sign elsewhere must be told.
struct signing_task {
  signing_scheme scheme;
  std::vector<std::byte> public_key_der; ///< which key, as SubjectPublicKeyInfo
  std::vector<std::byte> message;
};

/// A request as bytes for the way to where the key is. They are self-contained but not delimited.
[[nodiscard]] std::vector<std::byte> to_bytes(const signature_request& request);
/// Reads what to_bytes() wrote; nothing for anything else. The bytes may come from anybody.
[[nodiscard]] std::optional<signing_task> parse_signing_task(std::span<const std::byte> bytes);

/// True if the message is what a TLS 1.3 server, or client, signs to prove that it has its key: then the
/// signature cannot serve any other purpose. A service that signs for others should look.
/// Source: RFC 8446 section 4.4.3.
[[nodiscard]] bool is_certificate_verify(std::span<const std::byte> message, role who) noexcept;

} // namespace tlsmode

#endif
