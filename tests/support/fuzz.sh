# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash
# ./dev fuzz TARGET [SECONDS]: runs a fuzz target with libFuzzer, beginning with the corpus and with what earlier
# runs found. New inputs that reach something new are kept in .cache/fuzz/TARGET, inputs that break something in
# .cache/fuzz/TARGET-found. Sourced by dev.
fuzz_main() {
  local name=${1:-} seconds=${2:-60} source targets=() cache found merged status=0
  for source in tests/fuzz/corpus/*/; do targets+=("$(basename "$source")"); done
  [[ " ${targets[*]} " == *" $name "* && -n $name ]] || die "fuzz needs a target: ${targets[*]}"
  [[ $seconds =~ ^[0-9]+$ ]] || die "fuzz takes a number of seconds"
  build fuzz "fuzz_$name"
  cache=.cache/fuzz/$name found=.cache/fuzz/$name-found merged=.cache/fuzz/$name-merged
  mkdir -p "$cache" "$found"
  say "fuzzing $name for $seconds s"
  export ASAN_OPTIONS=detect_stack_use_after_return=0:strict_string_checks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
  "build/fuzz/tests/fuzz/fuzz_$name" "-max_total_time=$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=2048 \
    -print_final_stats=1 "-artifact_prefix=$found/" "$cache" "tests/fuzz/corpus/$name" 2>&1 |
    grep -Ev '^#[0-9]+.*(REDUCE|NEW)' || status=1
  [ "${PIPESTATUS[0]}" = 0 ] || status=1
  rm -rf "$merged" && mkdir -p "$merged" "$found"
  "build/fuzz/tests/fuzz/fuzz_$name" -merge=1 -max_len=4096 -timeout=20 "-artifact_prefix=$found/" "$merged" "tests/fuzz/corpus/$name" "$cache" \
    >/dev/null 2>&1 && rm -rf "$cache" && mv "$merged" "$cache"
  echo "$(find "$cache" -type f | wc -l) inputs in $cache"
  if [ -n "$(ls -A "$found")" ]; then
    ls "$found"
    die "inputs that break something are in $found; again: build/fuzz/tests/fuzz/fuzz_$name FILE"
  fi
  return "$status"
}
