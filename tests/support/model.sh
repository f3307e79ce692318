# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash
# ./dev model [STEPS] [FIRST-WALK]: the engine against its reference model, by random walks. Sourced by dev.
model_main() {
  if [ $# -gt 2 ] || [[ "$*" == *[!0-9\ ]* ]]; then die "model takes two numbers at most: [STEPS] [FIRST-WALK]"; fi
  build release tlsmode_model
  say "walking"
  build/release/tests/model/tlsmode_model "${1:-100000000}" "${2:-$RANDOM$RANDOM}"
}
