// SPDX-License-Identifier: BSL-1.0
// How front end and signing service talk, over TLS: frames of a length, four bytes with the most significant
// first, and as many bytes. A question is what tlsmode::to_bytes() makes of a request. An answer is one byte,
// `good` and then the signature, or `refused` and nothing more. One question at a time on each connection.
#ifndef DOCS_EXAMPLES_REMOTE_SIGNER_FRAMES_HPP
#define DOCS_EXAMPLES_REMOTE_SIGNER_FRAMES_HPP

#include <tlsmode/asio/stream.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <vector>

namespace net = boost::asio;
using tls_stream = tlsmode::stream<net::ip::tcp::socket>;
using bytes = std::vector<std::byte>;

inline constexpr std::byte good{0};
inline constexpr std::byte refused{1};
/// Questions are a few hundred bytes: the certificates of a TLS 1.2 client would not fit, and have no
/// business here.
inline constexpr std::size_t longest_frame = 16 * 1024;

/// Both throw boost::system::system_error; reading throws message_size for a frame that is too long.
net::awaitable<bytes> read_frame(tls_stream& from);
net::awaitable<void> write_frame(tls_stream& to, bytes content);

#endif
