// SPDX-License-Identifier: BSL-1.0
// What does a stream say when the layer below it breaks at any one of its operations, and what when it is
// cancelled during any one of them? From the first byte of the handshake to the last of the shutdown,
// whatever the layer moves at once, with asynchronous and synchronous operations.
#define BOOST_TEST_MODULE adapter_faults
#include "asio_fixture.hpp"
#include "faulty_layer.hpp"

#include <boost/test/unit_test.hpp>

#include <array>

BOOST_AUTO_TEST_SUITE(faults)

using namespace tlsmode;
using namespace tlsmode::test;

namespace {

using faulty_stream = stream<faulty_layer>;

enum class part { handshake, first_write, key_update, second_write, read, shutdown, over };
constexpr std::array part_names{"handshake", "write", "key update", "write", "read", "shutdown", "over"};
constexpr std::array waiting_parts{part::handshake, part::first_write, part::second_write, part::read,
                                   part::shutdown};

const error_code broken = net::error::network_down;
const std::string text = random_bytes(150, 1);
const std::string both_texts = text + text;

// Shakes hands, gives back what it gets, and says goodbye last.
class echo {
 public:
  echo(faulty_stream& s, handshake_type type) : stream_(s) {
    start_handshake(s, type, [this](error_code ec, std::size_t) {
      if (!ec) read();
    });
  }
  [[nodiscard]] const std::string& got() const noexcept { return got_; }

 private:
  void read() {
    start_read(stream_, net::buffer(room_), [this](error_code ec, std::size_t n) {
      if (ec == net::error::eof) start_shutdown_form(stream_, shutdown_form::send_only);
      if (ec) return;
      got_.append(room_.data(), n);
      start_write(stream_, net::buffer(room_, n), [this](error_code failed, std::size_t) {
        if (!failed) read();
      });
    });
  }
  faulty_stream& stream_;
  std::array<char, 64> room_{};
  std::string got_;
};

struct contexts {
  explicit contexts(int version) : client(client_context(version)), server(server_context(version)) {}
  net::ssl::context client;
  net::ssl::context server;
};

struct faulty_pair {
  faulty_pair(contexts& c, handshake_type type)
      : layers(faulty_layer::pair(io.get_executor())),
        tls(std::move(layers.first), type == as_client ? c.client : c.server),
        other(std::move(layers.second), type == as_client ? c.server : c.client) {}
  net::io_context io;
  std::pair<faulty_layer, faulty_layer> layers;
  faulty_stream tls;
  faulty_stream other;
};

// One side of a connection goes through all parts of a session.
class session : public faulty_pair {
 public:
  session(contexts& c, handshake_type type, std::size_t chunk)
      : faulty_pair(c, type), type_(type), echo_(other, type == as_client ? as_server : as_client) {
    tls.clear_mode(mode::enable_partial_write);
    other.clear_mode(mode::enable_partial_write);
    plan().chunk = chunk;
    plan().capacity = 400; // less than the handshake has for the peer
  }
  layer_plan& plan() { return tls.next_layer().plan(); }

