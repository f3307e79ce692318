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

# Each test of sweep_adapter in a process of its own, as many at a time as there are processors. Each says what fault
# it is about; Boost.Test's own words go with its log and are shown if it fails.
sweep_in_parallel() {
  local program=build/release/tests/sweep/sweep_adapter
  say "sweep_adapter, its tests side by side"
  # shellcheck disable=SC2016 # expanded by that shell
  "$program" --list_content 2>&1 | sed -n 's/^ \+\([a-z_]*\)\*\?$/\1/p' | TLSMODE_SWEEP=all xargs -P "$(jobs_for_this_machine)" \
    -I{} sh -c '"$0" --run_test="*/$1" --log_sink="$2/$1.log" --report_level=no && exit; cat "$2/$1.log"; exit 1' \
    "$program" {} "${scratch:?}"
}

sweep_main() {
  local without=0 status=0
  build release sweep_core sweep_adapter
  scratch_dir
  # The core knows no such cases.
  if [ -z "${TLSMODE_SWEEP_CASE:-}" ]; then sweep_with sweep_core "$@" || status=1; fi
  if [ $# = 0 ] && [ -z "${TLSMODE_SWEEP_CASE:-}" ]; then
    sweep_in_parallel || status=1
  else
    sweep_with sweep_adapter "$@" || status=1
  fi
  if [ "$without" = 2 ]; then die "sweep: no test of either program is chosen by: $*"; fi
  return "$status"
}
