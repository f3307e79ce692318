// SPDX-License-Identifier: BSL-1.0
// The OpenSSL provider through which libssl comes to a signer: keys that consist of a public part and of whom
// to ask, and signatures that ask. It lives in a library context of its own, so that no other code's keys
// ever come here and the program's own choice of providers stays as it is. Source: provider-keymgmt(7),
// provider-signature(7).
#include "signer_signature.hpp"
#include "signing.hpp"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/provider.h>

#include <cstring>
#include <new>

namespace tlsmode::detail {
namespace {

constexpr const char* provider_name = "tlsmode";
// By which make_provider_key() hands over the address of a shared_ptr.
constexpr const char* key_parameter = "tlsmode-signer-key";

using key_slot = std::shared_ptr<const signer_key>;

template <class F>
void (*erased(F* function) noexcept)() {
  return reinterpret_cast<void (*)()>(function);
}

// ---- keys ----

void* key_new(void*) noexcept { return new (std::nothrow) key_slot; }
void key_free(void* key) noexcept { delete static_cast<key_slot*>(key); }

int key_has(const void* key, int) noexcept {
  return key != nullptr && *static_cast<const key_slot*>(key) != nullptr
             ? 1
             : 0; // the private part too, in a way
}

int key_import(void* key, int, const OSSL_PARAM params[]) noexcept {
  const OSSL_PARAM* const from = OSSL_PARAM_locate_const(params, key_parameter);
  const void* slot = nullptr;
  std::size_t n = 0;
  if (from == nullptr || OSSL_PARAM_get_octet_ptr(from, &slot, &n) != 1 || slot == nullptr) return 0;
  *static_cast<key_slot*>(key) = *static_cast<const key_slot*>(slot);
  return 1;
}

const OSSL_PARAM* key_import_types(int) noexcept {
  static const OSSL_PARAM types[] = {{key_parameter, OSSL_PARAM_OCTET_PTR, nullptr, 0, OSSL_PARAM_UNMODIFIED},
                                     OSSL_PARAM_END};
  return types;
}

// Nobody gets a private key. Nor may whoever asks for all get the public part alone: OpenSSL would take that
// for the key and sign with it elsewhere.
int key_export(void* key, int selection, OSSL_CALLBACK* take, void* argument) noexcept {
  const key_slot& slot = *static_cast<const key_slot*>(key);
  if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 || !slot) return 0;
  OSSL_PARAM* params = nullptr;
  if (EVP_PKEY_todata(slot->public_key.get(), EVP_PKEY_PUBLIC_KEY, &params) != 1) return 0;
  const int rc = take(params, argument);
  OSSL_PARAM_free(params);
  return rc;
}

const OSSL_PARAM* key_export_types(int selection) noexcept {
  static const OSSL_PARAM none[] = {OSSL_PARAM_END};
  static const OSSL_PARAM types[] = {
      {OSSL_PKEY_PARAM_RSA_N, OSSL_PARAM_UNSIGNED_INTEGER, nullptr, 0, OSSL_PARAM_UNMODIFIED},
      {OSSL_PKEY_PARAM_RSA_E, OSSL_PARAM_UNSIGNED_INTEGER, nullptr, 0, OSSL_PARAM_UNMODIFIED},
      {OSSL_PKEY_PARAM_GROUP_NAME, OSSL_PARAM_UTF8_STRING, nullptr, 0, OSSL_PARAM_UNMODIFIED},
      {OSSL_PKEY_PARAM_PUB_KEY, OSSL_PARAM_OCTET_STRING, nullptr, 0, OSSL_PARAM_UNMODIFIED},
      OSSL_PARAM_END};
  return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 ? none : types;
}

// What there is to know is in the public part.
int key_get_params(void* key, OSSL_PARAM params[]) noexcept {
  const key_slot& slot = *static_cast<const key_slot*>(key);
  return slot ? EVP_PKEY_get_params(slot->public_key.get(), params) : 0;
}

const OSSL_PARAM* key_gettable_params(void*) noexcept {
  static const OSSL_PARAM params[] = {
      {OSSL_PKEY_PARAM_BITS, OSSL_PARAM_INTEGER, nullptr, sizeof(int), OSSL_PARAM_UNMODIFIED},
      {OSSL_PKEY_PARAM_SECURITY_BITS, OSSL_PARAM_INTEGER, nullptr, sizeof(int), OSSL_PARAM_UNMODIFIED},
      {OSSL_PKEY_PARAM_MAX_SIZE, OSSL_PARAM_INTEGER, nullptr, sizeof(int), OSSL_PARAM_UNMODIFIED},
      {OSSL_PKEY_PARAM_DEFAULT_DIGEST, OSSL_PARAM_UTF8_STRING, nullptr, 0, OSSL_PARAM_UNMODIFIED},
      {OSSL_PKEY_PARAM_MANDATORY_DIGEST, OSSL_PARAM_UTF8_STRING, nullptr, 0, OSSL_PARAM_UNMODIFIED},
      {OSSL_PKEY_PARAM_GROUP_NAME, OSSL_PARAM_UTF8_STRING, nullptr, 0, OSSL_PARAM_UNMODIFIED},
      {OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, OSSL_PARAM_UTF8_STRING, nullptr, 0, OSSL_PARAM_UNMODIFIED},
      OSSL_PARAM_END};
  return params;
}

const char* ec_operation(int operation) noexcept {
  return operation == OSSL_OP_SIGNATURE ? "ECDSA" : nullptr;
}

// ---- tables ----

const OSSL_DISPATCH key_functions[] = {{OSSL_FUNC_KEYMGMT_NEW, erased(&key_new)},
                                       {OSSL_FUNC_KEYMGMT_FREE, erased(&key_free)},
                                       {OSSL_FUNC_KEYMGMT_HAS, erased(&key_has)},
                                       {OSSL_FUNC_KEYMGMT_IMPORT, erased(&key_import)},
                                       {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, erased(&key_import_types)},
                                       {OSSL_FUNC_KEYMGMT_EXPORT, erased(&key_export)},
                                       {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, erased(&key_export_types)},
                                       {OSSL_FUNC_KEYMGMT_GET_PARAMS, erased(&key_get_params)},
                                       {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, erased(&key_gettable_params)},
                                       {0, nullptr}};

const OSSL_DISPATCH ec_key_functions[] = {{OSSL_FUNC_KEYMGMT_NEW, erased(&key_new)},
                                          {OSSL_FUNC_KEYMGMT_FREE, erased(&key_free)},
                                          {OSSL_FUNC_KEYMGMT_HAS, erased(&key_has)},
                                          {OSSL_FUNC_KEYMGMT_IMPORT, erased(&key_import)},
                                          {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, erased(&key_import_types)},
                                          {OSSL_FUNC_KEYMGMT_EXPORT, erased(&key_export)},
                                          {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, erased(&key_export_types)},
                                          {OSSL_FUNC_KEYMGMT_GET_PARAMS, erased(&key_get_params)},
                                          {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, erased(&key_gettable_params)},
                                          {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, erased(&ec_operation)},
                                          {0, nullptr}};

// All the names by which libssl may ask what kind of key it has.
constexpr const char* everything = "provider=tlsmode";
const OSSL_ALGORITHM key_kinds[] = {
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", everything, key_functions, nullptr},
    {"EC:id-ecPublicKey:1.2.840.10045.2.1", everything, ec_key_functions, nullptr},
    {"ED25519:1.3.101.112", everything, key_functions, nullptr},
    {nullptr, nullptr, nullptr, nullptr}};

const OSSL_ALGORITHM signatures[] = {
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", everything, signature_functions(), nullptr},
    {"ECDSA", everything, signature_functions(), nullptr},
    {"ED25519:1.3.101.112", everything, signature_functions(), nullptr},
    {nullptr, nullptr, nullptr, nullptr}};

const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) noexcept {
  *no_cache = 0;
  switch (operation) {
  case OSSL_OP_KEYMGMT: return key_kinds;
  case OSSL_OP_SIGNATURE: return signatures;
  default: return nullptr;
  }
}

