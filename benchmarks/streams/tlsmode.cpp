// SPDX-License-Identifier: BSL-1.0
// The subject: tlsmode::stream over a TCP socket.
#include "boost_asio.hpp"
#include "registry.hpp"
#include "scenarios/run.hpp"

#include <tlsmode/asio/stream.hpp>

namespace bench {

const stream_type tlsmode_stream{"tlsmode", "tlsmode::stream",
                                 run<boost_asio_tls<tlsmode::stream<boost_asio::socket>>>};

} // namespace bench
