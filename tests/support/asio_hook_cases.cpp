// SPDX-License-Identifier: BSL-1.0
// The cases of the adapter's hook tests.
#include "asio_hook_cases.hpp"

#include "asio_session.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <openssl/ssl.h>

#include <stdexcept>
#include <string_view>

namespace tlsmode::test {

net::awaitable<void> script::wait() {
  struct life {
    life(script& of, net::steady_timer& t) : owner(of), place(of.waiting_.insert(of.waiting_.end(), &t)) {
      ++of.alive;
    }
    ~life() {
      owner.waiting_.erase(place);
      --owner.alive;
    }
    life(const life&) = delete;
    life& operator=(const life&) = delete;
    script& owner;
    std::list<net::steady_timer*>::iterator place;
  };
  ++begun;
  // In the coroutine: it must not outlive the event loop.
  net::steady_timer timer(co_await net::this_coro::executor, net::steady_timer::time_point::max());
  const life lives(*this, timer);
  if (ignores_cancellation) co_await net::this_coro::reset_cancellation_state(net::disable_cancellation());
  error_code ec;
  if (!released) co_await timer.async_wait(net::redirect_error(net::use_awaitable, ec));
  if (!released) {
    ++cancelled;
    throw boost::system::system_error(net::error::operation_aborted);
  }
  if (throws) throw std::runtime_error("the hook's own");
}

void script::release() {
  released = true;
  for (net::steady_timer* const t : waiting_) t->cancel();
}

namespace {

void must(std::error_code ec) {
  if (ec) throw std::system_error(ec);
}

bool is(const async_hook_case& c, std::string_view name) { return name == c.name; }

void on_hello(async_hooks& h, script& s) {
  h.on_client_hello([&s](client_hello) -> net::awaitable<client_hello_answer> {
    co_await s.wait();
    co_return client_hello_answer::proceed();
  });
}

void on_certificate(async_hooks& h, script& s) {
  h.on_certificate([&s](certificate_wanted w) -> net::awaitable<certificate_answer> {
    co_await s.wait();
    const identity& who = w.is_server ? localhost() : client_identity();
    co_return certificate_answer::use(credentials(pem(who.certificate), pem(who.key)));
  });
}

void on_verify(async_hooks& h, script& s) {
  h.on_verify([&s](peer_certificates) -> net::awaitable<verify_answer> {
    co_await s.wait();
    co_return verify_answer::accept();
  });
}

void on_staple(async_hooks& h, script& s) {
  h.on_staple([&s](staple_wanted) -> net::awaitable<staple_answer> {
    co_await s.wait();
    co_return staple_answer::none();
  });
}

const ticket_keys& keys() {
  static const ticket_keys k = ticket_keys::random();
  return k;
}

void on_ticket_key(async_hooks& h, script& s) {
  h.on_ticket_key([&s](ticket_key_wanted) -> net::awaitable<ticket_key_answer> {
    co_await s.wait();
    co_return ticket_key_answer::use(keys());
  });
}

void on_session(async_hooks& h, script& s) {
  h.on_session([&s](session_wanted w) -> net::awaitable<session_answer> {
    co_await s.wait();
    const auto kept = s.sessions.find(w.id);
    co_return kept == s.sessions.end() ? session_answer::none() : session_answer::found(kept->second.bytes());
  });
  h.on_new_session([&s](const stored_session& n) { s.sessions.insert_or_assign(n.id, n.der()); });
}

} // namespace

std::vector<async_hook_case> all_async_hook_cases() {
  std::vector<async_hook_case> all;
  for (const int v : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    all.push_back({"client hello", v, false, false, &on_hello});
    all.push_back({"server certificate", v, false, false, &on_certificate});
    all.push_back({"client certificate", v, true, false, &on_certificate});
    all.push_back({"verify a server", v, true, false, &on_verify});
    all.push_back({"verify a client", v, false, false, &on_verify});
    all.push_back({"ticket key", v, false, false, &on_ticket_key});
    all.push_back({"session", v, false, true, &on_session});
    all.push_back({"staple", v, false, false, &on_staple});
  }
  return all;
}

async_hook_rig::async_hook_rig(const async_hook_case& c, std::chrono::milliseconds time_limit)
    : what(c), client_settings(client_context(c.version)), server_settings(server_context(c.version)) {
  if (is(c, "client certificate") || is(c, "verify a client")) {
    server_settings.set_verify_mode(net::ssl::verify_peer | net::ssl::verify_fail_if_no_peer_cert);
    server_settings.add_certificate_authority(net::buffer(authority().certificate));
  }
  if (is(c, "verify a client")) {
    client_settings.use_certificate_chain(net::buffer(client_identity().certificate));
    client_settings.use_private_key(net::buffer(client_identity().key), net::ssl::context::pem);
  }
  async_hooks h;
  c.install(h, hook);
  h.set_time_limit(time_limit);
  must(set_hooks(c.on_client ? client_settings : server_settings, std::move(h)));
  if (!c.second_connection) return;
  hook.released = true;
  const auto first = connect();
  first->start();
  run_until(io, [&] { return first->c.done() && first->s.done(); });
  char room[1]{};
  const operation hello = start_write(first->server, net::buffer("x", 1)); // after the tickets
  const operation read = start_read(first->client, net::buffer(room));
  run_until(io, [&] { return hello.done() && read.done(); });
  session = first->client.session();
  const operation bye = start_shutdown_form(first->server, shutdown_form::send_only);
  run_until(io, [&] { return bye.done(); });
  hook.released = false;
  hook.begun = 0;
}

async_hook_rig::connection::connection(async_hook_rig& r, std::pair<tcp_socket, tcp_socket> sockets)
    : client(std::move(sockets.first), r.client_settings),
      server(std::move(sockets.second), r.server_settings), hook_on_client(r.what.on_client) {
  client.set_host("localhost");
  must(request_staple(client.native_handle()));
  if (r.session) client.offer_session(r.session.get());
}

std::unique_ptr<async_hook_rig::connection> async_hook_rig::connect() {
  return std::make_unique<connection>(*this, tcp_pair(io.get_executor(), io.get_executor()));
}

std::unique_ptr<async_hook_rig::connection> async_hook_rig::run_to_the_hook() {
  auto c = connect();
  c->start();
  const int before = hook.begun;
  run_until(io, [&] { return hook.begun == before + 1; });
  return c;
}

void async_hook_rig::finish(connection& c) {
  run_until(io, [&] { return c.c.done() && c.s.done(); });
  BOOST_TEST(c.c.ec() == error_code());
  BOOST_TEST(c.s.ec() == error_code());
  check_session(io, c.client, c.server);
}

} // namespace tlsmode::test
