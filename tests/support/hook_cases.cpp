// SPDX-License-Identifier: BSL-1.0
// The cases of the hook tests.
#include "hook_cases.hpp"

#include "resumption.hpp"

#include <stdexcept>

namespace tlsmode::test {
namespace {

void install_hello(hooks& h, asked_questions& q) {
  h.client_hello = q.hook<client_hello_request>(
      [](const tlsmode::client_hello&) { return client_hello_answer::proceed(); });
}

void install_certificate(hooks& h, asked_questions& q) {
  h.certificate = q.hook<certificate_request>([](const certificate_wanted& w) {
    const identity& who = w.is_server ? server_identity() : client_identity();
    return certificate_answer::use(credentials(pem(who.certificate_pem), pem(who.key_pem)));
  });
}

void install_verify(hooks& h, asked_questions& q) {
  h.verify = q.hook<verify_request>([](const peer_certificates&) { return verify_answer::accept(); });
}

void install_staple(hooks& h, asked_questions& q) {
  h.staple = q.hook<staple_request>([](const staple_wanted&) {
    return staple_answer::send({std::byte{1}, std::byte{2}, std::byte{3}});
  });
}

const ticket_keys& keys() {
  static const ticket_keys k = ticket_keys::random();
  return k;
}

void install_ticket_keys(hooks& h, asked_questions& q) {
  h.ticket_key =
      q.hook<ticket_key_request>([](const ticket_key_wanted&) { return ticket_key_answer::use(keys()); });
}

// Answers at once when a ticket is to be sealed, which the first connection does.
void install_opening_keys(hooks& h, asked_questions& q) {
  auto opening =
      q.hook<ticket_key_request>([](const ticket_key_wanted&) { return ticket_key_answer::use(keys()); });
  h.ticket_key = [opening](std::shared_ptr<ticket_key_request> r) {
    if (r->question().name)
      opening(r);
    else
      r->answer(ticket_key_answer::use(keys()));
  };
}

void install_sessions(hooks& h, asked_questions& q) {
  h.session = q.hook<session_request>([&q](const session_wanted& w) {
    const auto kept = q.sessions.find(w.id);
    return kept == q.sessions.end() ? session_answer::none() : session_answer::found(kept->second.bytes());
  });
  h.new_session = [&q](const stored_session& s) { q.sessions.insert_or_assign(s.id, s.der()); };
  h.removed_session = [&q](const stored_session& s) { q.sessions.erase(s.id); };
}

bool asks_for_client_certificate(const hook_case& c) {
  return (c.on_client && std::string_view(c.name) == "client certificate") ||
         std::string_view(c.name) == "verify a client";
}

void must(std::error_code ec) {
  if (ec) throw std::system_error(ec);
}

} // namespace

std::vector<hook_case> all_hook_cases() {
  std::vector<hook_case> all;
  for (const int v : both_versions) {
    all.push_back({"client hello", v, suspend::want_client_hello, false, false, &install_hello});
    all.push_back({"server certificate", v, suspend::want_certificate, false, false, &install_certificate});
    all.push_back({"client certificate", v, suspend::want_certificate, true, false, &install_certificate});
    all.push_back({"verify a server", v, suspend::want_verify, true, false, &install_verify});
    all.push_back({"verify a client", v, suspend::want_async, false, false, &install_verify});
    all.push_back({"seal a ticket", v, suspend::want_async, false, false, &install_ticket_keys});
    all.push_back({"open a ticket", v, suspend::want_async, false, true, &install_opening_keys});
    all.push_back({"find a session", v, suspend::want_async, false, true, &install_sessions});
    all.push_back({"staple", v, suspend::want_async, false, false, &install_staple});
  }
  return all;
}

hook_rig::hook_rig(const hook_case& c, std::chrono::milliseconds time_limit)
    : what(c), client(only(c.version, client_context())), server(only(c.version, server_context())) {
  if (asks_for_client_certificate(c))
    must(server.require_client_certificate(pem(authority().certificate_pem)));
  if (std::string_view(c.name) == "verify a client") {
    must(client.use_certificate_chain(pem(client_identity().certificate_pem)));
    must(client.use_private_key(pem(client_identity().key_pem)));
  }
  if (c.second_connection) must(client.resume_sessions());
  hooks h;
  h.time_limit = time_limit;
  c.install(h, asked);
  must(set_hooks(c.on_client ? client : server, std::move(h)));
  if (!c.second_connection) return;
  asked.at_once = true;
  const auto first = pair();
  if (!first->connect()) throw std::runtime_error("no first connection");
  first->server.shutdown(shutdown_form::send_only); // else OpenSSL would take the session for spoiled
  asked.at_once = false;
  asked.count = 0;
}

std::unique_ptr<memory_pair> hook_rig::pair() const {
  auto p = std::make_unique<memory_pair>(client, server);
  must(request_staple(p->client.native()));
  return p;
}

std::unique_ptr<memory_pair> hook_rig::asking_pair() {
  auto p = pair();
  for (int i = 0; i < 20 && asked.open.empty(); ++i) p->advance();
  if (asked.open.empty() || side_of(*p).last.why != what.reason || !side_of(*p).tls.answer_awaited())
    throw std::runtime_error("the hook was not asked");
  return p;
}

} // namespace tlsmode::test