const OSSL_DISPATCH provider_functions[] = {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, erased(&query)},
                                            {0, nullptr}};

int initialise(const OSSL_CORE_HANDLE* core, const OSSL_DISPATCH*, const OSSL_DISPATCH** out,
               void** context) noexcept {
  *out = provider_functions;
  *context = const_cast<OSSL_CORE_HANDLE*>(core); // not used, but null would mean failure
  return 1;
}

// Null if there is no memory. Never freed: keys of contexts in static variables are freed very late.
OSSL_LIB_CTX* library() noexcept {
  static OSSL_LIB_CTX* const made = [] {
    OSSL_LIB_CTX* lib = OSSL_LIB_CTX_new();
    if (lib == nullptr || OSSL_PROVIDER_add_builtin(lib, provider_name, &initialise) != 1 ||
        OSSL_PROVIDER_load(lib, provider_name) == nullptr) {
      OSSL_LIB_CTX_free(lib);
      lib = nullptr;
    }
    return lib;
  }();
  return made;
}

const char* name_of(signing_scheme::key_kind kind) noexcept {
  switch (kind) {
  case signing_scheme::key_kind::rsa: return "RSA";
  case signing_scheme::key_kind::ec: return "EC";
  case signing_scheme::key_kind::ed25519: return "ED25519";
  }
  return "";
}

} // namespace

const signer_key* key_in(const void* key) noexcept { return static_cast<const key_slot*>(key)->get(); }

pkey_ptr make_provider_key(const std::shared_ptr<const signer_key>& key) noexcept {
  OSSL_LIB_CTX* const lib = library();
  if (lib == nullptr) return nullptr;
  const std::unique_ptr<EVP_PKEY_CTX, free_with<&EVP_PKEY_CTX_free>> maker(
      EVP_PKEY_CTX_new_from_name(lib, name_of(key->kind), nullptr));
  void* slot = const_cast<key_slot*>(&key);
  OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_ptr(key_parameter, &slot, sizeof key), OSSL_PARAM_END};
  EVP_PKEY* made = nullptr;
  if (!maker || EVP_PKEY_fromdata_init(maker.get()) != 1 ||
      EVP_PKEY_fromdata(maker.get(), &made, EVP_PKEY_KEYPAIR, params) != 1)
    return nullptr;
  return pkey_ptr(made);
}

bool is_provider_key(const EVP_PKEY* key) noexcept {
  const OSSL_PROVIDER* const from = EVP_PKEY_get0_provider(key);
  return from != nullptr && std::strcmp(OSSL_PROVIDER_get0_name(from), provider_name) == 0;
}

} // namespace tlsmode::detail
