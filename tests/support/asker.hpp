// SPDX-License-Identifier: BSL-1.0
// A callback of OpenSSL that asks somebody and waits for the answer, as hooks and private keys do: the
// certificate callback of one connection. What becomes of each question is written down. For tests that
// include the core's own headers.
#ifndef TLSMODE_TESTS_SUPPORT_ASKER_HPP
#define TLSMODE_TESTS_SUPPORT_ASKER_HPP

#include "answer_wait.hpp"

#include <tlsmode/error.hpp>
#include <tlsmode/job.hpp>

#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <ostream>
#include <vector>

namespace tlsmode {

namespace detail {
inline std::ostream& boost_test_print_type(std::ostream& out, waited w) {
  static constexpr const char* names[] = {"answered", "late", "cancelled", "ending"};
  return out << names[static_cast<std::size_t>(w)];
}
} // namespace detail

namespace test {

/// The question whether the handshake may go on.
class question final : public pending_answer {
 public:
  question() { ++alive_; }
  ~question() override { --alive_; }
  /// False if it was too late.
  bool reply(bool yes = true) {
    return answer([&] { yes_ = yes; });
  }
  [[nodiscard]] bool yes() const noexcept { return yes_; }
  /// How many there are in the program.
  [[nodiscard]] static int alive() noexcept { return alive_; }

 private:
  bool yes_ = false;
  static inline std::atomic<int> alive_{0};
};

/// Must outlive the connection that it is installed on: a job that is ended with it comes back here.
class asker {
 public:
  using asked = std::function<void(const std::shared_ptr<question>&)>;
  static constexpr auto for_ever = std::chrono::milliseconds::max();

  /// `f` gets each question, inside of the callback.
  explicit asker(asked f = {}, std::chrono::milliseconds limit = for_ever)
      : asked_(std::move(f)), limit_(limit) {}
  asker(const asker&) = delete;
  asker& operator=(const asker&) = delete;

  void install(SSL* ssl) { SSL_set_cert_cb(ssl, &on_certificate, this); }
  /// The newest question.
  [[nodiscard]] std::shared_ptr<question> last() const { return last_.lock(); }
  [[nodiscard]] int questions() const noexcept { return questions_; }
  /// How waiting for each of them ended.
  [[nodiscard]] const std::vector<detail::waited>& ends() const noexcept { return ends_; }

 private:
  static int on_certificate(SSL*, void* self) { return static_cast<asker*>(self)->ask() ? 1 : 0; }

  bool ask() {
    using detail::answer_wait;
    using detail::waited;
    for (;;) {
      const auto q = std::make_shared<question>();
      last_ = q;
      ++questions_;
      answer_wait::prepare(*q, limit_);
      if (asked_) asked_(q);
      const waited how = answer_wait::in_job() ? answer_wait::pause(q) : answer_wait::block(*q);
      ends_.push_back(how);
      switch (how) {
      case waited::answered:
        if (!q->yes()) answer_wait::fail_with(error::hook_refused);
        return q->yes();
      case waited::late: answer_wait::fail_with(error::hook_timed_out); return false;
      case waited::ending: return false;
      case waited::cancelled: break; // ask anew
      }
    }
  }

  asked asked_;
  std::chrono::milliseconds limit_;
  std::weak_ptr<question> last_;
  int questions_ = 0;
  std::vector<detail::waited> ends_;
};

} // namespace test
} // namespace tlsmode

#endif
