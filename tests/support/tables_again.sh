#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Whether tlsmode_bench makes the same tables, goals and samples again from the samples of a run.
# usage: tables_again.sh TLSMODE_BENCH
set -euo pipefail
bench=${1:?the program tlsmode_bench}
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT

"$bench" --quick --rounds 2 --streams asio,tlsmode,tcp,openssl --out "$scratch/run" sequence-8x64 handshake-tls12 idle \
  >/dev/null 2>&1
"$bench" --tables-from "$scratch/run/samples.csv" --out "$scratch/again" >"$scratch/shown"
sed -i '/^A quick run/d' "$scratch/run/results.md" # only the run itself knows
for file in results.md goals.csv samples.csv; do
  diff -u "$scratch/run/$file" "$scratch/again/$file"
done
grep -q '^## idle$' "$scratch/shown"
grep -q '^| beside ' "$scratch/shown"

# Streams that are not part of their cell are left out; what is no sample is refused.
sed 's/,tlsmode,/,tlsmode-signer,/' "$scratch/run/samples.csv" >"$scratch/other.csv"
"$bench" --tables-from "$scratch/other.csv" | { ! grep -q 'signer thread'; }
for broken in 'idle,0,0,asio,idle_heap,bytes,many' 'idle,first,0,asio,idle_heap,bytes,1'; do
  { cat "$scratch/run/samples.csv"; echo "$broken"; } >"$scratch/broken.csv"
  if "$bench" --tables-from "$scratch/broken.csv" >/dev/null 2>"$scratch/error"; then exit 1; fi
  grep -qF "not a sample: $broken" "$scratch/error"
done
if "$bench" --tables-from "$scratch/shown" >/dev/null 2>"$scratch/error"; then exit 1; fi
grep -q 'is not a file of samples' "$scratch/error"
echo 'the same tables again'
