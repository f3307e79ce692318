// SPDX-License-Identifier: BSL-1.0
// Replaces operator new and OpenSSL's allocator by ones that count, and that fail when told to, once or from
// then on.
#include "heap_counter.hpp"

#include "memory_shortage.hpp"

#include <openssl/crypto.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace tlsmode::test {
namespace {

std::atomic<std::size_t> bytes{0};
std::atomic<std::size_t> stacks{0};

// In front of each block: its size.
constexpr std::size_t header = alignof(std::max_align_t);
static_assert(header >= sizeof(std::size_t));

void count(std::size_t n, bool added) noexcept {
  added ? bytes += n : bytes -= n;
  if (n == job_stack_size) added ? ++stacks : --stacks;
}

thread_local struct {
  bool armed = false;
  heap_user who = heap_user::operator_new;
  long number = 0;
  long count = 0;
  int held = 0;
  bool lasts = false;
} fault;

bool fails(heap_user who) noexcept {
  if (!fault.armed || fault.who != who || fault.held != 0) return false;
  ++fault.count;
  return fault.lasts ? fault.count >= fault.number : fault.count == fault.number;
}

void* allocate(std::size_t n, heap_user who = heap_user::operator_new) noexcept {
  if (fails(who)) return nullptr;
  auto* const block = static_cast<char*>(std::malloc(n + header));
  if (block == nullptr) return nullptr;
  *reinterpret_cast<std::size_t*>(block) = n;
  count(n, true);
  return block + header;
}

std::size_t size_of(void* p) noexcept {
  return *reinterpret_cast<std::size_t*>(static_cast<char*>(p) - header);
}

void release(void* p) noexcept {
  if (p == nullptr) return;
  count(size_of(p), false);
  std::free(static_cast<char*>(p) - header);
}

void* openssl_malloc(std::size_t n, const char*, int) {
  return n == 0 ? nullptr : allocate(n, heap_user::openssl);
}
void openssl_free(void* p, const char*, int) { release(p); }
void* openssl_realloc(void* p, std::size_t n, const char*, int) {
  if (p == nullptr) return openssl_malloc(n, nullptr, 0);
  if (n == 0) {
    release(p);
    return nullptr;
  }
  if (fails(heap_user::openssl)) return nullptr;
  const std::size_t before = size_of(p);
  auto* const block = static_cast<char*>(std::realloc(static_cast<char*>(p) - header, n + header));
  if (block == nullptr) return nullptr;
  *reinterpret_cast<std::size_t*>(block) = n;
  count(before, false);
  count(n, true);
  return block + header;
}

const bool counted = CRYPTO_set_mem_functions(&openssl_malloc, &openssl_realloc, &openssl_free) == 1;

void* new_or_throw(std::size_t n) {
  void* const p = allocate(n);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

} // namespace

std::size_t heap_bytes() noexcept { return bytes; }
std::size_t job_stacks() noexcept { return stacks; }
bool heap_is_counted() noexcept { return counted; }

allocation_fault::allocation_fault(heap_user who, long number) noexcept {
  fault = {true, who, number, 0, fault.held, false};
}
allocation_fault::~allocation_fault() { fault.armed = false; }
long allocation_fault::count() noexcept { return fault.count; }
bool allocation_fault::struck() noexcept { return fault.count >= fault.number; }
memory_shortage::memory_shortage(heap_user who, long number) noexcept : allocation_fault(who, number) {
  fault.lasts = true;
}
no_allocation_fault::no_allocation_fault() noexcept { ++fault.held; }
no_allocation_fault::~no_allocation_fault() { --fault.held; }

} // namespace tlsmode::test

void* operator new(std::size_t n) { return tlsmode::test::new_or_throw(n); }
void* operator new[](std::size_t n) { return tlsmode::test::new_or_throw(n); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return tlsmode::test::allocate(n); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return tlsmode::test::allocate(n); }
void operator delete(void* p) noexcept { tlsmode::test::release(p); }
void operator delete[](void* p) noexcept { tlsmode::test::release(p); }
void operator delete(void* p, std::size_t) noexcept { tlsmode::test::release(p); }
void operator delete[](void* p, std::size_t) noexcept { tlsmode::test::release(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { tlsmode::test::release(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { tlsmode::test::release(p); }
