// SPDX-License-Identifier: BSL-1.0
// Botan::TLS::Stream over a TCP socket. Botan 2 has no TLS 1.3: this is TLS 1.2 with
// ECDHE-ECDSA-AES128-GCM-SHA256 or its RSA sibling, X25519, and a ticket, as the other streams have it in the
// cells of TLS 1.2; and with Botan's own cryptography.
#include "boost_asio.hpp"
#include "registry.hpp"
#include "scenarios/run.hpp"

#include <openssl/pem.h>

#include <algorithm>
#include <botan/asio_stream.h>
#include <botan/auto_rng.h>
#include <botan/data_src.h>
#include <botan/pkcs8.h>
#include <botan/tls_session_manager.h>
#include <botan/version.h>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {
namespace {

// What OpenSSL's objects, which all other streams have, look like in PEM.
template <class Object>
std::unique_ptr<Botan::DataSource> pem_of(int (*write)(BIO*, const Object*), const Object* object) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
  char* text = nullptr;
  if (!memory || write(memory.get(), object) != 1) throw std::runtime_error("cannot write PEM");
  const auto size = static_cast<std::size_t>(BIO_get_mem_data(memory.get(), &text));
  return std::make_unique<Botan::DataSource_Memory>(reinterpret_cast<const std::uint8_t*>(text), size);
}
int write_key(BIO* to, const EVP_PKEY* key) {
  return PEM_write_bio_PrivateKey(to, key, nullptr, nullptr, 0, nullptr, nullptr);
}

// The certificate, and the keys of the server: its own, and the one of its tickets.
class key_ring : public Botan::Credentials_Manager {
 public:
  key_ring(role side, server_key kind, Botan::RandomNumberGenerator& random)
      : side_(side), ticket_key_(random, 32) {
    const bench::credentials own = credentials_of(kind);
    certificate_ = Botan::X509_Certificate(*pem_of<X509>(PEM_write_bio_X509, own.certificate));
    if (side == role::server) key_ = Botan::PKCS8::load_key(*pem_of<EVP_PKEY>(write_key, own.key));
  }

  bool has_rsa_key() const { return certificate_.subject_public_key()->algo_name() == "RSA"; }

  // What the client trusts: the very certificate of the server, which signed itself. Botan trusts one such
  // only as the issuer of others. Neither it nor OpenSSL verifies the signature of what it trusts anyhow.
  void verify(const std::vector<Botan::X509_Certificate>& chain, const std::string& host) const {
    if (chain.size() != 1 || chain.front() != certificate_ || !certificate_.matches_dns_name(host))
      throw std::runtime_error("the certificate is not the server's");
    const Botan::X509_Time now(std::chrono::system_clock::now());
    if (now < certificate_.not_before() || now > certificate_.not_after())
      throw std::runtime_error("the certificate is not valid now");
  }

  std::vector<Botan::X509_Certificate> cert_chain(const std::vector<std::string>& key_types,
                                                  const std::string&, const std::string&) override {
    const std::string own = certificate_.subject_public_key()->algo_name();
    if (side_ == role::client || std::find(key_types.begin(), key_types.end(), own) == key_types.end())
      return {};
    return {certificate_};
  }
  Botan::Private_Key* private_key_for(const Botan::X509_Certificate&, const std::string&,
                                      const std::string&) override {
    return key_.get();
  }
  // With such a key a server gives tickets, as OpenSSL's do.
  Botan::SymmetricKey psk(const std::string& type, const std::string& use, const std::string&) override {
    if (type != "tls-server" || use != "session-ticket") throw std::runtime_error("there is no such key");
    return ticket_key_;
  }

 private:
  role side_;
  Botan::SymmetricKey ticket_key_;
  Botan::X509_Certificate certificate_;
  std::unique_ptr<Botan::Private_Key> key_;
};

// Leaves one way to agree, so that both ends have agreed on this or on nothing.
class only_this : public Botan::TLS::Policy {
 public:
  explicit only_this(bool rsa) : rsa_(rsa) {}
  std::vector<std::string> allowed_ciphers() const override { return {"AES-128/GCM"}; }
  std::vector<std::string> allowed_macs() const override { return {"AEAD"}; }
  std::vector<std::string> allowed_signature_hashes() const override { return {"SHA-256"}; }
  std::vector<std::string> allowed_key_exchange_methods() const override { return {"ECDH"}; }
  std::vector<std::string> allowed_signature_methods() const override { return {rsa_ ? "RSA" : "ECDSA"}; }
  std::vector<Botan::TLS::Group_Params> key_exchange_groups() const override {
    return {Botan::TLS::Group_Params::X25519};
  }
  bool allow_tls10() const override { return false; }
  bool allow_tls11() const override { return false; }
  bool allow_tls12() const override { return true; }
  bool allow_dtls10() const override { return false; }
  bool allow_dtls12() const override { return false; }
  bool require_cert_revocation_info() const override { return false; } // there is no authority to ask
  bool support_cert_status_message() const override { return false; }  // nor is one asked by the others

 private:
  bool rsa_;
};

