// SPDX-License-Identifier: BSL-1.0
// A next layer in memory that does as it is told: how much it moves at once, at which of its operations it
// breaks or stands still, and when it calls the test. One thread.
#ifndef TLSMODE_TESTS_SUPPORT_FAULTY_LAYER_HPP
#define TLSMODE_TESTS_SUPPORT_FAULTY_LAYER_HPP

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>

namespace tlsmode {
namespace net = boost::asio;

namespace test {

/// What one end of a connection does, and what was asked of it.
struct layer_plan {
  static constexpr int never = std::numeric_limits<int>::max();
  std::size_t chunk = std::numeric_limits<std::size_t>::max();    ///< most bytes that one operation moves
  std::size_t capacity = std::numeric_limits<std::size_t>::max(); ///< of the way to the peer
  int breaks_at = never;   ///< this operation (from 1) and all others fail from then on
  int calls_at = never;    ///< while this operation is under way `call` is called
  int stalls_at = never;   ///< this operation and all others wait, until resume(), or would block
  bool ends = false;       ///< what breaks is only the way from the peer
  bool rest_first = false; ///< reads get what has come before they fail
  std::function<void()> call;
  boost::system::error_code error = net::error::network_down; ///< with which they fail

  int operations = 0; ///< begun so far
  int reads_at_once = 0, writes_at_once = 0, most_reads = 0, most_writes = 0;
  [[nodiscard]] bool broken() const noexcept { return operations >= breaks_at; }
  [[nodiscard]] bool stalled() const noexcept { return operations >= stalls_at; }
};

/// One end of a pair. Waiting operations can be cancelled, and are when it is destroyed; synchronous ones
/// never wait.
class faulty_layer {
 public:
  using executor_type = net::any_io_executor;

  faulty_layer(faulty_layer&&) noexcept = default;
  faulty_layer& operator=(faulty_layer&& other) noexcept {
    if (end_) end_->close();
    end_ = std::move(other.end_);
    return *this;
  }
  ~faulty_layer() {
    if (end_) end_->close();
  }

  /// Connected with each other. Up to `reserve` bytes on the way cost no allocation.
  static std::pair<faulty_layer, faulty_layer> pair(const executor_type& ex, std::size_t reserve = 0) {
    auto there = std::make_shared<way>(ex);
    auto back = std::make_shared<way>(ex);
    there->bytes.reserve(reserve);
    back->bytes.reserve(reserve);
    return {faulty_layer(ex, there, back), faulty_layer(ex, back, there)};
  }

  [[nodiscard]] executor_type get_executor() const noexcept { return end_->ex; }
  [[nodiscard]] layer_plan& plan() noexcept { return end_->plan; }
  [[nodiscard]] static bool non_blocking() noexcept { return true; }
  /// Ends a stall.
  void resume() {
    end_->plan.stalls_at = layer_plan::never;
    end_->in->reader.wake();
    end_->out->writer.wake();
  }

  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    end_->begin();
    layer_plan& p = end_->plan;
    p.most_reads = std::max(p.most_reads, ++p.reads_at_once);
    start(end_->in->reader, end_->readable(),
          waiting<true, Buffers, std::decay_t<Handler>>{std::forward<Handler>(handler), buffers, end_});
  }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    end_->begin();
    layer_plan& p = end_->plan;
    p.most_writes = std::max(p.most_writes, ++p.writes_at_once);
    start(end_->out->writer, end_->writable(),
          waiting<false, Buffers, std::decay_t<Handler>>{std::forward<Handler>(handler), buffers, end_});
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, boost::system::error_code& ec) {
    if (end_->readable()) end_->begin();
    return end_->read(buffers, ec = end_->readable() ? boost::system::error_code() : net::error::would_block);
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, boost::system::error_code& ec) {
    if (end_->writable()) end_->begin();
    return end_->write(buffers,
                       ec = end_->writable() ? boost::system::error_code() : net::error::would_block);
  }

