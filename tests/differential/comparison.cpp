// SPDX-License-Identifier: BSL-1.0
// Both streams in step, over equal layers and equal peers, on one io_context. After each action everything
// that can happen happens; then both must have told the same, in the same order, and their peers must have
// got the same.
#include "comparison.hpp"

#include "asio_certificates.hpp"
#include "subject.hpp"
#include "wire_peer.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

#include <openssl/err.h>
#include <openssl/sslerr.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace tlsmode::test {
namespace {

using boost::system::error_code;

struct contexts {
  explicit contexts(int version) : client(client_context(version)), server(server_context(version)) {}
  net::ssl::context client;
  net::ssl::context server;
};
contexts& contexts_for(bool tls13) {
  static contexts of12(TLS1_2_VERSION);
  static contexts of13(TLS1_3_VERSION);
  return tls13 ? of13 : of12;
}

std::string text_of(const event& e) {
  return std::string(1, e.what) + "=" + (e.ec ? e.ec.to_string() + " (" + e.ec.message() + ")" : "ok") + "/" +
         std::to_string(e.n);
}

// One stream with its peer.
struct side {
  side(net::io_context& io, const script& s, bool ours) {
    auto layers = faulty_layer::pair(io.get_executor());
    contexts& c = contexts_for(s.tls13);
    net::ssl::context& mine = s.client ? c.client : c.server;
    who = ours ? make_ours(std::move(layers.first), mine, s.client)
               : make_stock(std::move(layers.first), mine, s.client);
    peer.emplace(std::move(layers.second), (s.client ? c.server : c.client).native_handle(), s.client);
  }
  [[nodiscard]] layer_plan& plan() { return who->layer().plan(); }
  [[nodiscard]] bool writes() const { return who->busy[1] || who->busy[2]; }
  std::string take() {
    std::string all;
    for (const event& e : who->events) all += text_of(e) + " ";
    return all;
  }
  std::unique_ptr<subject> who;
  std::optional<wire_peer> peer;
};

class comparer {
 public:
  explicit comparer(const script& s) : script_(s), ours_(io_, s, true), stock_(io_, s, false) {}

  verdict run() {
    for (const action& a : script_.actions) {
      if (!both([&](side& x) { return may(x, a); })) continue;
      both([&](side& x) { return perform(x, a), true; });
      settle();
      ++result_.steps;
      if (!agree(a)) return std::move(result_);
    }
    result_.to_the_end = true;
    return std::move(result_);
  }

 private:
  template <class F>
  bool both(F f) {
    const bool a = f(ours_);
    const bool b = f(stock_);
    return a && b;
  }
  void settle() {
    for (bool moved = true; moved;) {
      moved = run_handlers();
      moved = ours_.peer->pump() || moved;
      moved = stock_.peer->pump() || moved;
    }
  }
  // True if there were any. Bounded, for all actions together: a stream may go round in circles.
  bool run_handlers() {
    bool any = false;
    io_.restart();
    while (io_.poll_one() != 0) {
      any = true;
      if (--handlers_left_ == 0) throw std::runtime_error("no end to the handlers");
    }
    return any;
  }

  // Each way has one operation at a time: more is defect 1 and 2, and 3 is a shutdown beside a write.
  bool may(const side& x, const action& a) const {
    const bool* const busy = x.who->busy;
    switch (a.what) {
    case act::handshake: return !begun_;
    case act::read_some:
    case act::read: return open_ && !busy[0] && !busy[2];
    case act::write_some:
    case act::gather:
    case act::write: return open_ && !busy[1] && !busy[2] && !said_goodbye_;
    case act::shutdown: return open_ && !busy[0] && !busy[1] && !busy[2] && !said_goodbye_;
    case act::cancel_read:
    case act::cancel_partly: return busy[0];
    case act::cancel_write: return busy[1] && !busy[0];
    default: return true;
    }
  }

