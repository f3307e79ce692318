#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
# Fetches the source of OpenSSL's asynchronous test engine, dasync, from the distribution's source package, which no
# binary package has. Uses apt with a configuration of its own: the system's sources and lists stay as they are.
# usage: fetch_dasync.sh DIRECTORY [--again]   afterwards DIRECTORY/engines/e_dasync.c is there, or the exit status is 1
set -euo pipefail
goal=$1
again=${2:-}
mkdir -p -- "$goal"
goal=$(cd -- "$goal" && pwd)

not_there() { # the reason is kept for an hour, so that a machine without sources does not ask for them all the time
  printf '%s\n' "$*" >"$goal/reason"
  echo "dasync, OpenSSL's test engine, is not there ($*): the tests that use it will be skipped"
  exit 1
}
if [ -f "$goal/engines/e_dasync.c" ]; then exit 0; fi
if [ "$again" != --again ] && [ -n "$(find "$goal/reason" -mmin -60 2>/dev/null)" ]; then
  not_there "$(head -n 1 "$goal/reason")"
fi
for tool in apt-get apt-cache timeout tar; do
  command -v "$tool" >/dev/null || not_there "no $tool here"
done
# Of the installed headers: the engine must be of the same branch.
version=$(printf '#include <openssl/opensslv.h>\nOPENSSL_VERSION_STR\n' | g++ -E -P -x c++ - 2>/dev/null |
  sed -n 's/^"\([0-9]*\.[0-9]*\)\..*/\1/p' || true)
if [ -z "$version" ]; then not_there "no libssl-dev"; fi

scratch=$(mktemp -d "${TMPDIR:-/tmp}/tlsmode-dasync.XXXXXX")
trap 'rm -rf -- "$scratch"' EXIT
mkdir -p "$scratch"/{lists,cache}/partial "$scratch/cache/archives/partial"

# Where the system's packages come from, in whatever format that is written down; sources are kept beside them.
# Other archives have no OpenSSL, and need not know of this.
# shellcheck disable=SC2016 # apt expands them
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
  sort -u | while read -r uri suite component; do
    keys=''
    case $uri in
      *debian*) keys=/usr/share/keyrings/debian-archive-keyring.gpg ;;
      *ubuntu*) keys=/usr/share/keyrings/ubuntu-archive-keyring.gpg ;;
      *) continue ;;
    esac
    if [ "$component" != main ]; then continue; fi
    if [ -f "$keys" ]; then keys="[signed-by=$keys] "; else keys=''; fi
    printf 'deb-src %s%s %s %s\n' "$keys" "$uri" "$suite" "$component"
  done >"$scratch/sources.list" || true
if [ ! -s "$scratch/sources.list" ]; then not_there "no package archive of the distribution is known"; fi

cat >"$scratch/apt.conf" <<END
Dir::Etc::sourcelist "$scratch/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "$scratch/lists";
Dir::Cache "$scratch/cache";
APT::Sandbox::User "root"; // the scratch directory is ours alone
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "15";
Acquire::https::Timeout "15";
END
apt=(timeout 60 apt-get -q -c "$scratch/apt.conf")
# An archive that has no sources must not spoil the others.
"${apt[@]}" update >"$scratch/log" 2>&1 </dev/null || true
newest=''
while read -r candidate; do
  if [ -z "$newest" ] || dpkg --compare-versions "$candidate" gt "$newest"; then newest=$candidate; fi
done < <(apt-cache -c "$scratch/apt.conf" showsrc --only-source openssl 2>/dev/null |
  sed -n "s/^Version: \(${version//./\\.}\..*\)/\1/p")
if [ -z "$newest" ]; then not_there "the package archives give no source of OpenSSL $version"; fi

cd -- "$scratch"
"${apt[@]}" source --download-only --tar-only "openssl=$newest" >>log 2>&1 </dev/null ||
  not_there "the source of openssl $newest cannot be downloaded"
mkdir engine
tar -xf openssl_*.orig.tar.* -C engine --strip-components=1 --wildcards \
  '*/engines/e_dasync*' '*/include/internal/deprecated.h' 2>>log || not_there "it is not in the source of openssl $newest"
rm -rf -- "$goal/engines" "$goal/include" "$goal/reason"
mv engine/include "$goal/"
mv engine/engines "$goal/" # last: whoever finds it finds all
echo "dasync, OpenSSL's test engine, comes from the source package openssl $newest"
