// SPDX-License-Identifier: BSL-1.0
// A child process with pipes to its standard input and output, and a directory for the files that it needs.
#ifndef TLSMODE_TESTS_SUPPORT_ASIO_PROCESS_HPP
#define TLSMODE_TESTS_SUPPORT_ASIO_PROCESS_HPP

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace tlsmode {
namespace net = boost::asio;

namespace test {

/// Runs a program of the PATH. It is killed, if it still runs, and waited for when the object goes away.
class process {
 public:
  process(const net::any_io_executor& ex, const std::vector<std::string>& command);
  ~process();
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  net::posix::stream_descriptor input;  ///< what we write it reads
  net::posix::stream_descriptor output; ///< what it writes we read; its standard error goes nowhere

 private:
  pid_t pid_ = -1;
};

/// A directory that goes away with its files.
class temporary_directory {
 public:
  temporary_directory();
  ~temporary_directory();
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  /// Writes a file; returns its path.
  std::string file(std::string_view name, std::string_view content) const;

 private:
  std::string path_;
};

} // namespace test
} // namespace tlsmode

#endif