  void perform(side& x, const action& a) {
    switch (a.what) {
    case act::handshake: begun_ = true; return x.who->handshake();
    case act::read_some: return x.who->read_some(a.n);
    case act::read: return x.who->read(a.n);
    case act::write_some: return x.who->write_some(a.n, 1, 'w');
    case act::gather: return x.who->write_some(a.n, 4, 'g');
    case act::write: return x.who->write(a.n);
    case act::shutdown: said_goodbye_ = true; return x.who->shutdown();
    case act::cancel_read: return x.who->cancel(lane_kind::reading, net::cancellation_type::terminal);
    case act::cancel_write: return x.who->cancel(lane_kind::writing, net::cancellation_type::terminal);
    case act::cancel_partly: return x.who->cancel(lane_kind::reading, net::cancellation_type::partial);
    case act::peer_writes: x.peer->write(a.n); return;
    case act::peer_closes: x.peer->close(); return;
    case act::peer_ends: return break_layer(x, net::error::eof, true);
    case act::peer_tears:
      if (!x.peer->tear()) return;
      settle_one(x);
      return break_layer(x, net::error::eof, true);
    case act::peer_breaks: broken_ = true; return x.peer->break_protocol();
    case act::reset: return break_layer(x, net::error::connection_reset, false);
    case act::stop_taking: x.plan().capacity = 0; return;
    case act::go_on_taking: x.plan().capacity = layer_plan().capacity; return x.who->layer().resume();
    case act::chunk: x.plan().chunk = std::max<std::size_t>(a.n, 1); return;
    }
  }
  // What the peer has sent arrives first.
  void settle_one(side& x) {
    while (x.peer->pump()) run_handlers();
  }
  static void break_layer(side& x, error_code ec, bool only_the_end) {
    if (x.plan().broken()) return;
    x.plan().error = ec;
    x.plan().ends = only_the_end;
    x.plan().rest_first = true; // how much a stream reads at once is not in question
    x.plan().breaks_at = 0;
    x.who->layer().resume();
  }

