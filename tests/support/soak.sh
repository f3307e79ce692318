# SPDX-License-Identifier: BSL-1.0
# ./dev soak: builds the server and its clients and gives them to tests/soak/run.py. Sourced by ./dev.
# shellcheck shell=bash

soak_arguments() { # [SECONDS] [--seed N]: sets $seconds and $seed
  seconds=60 seed=()
  if [[ ${1:-} =~ ^[0-9]+$ ]]; then seconds=$1 && shift; fi
  [[ $seconds =~ ^[0-9]{1,6}$ && $seconds =~ [1-9] ]] || die "soak: a number of seconds from 1 to 999999, not $seconds"
  if [ "${1:-}" = --seed ] && [[ ${2:-} =~ ^[0-9]{1,18}$ ]]; then seed=(--seed "$2") && shift 2; fi
  if [ $# != 0 ]; then die "soak takes [SECONDS] [--seed N], not: $*"; fi
}

soak_main() {
  build release tlsmode_soak
  say "soaking for about $seconds s"
  python3 tests/soak/run.py --build build/release --seconds "$seconds" --report docs/soak.md "${seed[@]}"
}
