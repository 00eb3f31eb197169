#!/usr/bin/env bash
# image.sh [TAG] [OPTION-OF-DOCKER-BUILD]...: builds the image of the service, longshore:latest by default, on the engine at
# DOCKER_HOST or the local one. Another base: image.sh longshore:latest --build-arg BASE_IMAGE=...
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

TAG=${1:-longshore:latest}
[ $# -eq 0 ] || shift

"$SETUP/node.sh"
has docker || fail "Docker's client is needed: see https://docs.docker.com/engine/install/"
say "building, where something has changed"
bash "$ROOT/scripts/build.sh" --if-needed </dev/null >&2

CONTEXT=$(mktemp -d)
trap 'rm -rf -- "$CONTEXT"' EXIT
cp "$ROOT"/{package.json,package-lock.json,Dockerfile,.dockerignore} "$CONTEXT/"
cp -R "$ROOT/dist" "$CONTEXT/"
say "installing the packages that production needs"
# Scripts of packages build optional native parts, which nothing here uses, for this machine and not for the image's.
(cd "$CONTEXT" && npm ci --omit=dev --ignore-scripts --prefer-offline --no-audit --no-fund </dev/null >&2)
docker build --tag "$TAG" "$@" "$CONTEXT"
