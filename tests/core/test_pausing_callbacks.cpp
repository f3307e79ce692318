// SPDX-License-Identifier: BSL-1.0
// OpenSSL calls back in many places of a handshake. Can a job pause in each of them, again and again, and
// does the handshake come to the same end?
#include "memory_pair.hpp"
#include "resumption.hpp"
#include "step_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <openssl/async.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/ssl.h>

#include <array>

BOOST_AUTO_TEST_SUITE(pausing_callbacks)

namespace {

using namespace tlsmode;
using namespace tlsmode::test;

// How often a job paused in a callback.
int pauses = 0;

// As asynchronous code does that is not ready three times.
void pause_here() {
  if (ASYNC_get_current_job() == nullptr) return;
  for (int i = 0; i < 3; ++i) {
    ++pauses;
    ASYNC_pause_job();
  }
}

context async(context ctx) {
  ctx.set_mode(mode::async);
  return ctx;
}

// Shakes hands over all pauses, and reads the tickets.
void connect(memory_pair& pair) {
  for (int i = 0; i < 200 && !(pair.client.last.complete() && pair.server.last.complete()); ++i)
    pair.advance();
  BOOST_REQUIRE(completes(pair.client.last));
  BOOST_REQUIRE(completes(pair.server.last));
  pair.settle();
  for (int i = 0; i < 50; ++i) {
    BOOST_TEST(pair.client.read_all().empty());
    if (pair.client.last.why != suspend::want_async) break;
  }
  BOOST_REQUIRE(stops(pair.client.last, suspend::want_read));
}

// Connects twice; the second time, if the version and the settings allow it, by resuming. Returns whether it
// was.
bool connect_twice(const context& client, const context& server) {
  bool resumed = false;
  for (int i = 0; i < 2; ++i) {
    memory_pair pair(client, server);
    pair.client.tls.set_job_scope(job_scope::all);
    connect(pair);
    resumed = pair.client.tls.resumed();
    BOOST_TEST(pair.server.tls.resumed() == resumed);
  }
  return resumed;
}

context client_for(int version) { return async(resuming_client(version)); }
context server_for(int version) { return async(only(version, server_context())); }

struct counted {
  counted() { pauses = 0; }
  ~counted() { BOOST_TEST(pauses >= 3); }
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;
};

} // namespace

TLSMODE_CASE_PER_VERSION(client_hello) {
  const counted here;
  const context server = server_for(version);
  SSL_CTX_set_client_hello_cb(
      server.native_handle(),
      [](SSL*, int*, void*) {
        pause_here();
        return SSL_CLIENT_HELLO_SUCCESS;
      },
      nullptr);
  BOOST_TEST(connect_twice(client_for(version), server));
}

TLSMODE_CASE_PER_VERSION(server_name_indication) {
  const counted here;
  const context server = server_for(version);
  static std::string name;
  SSL_CTX_set_tlsext_servername_callback(
      server.native_handle(), +[](SSL* ssl, int*, void*) {
        pause_here();
        name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        return SSL_TLSEXT_ERR_OK;
      });
  BOOST_TEST(connect_twice(client_for(version), server));
  BOOST_TEST(name == server_name);
}

TLSMODE_CASE_PER_VERSION(alpn) {
  const counted here;
  const context server = server_for(version);
  SSL_CTX_set_alpn_select_cb(
      server.native_handle(),
      [](SSL*, const unsigned char** out, unsigned char* n, const unsigned char* in, unsigned, void*) {
        pause_here();
        *out = in + 1;
        *n = in[0];
        return SSL_TLSEXT_ERR_OK;
      },
      nullptr);
  memory_pair pair(client_for(version), server);
  SSL_set_alpn_protos(pair.client.native(), reinterpret_cast<const unsigned char*>("\x02h2\x08http/1.1"), 12);
  connect(pair);
  BOOST_TEST(pair.client.tls.alpn() == "h2");
  BOOST_TEST(pair.server.tls.alpn() == "h2");
}

TLSMODE_CASE_PER_VERSION(certificate_choice) {
  const counted here;
  const context server = server_for(version);
  SSL_CTX_set_cert_cb(
      server.native_handle(),
      [](SSL*, void*) {
        pause_here();
        return 1;
      },
      nullptr);
  BOOST_TEST(connect_twice(client_for(version), server));
}

