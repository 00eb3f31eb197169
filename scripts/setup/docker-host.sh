#!/usr/bin/env bash
# docker-host.sh DIR: prints the Docker Engine to use, as a DOCKER_HOST value: the one at DOCKER_HOST, else the one at the
# default socket, else a private one that is started in DIR, installed first where need be.
# End a private one with engine.sh stop DIR; that does nothing when there is none.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

[ $# -eq 1 ] || fail "usage: docker-host.sh DIR"
SYSTEM=unix:///var/run/docker.sock

answers() { DOCKER_SECONDS=10 docker_at "$1" version >/dev/null 2>&1; }

if [ -n "${DOCKER_HOST:-}" ]; then
  "$SETUP/packages.sh" docker
  answers "$DOCKER_HOST" || fail "no Docker Engine answers at DOCKER_HOST=$DOCKER_HOST." \
    "Start it, or unset DOCKER_HOST. To see what is wrong: docker version"
  say "using the Docker Engine at DOCKER_HOST, $DOCKER_HOST"
  echo "$DOCKER_HOST"
  exit
fi

if [ -S /var/run/docker.sock ] && has docker; then
  if answers "$SYSTEM"; then
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
