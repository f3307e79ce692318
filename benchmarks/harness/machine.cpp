// SPDX-License-Identifier: BSL-1.0
// Asks the system about itself. See machine.hpp.
#include "machine.hpp"

#include <boost/version.hpp>

#include <openssl/crypto.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <sched.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace bench {
namespace {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string congestion_control() {
  std::ifstream file("/proc/sys/net/ipv4/tcp_congestion_control");
  std::string name;
  return file >> name ? name : "unknown";
}

cpu_set_t processors_at_start() {
  cpu_set_t set;
  CPU_ZERO(&set);
  ::sched_getaffinity(0, sizeof(set), &set);
  return set;
}

// Read once before any thread is pinned: a thread inherits the mask of the one that starts it.
const cpu_set_t allowed_processors = processors_at_start();

extern "C" void out_of_time(int) {
  static constexpr char message[] = "\nerror: a measurement took far longer than it can; giving up\n";
  // Only async-signal-safe calls here.
  [[maybe_unused]] const long written = ::syscall(SYS_write, STDERR_FILENO, message, sizeof(message) - 1);
  ::_exit(EXIT_FAILURE);
}

} // namespace

std::vector<std::pair<std::string, std::string>> describe_machine() {
  utsname system{};
  ::uname(&system);
#if defined(__clang__)
  const std::string compiler = "Clang " __clang_version__;
#else
  const std::string compiler = "GCC " __VERSION__;
#endif
#if defined(NDEBUG)
  const std::string build = "optimised (NDEBUG)";
#else
  const std::string build = "not optimised for measuring (assertions are on)";
#endif
  return {
      {"processor",
       processor_name() + ", " + std::to_string(CPU_COUNT(&allowed_processors)) + " for this process"},
      {"kernel", std::string(system.sysname) + " " + system.release + " " + system.machine +
                     ", TCP congestion control " + congestion_control()},
      {"OpenSSL", OpenSSL_version(OPENSSL_VERSION)},
      {"Boost", std::to_string(BOOST_VERSION / 100000) + "." + std::to_string(BOOST_VERSION / 100 % 1000) +
                    "." + std::to_string(BOOST_VERSION % 100)},
      {"compiler", compiler},
      {"build", build},
  };
}

void pin_thread(unsigned index) {
  const auto available = static_cast<unsigned>(CPU_COUNT(&allowed_processors));
  if (available == 0) return;
  index %= available;
  for (std::size_t processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &allowed_processors) || index-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    ::sched_setaffinity(0, sizeof(one), &one);
    return;
  }
}

void prefer_latency() {
  ::prctl(PR_SET_TIMERSLACK, 1UL); // nanoseconds; usually 50 us
  sched_param parameters{};
  parameters.sched_priority = 1;
  if (::sched_setscheduler(0, SCHED_RR, &parameters) == 0) return;
  // Without the right to that: short slices, which Linux 6.12 and later let go first.
  struct {
    std::uint32_t size = 48, policy = SCHED_OTHER;
    std::uint64_t flags = 0;
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t slice_ns = 100'000, deadline = 0, period = 0;
  } attributes; // sched_setattr(2)
  ::syscall(SYS_sched_setattr, 0, &attributes, 0U);
}

// On Linux this is a thread's own.
void prefer_others() { ::setpriority(PRIO_PROCESS, 0, ::getpriority(PRIO_PROCESS, 0) + 10); }

void require_descriptors(unsigned long count) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) throw std::runtime_error("getrlimit failed");
  if (limit.rlim_cur >= count) return;
  if (limit.rlim_max < count)
    throw std::runtime_error("this cell needs " + std::to_string(count) + " open descriptors, the limit is " +
                             std::to_string(limit.rlim_max) + " (ulimit -Hn)");
  limit.rlim_cur = count;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) throw std::runtime_error("setrlimit failed");
}

watchdog::watchdog(unsigned seconds) : seconds_(seconds) {
  std::signal(SIGALRM, out_of_time);
  feed();
}

watchdog::~watchdog() { ::alarm(0); }

void watchdog::feed() const { ::alarm(seconds_); }

} // namespace bench
