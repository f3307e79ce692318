// SPDX-License-Identifier: BSL-1.0
// tlsmode::stream as a server whose signatures are made by a thread of their own: handshakes are suspended
// meanwhile, and the loop goes on.
#include "boost_asio.hpp"
#include "registry.hpp"
#include "scenarios/flood.hpp"
#include "scenarios/handshake.hpp"
#include "scenarios/offload.hpp"

#include <tlsmode/asio/stream.hpp>
#include <tlsmode/signer.hpp>

#include <memory>
#include <system_error>

namespace bench {
namespace {

struct with_signer : boost_asio_tls<tlsmode::stream<boost_asio::socket>> {
  struct context : boost_asio_tls::context {
    explicit context(role side, const tls_parameters& tls = {}) : boost_asio_tls::context(side, tls) {
      if (side == role::client) return;
      SSL_CTX* const native = value.native_handle();
      const auto one_thread =
          std::make_shared<tlsmode::thread_pool_signer>(tlsmode::private_key_of(native), std::size_t{1});
      if (const auto error = tlsmode::use_signer(native, one_thread))
        throw std::system_error(error, "use_signer");
    }
  };
};

measurement run_with_signer(const workload& work) {
  switch (work.kind) {
  case scenario::handshake: return run_handshake<with_signer>(work);
  case scenario::flood: return run_flood<with_signer>(work);
  case scenario::offload: return run_offload<with_signer>(work);
  default: throw std::logic_error("no such scenario");
  }
}

} // namespace

const stream_type tlsmode_signer_stream{"tlsmode-signer", "tlsmode, signer thread", run_with_signer};

} // namespace bench
