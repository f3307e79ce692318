// SPDX-License-Identifier: BSL-1.0
// Any coroutine as a signer: the private key may be in a hardware module, on another host, anywhere that can
// be awaited. Knows no stream and no OpenSSL.
//
//   auto remote = std::make_shared<tlsmode::coroutine_signer>(
//       [&](const tlsmode::signature_request& r) -> net::awaitable<std::vector<std::byte>> {
//         co_return co_await signing_service.sign(tlsmode::to_bytes(r));
//       });
//   auto ec = tlsmode::use_signer(ctx.native_handle(), remote);
#ifndef TLSMODE_ASIO_COROUTINE_SIGNER_HPP
#define TLSMODE_ASIO_COROUTINE_SIGNER_HPP

#include <tlsmode/signer.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace tlsmode {
namespace net = boost::asio;

namespace detail {
class asio_answer_host;
}

/// Answers each request with a coroutine of its own.
/// Thread safety: as signer; the function may be called, and its coroutines may run, on several threads at a
/// time if the executor has several, each coroutine in a strand of its own.
class coroutine_signer final : public signer {
 public:
  /// Makes the coroutine that returns the signature. The request stays until the coroutine has ended.
  /// An exception is the answer signer_failed, with the code of a system_error as the cause. When the
  /// handshake is cancelled, runs out of time or loses its connection, the coroutine is cancelled: terminal,
  /// on its executor.
  using function = std::function<net::awaitable<std::vector<std::byte>>(const signature_request&)>;

  /// Runs the coroutines on the executor of the stream whose asynchronous handshake needs the signature.
  /// Without one (synchronous handshakes, which block; connections without jobs; the core alone) the answer
  /// is signer_failed with operation_not_supported as the cause. Beyond `most` coroutines at a time it is
  /// signer_busy. `public_key_der` is what the member function returns.
  explicit coroutine_signer(function sign, std::vector<std::byte> public_key_der = {},
                            std::size_t most = 1024);
  /// Runs them on `ex`, whose context must outlive the connections. Handshakes that block need somebody
  /// else to run it: else they end with signer_timed_out.
  coroutine_signer(net::any_io_executor ex, function sign, std::vector<std::byte> public_key_der = {},
                   std::size_t most = 1024);
  /// Coroutines that are running go on, and their answers count.
  ~coroutine_signer() override;

  void sign(std::shared_ptr<signature_request> request) override;
  [[nodiscard]] std::vector<std::byte> public_key_der() const override { return public_key_der_; }

  /// Coroutines that have not ended.
  [[nodiscard]] std::size_t running() const noexcept;

 private:
  struct shared;
  struct work;
  std::shared_ptr<shared> shared_;
  std::shared_ptr<const detail::asio_answer_host> own_host_; // null: the stream's
  std::vector<std::byte> public_key_der_;
};

} // namespace tlsmode

#endif
