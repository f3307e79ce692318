# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash
# ./dev conformance: runs the suites that record what they check, and writes docs/conformance.md. Sourced by dev.

conformance_main() {
  build release tlsmode_recording
  say "running what records"
  rm -f build/release/conformance/*.tsv
  ctest --preset release --parallel "$(jobs_for_this_machine)" -L '^conformance$'
  python3 tests/support/conformance.py --write build/release/conformance docs/conformance.md
  say "written: docs/conformance.md"
}
