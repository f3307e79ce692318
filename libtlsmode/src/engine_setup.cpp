// SPDX-License-Identifier: BSL-1.0
// Making and setting up an engine, its memory policy, and what it tells about itself.
#include "bio.hpp"
#include "client_checks.hpp"
#include "context_settings.hpp"
#include "engine_call.hpp"
#include "hook_bridge.hpp"
#include "rare_settings.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <new>
#include <utility>

namespace tlsmode {
namespace {

// A DNS name as SNI and certificates have it: letters, digits and hyphens (RFC 6066 section 3), and the
// underscore that is seen in practice. A dot in front would match every name below (X509_check_host(3)).
bool is_dns_name(std::string_view name) noexcept {
  if (name.empty() || name.front() == '.' || name.find("..") != std::string_view::npos) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

SSL* make_ssl(SSL_CTX* ctx) {
  ERR_clear_error();
  SSL* ssl = SSL_new(ctx);
  if (ssl == nullptr) throw std::system_error(detail::first_openssl_error(), "SSL_new");
  return ssl;
}

// What has gone over other BIOs the engine could not know of.
SSL* fresh(SSL* ssl) {
  if (ssl == nullptr || SSL_in_before(ssl) == 0) throw std::system_error(error::bad_option, "engine(SSL*)");
  return ssl;
}

} // namespace

void engine::free_ssl::operator()(SSL* s) const noexcept { SSL_free(s); }
void engine::free_x509::operator()(X509* c) const noexcept { X509_free(c); }

engine* engine::of(const SSL* ssl) noexcept {
  return ssl == nullptr ? nullptr : bio_bridge::engine_of(ssl); // ex_data would cost each connection 96 bytes
}

engine::engine(const context& ctx) : engine(ctx.native_handle()) {}
engine::engine(SSL_CTX* ctx) : engine(make_ssl(ctx)) {}

engine::engine(SSL* ssl) : ssl_(fresh(ssl)), made_of_(SSL_get_SSL_CTX(ssl)) {
  BIO* bio = client_checks::watch() ? bio_bridge::make(*this) : nullptr;
  if (bio == nullptr) throw std::bad_alloc();
  SSL_set_bio(ssl, bio, bio);
  SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
  previous_verify_ = SSL_get_verify_callback(ssl);
  SSL_set_verify(ssl, SSL_get_verify_mode(ssl), &on_verify);
  previous_info_ = SSL_get_info_callback(ssl);
  SSL_set_info_callback(ssl, &on_info);
  const detail::context_settings* settings = detail::context_settings::of(SSL_get_SSL_CTX(ssl));
  host_needed_ = settings != nullptr && settings->host_needed;
  modes_ = mode_set::from_native(static_cast<std::uint64_t>(SSL_get_mode(ssl)));
  apply_modes();
  SSL_set_read_ahead(ssl, 1);
}

engine::~engine() {
  SSL* const ssl = ssl_.get();
  end_paused_job();
  if (extras_ && extras_->host) extras_->host->close();
  bio_bridge::forget(ssl); // also if it had to be left alone: callbacks find nobody
}

// ---- modes ----

mode_set engine::set_mode(mode_set modes) noexcept {
  if (job_paused()) return modes_; // OpenSSL would crash if ASYNC changed now
  modes_ |= modes;
  apply_modes();
  return modes_;
}

mode_set engine::clear_mode(mode_set modes) noexcept {
  if (job_paused()) return modes_;
  modes_ -= modes;
  apply_modes();
  return modes_;
}

// OpenSSL gets the modes that it must act on. Partial writes from moving buffers are always on inside: the
// semantics of both modes are the engine's own.
void engine::apply_modes() noexcept {
  mode_set wanted = modes_ | mode::enable_partial_write | mode::accept_moving_write_buffer;
  if (!detail::before_open(state_.now()) && job_scope_ == job_scope::handshake) wanted -= mode::async;
  SSL_clear_mode(ssl_.get(), (mode_set::from_native(~std::uint64_t{0}) - wanted).native());
  SSL_set_mode(ssl_.get(), wanted.native());
}

void engine::set_job_scope(job_scope scope) noexcept {
  if (job_paused()) return;
  job_scope_ = scope;
  apply_modes();
}

// ---- buffers ----

detail::rare_settings& engine::rare() {
  if (!rare_) rare_ = std::make_unique<detail::rare_settings>();
  return *rare_;
}

bool engine::has_verify_callback() const noexcept { return rare_ && rare_->verify; }

void engine::set_record_sizing(const std::optional<record_sizing>& sizing) {
  if (sizing)
    rare().sizer.emplace(*sizing);
  else if (rare_)
    rare_->sizer.reset();
}

void engine::set_read_ahead(std::size_t bytes) noexcept {
  read_ahead_limit_ = static_cast<std::uint32_t>(std::min(bytes, largest_limit));
  SSL_set_read_ahead(ssl_.get(), bytes == 0 ? 0 : 1);
  SSL_set_default_read_buffer_len(ssl_.get(), small_read_buffer);
  read_buffer_big_ = false;
}

// Before OpenSSL reads: a connection that filled its buffer gets a bigger one as soon as the old one is
// empty.
void engine::prepare_read_buffer() noexcept {
  if (!read_full_ || read_buffer_big_ || read_ahead_limit_ <= SSL3_RT_MAX_PACKET_SIZE) return;
  if (SSL_has_pending(ssl_.get()) != 0 || SSL_free_buffers(ssl_.get()) != 1) return;
  SSL_set_default_read_buffer_len(ssl_.get(), read_ahead_limit_);
  read_buffer_big_ = true;
}

// An idle connection holds no record buffer, unless it was told to. OpenSSL refuses while a record is half
// read. The next buffer is as big as the last one was good for: after a burst that a small one would have
// held, a small one.
void engine::enter_idle() noexcept {
  if (job_owner_ != operation::none || state_.now() == connection_state::handshaking) return;
  if (keep_buffers_ && !read_buffer_big_) return;
  if (SSL_has_pending(ssl_.get()) != 0 || SSL_free_buffers(ssl_.get()) != 1) return;
  ++stats_.buffers_released;
  if (!read_buffer_big_ || std::exchange(read_full_, false)) return;
  SSL_set_default_read_buffer_len(ssl_.get(), small_read_buffer);
  read_buffer_big_ = false;
}

// ---- verification ----

std::error_code engine::set_host(std::string_view name, std::uint16_t port) {
  if (state_.now() != connection_state::fresh) return error::bad_option;
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > TLSEXT_MAXLEN_host_name || name.find('\0') != std::string_view::npos)
    return error::bad_host_name;
  const std::string host(name); // OpenSSL takes C strings
  SSL* const ssl = ssl_.get();
  X509_VERIFY_PARAM* const param = SSL_get0_param(ssl);
  bool good = false;
  ERR_clear_error();
  if (X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str()) == 1) {
    good = SSL_set1_host(ssl, nullptr) == 1 && SSL_set_tlsext_host_name(ssl, nullptr) == 1;
  } else if (is_dns_name(name)) {
    X509_VERIFY_PARAM_set1_ip(param, nullptr, 0);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    good = SSL_set1_host(ssl, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
  }
  ERR_clear_error();
  if (!good) return error::bad_host_name;
  host_needed_ = false;
  host_named_ = true;
  port_ = port;
  return {};
}

void engine::set_verify_mode(int flags) noexcept {
  // A callback that was installed on the native object goes on deciding.
  if (const auto current = SSL_get_verify_callback(ssl_.get()); current != &on_verify)
    previous_verify_ = current;
  SSL_set_verify(ssl_.get(), flags, &on_verify);
}
void engine::set_verify_depth(int depth) noexcept { SSL_set_verify_depth(ssl_.get(), depth); }

void engine::set_verify_callback(std::function<bool(bool, X509_STORE_CTX*)> callback) {
  rare().verify = std::move(callback);
}

// OpenSSL's verify callback of every engine: asks the connection's own, else the context's, and remembers
// where the chain was refused. An exception must not cross OpenSSL.
int engine::on_verify(int preverified, X509_STORE_CTX* store) noexcept {
  const auto* ssl =
      static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  engine* const self = of(ssl);
  if (self == nullptr) return preverified;
  int verdict = 0;
  try {
    if ((self->extras_ && self->extras_->ending) || !hook_bridge::may_verify(*self))
      verdict = 0; // whoever it would ask may be gone, or nobody could ask the hooks
    else if (self->has_verify_callback())
      verdict = self->rare_->verify(preverified != 0, store) ? 1 : 0;
    else
      verdict = self->previous_verify_ != nullptr ? self->previous_verify_(preverified, store) : preverified;
  } catch (...) {
    verdict = 0;
  }
  if (client_checks::asked_for_time(ssl)) verdict = 0;
  if (verdict == 0) {
    self->refused_depth_ = X509_STORE_CTX_get_error_depth(store);
    // A refusal of the callback's own has no reason yet.
    if (X509_STORE_CTX_get_error(store) == X509_V_OK)
      X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
  } else {
    // With a context of ours session_bridge::on_chain does it.
    if (detail::context_settings::of(SSL_get_SSL_CTX(ssl)) == nullptr) self->mark_session();
  }
  return verdict;
}

// ---- failures ----

// A transport that gives no more bytes ends reading, and a handshake, but not an open connection: its other
// direction may still work. Everything else is fatal, and the first fatal failure is the one that counts.
void engine::record_failure(operation who, std::error_code ec) noexcept {
  if (state_.now() == connection_state::failed) return;
  const bool fatal =
      (ec != read_error_ && ec != write_error_) || state_.now() == connection_state::handshaking;
  failed_with_ = ec;
  try {
    describe_failure(who, ec);
  } catch (...) {
    failure_.reset(); // no memory: the code alone must do
  }
  ERR_clear_error();
  if (!fatal) return;
  write_total_ = 0; // an unfinished write ends with the connection
  forget_sessions();
  state_.on(detail::event::fatal_error);
  failing_ = !spill_.empty(); // the alert, also if this step still completes with data
}

// OpenSSL's info callback of every engine. Nothing calls it on the data path but alerts.
void engine::on_info(const SSL* ssl, int where, int value) noexcept {
  engine* const self = of(ssl);
  if (self == nullptr) return;
  if ((where & SSL_CB_ALERT) != 0) {
    const int alert = value & 0xff;
    const bool notice =
        alert == SSL_AD_CLOSE_NOTIFY || alert == SSL_AD_USER_CANCELLED || alert == SSL_AD_NO_RENEGOTIATION;
    if (!notice)
      ((where & SSL_CB_READ) != 0 ? self->alert_received_ : self->alert_sent_) =
          static_cast<std::int16_t>(alert);
  }
  // As OpenSSL chooses: the connection's own, else that which its context has now.
  const auto others = self->previous_info_ != nullptr ? self->previous_info_
                                                      : SSL_CTX_get_info_callback(SSL_get_SSL_CTX(ssl));
  if (others != nullptr) others(ssl, where, value);
}

void engine::describe_failure(operation who, std::error_code ec) {
  failure_ = std::make_unique<failure>();
  failure_->code = ec;
  if (extras_) failure_->cause = std::exchange(extras_->cause, {});
  switch (who) {
  case operation::handshake: failure_->operation = "handshake"; break;
  case operation::read: failure_->operation = "read"; break;
  case operation::write: failure_->operation = "write"; break;
  case operation::shutdown: failure_->operation = "shutdown"; break;
  case operation::none: break;
  }
  const long verdict = SSL_get_verify_result(ssl_.get());
  const bool checked = (SSL_get_verify_mode(ssl_.get()) & SSL_VERIFY_PEER) != 0; // else nobody minds
  if (who == operation::handshake && checked && verdict != X509_V_OK && refused_depth_ >= 0) {
    failure_->verify_error = X509_verify_cert_error_string(verdict);
    failure_->verify_depth = refused_depth_;
  }
  failure_->alert_received = alert_received_;
  failure_->alert_sent = alert_sent_;
  // OpenSSL makes an error of each alert that ends a connection.
  if (const int reason = ERR_GET_REASON(ERR_peek_error());
      alert_received_ < 0 && reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255)
    failure_->alert_received = reason - SSL_AD_REASON_OFFSET;
  while (const unsigned long e = ERR_get_error()) {
    char text[256];
    ERR_error_string_n(e, text, sizeof text);
    if (!failure_->openssl_errors.empty()) failure_->openssl_errors += "; ";
    failure_->openssl_errors += text;
  }
}

const failure& engine::last_failure() const noexcept {
  static const failure none;
  return failure_ ? *failure_ : none;
}

// ---- what is known ----

std::size_t engine::pending() const noexcept {
  return job_in_.size() + static_cast<std::size_t>(SSL_pending(ssl_.get()));
}

std::string_view engine::protocol() const noexcept { return SSL_get_version(ssl_.get()); }
std::string_view engine::cipher() const noexcept { return SSL_get_cipher_name(ssl_.get()); }

std::string_view engine::alpn() const noexcept {
  const unsigned char* name = nullptr;
  unsigned int n = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &n);
  return n == 0 ? std::string_view() : std::string_view(reinterpret_cast<const char*>(name), n);
}

bool engine::resumed() const noexcept { return SSL_session_reused(ssl_.get()) != 0; }

} // namespace tlsmode
