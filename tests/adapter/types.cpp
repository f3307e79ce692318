// SPDX-License-Identifier: BSL-1.0
// Does the stream have the types, constructors and overloads of boost::asio::ssl::stream, and its own, over
// every kind of next layer? It only has to compile.
#include <tlsmode/asio/stream.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include <array>
#include <concepts>
#include <utility>
#include <vector>

namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using std::is_same_v;
using tlsmode::stream;
using tcp_socket = net::ip::tcp::socket;
using ours = stream<tcp_socket>;
using stock = net::ssl::stream<tcp_socket>;

// ---- types ----

template <class Next>
constexpr bool same_types = is_same_v<typename stream<Next>::next_layer_type,
                                      typename net::ssl::stream<Next>::next_layer_type>&&
    is_same_v<typename stream<Next>::lowest_layer_type, typename net::ssl::stream<Next>::lowest_layer_type>&&
        is_same_v<typename stream<Next>::executor_type, typename net::ssl::stream<Next>::executor_type>&&
            is_same_v<typename stream<Next>::native_handle_type,
                      typename net::ssl::stream<Next>::native_handle_type>;

struct nothing_below {
  using executor_type = net::any_io_executor;
};

static_assert(same_types<tcp_socket>);
static_assert(same_types<tcp_socket&>);
static_assert(same_types<net::local::stream_protocol::socket>);
static_assert(same_types<net::basic_stream_socket<net::ip::tcp, net::io_context::executor_type>>);
static_assert(same_types<net::ssl::stream<tcp_socket>>);
static_assert(same_types<beast::tcp_stream::socket_type>);
static_assert(same_types<beast::tcp_stream>, "its lowest layer is for friends; its socket is the same");
static_assert(same_types<beast::tcp_stream&>);
static_assert(is_same_v<stream<ours>::lowest_layer_type, ours::lowest_layer_type>, "TLS in TLS");
static_assert(is_same_v<stream<nothing_below>::lowest_layer_type, nothing_below>);
static_assert(is_same_v<stream<beast::tcp_stream&>::next_layer_type, beast::tcp_stream>);
static_assert(is_same_v<ours::native_handle_type, SSL*>);
static_assert(std::is_base_of_v<net::ssl::stream_base, ours>);
static_assert(ours::client == net::ssl::stream_base::client && ours::server == net::ssl::stream_base::server);
static_assert(is_same_v<ours::handshake_type, net::ssl::stream_base::handshake_type>);

// ---- rebinding ----

template <class Stream, class Executor>
using rebound = typename Stream::template rebind_executor<Executor>::other;
using strand = net::strand<net::io_context::executor_type>;

static_assert(is_same_v<rebound<ours, strand>, stream<net::basic_stream_socket<net::ip::tcp, strand>>>);
static_assert(is_same_v<rebound<stream<tcp_socket&>, strand>, rebound<ours, strand>>,
              "the reference is not kept");
static_assert(is_same_v<rebound<stream<ours>, strand>, stream<rebound<ours, strand>>>, "TLS in TLS");
static_assert(is_same_v<rebound<stream<beast::tcp_stream>, strand>,
                        stream<beast::basic_stream<net::ip::tcp, strand, beast::unlimited_rate_policy>>>);
static_assert(is_same_v<rebound<rebound<ours, strand>, ours::executor_type>, ours>, "and back");

using awaiting = net::use_awaitable_t<>::as_default_on_t<ours>;
using with_tuples = net::as_tuple_t<net::use_awaitable_t<>>::as_default_on_t<ours>;
using deferring = net::deferred_t::as_default_on_t<stream<beast::tcp_stream>>;
static_assert(is_same_v<awaiting, stream<net::use_awaitable_t<>::as_default_on_t<tcp_socket>>>);
static_assert(is_same_v<net::default_completion_token_t<awaiting::executor_type>, net::use_awaitable_t<>>);
static_assert(is_same_v<decltype(net::use_awaitable_t<>::as_default_on(std::declval<ours>())), awaiting>);

// ---- what Beast asks ----

static_assert(beast::is_sync_stream<ours>::value && beast::is_async_stream<ours>::value);
static_assert(beast::is_sync_stream<awaiting>::value && beast::is_async_stream<awaiting>::value);
static_assert(beast::is_sync_stream<stream<tcp_socket&>>::value &&
              beast::is_async_stream<stream<tcp_socket&>>::value);
