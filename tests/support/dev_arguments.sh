#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Does ./dev COMMAND --help only tell, for every command, and are wrong arguments refused before anything is installed,
# configured or built?
#
#   dev_arguments.sh DEV
set -uo pipefail

dev=$1 failures=0
scratch=$(mktemp -d "${TMPDIR:-/tmp}/tlsmode-dev-arguments.XXXXXX")
trap 'rm -rf -- "$scratch"' EXIT

# Whatever would do something says so instead.
for name in apt-get clang-format clang-format-14 cmake ctest curl dpkg-query git openssl python3 sudo; do
  # shellcheck disable=SC2016 # expanded by the stand-in
  printf '#!/bin/sh\necho "$0 $*" >>"%s/done"\nexit 99\n' "$scratch" >"$scratch/$name"
  chmod +x "$scratch/$name"
done

run() { # run ARGS: sets $output and $status, and $did to what was called
  : >"$scratch/done"
  output=$(PATH="$scratch:$PATH" timeout 20 "$dev" "$@" 2>&1 </dev/null)
  status=$?
  did=$(cat "$scratch/done")
}
wrong() {
  printf '%s\n' "$1" "  exit status $status" "  output: ${output:0:300}" "  called: ${did:0:300}"
  failures=$((failures + 1))
}
tells() { # tells ARGS: prints the help of that command, and nothing else happens
  run "$@"
  if [ "$status" != 0 ] || [ -n "$did" ] || [[ $output != "usage: ./dev $1"* ]]; then wrong "./dev $*: does not only tell"; fi
}
refuses() { # refuses ARGS: says that they are wrong, and nothing else happens
  run "$@"
  if [ "$status" = 0 ] || [ -n "$did" ] || [[ $output != *"dev: "* ]]; then wrong "./dev $*: is not refused"; fi
}

run help
commands=$(sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' <<<"$output" | grep -vx help)
if [ "$(wc -w <<<"$commands")" -lt 14 ]; then wrong "./dev help: names too few commands"; fi
for command in $commands; do
  tells "$command" --help
  tells "$command" -h
done
tells test --asan --help
tells soak 10 --help

refuses soak 60x
refuses soak 0
refuses soak 60 61
refuses soak --seed abc
refuses peers nobody
refuses peers curl nobody
refuses peers --case
refuses demo --server
refuses demo --port 8443
refuses demo --serve --port
refuses demo --serve --port 70000
refuses demo --serve --port 84a3
refuses model many
refuses model 1 2 3
refuses fuzz nobody
refuses fuzz parsers long
for command in check conformance deps format; do refuses "$command" everything; done

if [ "$failures" != 0 ]; then exit 1; fi
echo "all commands tell and refuse"
