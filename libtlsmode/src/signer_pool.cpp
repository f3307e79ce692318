// SPDX-License-Identifier: BSL-1.0
// Threads that sign.
#include "signing.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

namespace tlsmode {

// Shared with the threads.
struct thread_pool_signer::pool {
  std::function<void(signature_request&)> answer;
  std::size_t most = 0;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::shared_ptr<signature_request>> waiting; // guarded by mutex
  bool ending = false;                                    // guarded by mutex
  std::vector<std::thread> threads;                       // those who start and join touch it

  void work() noexcept;
  void end() noexcept;
};

void thread_pool_signer::pool::work() noexcept {
  for (;;) {
    std::shared_ptr<signature_request> next;
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [this] { return ending || !waiting.empty(); });
      if (ending) return;
      next = std::move(waiting.front());
      waiting.pop_front();
    }
    if (!next->abandoned()) answer(*next);
  }
}

void thread_pool_signer::pool::end() noexcept {
  std::deque<std::shared_ptr<signature_request>> left;
  {
    const std::lock_guard lock(mutex);
    ending = true;
    left.swap(waiting);
  }
  changed.notify_all();
  for (const auto& request : left) request->fail(error::signer_failed);
  for (std::thread& t : threads) {
    if (t.get_id() == std::this_thread::get_id())
      t.detach(); // the pool's last owner was what it signs with
    else
      t.join();
  }
}

thread_pool_signer::thread_pool_signer(private_key key, std::size_t threads, std::size_t queue)
    : public_key_der_(detail::der_of(key.get())), pool_(std::make_shared<pool>()) {
  pool_->answer = [key = std::move(key)](signature_request& request) { sign_with(key.get(), request); };
  pool_->most = std::max<std::size_t>(queue, 1); // there is no other way to a thread
  start(threads);
}

thread_pool_signer::thread_pool_signer(function sign, std::size_t threads, std::size_t queue,
                                       std::vector<std::byte> public_key_der)
    : public_key_der_(std::move(public_key_der)), pool_(std::make_shared<pool>()) {
  pool_->answer = [sign = std::move(sign)](signature_request& request) noexcept {
    try {
      request.succeed(sign(request));
    } catch (const std::system_error& e) {
      request.fail(e.code());
    } catch (const std::bad_alloc&) {
      request.fail(std::make_error_code(std::errc::not_enough_memory));
    } catch (...) {
      request.fail(error::signer_failed);
    }
  };
  pool_->most = std::max<std::size_t>(queue, 1); // there is no other way to a thread
  start(threads);
}

void thread_pool_signer::start(std::size_t threads) {
  threads = std::max<std::size_t>(threads, 1);
  pool_->threads.reserve(threads);
  try {
    while (pool_->threads.size() < threads) pool_->threads.emplace_back([p = pool_] { p->work(); });
  } catch (...) {
    pool_->end();
    throw;
  }
}

thread_pool_signer::~thread_pool_signer() { pool_->end(); }

void thread_pool_signer::sign(std::shared_ptr<signature_request> request) {
  {
    const std::lock_guard lock(pool_->mutex);
    auto& waiting = pool_->waiting;
    if (waiting.size() >= pool_->most) // those who are not waited for need no place
      std::erase_if(waiting, [](const auto& r) { return r->abandoned(); });
    if (waiting.size() < pool_->most) {
      waiting.push_back(std::move(request));
      request.reset();
    }
  }
  if (request)
    request->fail(error::signer_busy);
  else
    pool_->changed.notify_one();
}

std::size_t thread_pool_signer::waiting() const noexcept {
  const std::lock_guard lock(pool_->mutex);
  return pool_->waiting.size();
}

} // namespace tlsmode
