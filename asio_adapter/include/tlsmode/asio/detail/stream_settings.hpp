// SPDX-License-Identifier: BSL-1.0
// What can be set and asked on a stream without any I/O: its modes and limits, its verification, and what is
// known of the connection. All of it is the engine's; a stream inherits it.
#ifndef TLSMODE_ASIO_DETAIL_STREAM_SETTINGS_HPP
#define TLSMODE_ASIO_DETAIL_STREAM_SETTINGS_HPP

#include <tlsmode/asio/error.hpp>
#include <tlsmode/connection.hpp>
#include <tlsmode/engine.hpp>
#include <tlsmode/session.hpp>

#include <tlsmode/asio/detail/offload.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/verify_context.hpp>
#include <boost/asio/ssl/verify_mode.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tlsmode {
namespace net = boost::asio;

namespace detail {

/// Base of `Stream`, which has a private engine_() and is a friend's friend.
template <class Stream>
class stream_settings {
 public:
  /// Adds modes, takes modes out, tells the modes; each returns the set in force. Refused, with nothing
  /// changed, while a job is paused. Source: SSL_set_mode(3).
  mode_set set_mode(mode_set modes) noexcept { return engine_()->set_mode(modes); }
  mode_set clear_mode(mode_set modes) noexcept { return engine_()->clear_mode(modes); }
  [[nodiscard]] mode_set mode() const noexcept { return engine_()->mode(); }

  /// When mode::async makes jobs: for the handshake only, as at first, or for reads, writes and shutdowns
  /// too.
  void set_job_scope(job_scope scope) noexcept { engine_()->set_job_scope(scope); }
  /// Upper limit, in bytes, of the read-ahead; see engine::set_read_ahead. 0 for protocols that leave TLS
  /// again: see stream::release.
  void set_read_ahead(std::size_t bytes) noexcept { engine_()->set_read_ahead(bytes); }

  /// Whether OpenSSL's record buffers stay while the connection waits; see engine::set_keep_buffers. For few
  /// connections that exchange many small messages.
  void set_keep_buffers(bool keep) noexcept { engine_()->set_keep_buffers(keep); }
  /// Upper limit, in bytes, of what one operation moves before it completes; see engine::set_batch_limit.
  void set_batch_limit(std::size_t bytes) noexcept { engine_()->set_batch_limit(bytes); }
  /// Small records at the beginning of a connection and after a pause, for a peer that waits for the first
  /// bytes; nothing: always full ones, as at first. See engine::set_record_sizing.
  void set_record_sizing(const std::optional<record_sizing>& sizing) { engine_()->set_record_sizing(sizing); }

  /// On a client: the name, or IP address in text form, to check the certificate against; a name is also sent
  /// as SNI. With `port` it is also what context::resume_sessions() keeps sessions by; see engine::set_host.
  /// Errors: error::bad_host_name, error::bad_option once the handshake has begun.
  void set_host(std::string_view name, std::uint16_t port = 0) {
    throw_if(engine_()->set_host(name, port), "set_host");
  }
  void set_host(std::string_view name, boost::system::error_code& ec) { set_host(name, 0, ec); }
  void set_host(std::string_view name, std::uint16_t port, boost::system::error_code& ec) {
    ec = to_boost(engine_()->set_host(name, port));
  }

  /// As with boost::asio::ssl::stream. Precondition: no handshake begun. Source: SSL_set_verify(3).
  void set_verify_mode(net::ssl::verify_mode v) { engine_()->set_verify_mode(v); }
  /// The same; never fails, and takes `ec` because boost::asio::ssl::stream does.
  void set_verify_mode(net::ssl::verify_mode v, boost::system::error_code& ec) {
    ec = {};
    set_verify_mode(v);
  }
  /// Longest chain accepted. Precondition: no handshake begun. Source: SSL_set_verify_depth(3).
  void set_verify_depth(int depth) { engine_()->set_verify_depth(depth); }
  /// The same; never fails, as with set_verify_mode().
  void set_verify_depth(int depth, boost::system::error_code& ec) {
    ec = {};
    set_verify_depth(depth);
  }
  /// `callback` has the signature bool(bool preverified, boost::asio::ssl::verify_context&). On a server it
  /// must not ask for time (SSL_set_retry_verify(3)): that refuses the client; see
  /// engine::set_verify_callback. It runs on a job thread if the handshake does, see
  /// stream::set_placement(). Precondition: no handshake begun. Source: SSL_set_verify(3).
  template <class VerifyCallback>
  void set_verify_callback(VerifyCallback callback) {
    engine_()->set_verify_callback(
        [callback = std::move(callback)](bool preverified, X509_STORE_CTX* store) mutable {
          net::ssl::verify_context v(store);
          return static_cast<bool>(callback(preverified, v));
        });
  }
  /// The same; `ec` is never set, as with set_verify_mode(). Throws std::bad_alloc.
  template <class VerifyCallback>
  void set_verify_callback(VerifyCallback callback, boost::system::error_code& ec) {
    ec = {};
    set_verify_callback(std::move(callback));
  }

