// SPDX-License-Identifier: BSL-1.0
// The device: a provider whose ciphers do their work with OpenSSL's own, an EC_KEY method that does so for
// signatures, and a thread that says when they are ready.
#ifndef OPENSSL_SUPPRESS_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED // EC_KEY methods: there is no simpler way to a key of one's own
#endif
#include "late_crypto.hpp"

#include <openssl/async.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

namespace tlsmode::test {
namespace {

using steady = std::chrono::steady_clock;

// A connection that goes away resumes its job until it ends. The device cannot be hurried, so that after so
// many times the job waits.
constexpr int patience = 2;

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

// One operation. Its job must not go on while the device still speaks of it.
struct work {
  explicit work(says way) : how(way), fd(way == says::by_descriptor ? ::eventfd(0, EFD_CLOEXEC) : -1) {}
  ~work() {
    if (fd >= 0) ::close(fd);
  }
  work(const work&) = delete;
  work& operator=(const work&) = delete;

  bool is_ready() {
    const std::lock_guard lock(mutex);
    return ready;
  }
  void wait() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return ready; });
  }
  void be_ready() {
    const std::lock_guard lock(mutex);
    ready = true;
    changed.notify_all();
    if (callback != nullptr) callback(argument);
    const std::uint64_t one = 1;
    if (fd >= 0 && ::write(fd, &one, sizeof one) != sizeof one) std::abort();
  }

  const says how;
  const int fd;
  int (*callback)(void*) = nullptr;
  void* argument = nullptr;

 private:
  std::mutex mutex;
  std::condition_variable changed;
  bool ready = false;
};

class device {
 public:
  device(says how, std::chrono::microseconds time) : how_(how), time_(time) {}
  ~device() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  device(const device&) = delete;
  device& operator=(const device&) = delete;

  // In a job.
  void take_time(ASYNC_JOB* job, bool signature) {
    ASYNC_WAIT_CTX* const context = ASYNC_get_wait_ctx(job);
    const auto w = std::make_shared<work>(how_);
    if (how_ == says::by_descriptor) ASYNC_WAIT_CTX_set_wait_fd(context, w.get(), w->fd, nullptr, nullptr);
    if (how_ == says::by_callback) {
      ASYNC_WAIT_CTX_get_callback(context, &w->callback, &w->argument);
      if (w->callback != nullptr) ASYNC_WAIT_CTX_set_status(context, ASYNC_STATUS_OK);
    }
    ++operations;
    if (signature) ++signatures;
    begin(w);
    for (int vain = 0;; ++vain) {
      ASYNC_pause_job();
      if (w->is_ready()) break;
      ++early;
      if (vain == patience) {
        w->wait();
        break;
      }
    }
    if (how_ == says::by_descriptor) ASYNC_WAIT_CTX_clear_fd(context, w.get());
    ASYNC_WAIT_CTX_set_status(context, ASYNC_STATUS_UNSUPPORTED);
  }

  std::atomic<int> operations{0};
  std::atomic<int> signatures{0};
  std::atomic<int> early{0};

 private:
  void begin(const std::shared_ptr<work>& w) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back({steady::now() + time_, w});
    }
    changed_.notify_all();
  }
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return over_ || !queue_.empty(); });
      if (queue_.empty()) return;
      const auto [when, w] = queue_.front();
      queue_.pop_front();
      lock.unlock();
      std::this_thread::sleep_until(when);
      w->be_ready();
      lock.lock();
    }
  }

  const says how_;
  const std::chrono::microseconds time_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<steady::time_point, std::shared_ptr<work>>> queue_;
  bool over_ = false;
  std::thread thread_{[this] { run(); }};
};

std::unique_ptr<device> the_device;

void take_time(bool signature) noexcept {
  ASYNC_JOB* const job = ASYNC_get_current_job();
  if (job != nullptr && the_device) the_device->take_time(job, signature);
}

// ---- the cipher ----

struct cipher_context {
  EVP_CIPHER_CTX* inner;
  EVP_CIPHER* cipher;
};

EVP_CIPHER* fetch(const char* name) { return EVP_CIPHER_fetch(nullptr, name, "provider=default"); }

template <int Bits>
constexpr const char* aes_gcm = Bits == 128 ? "AES-128-GCM" : "AES-256-GCM";