  // Both run until a part fails, or to the end.
  void run() {
    asynchronous_ = true;
    start();
    run_while_it_goes([&] { return ec || at == part::over; });
  }
  void run_synchronously() {
    for (int i = 0; !ec && at != part::over; ++i) {
      BOOST_REQUIRE(i < 100'000);
      std::size_t n = 0;
      if (const error_code now = call(at, n); now != net::error::would_block)
        ended(now, n);
      else
        poll();
    }
  }
  // Cancels what is outstanding; run() starts it again once it is aborted.
  void cancel(net::cancellation_type type) {
    cancelling_ = true;
    now_.cancel(type);
  }
  // What a synchronous operation comes to.
  error_code call(part p, std::size_t& n) {
    error_code result;
    switch (p) {
    case part::handshake: tls.handshake(type_, result); break;
    case part::first_write:
    case part::second_write: n = tls.write_some(net::buffer(left_), result); break;
    case part::key_update: update_keys(result); break;
    case part::read: n = tls.read_some(net::buffer(room_), result); break;
    case part::shutdown: tls.shutdown(result); break;
    case part::over: break;
    }
    return result;
  }
  // What an asynchronous one comes to.
  error_code call_async(part p) {
    const operation op = start(p, {});
    run_while_it_goes([&] { return op.done(); });
    BOOST_TEST(op.bytes() == 0U);
    return op.ec();
  }

  part at = part::handshake;
  error_code ec;
  int aborted = 0;
  std::string answers;
  [[nodiscard]] const std::string& peer_got() const noexcept { return echo_.got(); }

 private:
  void start() {
    if (at != part::key_update) {
      now_ = start(at, [this](error_code result, std::size_t n) { ended(result, n); });
      return;
    }
    error_code result;
    update_keys(result);
    ended(result, 0);
  }
  operation start(part p, operation::callback then) {
    switch (p) {
    case part::handshake: return start_handshake(tls, type_, std::move(then));
    case part::read: return start_read(tls, net::buffer(room_), std::move(then));
    case part::shutdown: return start_shutdown(tls, std::move(then));
    default: return start_write(tls, net::buffer(left_), std::move(then));
    }
  }
  void update_keys(error_code& result) {
    if (tls.protocol() == "TLSv1.3") tls.update_keys(true, result);
  }
  void ended(error_code result, std::size_t n) {
    const bool again = result == net::error::operation_aborted && cancelling_;
    if (again) ++aborted;
    if (at == part::read) answers.append(room_.data(), n);
    if (at == part::first_write || at == part::second_write) left_.remove_prefix(n);
    if (result && !again) ec = result;
    if (ec) return;
    if (!again && (at != part::read || answers.size() == both_texts.size())) {
      at = static_cast<part>(static_cast<int>(at) + 1);
      left_ = text;
    }
    if (at != part::over && asynchronous_) start();
  }
  // All is in memory: what does not happen now never will.
  void run_while_it_goes(const std::function<bool()>& done) {
    while (!done()) BOOST_REQUIRE(poll() != 0U);
  }
  std::size_t poll() {
    io.restart();
    return io.poll();
  }

  handshake_type type_;
  std::string_view left_ = text;
  std::array<char, 64> room_{};
  operation now_;
  bool asynchronous_ = false;
  bool cancelling_ = false;
  echo echo_;
};

constexpr std::size_t chunks[] = {1, 5, 13, 64};

// Calls `check` with a session for each fault of a sweep, until one has no fault: a session that is set to
// `at` and returns whether it got to its end without meeting it.
template <class Check>
void sweep(Check check) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    contexts c(version);
    for (const auto type : {as_client, as_server}) {
      for (const std::size_t chunk : chunks) {
        const int stride = chunk == 1 ? 41 : chunk == 5 ? 13 : chunk == 13 ? 4 : 1; // some of the thousands
        bool whole = false;
        for (int at = 1; !whole; at += stride) {
          BOOST_TEST_CONTEXT("TLS " << version << (type == as_client ? ", client, " : ", server, ") << chunk
                                    << " bytes at once, operation " << at) {
            session s(c, type, chunk);
            whole = check(s, at);
            BOOST_TEST(both_texts.compare(0, s.peer_got().size(), s.peer_got()) == 0);
            BOOST_TEST(both_texts.compare(0, s.answers.size(), s.answers) == 0);
            if (whole) BOOST_TEST((s.answers == both_texts));
          }
        }
      }
    }
  }
}

using tally = std::array<int, part_names.size()>;

// The layer breaks at operation `at`, whatever runs then.
template <class Run, class Again>
bool break_and_check(session& s, int at, tally& failures, Run run, Again again) {
  s.plan().breaks_at = at;
  run(s);
  const bool whole = s.at == part::over;
  BOOST_TEST(s.plan().broken() == !whole, "of each operation of the layer somebody hears");
  if (whole) return true;
  ++failures[static_cast<std::size_t>(s.at)];
  BOOST_TEST(s.ec == broken);
  BOOST_TEST(error_code(to_boost(s.tls.last_failure().code)) == broken);
  BOOST_TEST(s.tls.last_failure().operation == part_names[static_cast<std::size_t>(s.at)]);
  BOOST_TEST(again(s, s.at) == broken, "and so does who comes next");
  for (const part p : {part::read, part::first_write, part::shutdown}) BOOST_TEST(bool(again(s, p)));
  return false;
}

void check_all_failed(const tally& failures) {
  for (const part p : waiting_parts) BOOST_TEST(failures[static_cast<std::size_t>(p)] > 0);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_layer_that_breaks_at_each_of_its_operations) {
  tally failures{};
  sweep([&](session& s, int at) {
    return break_and_check(
        s, at, failures, [](session& x) { x.run(); }, [](session& x, part p) { return x.call_async(p); });
  });
  check_all_failed(failures);
}

BOOST_AUTO_TEST_CASE(a_layer_that_breaks_under_synchronous_operations) {
  tally failures{};
  const auto call = [](session& x, part p) {
    std::size_t n = 0;
    const error_code ec = x.call(p, n);
    BOOST_TEST(n == 0U);
    return ec;
  };
  sweep([&](session& s, int at) {
    return break_and_check(
        s, at, failures, [](session& x) { x.run_synchronously(); }, call);
  });
  check_all_failed(failures);
}

// Whatever was cancelled is started again, and no byte is lost, doubled or moved.
BOOST_AUTO_TEST_CASE(operations_cancelled_at_each_operation_of_the_layer) {
  tally aborted{};
  constexpr std::array types{net::cancellation_type::terminal, net::cancellation_type::partial,
                             net::cancellation_type::total};
  sweep([&](session& s, int at) {
    part met = part::over;
    s.plan().calls_at = at;
    s.plan().call = [&] {
      met = s.at;
      s.cancel(types[static_cast<std::size_t>(at) % types.size()]);
    };
    s.run();
    aborted[static_cast<std::size_t>(met)] += s.aborted;
    BOOST_TEST(s.ec == error_code());
    BOOST_TEST(s.answers == both_texts);
    BOOST_TEST(s.peer_got() == both_texts);
    BOOST_TEST(s.plan().most_reads <= 1);
    BOOST_TEST(s.plan().most_writes <= 1);
    return met == part::over;
  });
  check_all_failed(aborted);
}

BOOST_AUTO_TEST_SUITE_END()
