// SPDX-License-Identifier: BSL-1.0
// Counts heap use per thread: the executable's malloc family forwards to glibc's. operator new, OpenSSL and
// Asio's aligned allocations all end here.
//
// A block counts with what malloc takes for it (usable size plus its one-word header), so the sum is
// what mallinfo2 would call in use.
#include "sanitized.hpp"
#include "usage.hpp"

#if !TLSMODE_BENCH_SANITIZED

#include <openssl/crypto.h>

#include <cerrno>
#include <cstdlib>
#include <malloc.h>

#if defined(__clang__)
#pragma clang diagnostic ignored "-Wreserved-identifier" // glibc's own names for its allocator
#endif

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);
}

namespace {

void add(void* block) noexcept {
  if (block == nullptr) return;
  ++bench::this_thread_counters.allocations;
  bench::this_thread_counters.live_bytes +=
      static_cast<std::int64_t>(::malloc_usable_size(block) + sizeof(std::size_t));
}

void remove(void* block) noexcept {
  if (block == nullptr) return;
  bench::this_thread_counters.live_bytes -=
      static_cast<std::int64_t>(::malloc_usable_size(block) + sizeof(std::size_t));
}

void* aligned(std::size_t alignment, std::size_t size) noexcept {
  void* block = __libc_memalign(alignment, size);
  add(block);
  return block;
}

// OpenSSL's own, told apart from the stream's.
void* openssl_malloc(std::size_t size, const char*, int) {
  ++bench::this_thread_counters.openssl_allocations;
  return std::malloc(size);
}
void* openssl_realloc(void* old, std::size_t size, const char*, int) {
  ++bench::this_thread_counters.openssl_allocations;
  return std::realloc(old, size);
}
void openssl_free(void* block, const char*, int) { std::free(block); }

// Before every other constructor of the program: OpenSSL takes them only until it has allocated something.
[[gnu::constructor(101)]] void count_openssl() {
  if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1) std::abort();
}

} // namespace

extern "C" {

void* malloc(size_t size) noexcept {
  void* block = __libc_malloc(size);
  add(block);
  return block;
}

void* calloc(size_t count, size_t size) noexcept {
  void* block = __libc_calloc(count, size);
  add(block);
  return block;
}

void* realloc(void* old, size_t size) noexcept {
  // The old block's size must be read before it goes; if realloc fails, it stays.
  const auto before = bench::this_thread_counters.live_bytes;
  remove(old);
  void* block = __libc_realloc(old, size);
  if (block == nullptr && size != 0)
    bench::this_thread_counters.live_bytes = before;
  else
    add(block);
  return block;
}

void free(void* block) noexcept {
  remove(block);
  __libc_free(block);
}

void* memalign(size_t alignment, size_t size) noexcept { return aligned(alignment, size); }
void* aligned_alloc(size_t alignment, size_t size) noexcept { return aligned(alignment, size); }

int posix_memalign(void** result, size_t alignment, size_t size) noexcept {
  if (alignment < sizeof(void*) || (alignment & (alignment - 1)) != 0) return EINVAL;
  void* block = aligned(alignment, size);
  if (block == nullptr) return ENOMEM;
  *result = block;
  return 0;
}

} // extern "C"

#endif