template <int Bits>
void* new_context(void*) noexcept {
  auto* const c = static_cast<cipher_context*>(OPENSSL_zalloc(sizeof(cipher_context)));
  if (c == nullptr) return nullptr;
  c->inner = EVP_CIPHER_CTX_new();
  c->cipher = fetch(aes_gcm<Bits>);
  return c;
}
void free_context(void* p) noexcept {
  auto* const c = static_cast<cipher_context*>(p);
  EVP_CIPHER_CTX_free(c->inner);
  EVP_CIPHER_free(c->cipher);
  OPENSSL_free(c);
}
int init(void* p, const unsigned char* key, const unsigned char* iv, std::size_t iv_size,
         const OSSL_PARAM params[], int encrypt) noexcept {
  auto* const c = static_cast<cipher_context*>(p);
  if (EVP_CIPHER_CTX_get0_cipher(c->inner) == nullptr &&
      EVP_CipherInit_ex2(c->inner, c->cipher, nullptr, nullptr, encrypt, nullptr) != 1)
    return 0;
  if (iv != nullptr && iv_size != static_cast<std::size_t>(EVP_CIPHER_CTX_get_iv_length(c->inner)) &&
      EVP_CIPHER_CTX_ctrl(c->inner, EVP_CTRL_AEAD_SET_IVLEN, static_cast<int>(iv_size), nullptr) != 1)
    return 0;
  return EVP_CipherInit_ex2(c->inner, nullptr, key, iv, encrypt, params);
}
int encrypt_init(void* p, const unsigned char* key, std::size_t, const unsigned char* iv, std::size_t iv_size,
                 const OSSL_PARAM params[]) noexcept {
  return init(p, key, iv, iv_size, params, 1);
}
int decrypt_init(void* p, const unsigned char* key, std::size_t, const unsigned char* iv, std::size_t iv_size,
                 const OSSL_PARAM params[]) noexcept {
  return init(p, key, iv, iv_size, params, 0);
}
int update(void* p, unsigned char* out, std::size_t* n, std::size_t, const unsigned char* in,
           std::size_t size) noexcept {
  if (out != nullptr) take_time(false); // else it is additional data
  int done = 0;
  if (EVP_CipherUpdate(static_cast<cipher_context*>(p)->inner, out, &done, in, static_cast<int>(size)) != 1)
    return 0;
  *n = static_cast<std::size_t>(done);
  return 1;
}
int final(void* p, unsigned char* out, std::size_t* n, std::size_t) noexcept {
  int done = 0;
  if (EVP_CipherFinal_ex(static_cast<cipher_context*>(p)->inner, out, &done) != 1) return 0;
  *n = static_cast<std::size_t>(done);
  return 1;
}
// A whole record of TLS 1.2.
int whole(void* p, unsigned char* out, std::size_t* n, std::size_t, const unsigned char* in,
          std::size_t size) noexcept {
  take_time(false);
  const int done = EVP_Cipher(static_cast<cipher_context*>(p)->inner, out, in, static_cast<unsigned>(size));
  if (done < 0) return 0;
  *n = static_cast<std::size_t>(done);
  return 1;
}
template <int Bits>
int get_params(OSSL_PARAM params[]) noexcept {
  EVP_CIPHER* const c = fetch(aes_gcm<Bits>);
  const int good = EVP_CIPHER_get_params(c, params);
  EVP_CIPHER_free(c);
  return good;
}
int get_context_params(void* p, OSSL_PARAM params[]) noexcept {
  auto* const c = static_cast<cipher_context*>(p);
  if (EVP_CIPHER_CTX_get0_cipher(c->inner) == nullptr)
    EVP_CipherInit_ex2(c->inner, c->cipher, nullptr, nullptr, -1, nullptr);
  return EVP_CIPHER_CTX_get_params(c->inner, params);
}
int set_context_params(void* p, const OSSL_PARAM params[]) noexcept {
  return EVP_CIPHER_CTX_set_params(static_cast<cipher_context*>(p)->inner, const_cast<OSSL_PARAM*>(params));
}
// What libssl asks for and sets.
const OSSL_PARAM* gettable(void*, void*) noexcept {
  static const OSSL_PARAM known[] = {OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, nullptr),
                                     OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, nullptr),
                                     OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_TAGLEN, nullptr),
                                     OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, nullptr, 0),
                                     OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD_PAD, nullptr),
                                     OSSL_PARAM_END};
  return known;
}
const OSSL_PARAM* settable(void*, void*) noexcept {
  static const OSSL_PARAM known[] = {
      OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_IVLEN, nullptr),
      OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, nullptr, 0),
      OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, nullptr, 0),
      OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED, nullptr, 0), OSSL_PARAM_END};
  return known;
}

template <class F>
OSSL_DISPATCH entry(int id, F* f) {
  return {id, reinterpret_cast<void (*)()>(f)};
}

