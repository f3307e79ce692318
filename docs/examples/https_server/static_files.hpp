// SPDX-License-Identifier: BSL-1.0
// Files below one directory, and nothing outside of it: from the path of a request to an open file.
// Knows no HTTP beyond the paths.
#ifndef EXAMPLES_HTTPS_SERVER_STATIC_FILES_HPP
#define EXAMPLES_HTTPS_SERVER_STATIC_FILES_HPP

#include <boost/beast/core/file_posix.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace https_server {

/// The path of a request target: the scheme and host of an absolute target and the query are cut off, percent
/// encoding is undone. Nothing if it does not begin with '/', or if the encoding is wrong or hides a NUL.
[[nodiscard]] std::optional<std::string> path_of(std::string_view target);

/// A decoded path as it may stand in a Location: with one leading '/', so that it cannot name another host.
[[nodiscard]] std::string encoded_path(std::string_view path);

/// The Content-Type for a file name, by its extension.
[[nodiscard]] std::string_view content_type(std::string_view file_name);

class static_files {
public:
  enum class outcome { found, directory, not_found, forbidden, unavailable };
  struct result {
    outcome what;
    boost::beast::file_posix file; ///< open if `what` is found
    std::string_view type;         ///< its Content-Type
  };

  /// Throws startup_error if `root` is no readable directory.
  explicit static_files(const std::string& root);
  ~static_files();
  static_files(const static_files&) = delete;
  static_files& operator=(const static_files&) = delete;

  /// Opens the file of a decoded path. A path that ends in '/' stands for index.html in there; `directory`
  /// means that only that '/' is missing. Paths with ".." and symbolic links that lead out of the root are
  /// forbidden. Thread safety: any thread.
  [[nodiscard]] result open(const std::string& path) const;

private:
  int root_;
};

} // namespace https_server

#endif
