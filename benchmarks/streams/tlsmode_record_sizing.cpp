// SPDX-License-Identifier: BSL-1.0
// tlsmode::stream with records that begin small: see tlsmode/record_sizing.hpp.
#include "boost_asio.hpp"
#include "registry.hpp"
#include "scenarios/first_byte.hpp"

#include <tlsmode/asio/stream.hpp>

namespace bench {
namespace {

struct with_record_sizing : boost_asio_tls<tlsmode::stream<boost_asio::socket>> {
  static connection open(loop& where, context& settings, unique_fd fd) {
    connection stream = boost_asio_tls::open(where, settings, std::move(fd));
    stream.set_record_sizing(tlsmode::record_sizing());
    return stream;
  }
};

measurement run_with_record_sizing(const workload& work) {
  if (work.kind == scenario::first_byte) return run_first_byte<with_record_sizing>(work);
  throw std::logic_error("no such scenario");
}

} // namespace

const stream_type tlsmode_record_sizing_stream{"tlsmode-record-sizing", "tlsmode, record sizing",
                                               run_with_record_sizing};

} // namespace bench