TLSMODE_CASE_PER_VERSION(status_request) {
  const counted here;
  const context server = server_for(version);
  SSL_CTX_set_tlsext_status_cb(
      server.native_handle(), +[](SSL* ssl, void*) {
        pause_here();
        auto* const staple = static_cast<unsigned char*>(OPENSSL_malloc(4));
        std::copy_n("ocsp", 4, staple);
        SSL_set_tlsext_status_ocsp_resp(ssl, staple, 4);
        return SSL_TLSEXT_ERR_OK;
      });
  memory_pair pair(client_for(version), server);
  SSL_set_tlsext_status_type(pair.client.native(), TLSEXT_STATUSTYPE_ocsp);
  connect(pair);
  const unsigned char* staple = nullptr;
  BOOST_TEST(SSL_get_tlsext_status_ocsp_resp(pair.client.native(), &staple) == 4);
}

TLSMODE_CASE_PER_VERSION(status_response) {
  const counted here;
  const context client = client_for(version);
  SSL_CTX_set_tlsext_status_type(client.native_handle(), TLSEXT_STATUSTYPE_ocsp);
  SSL_CTX_set_tlsext_status_cb(
      client.native_handle(), +[](SSL*, void*) {
        pause_here();
        return 1;
      });
  memory_pair pair(client, server_for(version));
  connect(pair);
}

TLSMODE_CASE_PER_VERSION(ticket_key) {
  const counted here;
  const context server = server_for(version);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(server.native_handle(), [](SSL*, unsigned char* name,
                                                                  unsigned char* iv, EVP_CIPHER_CTX* cipher,
                                                                  EVP_MAC_CTX* mac, int sealing) {
    pause_here();
    static unsigned char key[32] = {1};
    static char digest[] = "SHA256";
    std::fill_n(name, 16, static_cast<unsigned char>(2));
    if (sealing == 1) std::fill_n(iv, 16, static_cast<unsigned char>(3));
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key, sizeof key),
                                 OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    EVP_MAC_CTX_set_params(mac, params);
    EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key, iv, sealing);
    return 1;
  });
  BOOST_TEST(connect_twice(client_for(version), server));
}

TLSMODE_CASE_PER_VERSION(ticket_content) {
  const counted here;
  const context server = server_for(version);
  SSL_CTX_set_session_ticket_cb(
      server.native_handle(),
      [](SSL*, void*) {
        pause_here();
        return 1;
      },
      [](SSL*, SSL_SESSION*, const unsigned char*, std::size_t, SSL_TICKET_STATUS status, void*) {
        pause_here();
        const bool good = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
        return good ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_IGNORE_RENEW;
      },
      nullptr);
  BOOST_TEST(connect_twice(client_for(version), server));
}

// A server that keeps its sessions outside of OpenSSL.
TLSMODE_CASE_PER_VERSION(session_lookup) {
  const counted here;
  const context server = server_for(version);
  SSL_CTX* const native = server.native_handle();
  static SSL_SESSION* kept = nullptr;
  static int looked_up = 0;
  SSL_CTX_set_options(native, SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(native, [](SSL*, SSL_SESSION* session) {
    pause_here();
    SSL_SESSION_free(kept);
    kept = SSL_SESSION_dup(session); // this one ends with a connection that is not closed
    return 0;
  });
  SSL_CTX_sess_set_get_cb(native, [](SSL*, const unsigned char*, int, int* copy) {
    pause_here();
    ++looked_up;
    *copy = 1;
    return kept;
  });
  BOOST_TEST(connect_twice(client_for(version), server));
  BOOST_TEST(looked_up >= 1);
  SSL_SESSION_free(kept);
  kept = nullptr;
}

TLSMODE_CASE_PER_VERSION(new_session_of_a_client) {
  const counted here;
  const context client = async(only(version, client_context()));
  SSL_CTX_set_session_cache_mode(client.native_handle(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(client.native_handle(), [](SSL*, SSL_SESSION*) {
    pause_here();
    return 0;
  });
  connect_twice(client, server_for(version));
}

BOOST_AUTO_TEST_SUITE_END()
