// SPDX-License-Identifier: BSL-1.0
// Making throw-away keys and certificates with OpenSSL.
#include "test_files.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace integration {
namespace {

struct key_deleter {
  void operator()(EVP_PKEY* k) const { EVP_PKEY_free(k); }
};
struct certificate_deleter {
  void operator()(X509* c) const { X509_free(c); }
};
using key_ptr = std::unique_ptr<EVP_PKEY, key_deleter>;
using certificate_ptr = std::unique_ptr<X509, certificate_deleter>;

struct identity {
  key_ptr key;
  certificate_ptr certificate;
};

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("cannot make test certificates: ") + what);
}

void extend(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, value);
  X509_EXTENSION_free(extension);
}

struct wish {
  const char* name;
  const char* alternatives = nullptr;         ///< subjectAltName; none for an authority
  long valid_from = -3600, valid_to = 86'400; ///< seconds from now
  std::string key = "p256";
};

EVP_PKEY* make_key(const std::string& kind) {
  if (kind == "rsa") return EVP_RSA_gen(2048);
  if (kind == "ed25519") return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  return EVP_EC_gen(kind == "p384" ? "P-384" : "P-256");
}

/// `issuer` null: an authority that signs itself.
identity issue(const wish& w, const identity* issuer) {
  static long serial = 1;
  identity made{key_ptr(make_key(w.key)), certificate_ptr(X509_new())};
  X509* const c = made.certificate.get();
  require(made.key != nullptr && c != nullptr, "out of memory");
  X509* const signer = issuer == nullptr ? c : issuer->certificate.get();
  X509_set_version(c, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(c), serial++);
  X509_gmtime_adj(X509_getm_notBefore(c), w.valid_from);
  X509_gmtime_adj(X509_getm_notAfter(c), w.valid_to);
  X509_set_pubkey(c, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(w.name), -1, -1, 0);
  X509_set_issuer_name(c, X509_get_subject_name(signer));
  extend(c, signer, NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE");
  extend(c, signer, NID_subject_key_identifier, "hash");
  if (issuer == nullptr) extend(c, signer, NID_key_usage, "critical,keyCertSign,cRLSign");
  if (w.alternatives != nullptr) extend(c, signer, NID_subject_alt_name, w.alternatives);
  require(X509_sign(c, issuer == nullptr ? made.key.get() : issuer->key.get(), EVP_sha256()) != 0, "sign");
  return made;
}

class pem_file {
 public:
  explicit pem_file(const std::string& name)
      : path_((scratch() / name).string()), file_(std::fopen(path_.c_str(), "w")) {
    require(file_ != nullptr, "open");
  }
  ~pem_file() { std::fclose(file_); }
  pem_file(const pem_file&) = delete;
  pem_file& operator=(const pem_file&) = delete;
  [[nodiscard]] FILE* get() const { return file_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  FILE* file_;
};

std::string save_certificate(const std::string& name, const identity& i) {
  const pem_file file(name);
  require(PEM_write_X509(file.get(), i.certificate.get()) == 1, "write");
  return file.path();
}

std::string save_key(const std::string& name, const identity& i, const char* password = nullptr) {
  const pem_file file(name);
  require(PEM_write_PKCS8PrivateKey(file.get(), i.key.get(),
                                    password == nullptr ? nullptr : EVP_aes_128_cbc(), password,
                                    password == nullptr ? 0 : 6, nullptr, nullptr) == 1,
          "write");
  return file.path();
}

certificates make() {
  const identity ca = issue({"integration test CA"}, nullptr);
  const identity other_ca = issue({"another CA"}, nullptr);
  const char* const local = "DNS:localhost,IP:127.0.0.1";
  const identity server = issue({"localhost", local}, &ca);
  const identity service = issue({"a signing service", local}, &ca);
  const identity foreign = issue({"elsewhere.example", "DNS:elsewhere.example"}, &ca);
  const identity expired = issue({"localhost", local, -7200, -3600}, &ca);
  const identity client = issue({"a client", "DNS:client.example"}, &ca);
  const identity other_client = issue({"another client", "DNS:client.example"}, &other_ca);
  certificates c;
  c.ca = save_certificate("ca.pem", ca);
  c.other_ca = save_certificate("other_ca.pem", other_ca);
  c.server = save_certificate("server.pem", server);
  c.server_key = save_key("server.key", server);
  c.encrypted_key = save_key("encrypted.key", server, "secret");
  c.service = save_certificate("service.pem", service);
  c.service_key = save_key("service.key", service);
  c.foreign = save_certificate("foreign.pem", foreign);
  c.foreign_key = save_key("foreign.key", foreign);
  c.expired = save_certificate("expired.pem", expired);
  c.expired_key = save_key("expired.key", expired);
  c.client = save_certificate("client.pem", client);
  c.client_key = save_key("client.key", client);
  c.other_client = save_certificate("other_client.pem", other_client);
  c.other_client_key = save_key("other_client.key", other_client);
  for (const std::string kind : {"p256", "p384", "rsa", "ed25519"}) {
    const identity i = issue({"localhost", local, -3600, 86'400, kind}, &ca);
    c.kinds.push_back({kind, save_certificate(kind + ".pem", i), save_key(kind + ".key", i)});
  }
  return c;
}

class scratch_directory {
 public:
  scratch_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "tlsmode-test.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::system_category(), name);
    path_ = name;
  }
  ~scratch_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

} // namespace

const std::filesystem::path& scratch() {
  static const scratch_directory directory;
  return directory.path();
}

std::string write_file(const std::string& name, std::string_view content) {
  const auto path = scratch() / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
  return path.string();
}

const certificates& certs() {
  static const certificates made = make();
  return made;
}

} // namespace integration
