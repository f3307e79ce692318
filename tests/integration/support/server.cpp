// SPDX-License-Identifier: BSL-1.0
// Starting the server and reading its log.
#include "server.hpp"

#include "test_files.hpp"

#include <algorithm>
#include <csignal>
#include <sstream>
#include <stdexcept>

namespace integration {
namespace {

std::vector<std::string> command(const server::arguments& more) {
  std::vector<std::string> words{HTTPS_SERVER, "--port",          "0", "--cert", certs().server,
                                 "--key",      certs().server_key};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

} // namespace

server::server(const arguments& more, std::size_t descriptor_limit)
    : child_process(command(more), descriptor_limit) {
  const std::string ready = "listening on 127.0.0.1:";
  if (!wait_for_output([](const std::string& out, const std::string& err) {
        return out.find('\n') != std::string::npos || err.find("https_server: ") != std::string::npos;
      }) ||
      !out().starts_with(ready))
    throw std::runtime_error("the server does not start: " + out() + err());
  port_ = static_cast<std::uint16_t>(std::stoul(out().substr(ready.size())));
}

std::vector<std::string> server::log() const {
  std::vector<std::string> lines;
  std::istringstream text(err());
  for (std::string line; std::getline(text, line) && !text.eof();) lines.push_back(line);
  return lines;
}

std::vector<std::string> server::log_of(std::uint16_t peer_port) const {
  std::vector<std::string> lines = log();
  const std::string peer = " 127.0.0.1:" + std::to_string(peer_port) + " ";
  std::erase_if(lines, [&](const std::string& line) { return line.find(peer) == std::string::npos; });
  return lines;
}

std::size_t server::log_count(const std::string& text) const {
  const auto lines = log();
  return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
    return line.find(text) != std::string::npos;
  }));
}

std::string server::first_line_of(std::uint16_t peer_port) const {
  if (!eventually([&] { return !log_of(peer_port).empty(); })) return "";
  return log_of(peer_port).front();
}

bool server::works() const {
  try {
    http_client client(port_);
    const http_reply r = client.get("/download/1000");
    client.send_close_notify();
    return r.status == 200 && r.body.size() == 1000 && is_pattern(r.body);
  } catch (const std::exception&) {
    return false; // the log has more
  }
}

int server::stop() {
  signal(SIGTERM);
  return exit_status().value_or(-1);
}

} // namespace integration