  /// Asks for a new sending key and, with `both`, for one of the peer's; it goes out with the next write.
  /// Errors: error::handshake_needed, error::bad_option before TLS 1.3, error::operation_in_progress; see
  /// engine::update_keys. Source: SSL_key_update(3), RFC 8446 section 4.6.3.
  void update_keys(bool both) { throw_if(engine_()->update_keys(both), "update_keys"); }
  void update_keys(bool both, boost::system::error_code& ec) { ec = to_boost(engine_()->update_keys(both)); }

  /// On a client: the newest session, to be offered by a later connection to the same peer with the same
  /// settings; null if there is none. With TLS 1.3 it comes with the first reads. See engine::session. A
  /// tlsmode::context does all this by itself after resume_sessions().
  [[nodiscard]] session_ptr session() const noexcept { return engine_()->session(); }
  /// On a client, before the handshake: offers a session. One that proves no verification like this stream's
  /// is refused with error::session_not_verified; see engine::offer_session. Source: SSL_set_session(3).
  void offer_session(SSL_SESSION* session) { throw_if(engine_()->offer_session(session), "offer_session"); }
  void offer_session(SSL_SESSION* session, boost::system::error_code& ec) {
    ec = to_boost(engine_()->offer_session(session));
  }

  /// The peer's certificate, null if it sent none; its chain as it sent it; the chain that was verified.
  [[nodiscard]] certificate_ptr peer_certificate() const {
    return tlsmode::peer_certificate(engine_()->native_handle());
  }
  [[nodiscard]] std::vector<certificate_ptr> peer_chain() const {
    return tlsmode::peer_chain(engine_()->native_handle());
  }
  [[nodiscard]] std::vector<certificate_ptr> verified_chain() const {
    return tlsmode::verified_chain(engine_()->native_handle());
  }

  /// Keying material that both ends of this connection, and nobody else, can compute from `label` and
  /// `context`. Errors: error::handshake_needed, OpenSSL's. Source: RFC 5705, RFC 8446 section 7.5.
  void export_keying_material(std::string_view label, net::const_buffer context, net::mutable_buffer out,
                              boost::system::error_code& ec) const {
    ec = to_boost(tlsmode::export_keying_material(
        engine_()->native_handle(), label, {static_cast<const std::byte*>(context.data()), context.size()},
        {static_cast<std::byte*>(out.data()), out.size()}));
  }
  /// The channel binding "tls-exporter". Errors: error::handshake_needed, error::bad_option where it would
  /// not be unique. Source: RFC 9266.
  [[nodiscard]] std::array<std::byte, 32> channel_binding() const {
    std::array<std::byte, 32> out{};
    throw_if(tlsmode::channel_binding(engine_()->native_handle(), out), "channel_binding");
    return out;
  }

  /// All that is known of the failure that ended the connection.
  [[nodiscard]] failure last_failure() const { return engine_()->last_failure(); }
  /// What happened on the connection so far, in numbers.
  [[nodiscard]] tlsmode::stats stats() const noexcept { return engine_()->stats(); }
  /// Where the connection stands.
  [[nodiscard]] connection_state state() const noexcept { return engine_()->state(); }
  /// "TLSv1.3" and the like; the name of the cipher suite.
  [[nodiscard]] std::string_view protocol() const noexcept { return engine_()->protocol(); }
  [[nodiscard]] std::string_view cipher() const noexcept { return engine_()->cipher(); }
  /// The group of the key exchange, e.g. "x25519"; empty if there was none.
  [[nodiscard]] std::string group() const { return tlsmode::group(engine_()->native_handle()); }
  /// The protocol agreed on by ALPN (RFC 7301); empty if none.
  [[nodiscard]] std::string_view alpn() const noexcept { return engine_()->alpn(); }
  /// True if the handshake resumed an earlier session.
  [[nodiscard]] bool resumed() const noexcept { return engine_()->resumed(); }
  /// Bytes that a read can have without waiting.
  [[nodiscard]] std::size_t pending() const noexcept { return engine_()->pending(); }

 protected:
  stream_settings() = default;
  stream_settings(const stream_settings&) = default;
  stream_settings& operator=(const stream_settings&) = default;
  ~stream_settings() = default;

 private:
  static void throw_if(std::error_code ec, const char* operation) {
    if (ec) throw boost::system::system_error(to_boost(ec), operation);
  }
  [[nodiscard]] engine_access engine_() const noexcept {
    return static_cast<const Stream&>(*this).engine_ref();
  }
};

} // namespace detail
} // namespace tlsmode

#endif
