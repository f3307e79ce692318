// SPDX-License-Identifier: BSL-1.0
// New connections that shake hands, wait for the server's byte and leave. They arrive at random moments of a
// fixed average rate, the same moments in every run; or, as many as the server takes, whenever another one
// has left.
#include "flood_clients.hpp"

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

namespace bench {
namespace {

class handshakes {
 public:
  handshakes(SSL_CTX* context, const flood_plan& plan, const flood_times& times, flood_report& report)
      : context_(context), plan_(plan), times_(times), report_(report),
        due_(plan.rate > 0 ? times.begin : times.end), open_(plan.at_once) {
    for (std::size_t i = 0; i < open_.size(); ++i) free_.push_back(i);
  }

  void run() {
    while (due_ < times_.end || free_.size() < open_.size()) {
      auto now = steady::now();
      if (now > times_.give_up) return; // the report says how many are missing
      if (now >= times_.end) due_ = times_.end;
      while (due_ <= now && due_ < times_.end && !free_.empty()) begin(now);
      // With every place taken, the next event is that one of them becomes free.
      const bool more = due_ < times_.end && !free_.empty();
      for (const std::uint64_t place : readable_.wait(more ? due_ : std::max(times_.end, now + patience)))
        go_on(static_cast<std::size_t>(place));
    }
  }

 private:
  static constexpr std::chrono::milliseconds patience{100};

  void begin(steady::time_point now) {
    const std::size_t place = free_.back();
    free_.pop_back();
    auto& client = open_[place];
    client = std::make_unique<raw_client>(context_, connect_to(plan_.port));
    static_cast<void>(client->handshake()); // sends the first message
    readable_.add(client->descriptor(), place);
    shaken_[place] = false;
    ++report_.begun_ever;
    if (times_.measured(now)) ++report_.offered;
    if (paced_)
      due_ += std::chrono::duration_cast<steady::duration>(std::chrono::duration<double>(gap_(random_)));
  }

  void go_on(std::size_t place) {
    auto& client = open_[place];
    if (!shaken_[place]) {
      shaken_[place] = client->handshake();
      if (!shaken_[place]) return;
    }
    std::byte signal{};
    if (client->read(std::span(&signal, 1)) == 0) return;
    client.reset();
    free_.push_back(place);
    ++report_.completed_ever;
    if (times_.measured(steady::now())) ++report_.completed;
  }

  SSL_CTX* context_;
  const flood_plan& plan_;
  const bool paced_ = plan_.rate != as_many_as_it_takes;
  const flood_times& times_;
  flood_report& report_;
  steady::time_point due_;
  std::vector<std::unique_ptr<raw_client>> open_;
  std::vector<bool> shaken_ = std::vector<bool>(open_.size());
  std::vector<std::size_t> free_;
  readable_set readable_;
  std::mt19937_64 random_{1};
  std::exponential_distribution<double> gap_{paced_ && plan_.rate > 0 ? plan_.rate : 1};
};

} // namespace

void run_handshakes(SSL_CTX* context, const flood_plan& plan, const flood_times& times,
                    flood_report& report) {
  handshakes(context, plan, times, report).run();
}

} // namespace bench
