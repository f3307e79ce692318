// SPDX-License-Identifier: BSL-1.0
// The stream over a layer that is no plain socket, instantiated once.
#include "asio_layered.hpp"

#include "asio_transfer.hpp"

namespace tlsmode::test {

template operation start_handshake(layered_stream&, handshake_type, operation::callback);
template operation start_read(layered_stream&, net::mutable_buffer, operation::callback);
template operation start_write(layered_stream&, net::const_buffer, operation::callback);
template operation start_shutdown(layered_stream&, operation::callback);
template operation start_shutdown_form(layered_stream&, shutdown_form, operation::callback);
template operation start_wait(tls_stream&, net::socket_base::wait_type, operation::callback);
template operation start_wait(layered_stream&, net::socket_base::wait_type, operation::callback);
template class sender<layered_stream>;
template class receiver<layered_stream>;
template struct tls_pair<layered_stream, asio_stream>;
template struct tls_pair<asio_stream, layered_stream>;

} // namespace tlsmode::test
