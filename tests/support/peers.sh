# SPDX-License-Identifier: BSL-1.0
# ./dev peers: builds our programs and gives them to tests/peers/run.py. Sourced by ./dev.
# shellcheck shell=bash

peers_arguments() { # [--case TEXT] [NAME...], in any order
  local known=' ' source
  for source in tests/peers/peer_*.py; do known+="$(basename "${source#*peer_}" .py) "; done
  while [ $# != 0 ]; do
    case $1 in
      --case)
        if [ $# = 1 ]; then die "peers: --case needs a text"; fi
        shift
        ;;
      --smoke) ;;
      *) if [[ $known != *" $1 "* ]]; then die "peers: unknown: $1; there are:$known"; fi ;;
    esac
    shift
  done
}

peers_main() { # peers_main [NAME...] and run.py's options
  build release tls_peer web_peer https_server https_client
  say "talking with real peers"
  python3 tests/peers/run.py --build build/release --report docs/peers.md "$@"
}
