// SPDX-License-Identifier: BSL-1.0
// Makes the contexts of the fault sweep.
#include "sweep_contexts.hpp"

#include "heap_counter.hpp"

#include <tlsmode/asio/hooks.hpp>
#include <tlsmode/signer.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <openssl/ssl.h>

#include <map>
#include <memory>
#include <system_error>
#include <tuple>
#include <utility>

namespace tlsmode::test {
namespace {

net::io_context* loop = nullptr;

void must(std::error_code ec) {
  if (ec) throw std::system_error(ec);
}

// Signs with the key of a context, but not before the loop comes to it.
class posting_signer final : public signer {
 public:
  explicit posting_signer(private_key key) : key_(std::move(key)) {}
  void sign(std::shared_ptr<signature_request> request) override {
    net::post(*loop, [key = key_, request = std::move(request)] { sign_with(key.get(), *request); });
  }

 private:
  private_key key_;
};

void move_key_to_a_signer(net::ssl::context& ctx) {
  must(
      use_signer(ctx.native_handle(), std::make_shared<posting_signer>(private_key_of(ctx.native_handle()))));
}

// Gives way once.
net::awaitable<void> later() { co_await net::post(co_await net::this_coro::executor, net::use_awaitable); }

async_hooks accepting() {
  async_hooks h;
  h.on_verify([](peer_certificates) -> net::awaitable<verify_answer> {
    co_await later();
    co_return verify_answer::accept();
  });
  return h;
}

void add_hooks(sweep_contexts& c, scenario what) {
  async_hooks of_server = accepting(); // of clients' certificates, if they are asked for any
  of_server.on_client_hello([](client_hello) -> net::awaitable<client_hello_answer> {
    co_await later();
    co_return client_hello_answer::proceed();
  });
  of_server.on_ticket_key([](ticket_key_wanted) -> net::awaitable<ticket_key_answer> {
    static const ticket_keys keys = ticket_keys::random();
    co_await later();
    co_return ticket_key_answer::use(keys);
  });
  must(set_hooks(c.server, std::move(of_server)));
  if (what != scenario::resumption) must(set_hooks(c.client, accepting())); // else it could not resume
}

} // namespace

sweep_contexts::sweep_contexts(scenario what, variant how, int version)
    : client(client_context(version)), server(server_context(version)) {
  if (what == scenario::client_auth) {
    server.set_verify_mode(net::ssl::verify_peer | net::ssl::verify_fail_if_no_peer_cert);
    server.add_certificate_authority(net::buffer(authority().certificate));
    client.use_certificate_chain(net::buffer(client_identity().certificate));
    client.use_private_key(net::buffer(client_identity().key), net::ssl::context::pem);
  }
  if (how == variant::signer) move_key_to_a_signer(server);
  if (how == variant::signer && what == scenario::client_auth) move_key_to_a_signer(client);
  if (how == variant::hooks) add_hooks(*this, what);
}

sweep_contexts& contexts_for(const sweep_case& c) {
  static const int begun = OPENSSL_init_ssl(0, nullptr); // or OpenSSL would end before they do
  (void)begun;
  static std::map<std::tuple<int, int, int>, std::unique_ptr<sweep_contexts>> made;
  auto& found = made[{static_cast<int>(c.what), static_cast<int>(c.how), c.version}];
  if (!found) found = std::make_unique<sweep_contexts>(c.what, c.how, c.version);
  return *found;
}

void set_sweep_loop(net::io_context* io) noexcept { loop = io; }

} // namespace tlsmode::test
