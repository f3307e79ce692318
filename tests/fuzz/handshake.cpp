// SPDX-License-Identifier: BSL-1.0
// The engine fed by whatever a peer sends before anything is agreed on, in either role, with and without the
// ClientHello hook. Nobody gets in who cannot do TLS; a failure stays the same and its alert goes out.
#include "fixed_contexts.hpp"
#include "input.hpp"

#include <tlsmode/engine.hpp>
#include <tlsmode/hook.hpp>
#include <tlsmode/memory_transport.hpp>

#include <openssl/ssl.h>

#include <string>

namespace {

using namespace tlsmode;
using namespace tlsmode::fuzz;

bool is_name(const std::string& s) {
  return std::all_of(s.begin(), s.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

// The hook looks at all that it is told, and then goes on or refuses.
context asking_server() {
  context ctx = server();
  hooks h;
  h.client_hello = [](const std::shared_ptr<client_hello_request>& r) {
    const client_hello& said = r->question();
    require(is_name(said.server_name) && said.server_name.size() <= 255, "the hook is told a name");
    std::size_t sum = 0;
    for (const std::string& p : said.alpn) {
      require(!p.empty() && p.size() <= 255, "a protocol has 1 to 255 bytes");
      sum += p.size();
    }
    require(said.ciphers.size() <= 32767 && said.versions.size() <= 127 && sum < 65536, "lists end");
    r->answer(said.ciphers.size() % 7 == 6 ? client_hello_answer::refuse() : client_hello_answer::proceed());
  };
  require(!set_hooks(ctx, std::move(h)), "hooks can be set");
  return ctx;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  begin_run();
  static const context plain = server(), asking = asking_server(), asks = client();
  input in(data, size);
  const unsigned how = in.byte();
  const role as = (how & 1) != 0 ? role::client : role::server;
  const std::size_t chunk = (how & 8) != 0 ? 1 + in.byte() : 65536;
  engine tls(as == role::client ? asks : (how & 2) != 0 ? asking : plain);
  if ((how & 4) != 0) tls.clear_mode(mode::auto_retry);
  if ((how & 16) != 0) SSL_set_max_proto_version(tls.native_handle(), TLS1_2_VERSION);
  if ((how & 32) != 0) tls.set_read_ahead(0);
  if (as == role::client) require(!tls.set_host(host), "the host name is good");

  memory_transport wire;
  step s = tls.handshake(wire, as);
  while (!in.empty() && !s.complete()) {
    require(wire.feed(in.take(chunk)), "there is memory");
    s = tls.handshake(wire, as);
    require(s.complete() || s.why == suspend::want_read, "it waits for nothing but the peer");
    require(wire.output().size() < 100'000, "answers are bounded");
  }
  require(tls.state() != connection_state::open, "nobody guesses his way in");
  if (!s.complete()) {
    wire.feed_eof();
    s = tls.handshake(wire, as);
  }
  require(s.complete() && s.error, "a handshake ends with its transport");
  require(tls.state() == connection_state::failed, "and the connection with it");
  require(tls.handshake(wire, as).error == s.error, "a failure stays the same");
  const failure& f = tls.last_failure();
  require(f.code == s.error && !f.to_string().empty(), "a failure can be told");
  if (f.alert_sent >= 0) require(!wire.output().empty(), "an alert goes out");
  std::byte one{};
  const mutable_buffer room(&one, 1);
  require(tls.read(wire, {&room, 1}).error == s.error, "nothing can be read");
  require(!tls.reset() && tls.state() == connection_state::fresh, "it can be used again");
  return 0;
}
