# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash
# ./dev coverage: builds the libraries' tests with counters for each line, runs them, and writes docs/coverage.md.
# Sourced by dev.

coverage_main() { # coverage_main [CTEST ARGS]
  build coverage library_tests
  find build/coverage -name '*.gcda' -delete # what an earlier run has counted
  say "testing build/coverage"
  # A test that fails is no reason to count nothing; that it failed is shown, and told at the end.
  local status=0
  ctest --preset coverage --parallel "$(jobs_for_this_machine)" -L '^library$' "$@" || status=1
  say "counting"
  python3 tests/support/coverage.py build/coverage docs/coverage.md || status=1
  return "$status"
}
