// SPDX-License-Identifier: BSL-1.0
// Counts the alerts that a connection sends and receives, also those that TLS 1.3 hides in sealed records.
#ifndef TLSMODE_TESTS_SUPPORT_ALERT_LOG_HPP
#define TLSMODE_TESTS_SUPPORT_ALERT_LOG_HPP

#include <openssl/ssl.h>

#include <algorithm>
#include <vector>

namespace tlsmode::test {

/// Listens on a connection for as long as it lives; the connection must not outlive it while in use.
class alert_log {
 public:
  explicit alert_log(SSL* ssl) {
    SSL_set_msg_callback(ssl, &listen);
    SSL_set_msg_callback_arg(ssl, this);
  }
  alert_log(const alert_log&) = delete;
  alert_log& operator=(const alert_log&) = delete;

  /// Alerts of one description (SSL_AD_) that this side sent, or received.
  [[nodiscard]] long sent(int description) const {
    return std::count(sent_.begin(), sent_.end(), description);
  }
  [[nodiscard]] long received(int description) const {
    return std::count(received_.begin(), received_.end(), description);
  }

 private:
  static void listen(int writing, int, int content_type, const void* data, std::size_t n, SSL*, void* self) {
    if (content_type != SSL3_RT_ALERT || n != 2) return;
    auto* const log = static_cast<alert_log*>(self);
    (writing != 0 ? log->sent_ : log->received_).push_back(static_cast<const unsigned char*>(data)[1]);
  }

  std::vector<int> sent_;
  std::vector<int> received_;
};

} // namespace tlsmode::test

#endif
