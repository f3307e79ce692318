// SPDX-License-Identifier: BSL-1.0
// The operations that most tests use, instantiated once.
#include "asio_operation.hpp"

namespace tlsmode::test {

template operation start_handshake(tls_stream&, handshake_type, operation::callback);
template operation start_handshake(asio_stream&, handshake_type, operation::callback);
template operation start_read(tls_stream&, net::mutable_buffer, operation::callback);
template operation start_read(asio_stream&, net::mutable_buffer, operation::callback);
template operation start_write(tls_stream&, net::const_buffer, operation::callback);
template operation start_write(asio_stream&, net::const_buffer, operation::callback);
template operation start_shutdown(tls_stream&, operation::callback);
template operation start_shutdown(asio_stream&, operation::callback);
template operation start_shutdown_form(tls_stream&, shutdown_form, operation::callback);

} // namespace tlsmode::test
