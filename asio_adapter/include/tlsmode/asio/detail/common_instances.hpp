// SPDX-License-Identifier: BSL-1.0
// What most programs use, streams over a TCP socket with handlers on a polymorphic executor: what these do
// rarely, and at the end of every operation, is compiled once, in the library, and not in every source file
// that has such a stream.
#ifndef TLSMODE_ASIO_DETAIL_COMMON_INSTANCES_HPP
#define TLSMODE_ASIO_DETAIL_COMMON_INSTANCES_HPP

#include <tlsmode/asio/detail/asio_compat.hpp>
#include <tlsmode/asio/detail/stream_state.hpp>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/version.hpp>

// EXTERN is `extern` for those who use them, and empty where they are made.
// NOLINTBEGIN(bugprone-macro-parentheses)
#define TLSMODE_COMMON_INSTANCES(EXTERN)                                                                     \
  EXTERN template void job_wait::attach(const net::any_io_executor&);                                        \
  EXTERN template bool job_wait::watch(const net::any_io_executor&, int);                                    \
  EXTERN template std::function<void()> offload::wake_on(const net::any_io_executor&);                       \
  EXTERN template stream_state<tcp_socket>::~stream_state();                                                 \
  EXTERN template void stream_state<tcp_socket>::close();                                                    \
  EXTERN template void stream_state<tcp_socket>::prepare_jobs();                                             \
  EXTERN template void stream_state<tcp_socket>::prepare_jobs(const net::any_io_executor&);                  \
  EXTERN template void stream_state<tcp_socket>::begin_job_wait(const net::any_io_executor&);                \
  EXTERN template offload& stream_state<tcp_socket>::make_offload();                                         \
  EXTERN template void stream_state<tcp_socket>::welcome_back(const net::any_io_executor&, bool);            \
  EXTERN template void stream_state<tcp_socket>::flush_behind(const net::any_io_executor&);                  \
  EXTERN template stream_state<tcp_socket>::place stream_state<tcp_socket>::place_of_step(                   \
      const net::any_io_executor&, bool) const;                                                              \
  EXTERN template void stream_state<tcp_socket>::operation_ended(unsigned, bool, deadline_node*,             \
                                                                 const net::any_io_executor&);               \
  EXTERN template void stream_state<tcp_socket>::begin_deadline(deadline_node&, const net::any_io_executor&);
// NOLINTEND(bugprone-macro-parentheses)

namespace tlsmode::detail {

using tcp_socket = net::basic_stream_socket<net::ip::tcp, net::any_io_executor>;

// Only for programs to whom Asio's types are what they were to the library; others make their own. CMake's
// target says with which Boost it was compiled.
#if defined(TLSMODE_COMPILED_WITH_BOOST) && TLSMODE_ASIO_IS_AS_USUAL
#if TLSMODE_COMPILED_WITH_BOOST == BOOST_VERSION
TLSMODE_COMMON_INSTANCES(extern)
#endif
#endif

} // namespace tlsmode::detail

#endif
