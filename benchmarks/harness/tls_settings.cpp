// SPDX-License-Identifier: BSL-1.0
// One set of settings for all streams. See tls_settings.hpp.
#include "tls_settings.hpp"

#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>

namespace bench {
namespace {

struct free_session {
  void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};

using session_ptr = std::unique_ptr<SSL_SESSION, free_session>;

// What a context was configured for, kept with it: a session can then be checked without being told again.
struct context_notes {
  tls_parameters tls;
  std::mutex keeping; // contexts are shared by threads
  session_ptr kept;
};

extern "C" void free_notes(void*, void* notes, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<context_notes*>(notes);
}

int notes_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_notes);
  return index;
}

context_notes& notes_of(const SSL* session) {
  void* const notes = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), notes_index());
  if (notes == nullptr) throw std::logic_error("the context was not configured");
  return *static_cast<context_notes*>(notes);
}

// A copy: OpenSSL marks a session as not to be resumed when a connection that has it ends without
// close_notify. One is enough: it is offered again and again, and keeping more would only cost time.
extern "C" int keep_session(SSL* client, SSL_SESSION* session) {
  context_notes& notes = notes_of(client);
  const std::lock_guard lock(notes.keeping);
  if (!notes.kept) notes.kept.reset(SSL_SESSION_dup(session));
  return 0; // the reference is not kept
}

// Of tickets that hold a session, and not only its name.
bool holds_itself(const SSL_SESSION* session) {
  const unsigned char* ticket = nullptr;
  std::size_t length = 0;
  SSL_SESSION_get0_ticket(session, &ticket, &length);
  return length > SSL_MAX_SSL_SESSION_ID_LENGTH;
}

const char* suite_name(const tls_parameters& tls) {
  if (tls.version == tls_version::tls1_3) switch (tls.cipher) {
    case aead::aes_128_gcm: return "TLS_AES_128_GCM_SHA256";
    case aead::aes_256_gcm: return "TLS_AES_256_GCM_SHA384";
    case aead::chacha20_poly1305: return "TLS_CHACHA20_POLY1305_SHA256";
    }
  const bool rsa = tls.key != server_key::ecdsa_p256;
  switch (tls.cipher) {
  case aead::aes_128_gcm: return rsa ? "ECDHE-RSA-AES128-GCM-SHA256" : "ECDHE-ECDSA-AES128-GCM-SHA256";
  case aead::aes_256_gcm: return rsa ? "ECDHE-RSA-AES256-GCM-SHA384" : "ECDHE-ECDSA-AES256-GCM-SHA384";
  case aead::chacha20_poly1305: return rsa ? "ECDHE-RSA-CHACHA20-POLY1305" : "ECDHE-ECDSA-CHACHA20-POLY1305";
  }
  throw std::logic_error("no such cipher");
}

int version_number(tls_version version) {
  return version == tls_version::tls1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

extern "C" void count_record(int write, int, int type, const void*, std::size_t, SSL*, void* count) {
  if (write != 0 && type == SSL3_RT_HEADER) ++*static_cast<std::uint64_t*>(count);
}

} // namespace

void configure(SSL_CTX* context, role side, const tls_parameters& tls) {
  const int version = version_number(tls.version);
  require(SSL_CTX_set_min_proto_version(context, version) == 1, "lowest version");
  require(SSL_CTX_set_max_proto_version(context, version) == 1, "highest version");
  require((tls.version == tls_version::tls1_3 ? SSL_CTX_set_ciphersuites(context, suite_name(tls))
                                              : SSL_CTX_set_cipher_list(context, suite_name(tls))) == 1,
          "cipher suite");
  // TLS 1.2 names the certificate's curve among the groups; the first one is what is agreed on.
  require(SSL_CTX_set1_groups_list(context, tls.version == tls_version::tls1_3 ? "X25519" : "X25519:P-256") ==
              1,
          "group");
  auto notes = std::make_unique<context_notes>();
  notes->tls = tls;
  require(SSL_CTX_set_ex_data(context, notes_index(), notes.get()) == 1, "notes");
  static_cast<void>(notes.release()); // the context's
  const credentials own = credentials_of(tls.key);
  if (side == role::server) {
    require(SSL_CTX_use_certificate(context, own.certificate) == 1, "certificate");
    require(SSL_CTX_use_PrivateKey(context, own.key) == 1, "private key");
    require(SSL_CTX_set_num_tickets(context, tls.tickets) == 1, "tickets");
    const unsigned char id[] = "bench";
    require(SSL_CTX_set_session_id_context(context, id, sizeof(id)) == 1, "session id context");
    if (tls.cached) {
      SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER);
      SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    }
  } else {
    require(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), own.certificate) == 1, "trust");
    require(X509_VERIFY_PARAM_set1_host(SSL_CTX_get0_param(context), server_name, 0) == 1, "host name");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (tls.resume) {
      SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
      SSL_CTX_sess_set_new_cb(context, keep_session);
    }
  }
}

void check_session(const SSL* session) {
  const tls_parameters& wanted = notes_of(session).tls;
  if (SSL_version(session) != version_number(wanted.version))
    throw std::runtime_error("the session has another TLS version");
  const SSL_CIPHER* const cipher = SSL_get_current_cipher(session);
  if (cipher == nullptr || std::strcmp(SSL_CIPHER_get_name(cipher), suite_name(wanted)) != 0)
    throw std::runtime_error("the session has another cipher suite");
  // The macro asks SSL_ctrl, which takes a non-const pointer and changes nothing here.
  if (SSL_get_negotiated_group(const_cast<SSL*>(session)) != NID_X25519)
    throw std::runtime_error("the session has another group");
  if (!wanted.resume) check_resumed(session, false);
}

bool offer_kept_session(SSL* client) {
  context_notes& notes = notes_of(client);
  session_ptr copy;
  {
    const std::lock_guard lock(notes.keeping);
    if (!notes.kept) return false;
    copy.reset(SSL_SESSION_dup(notes.kept.get()));
  }
  require(copy && SSL_set_session(client, copy.get()) == 1, "offer a session");
  if (holds_itself(copy.get()) == notes.tls.cached)
    throw std::runtime_error(notes.tls.cached ? "the server keeps no sessions"
                                              : "the server sends no tickets");
  return true;
}

void check_resumed(const SSL* session, bool wanted) {
  if ((SSL_session_reused(session) != 0) != wanted)
    throw std::runtime_error(wanted ? "the session was not resumed" : "the session was resumed");
}

void keep_in_cache(SSL* server) {
  if (notes_of(server).tls.cached) SSL_set_shutdown(server, SSL_SENT_SHUTDOWN);
}

record_counter::record_counter(SSL* session) : session_(session) {
  SSL_set_msg_callback(session_, count_record);
  SSL_set_msg_callback_arg(session_, &count_);
}

record_counter::~record_counter() {
  SSL_set_msg_callback(session_, nullptr);
  SSL_set_msg_callback_arg(session_, nullptr);
}

} // namespace bench
