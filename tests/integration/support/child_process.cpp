// SPDX-License-Identifier: BSL-1.0
// Fork, exec, pipes and waiting.
#include "child_process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace integration {
namespace {

int make_file() {
  const int file = ::memfd_create("output", MFD_CLOEXEC);
  if (file < 0) throw std::system_error(errno, std::system_category(), "memfd_create");
  return file;
}

#ifdef TLSMODE_SANITIZE_ADDRESS
// The address sanitizer says once, in three lines, that it does not know the stacks of OpenSSL's jobs.
std::string without_warning_of_asan(std::string text) {
  const auto begin = text.find("WARNING: ASan is ignoring requested __asan_handle_no_return");
  if (begin == std::string::npos) return text;
  const auto line = text.rfind('\n', begin) + 1; // 0 if it is the first one
  const std::string last = "google/sanitizers/issues/189\n";
  const auto end = text.find(last, begin);
  return end == std::string::npos ? text : text.erase(line, end + last.size() - line);
}
#else
std::string without_warning_of_asan(std::string text) { return text; }
#endif

} // namespace

child_process::child_process(std::vector<std::string> command, std::size_t descriptor_limit)
    : out_(make_file()), err_(make_file()) {
  std::vector<char*> argv;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ < 0) throw std::system_error(errno, std::system_category(), "fork");
  if (pid_ == 0) { // only async-signal-safe calls from here to exec: the parent has threads
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::signal(SIGPIPE, SIG_DFL); // which the tests ignore
    if (descriptor_limit != 0) {
      const rlimit limit{descriptor_limit, descriptor_limit};
      ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    const int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, STDIN_FILENO);
    ::close(null);
    ::dup2(out_, STDOUT_FILENO);
    ::dup2(err_, STDERR_FILENO);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
}

child_process::~child_process() {
  if (!status_) {
    ::kill(pid_, SIGKILL);
    int ignored = 0;
    ::waitpid(pid_, &ignored, 0);
  }
  ::close(out_);
  ::close(err_);
}

std::string child_process::written_to(int file) {
  std::string text;
  std::array<char, 4096> piece{};
  for (;;) { // not read(): the position in the file is the child's
    const ssize_t n = ::pread(file, piece.data(), piece.size(), static_cast<off_t>(text.size()));
    if (n <= 0) return without_warning_of_asan(std::move(text));
    text.append(piece.data(), static_cast<std::size_t>(n));
  }
}

void child_process::signal(int number) const {
  if (!status_) ::kill(pid_, number);
}

std::optional<int> child_process::exit_status() {
  if (status_) return status_;
  int raw = 0;
  if (!eventually([&] { return ::waitpid(pid_, &raw, WNOHANG) == pid_; })) return std::nullopt;
  status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
  return status_;
}

bool child_process::wait_for_output(
    const std::function<bool(const std::string&, const std::string&)>& condition) const {
  return eventually([&] { return condition(out(), err()); });
}

std::size_t child_process::descriptors() const {
  std::size_t n = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/fd"))
    ++n;
  return n;
}

std::size_t child_process::resident_kib() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string word; status >> word;) {
    if (word != "VmRSS:") continue;
    std::size_t kib = 0;
    status >> kib;
    return kib;
  }
  throw std::runtime_error("the process has no VmRSS");
}

run_result run(std::vector<std::string> command) {
  const std::string name = command.front();
  child_process child(std::move(command));
  const auto status = child.exit_status();
  if (!status) throw std::runtime_error(name + " does not end");
  return {*status, child.out(), child.err()};
}

bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

} // namespace integration
