// SPDX-License-Identifier: BSL-1.0
// The client process of the flood: its two threads and its talk with the parent. See flood_clients.hpp.
#include "flood_clients.hpp"

#include "client_process.hpp"
#include "harness/machine.hpp"

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>

namespace bench {
namespace {

void require_complete(const flood_report& report) {
  if (report.completed_ever != report.begun_ever)
    throw std::runtime_error(std::to_string(report.begun_ever - report.completed_ever) +
                             " handshakes did not complete");
  if (report.echoed != report.sent)
    throw std::runtime_error(std::to_string(report.sent - report.echoed) + " echoes did not come back");
}

void wait_for_end(const unique_fd& control) {
  try {
    receive_value<char>(control);
  } catch (const std::exception&) { // the parent has closed its end
  }
}

void run(const unique_fd& control, flood_plan& plan, flood_report& report, bool& ready) {
  pin_thread(1);
  const ssl_context_ptr context = make_client_context(plan.key);
  echo_clients echoes(context.get(), plan.echoes);
  echoes.handshake();
  send_value(control, true);
  ready = true;

  flood_times times;
  times.start = steady::time_point(std::chrono::nanoseconds(receive_value<std::int64_t>(control)));
  times.begin = times.start - plan.warm_up;
  times.end = times.start + plan.measured;
  times.give_up = times.end + std::chrono::seconds(30);

  std::exception_ptr echo_failure;
  std::thread echo_thread([&] {
    try {
      prefer_latency();
      echoes.run(times, plan.messages_per_second, report);
    } catch (...) {
      echo_failure = std::current_exception();
    }
  });
  std::exception_ptr failure;
  try {
    prefer_others();
    run_handshakes(context.get(), plan, times, report);
  } catch (...) {
    failure = std::current_exception();
  }
  echo_thread.join();
  if (failure) std::rethrow_exception(failure);
  if (echo_failure) std::rethrow_exception(echo_failure);
  require_complete(report);
  send_value(control, report);
  wait_for_end(control); // until then the server shall not see a connection go away
}

} // namespace

void run_flood_clients(const unique_fd& control, flood_plan& plan) noexcept {
  flood_report report;
  bool ready = false;
  try {
    try {
      run(control, plan, report, ready);
    } catch (const std::exception& error) {
      std::snprintf(report.error, sizeof(report.error), "%s", error.what());
      if (!ready) send_value(control, false);
      send_value(control, report);
    }
  } catch (const std::exception&) { // the parent is gone: nobody to tell
  }
}

} // namespace bench
