# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash disable=SC2154 # root, scratch and the colours are dev's
# `./dev demo`, sourced by dev and using its helpers: starts our HTTPS server on this machine, lets
# curl and the coroutine client fetch from it, stops it in the middle of a download, then measures
# beside boost::asio::ssl::stream, in peace and under a flood of handshakes. Every step must work.

demo_examples=$root/build/release/docs/examples
download_bytes=64000000
drain_bytes=24000000

# Runs one step in a subshell where any failing command fails the step. What the step writes to file
# descriptor 3 is shown as its result; the rest only if it fails, with the server's log.
step() {
  local label=$1 start status=0
  shift
  start=$(now_ms)
  printf '  %-38s ' "$label"
  set +e
  (
    set -e
    "$@"
  ) >"$scratch/step.log" 2>&1 3>"$scratch/step.result" </dev/null
  status=$?
  set -e
  if [ "$status" = 0 ]; then
    printf '%sok%s %5s s  %s\n' "$green" "$plain" "$(seconds_since "$start")" "$(tail -n 1 "$scratch/step.result")"
    return
  fi
  printf '%sFAILED%s (exit status %s)\n' "$red" "$plain" "$status"
  cat "$scratch/step.result" "$scratch/step.log" >&2
  show_server_log
  die "demo failed at this step: $label"
}

show_server_log() {
  local log
  for log in server.out server.log; do
    if [ -s "$scratch/$log" ]; then
      echo "--- the server's $log" >&2
      tail -n 40 "$scratch/$log" >&2
    fi
  done
}

# A certificate authority that lives as long as the demo, and a server certificate from it.
make_certificates() {
  local new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
  cd "$scratch"
  openssl req -x509 "${new_key[@]}" -keyout ca.key -out ca.pem -days 2 -subj '/CN=tlsmode demo CA' \
    -addext 'keyUsage=critical,keyCertSign'
  openssl req "${new_key[@]}" -keyout server.key -out server.csr -subj '/CN=localhost'
  printf '%s\n' 'subjectAltName=DNS:localhost,IP:127.0.0.1' 'basicConstraints=critical,CA:FALSE' \
    'extendedKeyUsage=serverAuth' >server.ext
  openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext \
    -out server.pem
  openssl verify -CAfile ca.pem server.pem
  rm ca.key
  echo "ECDSA P-256 for localhost and 127.0.0.1" >&3
}

make_site() {
  mkdir "$scratch/site"
  cat >"$scratch/site/index.html" <<'END'
<!doctype html>
<title>tlsmode</title>
<p>Served by coroutines over tlsmode::stream.</p>
END
}

# Starts the server and waits until it says where it listens. Sets $server_pid and $server_port. It
# gets a process group of its own, so that Ctrl-C reaches it once, from us.
start_server() {
  local i
  : >"$scratch/server.out"
  set -m
  "$demo_examples/https_server" --port "$1" --cert "$scratch/server.pem" --key "$scratch/server.key" \
    --root "$scratch/site" --threads 1 >"$scratch/server.out" 2>"$scratch/server.log" </dev/null &
  server_pid=$!
  set +m
  undo+=('stop_server')
  for ((i = 0; i < 200; ++i)); do
    server_port=$(sed -n 's/^listening on 127\.0\.0\.1:\([0-9][0-9]*\).*/\1/p' "$scratch/server.out")
    if [ -n "$server_port" ]; then return; fi
    if ! kill -0 "$server_pid" 2>/dev/null; then break; fi
    sleep 0.05
  done
  show_server_log
  die "the server did not start"
}

# SIGTERM, then its exit status; SIGKILL after 20 seconds. Harmless when it has ended.
stop_server() {
  local i pid=${server_pid:-}
  if [ -z "$pid" ]; then return; fi
  server_pid=''
  kill -TERM "$pid" 2>/dev/null || true
  for ((i = 0; i < 200; ++i)); do
    if ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid"
}

# curl as a user would call it, but blind to proxies and to the user's own settings.
fetch() {
  curl -q --silent --show-error --verbose --noproxy '*' --max-time 20 --cacert "$scratch/ca.pem" "$@" \
    2>"$scratch/curl.log" || { local status=$? && cat "$scratch/curl.log" >&2 && return $status; }
}
tls_of_last_fetch() { sed -n 's/^\* *SSL connection using //p' "$scratch/curl.log" | head -n 1; }
expect() { # expect WHAT ACTUAL WANTED
  if [ "$2" != "$3" ]; then
    echo "$1: got '$2', expected '$3'"
    cat "$scratch/curl.log"
    return 1
  fi
}

fetch_page() {
  expect status "$(fetch -o "$scratch/page" -w '%{http_code} HTTP/%{http_version}' "$url/")" '200 HTTP/1.1'
  cmp "$scratch/page" "$scratch/site/index.html"
  echo "200, $(wc -c <"$scratch/page") bytes, $(tls_of_last_fetch)" >&3
}

fetch_twice() {
  local connects
  connects=$(fetch -o "$scratch/a" -o "$scratch/b" -w '%{http_code}/%{num_connects} ' "$url/" "$url/index.html")
  expect 'status/connects' "$connects" '200/1 200/0 '
  cmp "$scratch/a" "$scratch/b"
  echo "the second request opened no connection, $(tls_of_last_fetch)" >&3
}

fetch_download() {
  local size seconds
  read -r size seconds < <(fetch -o /dev/null -w '%{size_download} %{time_total}\n' "$url/download/$download_bytes")
  expect size "$size" "$download_bytes"
  echo "$size bytes, $(awk "BEGIN { printf \"%.0f\", $size / 1e6 / $seconds }") MB/s, $(tls_of_last_fetch)" >&3
}

