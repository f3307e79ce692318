// SPDX-License-Identifier: BSL-1.0
// The subject for a stream type. Included once for each, so that the two compile apart.
#ifndef TLSMODE_TESTS_DIFFERENTIAL_SUBJECT_OF_HPP
#define TLSMODE_TESTS_DIFFERENTIAL_SUBJECT_OF_HPP

#include "subject.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/stream_base.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <utility>

namespace tlsmode::test {

template <class Stream>
class subject_of final : public subject {
  using error_code = boost::system::error_code;

 public:
  template <class Layer>
  subject_of(Layer layer, net::ssl::context& ctx, bool client)
      : stream_(std::move(layer), ctx), client_(client) {}

  void handshake() override {
    start(lane_kind::reading);
    busy[1] = true; // it has both ways
    stream_.async_handshake(client_ ? net::ssl::stream_base::client : net::ssl::stream_base::server,
                            ending{this, lane_kind::reading, 'H', &subject_of::handshaken});
  }
  void read_some(std::size_t n) override {
    start(lane_kind::reading);
    room_.assign(n, '\0');
    stream_.async_read_some(net::buffer(room_), ending{this, lane_kind::reading, 'r', &subject_of::has_read});
  }
  void read(std::size_t n) override {
    start(lane_kind::reading);
    room_.assign(n, '\0');
    net::async_read(stream_, net::buffer(room_),
                    ending{this, lane_kind::reading, 'R', &subject_of::has_read});
  }
  void write_some(std::size_t n, std::size_t pieces, char letter) override {
    start(lane_kind::writing);
    stream_.async_write_some(cut(n, pieces),
                             ending{this, lane_kind::writing, letter, &subject_of::has_written});
  }
  void write(std::size_t n) override {
    start(lane_kind::writing);
    net::async_write(stream_, cut(n, 3), ending{this, lane_kind::writing, 'W', &subject_of::has_written});
  }
  void shutdown() override {
    start(lane_kind::closing);
    stream_.async_shutdown(ending{this, lane_kind::closing, 'S', &subject_of::has_shut_down});
  }
  void cancel(lane_kind which, net::cancellation_type type) override {
    signals_[static_cast<int>(which)].emit(type);
  }
  faulty_layer& layer() override { return stream_.next_layer(); }

 private:
  struct ending {
    using cancellation_slot_type = net::cancellation_slot;
    subject_of* self;
    lane_kind lane;
    char letter;
    void (subject_of::*note)(std::size_t);
    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
      return self->signals_[static_cast<int>(lane)].slot();
    }
    void operator()(error_code ec, std::size_t n = 0) const {
      self->busy[static_cast<int>(lane)] = false;
      (self->*note)(n);
      self->events.push_back({letter, ec, n});
    }
  };
  void start(lane_kind l) { busy[static_cast<int>(l)] = true; }
  void handshaken(std::size_t) { busy[1] = false; }
  void has_read(std::size_t n) { got.append(room_, 0, n); }
  void has_written(std::size_t n) { written += n; }
  void has_shut_down(std::size_t) {}
  // The next `n` bytes of the pattern after what was reported.
  std::vector<net::const_buffer> cut(std::size_t n, std::size_t pieces) {
    std::vector<net::const_buffer> all;
    std::size_t at = written;
    for (std::size_t left = n; left != 0;) {
      const std::size_t part = all.size() + 1 == pieces ? left : std::min(left, n / pieces + 1);
      all.emplace_back(endless_pattern().data() + at, part);
      at += part;
      left -= part;
    }
    attempted = written + n;
    return all;
  }

  Stream stream_;
  bool client_;
  std::string room_;
  net::cancellation_signal signals_[3];
};

} // namespace tlsmode::test

#endif
