// SPDX-License-Identifier: BSL-1.0
// An HTTPS client made of coroutines on tlsmode::stream: fetches URLs, several at a time if asked to, and always
// verifies the server. There is no option that switches this off.
#include "https_client/fetch.hpp"
#include "https_client/url.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace {

namespace net = boost::asio;
using namespace https_client;

constexpr std::string_view usage = R"(https_client: fetches https URLs over verified connections

usage: https_client [options] URL...

  --cacert FILE   trust the certificate authorities in FILE (default: those of the system)
  --parallel N    fetch N at a time, each over its own connection (1)
  --repeat N      fetch every URL N times (1)
  --output FILE   write the body to FILE; for a single fetch
  --timeout S     give up after S seconds without progress (30)
  --help          print this text

Prints status, protocol, cipher and size, and the body if it is short text. Exit status: 0 if every fetch
succeeded with a status below 400, otherwise 1.
)";

struct options {
  std::string ca_file;
  std::string output;
  unsigned parallel = 1;
  unsigned repeat = 1;
  unsigned timeout_seconds = 30;
  std::vector<url> urls;
  std::vector<std::string> texts; ///< the URLs as they were given
  bool help = false;
};

unsigned positive_number(const std::string& name, std::string_view value) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || number == 0 || number > 1'000'000)
    throw std::invalid_argument("bad value '" + std::string(value) + "' for " + name +
                                ": a whole number from 1 to 1000000 is needed");
  return number;
}

options parse_options(int argc, char** argv) {
  options opt;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (!argument.starts_with("--")) {
      opt.urls.push_back(parse_url(argument));
      opt.texts.push_back(argument);
      continue;
    }
    if (argument == "--help") {
      opt.help = true;
      return opt;
    }
    const bool known = argument == "--cacert" || argument == "--output" || argument == "--parallel" ||
                       argument == "--repeat" || argument == "--timeout";
    if (!known) throw std::invalid_argument("unknown option '" + argument + "'; --help lists the options");
    if (i + 1 == argc) throw std::invalid_argument("option " + argument + " needs a value");
    const char* value = argv[++i];
    if (argument == "--cacert") opt.ca_file = value;
    if (argument == "--output") opt.output = value;
    if (argument == "--parallel") opt.parallel = positive_number(argument, value);
    if (argument == "--repeat") opt.repeat = positive_number(argument, value);
    if (argument == "--timeout") opt.timeout_seconds = positive_number(argument, value);
  }
  if (opt.urls.empty()) throw std::invalid_argument("no URL given; --help tells more");
  if (!opt.output.empty() && opt.urls.size() * opt.repeat != 1)
    throw std::invalid_argument("--output is for a single fetch");
  return opt;
}

tlsmode::context make_context(const options& opt) {
  auto context = tlsmode::context::client();
  const auto ec = opt.ca_file.empty() ? context.trust_system() : context.trust_file(opt.ca_file);
  if (ec) throw std::runtime_error("cannot use certificate authorities '" + opt.ca_file + "': " + ec.message());
  if (const auto bad = context.set_alpn({"http/1.1"})) throw std::system_error(bad, "ALPN");
  return context;
}

/// All the fetches, shared by the coroutines that work them off.
class job_list {
public:
  job_list(const options& opt, const tlsmode::context& context) : opt_(opt), context_(context) {}

  /// One of the parallel workers: takes the next fetch until none is left.
  net::awaitable<void> work() {
    while (next_ < opt_.urls.size() * opt_.repeat) {
      const std::size_t i = next_++ % opt_.urls.size();
      try {
        co_await fetch_one(opt_.urls[i], opt_.texts[i]);
      } catch (const std::exception& e) {
        failed_ = true;
        std::cerr << "https_client: " << opt_.texts[i] << ": " << e.what() << std::endl;
      }
    }
  }

  [[nodiscard]] bool failed() const { return failed_; }

private:
  net::awaitable<void> fetch_one(const url& from, const std::string& text) {
    constexpr std::size_t printed = 64 * 1024;
    std::ofstream file;
    if (!opt_.output.empty()) {
      file.open(opt_.output, std::ios::binary | std::ios::trunc);
      if (!file) throw fetch_error("cannot write '" + opt_.output + "'");
    }
    std::string body;
    const auto sink = [&](std::string_view piece) {
      if (file.is_open() && !file.write(piece.data(), static_cast<std::streamsize>(piece.size())))
        throw fetch_error("cannot write '" + opt_.output + "'");
      if (!file.is_open() && body.size() < printed) body.append(piece);
    };
    const reply r = co_await fetch(context_, from, sink, std::chrono::seconds(opt_.timeout_seconds));
    if (file.is_open() && !file.flush()) throw fetch_error("cannot write '" + opt_.output + "'");
    if (r.status >= 400) failed_ = true;
    std::cout << text << '\n'
              << "  " << r.status << ' ' << r.reason << ", " << r.http_version << ", " << r.tls_version << ", "
              << r.cipher << ", " << r.body_size << " bytes\n";
    if (r.body_size <= printed && r.content_type.starts_with("text/")) std::cout << body;
    std::cout.flush();
  }

  const options& opt_;
  const tlsmode::context& context_;
  std::size_t next_ = 0;
  bool failed_ = false;
};

} // namespace

int main(int argc, char** argv) {
  try {
    const options opt = parse_options(argc, argv);
    if (opt.help) {
      std::cout << usage;
      return 0;
    }
    const auto context = make_context(opt);
    job_list jobs(opt, context);
    net::io_context io(1);
    for (unsigned i = 0; i < opt.parallel; ++i)
      net::co_spawn(io, jobs.work(), [](std::exception_ptr e) {
        if (e) std::rethrow_exception(e);
      });
    io.run();
    return jobs.failed() ? 1 : 0;
  } catch (const std::exception& e) {
    std::cerr << "https_client: " << e.what() << '\n';
    return 1;
  }
}
