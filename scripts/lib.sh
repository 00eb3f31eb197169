# Shared by the scripts of this project: source it, do not run it.
# After sourcing: ROOT is the checkout, DATA the directory below which everything of a run lives.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
SETUP=$ROOT/scripts/setup
DATA=$ROOT/.longshore

# Daemons and ip live in sbin, which is not on everybody's PATH.
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# Progress goes to stderr, so that stdout stays free for what a script returns.
say() { printf '[longshore] %s\n' "$*" >&2; }

# No script ends without saying where.
set -E
trap 'say "${BASH_SOURCE[0]##*/}, line $LINENO: this failed: $BASH_COMMAND"' ERR

# fail MESSAGE...: one line each, then exit 1.
fail() {
  local line
  for line in "$@"; do printf '[longshore] %s\n' "$line" >&2; done
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

is_root() { [ "$(id -u)" -eq 0 ]; }

# until_true SECONDS COMMAND...: polls; false when the time is up.
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.05
  done
}

# lock_run NAME: one run of a kind per checkout, because each begins by clearing what an aborted one left behind.
# Holds file descriptor 9. Start daemons with 9>&-, or the lock outlives this run.
lock_run() {
  mkdir -p "$DATA"
  exec 9>"$DATA/$1.lock"
  flock -n 9 && return
  say "another '$1' runs in this checkout; waiting for it to end"
  flock 9
}

# docker_at HOST ARGS...: Docker's client on exactly that engine, whatever context and TLS settings the caller has.
# It ends after DOCKER_SECONDS (300), because an engine that hangs never answers.
docker_at() {
  local host=$1
  shift
  timeout "${DOCKER_SECONDS:-300}" env -u DOCKER_HOST -u DOCKER_CONTEXT -u DOCKER_TLS -u DOCKER_TLS_VERIFY \
    -u DOCKER_CERT_PATH docker -H "$host" "$@"
}