  // False ends the comparison: they differ, or by a rule they go different ways from here.
  bool agree(const action& a) {
    const std::string o = ours_.take();
    const std::string s = stock_.take();
    std::vector<event> of_ours = std::move(ours_.who->events);
    std::vector<event> of_stock = std::move(stock_.who->events);
    ours_.who->events.clear();
    stock_.who->events.clear();
    const auto differs = [&](const std::string& why) {
      result_.difference = why + " after " + static_cast<char>(a.what) + std::to_string(a.n) + " (action " +
                           std::to_string(result_.steps) + "): ours " + o + "| stock " + s;
      return false;
    };
    const auto rule = [&](const char* name, bool goes_on) {
      ++result_.rules[name];
      return goes_on;
    };
    for (const side* x : {&ours_, &stock_}) {
      const bool is_ours = x == &ours_;
      if (x->who->got != endless_pattern().substr(0, x->who->got.size()))
        return differs(is_ours ? "ours read other bytes" : "stock read other bytes");
      if (is_ours && x->peer->got() != endless_pattern().substr(0, x->peer->got().size()))
        return differs("the peer of ours got other bytes");
    }
    // Reads wait until the alert is gone, and ours end when they are cancelled. What the stock stream says of
    // its writes meanwhile is something else.
    if (broken_ && o != s && (blocked() || a.what == act::go_on_taking)) {
      const event* const x = read_among(of_ours);
      const event* const y = read_among(of_stock);
      if (x != nullptr && y != nullptr && x->ec != y->ec && !is_data_after_the_end(*x, *y))
        return differs("other failures");
      if (x != nullptr || y != nullptr || (ours_.who->busy[0] && stock_.who->busy[0]))
        return rule(differences::last_alert, false);
    }
    if (a.what == act::cancel_partly && ours_.who->busy[0] != stock_.who->busy[0]) {
      if (of_ours.size() != 1 || of_ours[0].ec != net::error::operation_aborted)
        return differs("cancelled partially");
      return rule(differences::partial_cancellation, false);
    }
    if (a.what == act::cancel_write) {
      if (of_ours.empty() || of_ours[0].ec != net::error::operation_aborted)
        return differs("cancelled a write");
      return rule(differences::cancelled_write, false);
    }
    if (of_ours.size() != of_stock.size()) return differs("other operations ended");
    bool goes_on = true;
    for (std::size_t i = 0; i < of_ours.size(); ++i) {
      const event& x = of_ours[i];
      const event& y = of_stock[i];
      if (x.what != y.what) return differs("another order");
      if (x.what == 'H' && !x.ec && !y.ec) open_ = true;
      if (x.ec != y.ec) {
        if (is_data_after_the_end(x, y)) return rule(differences::data_after_the_end, false);
        if (ours_.plan().broken() && fails_twice(x, y)) return rule(differences::two_failures, false);
        if (found_behind_bytes(x, y)) return rule(differences::found_behind_bytes, false);
        return differs("other errors");
      }
      if (x.what == 'r' && x.ec == net::error::operation_aborted) continue; // both go on
      if (x.ec) goes_on = rule(differences::failed_connection, false) && goes_on;
      if (x.n == y.n) continue;
      if (x.what == 'r' && x.n > y.n) {
        rule(differences::read_takes_all, true);
        if (!catch_up(x.n - y.n)) return differs("what ours read at once was not there for the other one");
        continue;
      }
      if (x.what == 'g' && x.n > y.n && y.n >= 8192) {
        goes_on = rule(differences::write_takes_all, false);
        continue;
      }
      return differs("other numbers of bytes");
    }
    if (!goes_on) return false;
    if (ours_.writes() != stock_.writes()) return differs("one still writes");
    if (!ours_.writes()) {
      if (ours_.peer->got().size() != stock_.peer->got().size())
        return differs("the peers got different bytes");
      if (ours_.peer->got().size() != ours_.who->written && !blocked())
        return differs("bytes are missing at the peer");
      if (ours_.peer->told_of_end() != stock_.peer->told_of_end())
        return differs("one peer was told of the end");
    }
    return true;
  }
  // The read, or the handshake, that reads too.
  static const event* read_among(const std::vector<event>& events) {
    for (const event& e : events)
      if (e.what == 'r' || e.what == 'R' || e.what == 'H') return &e;
    return nullptr;
  }
  // What comes after close_notify must be ignored (RFC 8446, 6.1).
  bool is_data_after_the_end(const event& ours, const event& stock) const {
    return broken_ && ours.ec == net::error::eof && stock.ec == net::ssl::error::stream_truncated;
  }
  // A read that takes all that is there has met the peer's nonsense behind it.
  bool found_behind_bytes(const event& ours, const event& stock) const {
    return broken_ && !ours_.who->got.empty() && !stock.ec && ours.what != 'r' && ours.what != 'R' &&
           ours.ec.category() == net::error::get_ssl_category();
  }
  // A shutdown finds bytes that nobody has read, and cannot send its close_notify.
  static bool fails_twice(const event& ours, const event& stock) {
    return ours.what == 'S' && ours.ec == net::error::connection_reset &&
           stock.ec.category() == net::error::get_ssl_category() &&
           ERR_GET_REASON(static_cast<unsigned long>(stock.ec.value())) ==
               SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY;
  }
  bool blocked() { return ours_.plan().capacity == 0 || ours_.plan().broken(); }

  // The stock stream reads what ours has read already.
  bool catch_up(std::size_t n) {
    stock_.who->read(n);
    settle();
    const bool good =
        stock_.who->events.size() == 1 && !stock_.who->events[0].ec && stock_.who->events[0].n == n;
    stock_.who->events.clear();
    return good;
  }

  script script_;
  net::io_context io_{1};
  side ours_;
  side stock_;
  verdict result_;
  bool begun_ = false;
  bool open_ = false;
  bool said_goodbye_ = false;
  long handlers_left_ = 3'000'000;
  bool broken_ = false; // the peer has sent what is no TLS
};

} // namespace

verdict compare(const script& s) {
  try {
    return comparer(s).run();
  } catch (const std::exception& e) {
    verdict v;
    v.difference = e.what();
    return v;
  }
}

} // namespace tlsmode::test
