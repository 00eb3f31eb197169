#!/usr/bin/env bash
# docker-host.sh DIR: prints the Docker Engine to use, as a DOCKER_HOST value: the one at DOCKER_HOST, else the one at the
# default socket, else a private one that is started in DIR, installed first where need be.
# Docker's client is installed for either. End a private one with engine.sh stop DIR; that does nothing when there is none.
# The build must be there: it says which engines the service takes.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

[ $# -eq 1 ] || fail "usage: docker-host.sh DIR"
SOCKET=/var/run/docker.sock
SYSTEM=unix://$SOCKET

answers() { DOCKER_SECONDS=10 docker_at "$1" version >/dev/null 2>&1; }

# Whether an engine answers at the usual socket; Docker's client need not be there.
socket_answers() {
  node -e '
    const options = { socketPath: process.argv[1], path: "/_ping", timeout: 10_000 };
    const asked = require("http").get(options, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1));
    asked.on("error", () => process.exit(1)).on("timeout", () => process.exit(1));' "$SOCKET"
}

# Here, rather than after everything has been set up for it.
refuse_unusable() {
  local fault advice="Unset DOCKER_HOST, or name an engine of this machine without TLS: unix:///path or tcp://127.0.0.1:port"
  case $DOCKER_HOST in
    unix:*) ;;
    *) [ -z "${DOCKER_TLS_VERIFY:-}${DOCKER_TLS:-}" ] ||
      fail "the Docker Engine at DOCKER_HOST=$DOCKER_HOST is asked with TLS (DOCKER_TLS_VERIFY), for which the service" \
        "needs a hosts file; this script has none." "$advice" ;;
  esac
  fault=$(env -i PATH="$PATH" HOME="${HOME:-/}" DOCKER_HOST="$DOCKER_HOST" node "$ROOT/dist/cli.js" check-config 2>&1 >/dev/null |
    sed -n 's/^error: DOCKER_HOST: //p') || : # it fails where there is a fault
  [ -z "$fault" ] || fail "DOCKER_HOST: $fault." "$advice"
}

if [ -n "${DOCKER_HOST:-}" ]; then
  refuse_unusable
  "$SETUP/packages.sh" docker
  answers "$DOCKER_HOST" || fail "no Docker Engine answers at DOCKER_HOST=$DOCKER_HOST." \
    "Start it, or unset DOCKER_HOST. To see what is wrong: docker version"
  say "using the Docker Engine at DOCKER_HOST, $DOCKER_HOST"
  echo "$DOCKER_HOST"
  exit
fi

if [ -S "$SOCKET" ]; then
  if socket_answers; then
    "$SETUP/packages.sh" docker
    say "using this machine's Docker Engine, $SYSTEM"
    echo "$SYSTEM"
    exit
  fi
  is_root || fail "$SYSTEM is there, but does not answer you. Either of these may help:" \
    "  sudo systemctl start docker" "  sudo usermod -aG docker $(id -un)   (then log in again)"
fi

"$SETUP/packages.sh" dockerd docker containerd ip
is_root || fail "no Docker Engine runs here. Start one, or run this as root to have a private one:" \
  "  sudo systemctl start docker"
say "starting a private Docker Engine in $1"
"$SETUP/engine.sh" start "$1"
