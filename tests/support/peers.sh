# SPDX-License-Identifier: BSL-1.0
# ./dev peers: builds our programs and gives them to tests/peers/run.py. Sourced by ./dev.
# shellcheck shell=bash

peers_main() { # peers_main [NAME...] and run.py's options
  build release tls_peer web_peer https_server https_client
  say "talking with real peers"
  python3 tests/peers/run.py --build build/release --report docs/peers.md "$@"
}
