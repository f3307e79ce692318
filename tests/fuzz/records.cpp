// SPDX-License-Identifier: BSL-1.0
// Two engines, and somebody in between who drops, doubles, swaps, cuts and changes their records, in and
// after the handshake. What is read is always a beginning of what was written; as long as nobody meddles
// nothing fails.
#include "fixed_contexts.hpp"
#include "input.hpp"
#include "traffic.hpp"

#include <tlsmode/engine.hpp>
#include <tlsmode/memory_transport.hpp>

#include <openssl/ssl.h>

#include <deque>
#include <string>

namespace {

using namespace tlsmode;
using namespace tlsmode::fuzz;
using model::traffic;
using state = connection_state;

const traffic streams[2] = {traffic(1), traffic(2)};

struct end {
  end(const context& ctx, role r) : tls(ctx), as(r) {}
  engine tls;
  memory_transport wire;
  role as;
  std::string unread;           // output that is no whole record yet
  std::deque<std::string> sent; // records on their way
  std::uint64_t told = 0, got = 0;
  std::size_t offered = 0;
  bool shut = false, dropped = false;
};

class scene {
 public:
  scene(const context& client, const context& server, unsigned how)
      : client_(client, role::client), server_(server, role::server) {
    require(!client_.tls.set_host(host), "the host name is good");
    for (end* e : {&client_, &server_}) {
      if ((how & 1) != 0) SSL_set_max_proto_version(e->tls.native_handle(), TLS1_2_VERSION);
      if ((how & 2) != 0) SSL_set_max_send_fragment(e->tls.native_handle(), 512);
      if ((how & 4) != 0) e->tls.clear_mode(mode::auto_retry | mode::enable_partial_write);
      e->tls.set_keep_buffers((how & 16) != 0);
    }
    if ((how & 8) != 0) finish_handshake();
  }

  void play(input& in) {
    for (int i = 0; i < 400 && !in.empty(); ++i) {
      const unsigned what = in.byte();
      end& e = (what & 1) != 0 ? client_ : server_;
      end& other = (what & 1) != 0 ? server_ : client_;
      switch (what >> 1 & 15) {
      case 0:
      case 1: handshake(e); break;
      case 2:
      case 3: read(e, other, 1 + in.size()); break;
      case 4: write(e, 1 + in.size()); break;
      case 5: shut_down(e, in.byte()); break;
      case 6: (void)e.tls.update_keys((what & 32) != 0); break;
      case 7: cancel(e); break;
      case 8: e.wire.set_capacity((what & 32) != 0 ? std::size_t{1} << 30 : in.size()); break;
      case 9: meddle(e, in); break;
      case 10: e.tls.set_read_ahead(in.size()); break;
      case 11:
        meddled_ = true;
        if ((what & 32) != 0)
          e.wire.feed_eof();
        else
          require(e.wire.feed(in.take(in.byte())), "there is memory");
        break;
      default: pass(e, other, in.byte() % 16 + 1U); break;
      }
      check(e, other);
      check(other, e);
    }
    if (!meddled_) come_to_an_end();
  }

 private:
  void finish_handshake() {
    for (int i = 0; i < 20; ++i) {
      handshake(client_);
      pass(client_, server_, 1000);
      handshake(server_);
      pass(server_, client_, 1000);
    }
    require(client_.tls.state() == state::open && server_.tls.state() == state::open, "a handshake succeeds");
  }
  void expect_good(const step& s) const { require(meddled_ || !s.error, "nothing fails by itself"); }

  void handshake(end& e) { expect_good(e.tls.handshake(e.wire, e.as)); }

  void read(end& e, end& other, std::size_t n) {
    std::vector<std::byte> memory(n);
    const mutable_buffer room = memory;
    const step s = e.tls.read(e.wire, {&room, 1});
    if (s.error == error::handshake_needed) return;
    if (s.error == error::end_of_stream) {
      require(other.shut || meddled_, "an end is somebody's shutdown");
      if (e.tls.state() != state::failed && other.shut && !e.dropped)
        require(e.got == other.told, "the end comes after every byte");
      return;
    }
    expect_good(s);
    if (e.dropped) return;
    require(streams[e.as == role::client ? 1 : 0].matches(e.got, room.first(s.bytes)),
            "what is read was written");
    e.got += s.bytes;
  }

