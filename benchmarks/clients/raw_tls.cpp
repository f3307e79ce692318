// SPDX-License-Identifier: BSL-1.0
// See raw_tls.hpp.
#include "raw_tls.hpp"

#include "harness/tls_settings.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>

namespace bench {
namespace {

[[noreturn]] void fail(const char* what) {
  char text[256] = "the connection ended";
  if (const auto code = ERR_get_error()) ERR_error_string_n(code, text, sizeof(text));
  ERR_clear_error();
  throw std::runtime_error(std::string("client: ") + what + ": " + text);
}

bool wants_to_read(SSL* session, int result) { return SSL_get_error(session, result) == SSL_ERROR_WANT_READ; }

} // namespace

ssl_context_ptr make_client_context(const tls_parameters& tls) {
  ssl_context_ptr context(SSL_CTX_new(TLS_client_method()));
  if (!context) fail("context");
  configure(context.get(), role::client, tls);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

raw_client::raw_client(SSL_CTX* context, unique_fd connected) : socket_(std::move(connected)) {
  if (::fcntl(descriptor(), F_SETFL, O_NONBLOCK) != 0)
    throw std::system_error(errno, std::generic_category(), "fcntl");
  if (context == nullptr) return;
  session_.reset(SSL_new(context));
  if (!session_ || SSL_set_fd(session_.get(), descriptor()) != 1) fail("session");
  SSL_set_connect_state(session_.get());
}

bool raw_client::handshake() {
  if (!session_) return true;
  const int result = SSL_do_handshake(session_.get());
  if (result != 1 && !wants_to_read(session_.get(), result)) fail("handshake");
  return result == 1;
}

std::size_t raw_client::read(std::span<std::byte> to) {
  if (!session_) {
    const auto received = ::recv(descriptor(), to.data(), to.size(), 0);
    if (received > 0) return static_cast<std::size_t>(received);
    if (received == 0 || errno != EAGAIN) fail("read");
    return 0;
  }
  std::size_t size = 0;
  const int result = SSL_read_ex(session_.get(), to.data(), to.size(), &size);
  if (result == 1) return size;
  if (!wants_to_read(session_.get(), result)) fail("read");
  return 0;
}

void raw_client::write(std::span<const std::byte> all) {
  if (!session_) return send_all(all);
  std::size_t size = 0;
  if (SSL_write_ex(session_.get(), all.data(), all.size(), &size) != 1 || size != all.size()) fail("write");
}

void raw_client::send_all(std::span<const std::byte> bytes) {
  const auto sent = ::send(descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(bytes.size())) fail("send");
}

void raw_client::begin_record(std::span<const std::byte> message) {
  if (session_) {
    BIO* const record = BIO_new(BIO_s_mem());
    if (record == nullptr) fail("memory");
    SSL_set0_wbio(session_.get(), record); // the session's from here on
    write(message);
    unsent_.resize(BIO_ctrl_pending(record));
    std::size_t size = 0;
    if (BIO_read_ex(record, unsent_.data(), unsent_.size(), &size) != 1 || size != unsent_.size())
      fail("record");
    BIO* const socket = SSL_get_rbio(session_.get());
    if (BIO_up_ref(socket) != 1) fail("BIO_up_ref");
    SSL_set0_wbio(session_.get(), socket);
  } else {
    unsent_.assign(message.begin(), message.end());
  }
  const std::size_t half = unsent_.size() / 2;
  send_all(std::span(unsent_).first(half));
  unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(half));
}

void raw_client::finish_record() {
  send_all(unsent_);
  unsent_ = {};
}

readable_set::readable_set() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_.value() < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

void readable_set::add(int descriptor, std::uint64_t name, bool once) {
  epoll_event event{};
  event.events = EPOLLIN;
  if (once) event.events |= EPOLLONESHOT;
  event.data.u64 = name;
  if (::epoll_ctl(epoll_.value(), EPOLL_CTL_ADD, descriptor, &event) != 0)
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

std::span<const std::uint64_t> readable_set::wait(steady::time_point until) {
  // epoll_wait() knows milliseconds only; ppoll() on the set knows more.
  using std::chrono::nanoseconds;
  const nanoseconds left = std::max<nanoseconds>(until - steady::now(), nanoseconds(0));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
  const timespec timeout{static_cast<time_t>(seconds.count()), static_cast<long>((left - seconds).count())};
  pollfd set{epoll_.value(), POLLIN, 0};
  const int ready = ::ppoll(&set, 1, &timeout, nullptr);
  if (ready < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "ppoll");
  if (ready <= 0) return {};
  std::array<epoll_event, std::tuple_size_v<decltype(names_)>> events;
  const int count = ::epoll_wait(epoll_.value(), events.data(), static_cast<int>(events.size()), 0);
  if (count < 0) throw std::system_error(errno, std::generic_category(), "epoll_wait");
  const auto size = static_cast<std::size_t>(count);
  for (std::size_t i = 0; i < size; ++i) names_[i] = events[i].data.u64;
  return std::span(names_).first(size);
}

} // namespace bench