static_assert(beast::is_sync_stream<stream<beast::tcp_stream>>::value &&
              beast::is_async_stream<stream<beast::tcp_stream>>::value);
static_assert(beast::is_sync_stream<stream<ours>>::value && beast::is_async_stream<stream<ours>>::value);
static_assert(is_same_v<beast::executor_type<ours>, ours::executor_type>);
static_assert(is_same_v<beast::lowest_layer_type<ours>, tcp_socket>);
static_assert(is_same_v<beast::lowest_layer_type<stream<beast::tcp_stream>>, beast::tcp_stream>);
static_assert(is_same_v<beast::lowest_layer_type<stream<ours>>, tcp_socket>);

// ---- constructors, moves ----

template <class Stream>
constexpr bool moves_as_its_layer = std::is_move_constructible_v<Stream>&& std::is_move_assignable_v<Stream>&&
                                        std::is_nothrow_move_constructible_v<Stream> ==
                                    std::is_nothrow_move_constructible_v<typename Stream::next_layer_type>&&
                                        std::is_nothrow_move_assignable_v<Stream> ==
                                    std::is_nothrow_move_assignable_v<typename Stream::next_layer_type>;

static_assert(moves_as_its_layer<ours>);
static_assert(moves_as_its_layer<stream<ours>>);
static_assert(moves_as_its_layer<stream<beast::tcp_stream>>);
static_assert(std::is_nothrow_move_constructible_v<ours>, "Asio's sockets move without exceptions");
static_assert(std::is_nothrow_move_constructible_v<stream<beast::tcp_stream&>>, "and so does a reference");
static_assert(!std::is_copy_constructible_v<ours> && !std::is_copy_assignable_v<ours>);
static_assert(!std::is_move_assignable_v<stream<tcp_socket&>>, "a reference cannot be bound anew");
static_assert(!std::is_default_constructible_v<ours>);

template <class Stream, class Arg>
constexpr bool made_from = std::constructible_from<Stream, Arg, net::ssl::context&>&&
    std::constructible_from<Stream, Arg, const tlsmode::context&>&&
        std::constructible_from<Stream, Arg, tlsmode::context&>&& std::constructible_from<Stream, Arg, SSL*>;

static_assert(made_from<ours, net::io_context&>);
static_assert(made_from<ours, net::any_io_executor>);
static_assert(made_from<ours, tcp_socket>);
static_assert(made_from<ours, net::thread_pool&>);
static_assert(made_from<stream<tcp_socket&>, tcp_socket&>);
static_assert(made_from<stream<beast::tcp_stream>, tcp_socket>);
static_assert(made_from<stream<beast::tcp_stream>, beast::tcp_stream>);
static_assert(made_from<stream<ours>, ours>);

// ---- operations: what boost::asio::ssl::stream has, with the same results ----

using one_in = net::mutable_buffer;
using one_out = net::const_buffer;
using many_in = std::vector<net::mutable_buffer>;
using many_out = std::array<net::const_buffer, 3>;

template <class S>
concept drops_in = requires(S s, const S c, error_code ec, net::ssl::stream_base::handshake_type type,
                            one_in in, one_out out, many_in ins, many_out outs, void (*done)(error_code),
                            void (*moved)(error_code, std::size_t),
                            bool (*verify)(bool, net::ssl::verify_context&)) {
  { s.get_executor() }
  noexcept->std::same_as<typename S::executor_type>;
  { s.native_handle() } -> std::same_as<SSL*>;
  { s.next_layer() } -> std::same_as<typename S::next_layer_type&>;
  { c.next_layer() } -> std::same_as<const typename S::next_layer_type&>;
  { s.lowest_layer() } -> std::same_as<typename S::lowest_layer_type&>;
  { c.lowest_layer() } -> std::same_as<const typename S::lowest_layer_type&>;
  s.set_verify_mode(net::ssl::verify_peer);
  s.set_verify_mode(net::ssl::verify_peer, ec);
  s.set_verify_depth(1);
  s.set_verify_depth(1, ec);
  s.set_verify_callback(verify);
  s.set_verify_callback(verify, ec);
  { s.handshake(type) } -> std::same_as<void>;
  s.handshake(type, ec);
  { s.handshake(type, out) } -> std::same_as<void>;
  s.handshake(type, outs);
  s.handshake(type, out, ec);
  s.handshake(type, outs, ec);
  { s.async_handshake(type, done) } -> std::same_as<void>;
  { s.async_handshake(type, out, moved) } -> std::same_as<void>;
  { s.async_handshake(type, outs, moved) } -> std::same_as<void>;
  { s.shutdown() } -> std::same_as<void>;
  s.shutdown(ec);
  { s.async_shutdown(done) } -> std::same_as<void>;
  { s.write_some(out) } -> std::same_as<std::size_t>;
  { s.write_some(outs, ec) } -> std::same_as<std::size_t>;
  { s.write_some(in) } -> std::same_as<std::size_t>; // bytes that could be written to can be sent
  { s.async_write_some(outs, moved) } -> std::same_as<void>;
  { s.read_some(in) } -> std::same_as<std::size_t>;
  { s.read_some(ins, ec) } -> std::same_as<std::size_t>;
  { s.async_read_some(ins, moved) } -> std::same_as<void>;
};
static_assert(drops_in<stock>, "the list is that of the stock stream");
static_assert(drops_in<net::ssl::stream<beast::tcp_stream>>);
static_assert(drops_in<ours>);
static_assert(drops_in<stream<tcp_socket&>>);
static_assert(drops_in<stream<ours>>);
static_assert(drops_in<stream<beast::tcp_stream>>);

