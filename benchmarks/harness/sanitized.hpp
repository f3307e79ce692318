// SPDX-License-Identifier: BSL-1.0
// Whether this build runs under a sanitizer, which brings its own malloc and system call wrappers.
#ifndef TLSMODE_BENCH_SANITIZED_HPP
#define TLSMODE_BENCH_SANITIZED_HPP

#if defined(TLSMODE_SANITIZE_ADDRESS) || defined(TLSMODE_SANITIZE_THREAD)
#define TLSMODE_BENCH_SANITIZED 1
#else
#define TLSMODE_BENCH_SANITIZED 0
#endif

#endif
