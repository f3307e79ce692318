// SPDX-License-Identifier: BSL-1.0
// Hashing with OpenSSL, and JSON by hand: it is one flat object.
#include "report.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <array>
#include <cstdio>
#include <new>

namespace peers {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    std::array<char, 8> escaped{};
    if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 ||
        static_cast<unsigned char>(c) >= 0x7f) {
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x",
                    static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escaped.data();
    } else {
      out += c;
    }
  }
  return out + '"';
}

} // namespace

void digest::free_context::operator()(EVP_MD_CTX* c) const noexcept { EVP_MD_CTX_free(c); }

digest::digest() : context_(EVP_MD_CTX_new()) {
  if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
}

void digest::add(std::span<const char> bytes) {
  EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
  count_ += bytes.size();
}

std::string digest::hex() const {
  const std::unique_ptr<EVP_MD_CTX, free_context> copy(EVP_MD_CTX_new());
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  if (!copy || EVP_MD_CTX_copy_ex(copy.get(), context_.get()) != 1 ||
      EVP_DigestFinal_ex(copy.get(), hash.data(), &size) != 1)
    throw std::bad_alloc();
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += digits[hash[i] >> 4U];
    text += digits[hash[i] & 15U];
  }
  return text;
}

void print(const report& r) {
  std::string line;
  const auto add = [&line](std::string_view name, const std::string& value) {
    line += (line.empty() ? "{" : ", ") + quoted(name) + ": " + value;
  };
  add("protocol", quoted(r.protocol));
  add("cipher", quoted(r.cipher));
  add("group", quoted(r.group));
  add("alpn", quoted(r.alpn));
  add("resumed", r.resumed ? "true" : "false");
  add("peer", quoted(r.peer));
  add("received", std::to_string(r.received.count()));
  add("sha256", quoted(r.received.hex()));
  add("sent", std::to_string(r.sent));
  add("end", quoted(r.end));
  add("send_error", quoted(r.send_error));
  add("failure", quoted(r.failure));
  add("shutdown", quoted(r.shutdown));
  std::puts((line + "}").c_str());
  std::fflush(stdout);
}

std::string subject_of(X509* certificate) {
  if (certificate == nullptr) return {};
  const std::unique_ptr<BIO, int (*)(BIO*)> text(BIO_new(BIO_s_mem()), &BIO_free);
  if (!text) throw std::bad_alloc();
  X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* data = nullptr;
  const long size = BIO_get_mem_data(text.get(), &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

} // namespace peers