// ---- and what it has not ----

template <class S>
concept has_more = requires(S s, error_code ec, void (*done)(error_code)) {
  s.shutdown(tlsmode::shutdown_form::send_only);
  s.shutdown(tlsmode::shutdown_form::drain, ec);
  { s.async_shutdown(tlsmode::shutdown_form::drain, done) } -> std::same_as<void>;
  { s.async_wait(net::socket_base::wait_read, done) } -> std::same_as<void>;
  s.expires_after(std::chrono::seconds(1));
  s.expires_at(std::chrono::steady_clock::now());
  s.expires_never();
  s.reset();
  s.reset(ec);
  { s.release() } -> std::same_as<typename S::released>;
  { s.pending() } -> std::same_as<std::size_t>;
};
static_assert(has_more<ours>);
static_assert(has_more<stream<beast::tcp_stream>>);
static_assert(!has_more<stock>, "the concept can tell");

// ---- the token of the executor is the default of every initiating function ----

template <class S, class None, class Bytes>
concept has_defaults = requires(S s, net::ssl::stream_base::handshake_type type, one_in in, one_out out,
                                many_out outs) {
  { s.async_handshake(type) } -> std::same_as<None>;
  { s.async_handshake(type, out) } -> std::same_as<Bytes>;
  { s.async_handshake(type, outs) } -> std::same_as<Bytes>;
  { s.async_shutdown() } -> std::same_as<None>;
  { s.async_shutdown(tlsmode::shutdown_form::send_only) } -> std::same_as<None>;
  { s.async_write_some(outs) } -> std::same_as<Bytes>;
  { s.async_read_some(in) } -> std::same_as<Bytes>;
  { s.async_wait(net::socket_base::wait_write) } -> std::same_as<None>;
};
static_assert(has_defaults<awaiting, net::awaitable<void>, net::awaitable<std::size_t>>);
static_assert(has_defaults<with_tuples, net::awaitable<std::tuple<error_code>>,
                           net::awaitable<std::tuple<error_code, std::size_t>>>);
static_assert(requires(deferring s) { s.async_shutdown()([](error_code) {}); });
static_assert(!has_defaults<ours, void, void>, "there is none for any_io_executor");

// ---- Asio's type requirements, in as far as they are expressions ----

template <class S>
concept async_read_stream = requires(S s, many_in b, void (*h)(error_code, std::size_t)) {
  typename S::executor_type;
  { s.get_executor() }
  noexcept->std::same_as<typename S::executor_type>;
  s.async_read_some(b, h);
  { s.async_read_some(b, net::use_awaitable) } -> std::same_as<net::awaitable<std::size_t>>;
};
template <class S>
concept async_write_stream = requires(S s, many_out b, void (*h)(error_code, std::size_t)) {
  s.async_write_some(b, h);
  { s.async_write_some(b, net::use_awaitable) } -> std::same_as<net::awaitable<std::size_t>>;
};
static_assert(async_read_stream<ours> && async_write_stream<ours>);
static_assert(async_read_stream<rebound<ours, strand>> && async_write_stream<rebound<ours, strand>>);
static_assert(async_read_stream<stream<beast::tcp_stream&>> &&
              async_write_stream<stream<beast::tcp_stream&>>);

} // namespace