fetch_http10() { # curl writes HTTP/1.0 as "1"; a server may also answer with its own version, 1.1
  local got
  got=$(fetch --http1.0 -o "$scratch/a" -o "$scratch/b" -w '%{http_code}/%{http_version}/%{num_connects} ' \
    "$url/" "$url/index.html")
  case $got in '200/1/1 200/1/1 ' | '200/1.1/1 200/1.1/1 ') ;; *) expect answer "$got" '200/1/1 200/1/1 ' ;; esac
  cmp "$scratch/a" "$scratch/site/index.html"
  cmp "$scratch/b" "$scratch/site/index.html"
  echo "each of two answers ended its connection, $(tls_of_last_fetch)" >&3
}

fetch_with_tls12() {
  expect status "$(fetch --tls-max 1.2 -o /dev/null -w '%{http_code}' "$url/")" 200
  echo "$(tls_of_last_fetch)" >&3
}

# Only a client that verifies: without our CA, curl must refuse.
refuse_unknown_ca() {
  local status=0
  curl -q --silent --noproxy '*' --max-time 20 -o /dev/null "$url/" || status=$?
  expect "curl's exit status without --cacert" "$status" 60
  echo "curl without --cacert refuses (exit status 60)" >&3
}

fetch_with_coroutines() {
  timeout 20 "$demo_examples/https_client" --cacert "$scratch/ca.pem" "$url/" >"$scratch/client.out"
  grep -q 'Served by coroutines over tlsmode::stream' "$scratch/client.out"
  echo "https_client got the page" >&3
}

# A slow download is under way when the server is told to stop: it must arrive whole.
start_slow_download() {
  fetch --limit-rate 8M -o "$scratch/slow" -w '%{size_download}' "$url/download/$drain_bytes" >"$scratch/slow.size" &
  slow_pid=$!
  undo+=('kill "$slow_pid" 2>/dev/null')
  local i
  for ((i = 0; i < 200; ++i)); do
    if [ -s "$scratch/slow" ]; then return; fi
    sleep 0.05
  done
  die "the download to be drained did not start"
}
check_drained() { # check_drained SERVER_STATUS CURL_STATUS BYTES_AT_THE_SIGNAL SECONDS
  expect "the server's exit status" "$1" 0
  expect "curl's exit status" "$2" 0
  expect 'size of the download' "$(cat "$scratch/slow.size")" "$drain_bytes"
  [ "$3" -lt "$drain_bytes" ]
  echo "at $3 of $drain_bytes bytes: the rest arrived, the server exited 0 after $4 s" >&3
}

demo_serve() {
  start_server "$1"
  say "serving on https://localhost:$server_port/ (127.0.0.1 only); Ctrl-C stops"
  local proxy=${https_proxy:-${HTTPS_PROXY:-${all_proxy:-${ALL_PROXY:-}}}}
  printf '%s\n' "curl ${proxy:+--noproxy localhost }--cacert '$scratch/ca.pem' https://localhost:$server_port/"
  local status=0
  trap 'exit 0' INT TERM # ends the wait below; the exit path then stops the server
  tail -n +1 -f --pid="$server_pid" "$scratch/server.log" &
  undo+=("kill $! 2>/dev/null")
  wait "$server_pid" || status=$?
  server_pid=''
  return $status
}

demo_main() {
  local serve='' port=8443 server_status=0 curl_status=0 start arrived signalled drained_in
  while [ $# != 0 ]; do
    case $1 in
      --serve) serve=1 ;;
      --port)
        if [ $# = 1 ]; then die "demo: --port needs a number"; fi
        port=$2 && shift
        ;;
      *) die "demo: unknown argument: $1" ;;
    esac
    shift
  done
  if [ -n "$serve" ]; then build release https_server; else build release https_server https_client tlsmode_demo; fi
  scratch_dir
  start=$(now_ms)
  say "an HTTPS server on tlsmode::stream, and curl"
  step "throw-away CA and certificate" make_certificates
  make_site
  if [ -n "$serve" ]; then
    demo_serve "$port"
    return
  fi
  start_server 0
  url=https://localhost:$server_port
  printf '  serving %s\n' "$url"
  step "curl: a page" fetch_page
  step "curl: only with the right CA" refuse_unknown_ca
  step "curl: two requests, one connection" fetch_twice
  step "curl: a download of 64 MB" fetch_download
  step "curl: HTTP/1.0" fetch_http10
  step "curl: TLS 1.2" fetch_with_tls12
  step "our coroutine client" fetch_with_coroutines
  start_slow_download
  arrived=$(wc -c <"$scratch/slow") && signalled=$(now_ms)
  stop_server || server_status=$?
  drained_in=$(seconds_since "$signalled")
  wait "$slow_pid" || curl_status=$?
  step "SIGTERM during a download" check_drained "$server_status" "$curl_status" "$arrived" "$drained_in"
  say "side by side with boost::asio::ssl::stream"
  timeout 120 "$root/build/release/benchmarks/tlsmode_demo" || die "tlsmode_demo failed (exit status $?)"
  say "a flood of handshakes, side by side with boost::asio::ssl::stream"
  timeout 120 "$root/build/release/benchmarks/tlsmode_demo" --flood || die "tlsmode_demo --flood failed (exit status $?)"
  say "all of it worked, in $(seconds_since "$start") s after the build"
}