// The sessions of a client: looks at each that a full handshake has made, and keeps the first one to resume.
// A server has its sessions in its tickets.
class client_sessions : public Botan::TLS::Session_Manager {
 public:
  client_sessions(bool rsa, bool resume)
      : suite_(rsa ? "ECDHE_RSA_WITH_AES_128_GCM_SHA256" : "ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        resume_(resume) {}

  bool load_from_session_id(const std::vector<std::uint8_t>&, Botan::TLS::Session&) override { return false; }
  bool load_from_server_info(const Botan::TLS::Server_Information&, Botan::TLS::Session& to) override {
    if (kept_) to = *kept_;
    return kept_.has_value();
  }
  void remove_entry(const std::vector<std::uint8_t>&) override {}
  std::size_t remove_all() override { return 0; }
  std::chrono::seconds session_lifetime() const override { return std::chrono::hours(1); }
  void save(const Botan::TLS::Session& session) override {
    if (session.version() != Botan::TLS::Protocol_Version(Botan::TLS::Protocol_Version::TLS_V12))
      throw std::runtime_error("the session is not TLS 1.2");
    if (session.ciphersuite().to_string() != suite_)
      throw std::runtime_error("the session has another cipher suite");
    ++seen_;
    if (resume_ && !kept_ && !session.session_ticket().empty()) kept_ = session;
  }
  std::uint64_t seen() const noexcept { return seen_; }
  bool has_one() const noexcept { return kept_.has_value(); }

 private:
  std::string suite_;
  bool resume_;
  std::optional<Botan::TLS::Session> kept_;
  std::uint64_t seen_ = 0;
};

struct botan : boost_asio {
  using stream = Botan::TLS::Stream<socket>;

  struct context {
    Botan::AutoSeeded_RNG random;
    key_ring who;
    only_this policy{who.has_rsa_key()};
    client_sessions sessions;
    Botan::TLS::Context value{who, random, sessions, policy, Botan::TLS::Server_Information(server_name)};
    std::uint64_t verified = 0; // full handshakes of a client

    explicit context(role side, const tls_parameters& tls = {tls1_2()})
        : who(side, tls.key, random), sessions(who.has_rsa_key(), tls.resume) {
      if (tls.version != tls_version::tls1_2 || tls.cipher != aead::aes_128_gcm)
        throw std::runtime_error("this stream has TLS 1.2 with AES-128-GCM only");
      value.set_verify_callback([this](const auto& chain, const auto&, const auto&, Botan::Usage_Type,
                                       const std::string& host, const Botan::TLS::Policy&) {
        who.verify(chain, host);
        ++verified;
      });
    }
    static tls_parameters tls1_2() {
      tls_parameters usual;
      usual.version = tls_version::tls1_2;
      return usual;
    }
  };
  struct connection {
    context* settings;
    std::unique_ptr<stream> value; // its parts point to it: it cannot be moved
    role side = role::server;      // and what was there before the handshake:
    std::uint64_t verified = 0, seen = 0;
  };

  static connection open(loop& where, context& settings, unique_fd fd) {
    return {&settings, std::make_unique<stream>(adopt(where, std::move(fd)), settings.value)};
  }

  // Its operations take a function and no other completion token; Asio makes the one of the other.
  static task<void> handshake(connection& on, role side) {
    on.side = side;
    on.verified = on.settings->verified;
    on.seen = on.settings->sessions.seen();
    const auto botans_side = side == role::server ? Botan::TLS::SERVER : Botan::TLS::CLIENT;
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(boost::system::error_code)>(
        [&on, botans_side](auto handler) { on.value->async_handshake(botans_side, std::move(handler)); },
        boost::asio::use_awaitable);
  }
  static task<std::size_t> read_some(connection& from, std::span<std::byte> to) {
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>,
                                       void(boost::system::error_code, std::size_t)>(
        [&from, to](auto handler) {
          from.value->async_read_some(boost::asio::buffer(to.data(), to.size()), std::move(handler));
        },
        boost::asio::use_awaitable);
  }
  static task<std::size_t> write_all(connection& to, std::span<const std::byte> from) {
    return boost_asio::write_all(*to.value, from);
  }
  static task<std::size_t> write_sequence(connection& to, std::span<const std::span<const std::byte>> from) {
    return boost_asio::write_sequence(*to.value, from);
  }

  // The policy leaves one way to agree. A client's session was looked at besides when its handshake ended,
  // unless that resumed one which had been. The handshakes of a client come one after the other.
  static void check(connection& which) {
    if (!which.value->native_handle()->is_active()) throw std::runtime_error("the session is not active");
    if (which.side == role::client && !resumed(which) && which.settings->sessions.seen() == which.seen)
      throw std::runtime_error("a session has not been looked at");
  }
  static bool has_session(connection& client) { return client.settings->sessions.has_one(); }
  static bool resumed(connection& which) { // no certificate was verified
    return which.side == role::server || which.settings->verified == which.verified;
  }
};

std::string library() { return "Botan " + Botan::short_version_string(); }

} // namespace

const stream_type botan_stream{"botan", "Botan 2 TLS::Stream, TLS 1.2", run<botan>,
                               true,    server_adapter<botan>,          library};

} // namespace bench
