# SPDX-License-Identifier: BSL-1.0
# ./dev soak: builds the server and its clients and gives them to tests/soak/run.py. Sourced by ./dev.
# shellcheck shell=bash

soak_main() { # soak_main [SECONDS] and run.py's options
  local seconds=60
  if [[ ${1:-} =~ ^[0-9]+$ ]]; then seconds=$1 && shift; fi
  build release tlsmode_soak
  say "soaking for about $seconds s"
  python3 tests/soak/run.py --build build/release --seconds "$seconds" --report docs/soak.md "$@"
}
