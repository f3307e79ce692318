// SPDX-License-Identifier: BSL-1.0
// Decoding of paths, and opening of files that cannot be anywhere but below the root.
#include "static_files.hpp"

#include "options.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace https_server {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool has_parent_step(std::string_view path) {
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (path.substr(begin, end - begin) == "..") return true;
    begin = end + 1;
  }
  return false;
}

/// Opens for reading, below `root` whatever symbolic links say: the kernel refuses to leave the directory at
/// the moment of opening, so there is no gap between check and use. O_NONBLOCK: a FIFO must not hang us.
int open_below(int root, const char* path) {
  constexpr int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  open_how how{};
  how.flags = flags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  long fd = 0;
  do fd = ::syscall(SYS_openat2, root, path, &how, sizeof how);
  while (fd < 0 && (errno == EINTR || errno == EAGAIN)); // EAGAIN: a rename raced with the look-up
  return static_cast<int>(fd);
}

static_files::outcome outcome_of(int error) {
  switch (error) {
  case ENOENT:
  case ENOTDIR:
  case ENAMETOOLONG: return static_files::outcome::not_found;
  case EXDEV:
  case ELOOP:
  case EACCES:
  case EPERM:
  case ENXIO: return static_files::outcome::forbidden;
  default: return static_files::outcome::unavailable; // EMFILE and the like: may work later
  }
}

} // namespace

std::optional<std::string> path_of(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const auto slash = target.find('/', scheme.size());
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  if (!target.starts_with('/')) return std::nullopt;
  target = target.substr(0, target.find_first_of("?#"));
  std::string path;
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (target[i] != '%') {
      const auto byte = static_cast<unsigned char>(target[i]);
      if (byte <= ' ' || byte == 0x7f) return std::nullopt; // RFC 9112 section 3.2 has none of them
      path += target[i];
      continue;
    }
    if (target.size() - i < 3) return std::nullopt;
    const int high = hex_digit(target[i + 1]);
    const int low = hex_digit(target[i + 2]);
    if (high < 0 || low < 0 || high + low == 0) return std::nullopt;
    path += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return path;
}

std::string encoded_path(std::string_view path) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result = "/";
  for (const char c : path.substr(std::min(path.find_first_not_of('/'), path.size()))) {
    const auto byte = static_cast<unsigned char>(c);
    if (plain.find(c) != std::string_view::npos)
      result += c;
    else
      result.append("%").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
  }
  return result;
}

std::string_view content_type(std::string_view file_name) {
  using entry = std::pair<std::string_view, std::string_view>;
  static constexpr std::array types{
      entry{".html", "text/html; charset=utf-8"},
      entry{".htm", "text/html; charset=utf-8"},
      entry{".css", "text/css; charset=utf-8"},
      entry{".js", "text/javascript; charset=utf-8"},
      entry{".txt", "text/plain; charset=utf-8"},
      entry{".md", "text/markdown; charset=utf-8"},
      entry{".csv", "text/csv; charset=utf-8"},
      entry{".json", "application/json"},
      entry{".xml", "application/xml"},
      entry{".pdf", "application/pdf"},
      entry{".wasm", "application/wasm"},
      entry{".gz", "application/gzip"},
      entry{".png", "image/png"},
      entry{".jpg", "image/jpeg"},
      entry{".jpeg", "image/jpeg"},
      entry{".gif", "image/gif"},
      entry{".svg", "image/svg+xml"},
      entry{".webp", "image/webp"},
      entry{".ico", "image/vnd.microsoft.icon"},
      entry{".woff2", "font/woff2"},
      entry{".mp4", "video/mp4"},
  };
  for (const auto& [extension, type] : types)
    if (file_name.ends_with(extension)) return type;
  return "application/octet-stream";
}

static_files::static_files(const std::string& root)
    : root_(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (root_ < 0) throw startup_error("cannot use directory '" + root + "': " + std::strerror(errno));
  const int probe = open_below(root_, ".");
  const int error = errno;
  if (probe >= 0) ::close(probe);
  if (probe < 0) { // an old kernel, or a sandbox that does not know openat2
    ::close(root_);
    throw startup_error("cannot open files safely below '" + root + "': openat2: " + std::strerror(error));
  }
}

static_files::~static_files() { ::close(root_); }

static_files::result static_files::open(const std::string& path) const {
  result r{outcome::forbidden, {}, {}};
  if (has_parent_step(path)) return r;
  std::string name = path.substr(std::min(path.find_first_not_of('/'), path.size()));
  if (name.empty() || name.ends_with('/')) name += "index.html";
  const int fd = open_below(root_, name.c_str());
  if (fd < 0) {
    r.what = outcome_of(errno);
    return r;
  }
  r.file.native_handle(fd);
  struct stat info {};
  if (::fstat(fd, &info) != 0) {
    r.what = outcome::unavailable;
  } else if (S_ISREG(info.st_mode)) {
    r.what = outcome::found;
    r.type = content_type(name);
  } else if (S_ISDIR(info.st_mode)) {
    r.what = outcome::directory;
  } // anything else, a device or a FIFO, stays forbidden
  return r;
}

} // namespace https_server
