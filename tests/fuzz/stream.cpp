// SPDX-License-Identifier: BSL-1.0
// Two streams over a next layer in memory: any buffer sequences, any fragmentation, any cancellation at any
// moment. What is read is what was written, in order; after the trouble every promised byte arrives.
#include "faulty_layer.hpp"
#include "fixed_contexts.hpp"
#include "input.hpp"
#include "traffic.hpp"

#include <tlsmode/asio/stream.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>
#include <vector>

namespace {

using namespace tlsmode;
using namespace tlsmode::fuzz;
using boost::system::error_code;
using model::traffic;

const traffic streams[2] = {traffic(1), traffic(2)};

// One kind of operation of an end: at most one at a time.
struct lane {
  bool busy = false;
  net::cancellation_signal signal;
};

struct end {
  using layer = test::faulty_layer;
  end(layer& l, const context& ctx, const traffic& out, const traffic& in,
      net::ssl::stream_base::handshake_type as)
      : below(l), tls(l, ctx), writes(out), reads(in), side(as) {}
  layer& below;
  stream<layer&> tls;
  const traffic& writes;
  const traffic& reads;
  net::ssl::stream_base::handshake_type side;
  lane handshake, read, write, shutdown, wait;
  bool open = false, shut = false, ended = false;
  std::uint64_t told = 0, got = 0;
  std::vector<std::byte> room;
};

class scene {
 public:
  scene(const context& client_ctx, const context& server_ctx)
      : layers_(test::faulty_layer::pair(io_.get_executor())),
        client_(layers_.first, client_ctx, streams[0], streams[1], net::ssl::stream_base::client),
        server_(layers_.second, server_ctx, streams[1], streams[0], net::ssl::stream_base::server) {
    client_.tls.set_host(host);
  }

  void play(input& in) {
    if ((in.byte() & 1) != 0) shake_hands();
    for (int i = 0; i < 300 && !in.empty(); ++i) {
      const unsigned what = in.byte();
      end& e = (what & 1) != 0 ? client_ : server_;
      switch (what >> 1 & 15) {
      case 0: handshake(e); break;
      case 1:
      case 2: read(e, in); break;
      case 3:
      case 4: write(e, in); break;
      case 5: cancel(e.read, in); break;
      case 6: cancel(e.write, in); break;
      case 7: cancel((what & 32) != 0 ? e.handshake : (what & 64) != 0 ? e.shutdown : e.wait, in); break;
      case 8: e.below.plan().chunk = 1 + in.size(); break;
      case 9: // at times it takes nothing at all
        e.below.plan().capacity = (what & 32) != 0 ? in.size() : std::size_t{1} << 30;
        e.below.resume();
        break;
      case 10: limits(e, in); break;
      case 11:
        if (in.byte() % 8 == 0) shut_down(e, in);
        break;
      case 12: wait(e, what); break;
      default: run(1 + in.byte() % 32U); break;
      }
    }
    come_to_an_end();
  }

 private:
  void run(std::size_t handlers) {
    io_.restart();
    for (; handlers != 0 && io_.poll_one() != 0; --handlers) {
    }
  }
  void settle() {
    io_.restart();
    for (int i = 0; i < 1'000'000; ++i)
      if (io_.poll_one() == 0) return;
    require(false, "the streams come to rest");
  }
  template <class F>
  auto bound(lane& l, F f) {
    require(!l.busy, "one at a time");
    l.busy = true;
    return net::bind_cancellation_slot(l.signal.slot(),
                                       [&l, f = std::move(f)](error_code ec, auto... n) mutable {
                                         require(l.busy, "an operation ends once");
                                         l.busy = false;
                                         f(ec, n...);
                                       });
  }
  static void expect_good(const error_code& ec) {
    require(!ec || ec == net::error::operation_aborted, "nothing fails by itself");
  }

