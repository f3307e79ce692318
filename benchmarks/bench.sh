# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash
# ./dev bench: measures, and leaves samples, tables and plots in one directory. Sourced by dev.

bench_usage() {
  cat <<'END_OF_USAGE'
usage: ./dev bench [--quick] [--out DIR] [OPTIONS] [CELL...]
       ./dev bench --write [--rounds N]
       ./dev bench micro [--repetitions N] [--out DIR]
       ./dev bench compile-time [--rounds N] [--compiler CXX] [--out DIR]
       ./dev bench counts [--renew | --out DIR]

Without cells: all but those that take long (with --full or --write: those too, an hour and more), then transfers in
memory, compile times and counts. Samples (CSV), tables (Markdown) and plots (SVG) go to DIR, or else to build/bench,
in place of those of the run before; with --write to docs/benchmarks, and docs/scaling.md is filled. --quick takes
about two minutes once all is built, and leaves the last three out.
counts compares what a message and a handshake cost with benchmarks/counts/expected.ini, as the test benchmarks_counts
does; --renew writes the file. OPTIONS are those of the program:

END_OF_USAGE
  build/release/benchmarks/tlsmode_bench --help 2>/dev/null || echo "(which says them once it is built: ./dev bench --list)"
}

bench_micro() { # bench_micro [OPTIONS]
  if ! grep -q tlsmode_micro build/release/build.ninja; then
    say "no transfers in memory: Google Benchmark (libbenchmark-dev) was not found"
    return
  fi
  build release tlsmode_micro
  say "moving bytes in memory"
  (cd -- "${caller_dir:?}" && exec python3 -B "${root:?}/benchmarks/micro/micro.py" \
    "$root/build/release/benchmarks/tlsmode_micro" "$@")
}

bench_compile_time() { # bench_compile_time [OPTIONS]
  say "compiling the same session over each stream"
  (cd -- "${caller_dir:?}" && exec python3 "${root:?}/benchmarks/compile_time/compile_time.py" "$@")
}

bench_counts() { # bench_counts [--renew | --out DIR]
  build release tlsmode_bench
  say "counting what a message and a handshake cost"
  (cd -- "${caller_dir:?}" && exec python3 -B "${root:?}/benchmarks/counts/counts.py" \
    "$root/build/release/benchmarks/tlsmode_bench" "$@")
}

# Sets $out, $write, $everything and $arguments from the command line.
bench_arguments() {
  out=${root:?}/build/bench write='' everything=yes arguments=()
  while [ $# != 0 ]; do
    case $1 in
      --write) write=yes ;;
      --out)
        if [ $# = 1 ]; then die "a value is missing after --out"; fi
        out=$(cd -- "${caller_dir:?}" && realpath -m -- "$2") && shift
        ;;
      --full) arguments+=("$1") ;;
      --rounds | --csv) arguments+=("$1" "${@:2:1}") && if [ $# != 1 ]; then shift; fi ;;
      *) everything='' arguments+=("$1") ;; # a cell, or less than all of it
    esac
    shift
  done
  if [ "$write" ]; then
    if [ -z "$everything" ]; then die "--write is for whole runs: no cells, no --quick, no --streams"; fi
    out=${root:?}/docs/benchmarks arguments+=(--full)
  fi
}

bench_main() {
  local out write everything arguments status=0
  case ${1:-} in
    micro | compile-time | counts)
      "bench_${1//-/_}" "${@:2}"
      bench_arguments "${@:2}"
      python3 benchmarks/plots/goals.py "$out"
      return
      ;;
  esac
  build release tlsmode_bench
  case " $* " in
    *' --list '* | *' --once '*)
      build/release/benchmarks/tlsmode_bench "$@"
      return
      ;;
  esac
  bench_arguments "$@"
  scratch_dir
  : >"${scratch:?}/before"
  say "measuring"
  # File names among the arguments are the caller's. A cell that failed is told; the others have their plots.
  (cd -- "${caller_dir:?}" && exec "${root:?}/build/release/benchmarks/tlsmode_bench" --out "$out" "${arguments[@]}") || status=$?
  if [ ! "$out/results.md" -nt "$scratch/before" ]; then return "$status"; fi # nothing new
  python3 benchmarks/plots/plot.py "$out"
  python3 benchmarks/plots/peers.py "$out"
  if [ "$everything" ]; then
    bench_micro --out "$out"
    bench_compile_time --out "$out"
    bench_counts --out "$out"
  fi
  python3 benchmarks/plots/goals.py "$out"
  if [ "$write" ]; then python3 benchmarks/plots/scaling.py "$out" docs/scaling.md; fi
  say "samples, tables and plots are in ${out#"$root"/}"
  return "$status"
}
