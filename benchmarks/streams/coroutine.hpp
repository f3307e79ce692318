// SPDX-License-Identifier: BSL-1.0
// A small coroutine type for adapters that bring no event loop of their own: task<T> starts when it is
// awaited, and its awaiter goes on when it ends. It knows nothing of sockets or loops.
#ifndef TLSMODE_BENCH_STREAMS_COROUTINE_HPP
#define TLSMODE_BENCH_STREAMS_COROUTINE_HPP

#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <utility>

namespace bench {

// Keeps a few blocks for the next coroutine of this thread, as Asio does for its own: a message then costs no
// allocation.
class frame_cache {
 public:
  static void* allocate(std::size_t size) {
    frame_cache& own = of_this_thread();
    if (size > block_size) return ::operator new(size);
    if (own.first_ == nullptr) return ::operator new(block_size);
    --own.count_;
    return std::exchange(own.first_, own.first_->next);
  }
  static void release(void* memory, std::size_t size) noexcept {
    frame_cache& own = of_this_thread();
    if (size > block_size || own.count_ == most_blocks) return ::operator delete(memory);
    ++own.count_;
    own.first_ = std::construct_at(static_cast<block*>(memory), block{own.first_});
  }

 private:
  struct block {
    block* next;
  };
  static constexpr std::size_t block_size = 256;
  static constexpr std::size_t most_blocks = 16;

  frame_cache() = default;
  ~frame_cache() {
    while (first_ != nullptr) ::operator delete(std::exchange(first_, first_->next));
  }
  static frame_cache& of_this_thread() noexcept {
    thread_local frame_cache cache;
    return cache;
  }

  block* first_ = nullptr;
  std::size_t count_ = 0;
};

struct task_promise_base {
  std::coroutine_handle<> awaiter;
  std::exception_ptr failure;

  static void* operator new(std::size_t size) { return frame_cache::allocate(size); }
  static void operator delete(void* memory, std::size_t size) noexcept { frame_cache::release(memory, size); }

  struct go_on {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      return ended.promise().awaiter;
    }
    void await_resume() const noexcept {}
  };
  std::suspend_always initial_suspend() const noexcept { return {}; }
  go_on final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { failure = std::current_exception(); }
};

template <class T>
struct task_promise_value : task_promise_base {
  std::optional<T> value;
  void return_value(T result) { value.emplace(std::move(result)); }
  T result() { return std::move(*value); }
};
template <>
struct task_promise_value<void> : task_promise_base {
  void return_void() const noexcept {}
  void result() const noexcept {}
};

template <class T>
class task {
 public:
  struct promise_type : task_promise_value<T> {
    task get_return_object() noexcept {
      return task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
  };

  task(task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  task& operator=(task&&) = delete;
  ~task() {
    if (frame_) frame_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) const noexcept {
    frame_.promise().awaiter = awaiter;
    return frame_;
  }
  T await_resume() const {
    if (frame_.promise().failure) std::rethrow_exception(frame_.promise().failure);
    return frame_.promise().result();
  }

 private:
  explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  std::coroutine_handle<promise_type> frame_;
};

} // namespace bench

#endif