  void write(end& e, std::size_t n) {
    if (e.offered == 0) e.offered = std::min(n, traffic::longest);
    const const_buffer data = streams[e.as == role::client ? 0 : 1].piece(e.told, e.offered);
    const step s = e.tls.write(e.wire, {&data, 1});
    if (s.error == error::handshake_needed || s.error == error::write_after_shutdown)
      e.offered = 0;
    else
      expect_good(s);
    if (!s.complete()) return;
    e.told += s.bytes;
    e.offered = 0;
  }
  void cancel(end& e) {
    e.told += e.tls.cancel_write();
    e.offered = 0;
    e.tls.cancel_read();
  }
  void shut_down(end& e, unsigned how) {
    const bool begun = e.tls.state() != state::fresh && e.tls.state() != state::handshaking;
    const auto form = static_cast<shutdown_form>(how % 3);
    const step s = e.tls.shutdown(e.wire, form);
    if (e.tls.state() == state::close_sent || e.tls.state() == state::closed) e.shut = true;
    if (begun && form == shutdown_form::drain && s.error != error::operation_in_progress) e.dropped = true;
  }

  // Cuts the output into records.
  static void collect(end& e) {
    const const_buffer out = e.wire.output();
    e.unread.append(reinterpret_cast<const char*>(out.data()), out.size());
    e.wire.consume(out.size());
    while (e.unread.size() >= 5) {
      const auto at = [&](std::size_t i) -> std::size_t { return static_cast<std::uint8_t>(e.unread[i]); };
      const std::size_t n = 5 + (at(3) << 8 | at(4));
      if (e.unread.size() < n) return;
      e.sent.push_back(e.unread.substr(0, n));
      e.unread.erase(0, n);
    }
  }
  static void pass(end& from, end& to, std::size_t records) {
    (void)from.tls.flush(from.wire);
    collect(from);
    for (; records != 0 && !from.sent.empty(); --records) {
      require(to.wire.feed(std::as_bytes(std::span(from.sent.front()))), "there is memory");
      from.sent.pop_front();
    }
  }

  void meddle(end& e, input& in) {
    collect(e);
    if (e.sent.empty()) return;
    meddled_ = true;
    const unsigned how = in.byte();
    const std::size_t at = in.byte() % e.sent.size();
    std::string& record = e.sent[at];
    if (record.empty()) return;
    switch (how % 7) {
    case 0: record[in.number() % record.size()] ^= static_cast<char>(1U << (how >> 3 & 7)); break;
    case 1: record.insert(in.number() % record.size(), 1, static_cast<char>(in.byte())); break;
    case 2: e.sent.erase(e.sent.begin() + static_cast<std::ptrdiff_t>(at)); break;
    case 3: e.sent.insert(e.sent.begin() + static_cast<std::ptrdiff_t>(at), std::string(record)); break;
    case 4: std::swap(record, e.sent.back()); break;
    case 5: record.resize(in.number() % record.size()); break;
    default: { // bytes of the fuzzer's own, at the start of the body
      const auto bytes = in.take(in.byte());
      for (std::size_t i = 0; i < bytes.size() && 5 + i < record.size(); ++i)
        record[5 + i] = static_cast<char>(bytes[i]);
    }
    }
  }

  // Holds at all times, whatever the wire did.
  void check(const end& e, const end& other) const {
    if (!other.dropped) require(other.got <= e.tls.stats().plain_written, "no byte comes from nowhere");
    require(e.tls.stats().spill_peak < 300'000, "what is held back is bounded");
    if (e.tls.state() == state::failed) require(meddled_, "nothing fails by itself");
  }

  void come_to_an_end() {
    for (end* e : {&client_, &server_}) e->wire.set_capacity(std::size_t{1} << 30);
    finish_handshake_late();
    for (end* e : {&client_, &server_}) {
      for (int i = 0; i < 1000 && e->offered != 0; ++i) write(*e, 1);
      require(e->offered == 0, "a write ends");
      require(!e->tls.shutdown(e->wire, shutdown_form::send_only).error, "a shutdown succeeds");
      e->shut = true;
    }
    pass(client_, server_, 100'000);
    pass(server_, client_, 100'000);
    for (end* e : {&client_, &server_}) {
      end& other = e == &client_ ? server_ : client_;
      for (int i = 0; i < 100'000 && e->tls.state() != state::closed; ++i) read(*e, other, 60'000);
      require(e->tls.state() == state::closed, "close_notify arrives");
      if (!e->dropped) require(e->got == other.told, "every byte arrives");
    }
  }
  void finish_handshake_late() {
    for (int i = 0; i < 20; ++i) {
      if (client_.tls.state() == state::fresh || client_.tls.state() == state::handshaking)
        handshake(client_);
      pass(client_, server_, 1000);
      if (server_.tls.state() == state::fresh || server_.tls.state() == state::handshaking)
        handshake(server_);
      pass(server_, client_, 1000);
    }
  }

  end client_, server_;
  bool meddled_ = false;
};

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  begin_run();
  static const context shows = server(), trusts = client();
  input in(data, size);
  scene s(trusts, shows, in.byte());
  s.play(in);
  return 0;
}
