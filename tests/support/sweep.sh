# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash
# ./dev sweep [ARGS]: every step of every case of tests/sweep. Sourced by dev.

# A filter among ARGS may leave one program without a test, which Boost.Test takes for an error.
sweep_with() { # sweep_with PROGRAM [ARGS]
  say "$1"
  TLSMODE_SWEEP=all "build/release/tests/sweep/$1" "${@:2}" 2>&1 | tee "${scratch:?}/sweep.log" && return
  if ! grep -q 'no test cases matching filter' "$scratch/sweep.log"; then return 1; fi
  without=$((without + 1))
}

sweep_main() {
  local without=0 status=0
  build release sweep_core sweep_adapter
  scratch_dir
  # The core knows no such cases.
  if [ -z "${TLSMODE_SWEEP_CASE:-}" ]; then sweep_with sweep_core "$@" || status=1; fi
  sweep_with sweep_adapter "$@" || status=1
  if [ "$without" = 2 ]; then die "sweep: no test of either program is chosen by: $*"; fi
  return "$status"
}