 private:
  // Where one operation at a time waits, if it has to.
  struct place {
    explicit place(const executor_type& ex) : timer(ex) {}
    template <class Handler>
    void start(bool at_once, Handler handler) {
      woken = at_once;
      if (at_once) return net::post(timer.get_executor(), std::move(handler));
      timer.expires_at(net::steady_timer::time_point::max());
      timer.async_wait(std::move(handler));
    }
    void wake() {
      woken = true;
      timer.cancel();
    }
    void stop() {
      woken = false;
      timer.cancel();
    }
    net::steady_timer timer;
    bool woken = false;
  };
  struct way {
    explicit way(const executor_type& ex) : reader(ex), writer(ex) {}
    std::string bytes;
    place reader;
    place writer;
  };
  struct end {
    [[nodiscard]] bool readable() const noexcept {
      return plan.broken() || (!plan.stalled() && !in->bytes.empty());
    }
    [[nodiscard]] bool writable() const noexcept {
      return write_broken() || (!plan.stalled() && out->bytes.size() < plan.capacity);
    }
    [[nodiscard]] bool write_broken() const noexcept { return plan.broken() && !plan.ends; }
    // Of sockets the operations end with operation_aborted.
    void close() {
      in->reader.stop();
      out->writer.stop();
    }
    void begin() {
      if (++plan.operations == plan.calls_at) net::post(ex, plan.call);
      if (plan.operations != plan.breaks_at) return;
      in->reader.wake();
      out->writer.wake();
    }
    // `ec` says whether there was a reason not to move anything.
    template <class Buffers>
    std::size_t read(const Buffers& buffers, boost::system::error_code& ec) {
      if (net::buffer_size(buffers) == 0) return 0; // never fails, as with sockets
      if (plan.broken() && !(plan.rest_first && !in->bytes.empty())) ec = plan.error;
      if (ec) return 0;
      const std::size_t most = std::min(plan.chunk, in->bytes.size());
      const std::size_t n = net::buffer_copy(buffers, net::buffer(in->bytes), most);
      in->bytes.erase(0, n);
      in->writer.wake();
      return n;
    }
    template <class Buffers>
    std::size_t write(const Buffers& buffers, boost::system::error_code& ec) {
      if (net::buffer_size(buffers) == 0) return 0;
      if (write_broken()) ec = plan.error;
      if (ec) return 0;
      const std::size_t room = std::min(plan.chunk, plan.capacity - out->bytes.size());
      const std::size_t n = std::min(room, net::buffer_size(buffers));
      const std::size_t before = out->bytes.size();
      out->bytes.resize(before + n);
      net::buffer_copy(net::buffer(out->bytes) + before, buffers);
      out->reader.wake();
      return n;
    }
    executor_type ex;
    std::shared_ptr<way> in, out;
    layer_plan plan;
  };

  template <bool Reads, class Buffers, class Handler>
  struct waiting {
    using executor_type = net::associated_executor_t<Handler, net::any_io_executor>;
    using allocator_type = net::associated_allocator_t<Handler>;
    using cancellation_slot_type = net::associated_cancellation_slot_t<Handler>;
    Handler handler;
    Buffers buffers;
    std::shared_ptr<end> at;

    [[nodiscard]] executor_type get_executor() const noexcept {
      return net::get_associated_executor(handler, at->ex);
    }
    [[nodiscard]] allocator_type get_allocator() const noexcept {
      return net::get_associated_allocator(handler);
    }
    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
      return net::get_associated_cancellation_slot(handler);
    }
    void operator()(boost::system::error_code ec = {}) {
      place& here = Reads ? at->in->reader : at->out->writer;
      if (here.woken || net::buffer_size(buffers) == 0) ec = {};
      if (!ec && net::buffer_size(buffers) != 0 && !(Reads ? at->readable() : at->writable()))
        return here.start(false, std::move(*this));
      std::size_t n = 0;
      if constexpr (Reads) {
        --at->plan.reads_at_once;
        n = at->read(buffers, ec);
      } else {
        --at->plan.writes_at_once;
        n = at->write(buffers, ec);
      }
      std::move(handler)(ec, n);
    }
  };

  // One that asks for nothing waits for nothing, and takes nobody's place.
  template <class Operation>
  void start(place& here, bool at_once, Operation operation) {
    if (net::buffer_size(operation.buffers) == 0) return net::post(end_->ex, std::move(operation));
    here.start(at_once, std::move(operation));
  }

  faulty_layer(const executor_type& ex, std::shared_ptr<way> in, std::shared_ptr<way> out)
      : end_(std::make_shared<end>(end{ex, std::move(in), std::move(out), {}})) {}
  std::shared_ptr<end> end_;
};

} // namespace test
} // namespace tlsmode

#endif