template <int Bits>
const OSSL_DISPATCH* functions() {
  static const OSSL_DISPATCH all[] = {entry(OSSL_FUNC_CIPHER_NEWCTX, &new_context<Bits>),
                                      entry(OSSL_FUNC_CIPHER_FREECTX, &free_context),
                                      entry(OSSL_FUNC_CIPHER_ENCRYPT_INIT, &encrypt_init),
                                      entry(OSSL_FUNC_CIPHER_DECRYPT_INIT, &decrypt_init),
                                      entry(OSSL_FUNC_CIPHER_UPDATE, &update),
                                      entry(OSSL_FUNC_CIPHER_FINAL, &final),
                                      entry(OSSL_FUNC_CIPHER_CIPHER, &whole),
                                      entry(OSSL_FUNC_CIPHER_GET_PARAMS, &get_params<Bits>),
                                      entry(OSSL_FUNC_CIPHER_GET_CTX_PARAMS, &get_context_params),
                                      entry(OSSL_FUNC_CIPHER_SET_CTX_PARAMS, &set_context_params),
                                      entry(OSSL_FUNC_CIPHER_GETTABLE_CTX_PARAMS, &gettable),
                                      entry(OSSL_FUNC_CIPHER_SETTABLE_CTX_PARAMS, &settable),
                                      {0, nullptr}};
  return all;
}

const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) noexcept {
  static const OSSL_ALGORITHM ciphers[] = {
      {"AES-128-GCM:id-aes128-GCM:2.16.840.1.101.3.4.1.6", "provider=late", functions<128>(), nullptr},
      {"AES-256-GCM:id-aes256-GCM:2.16.840.1.101.3.4.1.46", "provider=late", functions<256>(), nullptr},
      {nullptr, nullptr, nullptr, nullptr}};
  *no_cache = 0;
  return operation == OSSL_OP_CIPHER ? ciphers : nullptr;
}

int start_provider(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH*, const OSSL_DISPATCH** out,
                   void** context) noexcept {
  static const OSSL_DISPATCH all[] = {entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, &query), {0, nullptr}};
  *out = all;
  *context = const_cast<OSSL_CORE_HANDLE*>(handle); // anything but null
  return 1;
}

// ---- the signature ----

using sign_function = int (*)(int, const unsigned char*, int, unsigned char*, unsigned int*, const BIGNUM*,
                              const BIGNUM*, EC_KEY*);
sign_function plain_sign = nullptr;

int sign(int type, const unsigned char* digest, int size, unsigned char* signature, unsigned int* n,
         const BIGNUM* k, const BIGNUM* r, EC_KEY* key) noexcept {
  take_time(true);
  return plain_sign(type, digest, size, signature, n, k, r, key);
}

const EC_KEY_METHOD* method() {
  static EC_KEY_METHOD* const made = [] {
    EC_KEY_METHOD* const m = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    require(m != nullptr, "EC_KEY method");
    int (*setup)(EC_KEY*, BN_CTX*, BIGNUM**, BIGNUM**) = nullptr;
    ECDSA_SIG* (*sig)(const unsigned char*, int, const BIGNUM*, const BIGNUM*, EC_KEY*) = nullptr;
    EC_KEY_METHOD_get_sign(m, &plain_sign, &setup, &sig);
    EC_KEY_METHOD_set_sign(m, &sign, setup, sig);
    return m;
  }();
  return made;
}

} // namespace

void late_crypto::install() {
  static const bool done = [] {
    // For as long as the program runs. The default provider no longer comes by itself.
    static const OSSL_PROVIDER* loaded[2] = {OSSL_PROVIDER_load(nullptr, "default"), nullptr};
    require(loaded[0] != nullptr, "default provider");
    require(OSSL_PROVIDER_add_builtin(nullptr, "late", &start_provider) == 1, "late provider");
    loaded[1] = OSSL_PROVIDER_load(nullptr, "late");
    require(loaded[1] != nullptr, "late provider");
    require(EVP_set_default_properties(nullptr, "?provider=late") == 1, "late properties");
    return true;
  }();
  (void)done;
}

EVP_PKEY* late_crypto::behind_device(EVP_PKEY* ec_key) {
  EC_KEY* const copy = EC_KEY_dup(EVP_PKEY_get0_EC_KEY(ec_key));
  EVP_PKEY* const key = EVP_PKEY_new();
  require(copy != nullptr && key != nullptr && EC_KEY_set_method(copy, method()) == 1 &&
              EVP_PKEY_assign_EC_KEY(key, copy) == 1,
          "key behind the device");
  return key;
}

late_crypto::late_crypto(says how, std::chrono::microseconds time) {
  require(!the_device, "one device at a time");
  the_device = std::make_unique<device>(how, time);
}

late_crypto::~late_crypto() { the_device.reset(); }

int late_crypto::operations() const noexcept { return the_device->operations; }
int late_crypto::signatures() const noexcept { return the_device->signatures; }
int late_crypto::early() const noexcept { return the_device->early; }

} // namespace tlsmode::test
