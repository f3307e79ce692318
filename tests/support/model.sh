# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash
# ./dev model [STEPS] [FIRST-WALK]: the engine against its reference model, by random walks. Sourced by dev.
model_arguments() {
  local arg
  for arg; do
    [[ $arg =~ ^[0-9]{1,18}$ ]] || die "model: not a number: $arg"
  done
  if [ $# -gt 2 ]; then die "model takes two numbers at most: [STEPS] [FIRST-WALK]"; fi
}

model_main() {
  build release tlsmode_model
  say "walking"
  build/release/tests/model/tlsmode_model "${1:-100000000}" "${2:-$RANDOM$RANDOM}"
}
