// SPDX-License-Identifier: BSL-1.0
// Everything of ours that reads text or bytes of somebody else's: the first byte says which. What is accepted
// is well formed, and what can be written again reads the same again.
#include "fixed_contexts.hpp"
#include "https_client/url.hpp"
#include "https_server/options.hpp"
#include "https_server/static_files.hpp"
#include "input.hpp"

#include <tlsmode/credentials.hpp>
#include <tlsmode/engine.hpp>
#include <tlsmode/mode.hpp>
#include <tlsmode/signer.hpp>

#include <openssl/ssl.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace {

using namespace tlsmode;
using namespace tlsmode::fuzz;
using namespace std::string_view_literals;

// The lines of a text, as C strings that live as long as it does.
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (lines.size() < 40) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    if (end == text.size()) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

void modes(std::string_view text) {
  const auto set = parse_modes(text);
  if (set) require(parse_modes(to_string(*set)) == set, "modes read as they were written");
}

void schemes(std::string_view text) {
  const auto scheme = parse_signing_scheme(text);
  if (scheme) require(to_string(*scheme) == text, "a scheme is written as it was read");
}

void tasks(std::span<const std::byte> bytes) {
  const auto task = parse_signing_task(bytes);
  if (task)
    require(task->public_key_der.size() + task->message.size() < bytes.size(), "a task is in its bytes");
  const bool of_server = is_certificate_verify(bytes, role::server);
  const bool of_client = is_certificate_verify(bytes, role::client);
  require(!of_server || !of_client, "what one side signs the other does not");
  if (of_server || of_client) require(bytes.size() > 64 + 32, "a proof has a digest");
}

void hosts(std::string_view text) {
  static const context ctx = client();
  engine tls(ctx);
  const std::error_code ec = tls.set_host(text);
  if (ec) return require(ec == error::bad_host_name, "a name is good or bad");
  require(text.find('\0') == std::string_view::npos && text.size() <= 256, "a good name has no end inside");
  const char* const sni = SSL_get_servername(tls.native_handle(), TLSEXT_NAMETYPE_host_name);
  if (sni == nullptr) return; // an address
  const std::string_view name = sni;
  require(!name.empty() && name.front() != '.' && name.find("..") == std::string_view::npos,
          "names have labels");
  require(text.starts_with(name) && text.size() - name.size() <= 1, "the name is the one that was given");
}

void protocols(std::string_view text) {
  context ctx = context::client();
  const auto lines = lines_of(text);
  const auto line = [&](std::size_t i) { return i < lines.size() ? std::string_view(lines[i]) : "h2"; };
  const bool good = !line(0).empty() && !line(1).empty() && line(0).size() < 256 && line(1).size() < 256;
  require(!ctx.set_alpn({line(0), line(1)}) == good, "a protocol has 1 to 255 bytes");
}

void pem_texts(std::string_view text) {
  context ctx = context::server();
  const bool chain = !ctx.use_certificate_chain(pem(text));
  const bool key = !ctx.use_private_key(pem(text));
  require(!key || chain, "a key goes with its certificate");
  context trusting = context::client();
  (void)trusting.trust(pem(text));
  context asking = context::server();
  (void)asking.require_client_certificate(pem(text));
  try {
    require(load_private_key(pem(text)) != nullptr, "a key that was loaded is there");
  } catch (const std::system_error& e) {
    require(bool(e.code()), "a refusal has a reason");
  }
  try {
    require(!credentials(pem(text), pem(text)).empty(), "credentials are not empty");
  } catch (const std::system_error& e) {
    require(bool(e.code()), "a refusal has a reason");
  }
}

void sessions(std::span<const std::byte> bytes) {
  static const context ctx = client();
  const auto* p = reinterpret_cast<const unsigned char*>(bytes.data());
  const session_ptr session(d2i_SSL_SESSION(nullptr, &p, static_cast<long>(bytes.size())));
  engine tls(ctx);
  require(!tls.set_host(host), "the host name is good");
  require(bool(tls.offer_session(session.get())), "a session of a stranger proves nothing");
}

void urls(std::string_view text) {
  try {
    const https_client::url u = https_client::parse_url(text);
    require(!u.host.empty() && u.host.find('/') == std::string::npos, "a host is a host");
    require(!u.port.empty() && u.port.find_first_not_of("0123456789") == std::string::npos,
            "a port is a number");
    require(u.target.starts_with('/'), "a target is a path");
    require((u.host + u.target + u.authority).find_first_of("\r\n \0"sv) == std::string::npos,
            "nothing is smuggled in");
  } catch (const std::invalid_argument&) {
  }
}

void paths(std::string_view text) {
  const auto path = https_server::path_of(text);
  if (path) {
    require(path->starts_with('/') && path->find('\0') == std::string::npos, "a path is absolute");
    const auto type = https_server::content_type(*path);
    require(!type.empty(), "every file has a type");
  }
  const std::string written = https_server::encoded_path(text);
  require(written.starts_with('/') && !written.starts_with("//"), "a location names no other host");
  require(written.find_first_of("\r\n\t ?#\"<>") == std::string::npos,
          "a location has no special characters");
  const auto again = https_server::path_of(written);
  const std::string bare(text.substr(std::min(text.find_first_not_of('/'), text.size())));
  if (text.find('\0') == std::string_view::npos)
    require(again == '/' + bare, "a path reads as it was written");
}

void options(std::string_view text) {
  const auto lines = lines_of(text);
  std::vector<const char*> arguments;
  for (const std::string& l : lines) arguments.push_back(l.c_str());
  try {
    const auto o = https_server::parse_options(arguments);
    require(o.help || (!o.cert.empty() && !o.key.empty()), "a server has a certificate");
    require(o.threads >= 1 && o.threads <= 256 && o.max_connections >= 1, "numbers are in their bounds");
    require(o.idle_timeout.count() >= 50 && o.idle_timeout.count() <= 86'400'000,
            "times are in their bounds");
  } catch (const https_server::startup_error&) {
  }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  begin_run();
  input in(data, size);
  switch (in.byte() % 10) {
  case 0: modes(in.text()); break;
  case 1: schemes(in.text()); break;
  case 2: tasks(in.all()); break;
  case 3: hosts(in.text()); break;
  case 4: protocols(in.text()); break;
  case 5: pem_texts(in.text()); break;
  case 6: sessions(in.all()); break;
  case 7: urls(in.text()); break;
  case 8: paths(in.text()); break;
  default: options(in.text()); break;
  }
  return 0;
}
