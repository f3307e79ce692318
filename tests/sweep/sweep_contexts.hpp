// SPDX-License-Identifier: BSL-1.0
// The contexts of the fault sweep: made once for each kind of case, since their keys take time. What they ask
// for later, signatures and hooks, is answered on the loop of the case that runs.
#ifndef TLSMODE_TESTS_SWEEP_CONTEXTS_HPP
#define TLSMODE_TESTS_SWEEP_CONTEXTS_HPP

#include "asio_certificates.hpp"
#include "sweep_case.hpp"

#include <tlsmode/session.hpp>

#include <boost/asio/io_context.hpp>

namespace tlsmode::test {

struct sweep_contexts {
  sweep_contexts(scenario what, variant how, int version);
  net::ssl::context client;
  net::ssl::context server;
  session_ptr session; ///< for resumption: filled by whoever makes the first connection
};

/// Those for a case.
sweep_contexts& contexts_for(const sweep_case& c);

/// The loop on which signers and hooks answer.
void set_sweep_loop(net::io_context* io) noexcept;

} // namespace tlsmode::test

#endif
