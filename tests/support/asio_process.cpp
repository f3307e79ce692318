// SPDX-License-Identifier: BSL-1.0
// Child processes and temporary files.
#include "asio_process.hpp"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <spawn.h>
#include <stdexcept>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace tlsmode::test {
namespace {

struct pipe_ends {
  int read = -1;
  int write = -1;
};

pipe_ends make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
  return {fds[0], fds[1]};
}

} // namespace

process::process(const net::any_io_executor& ex, const std::vector<std::string>& command)
    : input(ex), output(ex) {
  const pipe_ends in = make_pipe();
  const pipe_ends out = make_pipe();
  input.assign(in.write);
  output.assign(out.read);
  std::vector<char*> arguments;
  for (const std::string& a : command) arguments.push_back(const_cast<char*>(a.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const int rc = ::posix_spawnp(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(in.read);
  ::close(out.write);
  if (rc != 0) throw std::system_error(rc, std::generic_category(), command[0]);
}

process::~process() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL); // not reaped yet, so the number is still its own
  ::waitpid(pid_, nullptr, 0);
}

temporary_directory::temporary_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "tlsmode-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp");
  path_ = name;
}

temporary_directory::~temporary_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string temporary_directory::file(std::string_view name, std::string_view content) const {
  const std::string path = path_ + '/' + std::string(name);
  std::ofstream out(path, std::ios::binary);
  out << content;
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
  return path;
}

} // namespace tlsmode::test
