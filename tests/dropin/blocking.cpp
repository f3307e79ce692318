// SPDX-License-Identifier: BSL-1.0
// A server and a client that block, with exceptions and with error codes, over sockets that the stream owns
// and sockets that it only refers to. Written for boost::asio::ssl::stream; only the alias below tells which
// stream it is built with.
#include TLS_STREAM_HEADER
template <class NextLayer>
using tls_stream = TLS_STREAM<NextLayer>;

#include "program.hpp"

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>

#include <array>
#include <istream>
#include <string>

namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;
using boost::system::system_error;
using tcp = asio::ip::tcp;

// One request, "N seed", and N bytes back; "drop" is answered by the end of the connection.
template <class Stream>
void answer(Stream& stream) {
  stream.handshake(ssl::stream_base::server);
  asio::streambuf request;
  asio::read_until(stream, request, '\n');
  std::istream line(&request);
  std::string size;
  std::uint32_t seed = 0;
  line >> size >> seed;
  say("request", size);
  if (size == "drop") return;
  const std::string body = made_up(std::stoul(size), seed);
  const std::array<asio::const_buffer, 3> parts{asio::buffer("body:", 5), asio::buffer(body),
                                                asio::buffer("\n", 1)};
  say("wrote", std::to_string(asio::write(stream, parts)));
  error_code ec;
  stream.shutdown(ec);
  say("shutdown", text(ec));
}

void run_server(const arguments& args) {
  asio::io_context io;
  ssl::context ctx(ssl::context::tls_server);
  ctx.use_certificate_chain_file(args.certificate);
  ctx.use_private_key_file(args.key, ssl::context::pem);
  tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  say("port", std::to_string(acceptor.local_endpoint().port()));
  for (int i = 0; i < 5; ++i) {
    tcp::socket socket(io);
    acceptor.accept(socket);
    try {
      if (i % 2 == 0) {
        tls_stream<tcp::socket&> stream(socket, ctx);
        answer(stream);
      } else {
        tls_stream<tcp::socket> stream(std::move(socket), ctx);
        answer(stream);
      }
    } catch (const system_error& e) {
      say("failed:", text(e.code()));
    }
  }
}

void fetch(tls_stream<tcp::socket>& stream, const std::string& request) {
  stream.handshake(tls_stream<tcp::socket>::client);
  asio::write(stream, asio::buffer(request));
  std::string answer;
  error_code ec;
  asio::read(stream, asio::dynamic_buffer(answer), ec);
  say("answer", brief(answer));
  say("end", text(ec));
  if (ec != asio::error::eof) throw system_error(ec);
  stream.shutdown();
}

void run_client(const arguments& args) {
  asio::io_context io;
  const auto once = [&](ssl::context& ctx, const std::string& request) {
    tls_stream<tcp::socket> stream(io, ctx);
    stream.set_verify_callback(ssl::host_name_verification("localhost"));
    stream.lowest_layer().connect({asio::ip::address_v4::loopback(), args.port});
    try {
      fetch(stream, request);
      say("closed");
    } catch (const system_error& e) {
      say("failed:", text(e.code()));
    }
  };
  ssl::context trusting(ssl::context::tls_client);
  trusting.load_verify_file(args.authority);
  trusting.set_verify_mode(ssl::verify_peer);
  ssl::context older(ssl::context::tlsv12_client);
  older.load_verify_file(args.authority);
  older.set_verify_mode(ssl::verify_peer);
  ssl::context distrusting(ssl::context::tls_client);
  distrusting.set_verify_mode(ssl::verify_peer);
  once(trusting, "10 1\n");
  once(older, "300000 2\n");
  once(trusting, "drop 0\n");
  once(distrusting, "10 3\n");
  once(trusting, "16384 4\n");

  // Used before there is anything to use.
  tls_stream<tcp::socket> stream(io, trusting);
  std::array<char, 10> room{};
  error_code ec;
  say("before the connection:", std::to_string(stream.read_some(asio::buffer(room), ec)));
  say(ec ? "an error" : "no error");
}

} // namespace

int main(int argc, char** argv) { return run_program(argc, argv, run_server, run_client); }