  void handshake(end& e) {
    if (e.handshake.busy || e.open) return;
    e.tls.async_handshake(e.side, bound(e.handshake, [&e](error_code ec) {
                            expect_good(ec);
                            e.open = !ec;
                          }));
  }
  void read(end& e, input& in) {
    if (!e.open || e.read.busy || e.ended) return;
    const std::size_t first = in.size() % 20'000, second = 1 + in.size() % 20'000;
    start_read(e, first, second);
  }
  void start_read(end& e, std::size_t first, std::size_t second) {
    e.room.assign(first + second, std::byte{'?'});
    const std::array<net::mutable_buffer, 3> parts{net::buffer(e.room.data(), first), net::mutable_buffer(),
                                                   net::buffer(e.room.data() + first, second)};
    e.tls.async_read_some(
        parts, bound(e.read, [this, &e](error_code ec, std::size_t n) {
          end& other = &e == &client_ ? server_ : client_;
          if (ec == net::error::eof) {
            e.ended = true;
            require(other.shut && n == 0 && e.got == other.told, "the end comes after every byte");
            return;
          }
          expect_good(ec);
          require(ec ? n == 0 : n > 0 && n <= e.room.size(), "a read has an error or bytes");
          require(e.reads.matches(e.got, const_buffer(e.room).first(n)), "what is read was written");
          for (std::size_t i = n; i < e.room.size(); ++i)
            require(e.room[i] == std::byte{'?'}, "memory behind the bytes is left alone");
          e.got += n;
        }));
  }
  void write(end& e, input& in) {
    if (!e.open || e.write.busy || e.shut || e.shutdown.busy) return;
    const std::size_t n = 1 + in.size() % traffic::longest;
    const std::size_t first = in.number() % (n + 1), second = in.number() % (n - first + 1);
    const const_buffer all = e.writes.piece(e.told, n);
    std::vector<net::const_buffer> parts;
    for (const const_buffer part :
         {all.first(first), all.subspan(first, second), all.subspan(first + second)})
      parts.emplace_back(part.data(), part.size());
    e.tls.async_write_some(parts, bound(e.write, [&e, n](error_code ec, std::size_t sealed) {
                             expect_good(ec);
                             require(sealed <= n && (ec || sealed > 0), "a write takes at least a byte");
                             e.told += sealed;
                           }));
  }
  void shut_down(end& e, input&) {
    if (!e.open || e.write.busy || e.shutdown.busy) return;
    e.shut = true; // it may be sent now even if the operation is cancelled
    e.tls.async_shutdown(shutdown_form::send_only, bound(e.shutdown, [](error_code ec) { expect_good(ec); }));
  }
  void wait(end& e, unsigned how) {
    if (!e.open || e.wait.busy) return;
    const auto what = (how & 32) != 0 ? net::socket_base::wait_read : net::socket_base::wait_write;
    e.tls.async_wait(what, bound(e.wait, [](error_code ec) { expect_good(ec); }));
  }
  void cancel(lane& l, input& in) {
    constexpr std::array types{net::cancellation_type::terminal, net::cancellation_type::partial,
                               net::cancellation_type::total};
    const unsigned how = in.byte();
    for (unsigned i = how >> 2 & 7; i != 0; --i) io_.poll_one(); // at any moment
    l.signal.emit(types[how % 3]);
  }
  static void limits(end& e, input& in) {
    e.tls.set_batch_limit(in.size());
    e.tls.set_read_ahead(in.size());
    if (e.write.busy) return;
    const unsigned how = in.byte();
    e.tls.set_keep_buffers((how & 2) != 0);
    if ((how & 1) != 0)
      e.tls.set_mode(mode::enable_partial_write);
    else
      e.tls.clear_mode(mode::enable_partial_write);
  }

  void calm_down() {
    for (end* e : {&client_, &server_}) {
      e->below.plan().chunk = e->below.plan().capacity = std::size_t{1} << 30;
      e->below.resume();
    }
    settle();
  }
  void shake_hands() {
    for (int i = 0; i < 10 && (!client_.open || !server_.open); ++i) {
      handshake(client_);
      handshake(server_);
      settle();
    }
    require(client_.open && server_.open, "a handshake succeeds");
  }
  void come_to_an_end() {
    calm_down();
    shake_hands();
    for (end* e : {&client_, &server_}) {
      end& other = e == &client_ ? server_ : client_;
      for (int i = 0; i < 10'000 && (e->write.busy || other.got != e->told); ++i) {
        if (!other.read.busy && !other.ended) start_read(other, 100, 30'000);
        if (!e->wait.busy) wait(*e, 0); // flushes what a cancelled write has left
        settle();
      }
      require(!e->write.busy && other.got == e->told, "every promised byte arrives");
    }
    for (end* e : {&client_, &server_}) {
      settle();
      if (!e->shutdown.busy) {
        e->shut = true;
        e->tls.async_shutdown(shutdown_form::send_only,
                              bound(e->shutdown, [](error_code ec) { require(!ec, "a shutdown succeeds"); }));
      }
      settle();
    }
    for (end* e : {&client_, &server_}) {
      for (int i = 0; i < 10 && !e->ended; ++i) {
        if (!e->read.busy) start_read(*e, 0, 100);
        settle();
      }
      require(e->ended, "the end arrives");
    }
  }

  net::io_context io_{1};
  std::pair<test::faulty_layer, test::faulty_layer> layers_;
  end client_, server_;
};

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  begin_run();
  static const context shows = server(), trusts = client();
  input in(data, size);
  scene s(trusts, shows);
  s.play(in);
  return 0;
}
