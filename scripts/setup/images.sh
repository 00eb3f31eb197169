#!/usr/bin/env bash
# images.sh HOST [busybox|app]...: puts images that need no registry on the engine at HOST (a DOCKER_HOST value).
#   busybox   longshore/busybox:latest, a shell and its tools
#   app       longshore/demo-app:latest, demo/app/server.mjs with this machine's node and the libraries it needs
# An image carries a hash of what it was made from, and is made again only when that changed. Its files are packed once for all engines.
# images.sh HOST remove: removes both.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

[ $# -ge 1 ] || fail "usage: images.sh HOST [busybox|app|remove]..."
HOST=$1
shift
[ $# -gt 0 ] || set -- busybox app

on_engine() { docker_at "$HOST" "$@"; }

present() { [ "$(on_engine image inspect --format '{{index .Config.Labels "longshore.made-from"}}' "$1" 2>/dev/null)" = "$2" ]; }

# add_program TREE FILE: the program and, where it is not static, its loader and libraries, at the same paths.
add_program() {
  local tree=$1 library
  mkdir -p "$tree/bin"
  cp -L -- "$2" "$tree/bin/"
  { ldd "$2" 2>/dev/null | grep -o '/[^ ]*' || :; } | sort -u | while read -r library; do
    mkdir -p "$tree$(dirname "$library")"
    cp -L -- "$library" "$tree$library"
  done
}

add_system_files() {
  mkdir -p "$1"/{dev,etc,proc,root,sys,tmp,usr/bin,var/run}
  chmod 1777 "$1/tmp"
  printf 'root:x:0:0:root:/root:/bin/sh\n' >"$1/etc/passwd"
  printf 'root:x:0:\n' >"$1/etc/group"
}

add_busybox() {
  local applet
  add_program "$1" "$(readlink -f "$(command -v busybox)")"
  for applet in $(busybox --list); do
    [ -e "$1/bin/$applet" ] || ln -s busybox "$1/bin/$applet"
  done
}

# pack NAME ARCHIVE: the files that `lay_out_NAME TREE` lays out. Others may pack and read the same meanwhile.
pack() {
  local tree=$WORK/$1
  mkdir -p "$PACKED" "$tree"
  find "$PACKED" -name "$1-*" ! -name "${2##*/}*" -delete
  add_system_files "$tree"
  add_busybox "$tree"
  "lay_out_$1" "$tree"
  tar -C "$tree" --numeric-owner --owner=0 --group=0 -cf "$2.$$" .
  mv -- "$2.$$" "$2"
}

# import NAME TAG HASH CHANGE...
import() {
  local tag=$2 hash=$3 archive=$PACKED/$1-$3.tar change changes=()
  if [ ! -e "$archive" ]; then pack "$1" "$archive"; fi
  shift 3
  for change in "LABEL longshore.made-from=$hash" 'ENV PATH=/usr/bin:/bin' "$@"; do changes+=(-c "$change"); done
  on_engine import "${changes[@]}" - "$tag" <"$archive" >/dev/null
}

# fingerprint TEXT-FILE PROGRAM...: programs count by size and date, since reading 100 MB each time is slow.
fingerprint() { { cat "$1" "${BASH_SOURCE[0]}" && stat -L -c '%n %s %Y' "${@:2}"; } | sha256sum | cut -c1-32; }

lay_out_busybox() { :; }

make_busybox() {
  local tag=longshore/busybox:latest hash
  hash=$(fingerprint /dev/null "$(command -v busybox)")
  present "$tag" "$hash" && return
  say "making the image $tag"
  import busybox "$tag" "$hash" 'CMD ["/bin/sh"]'
}

lay_out_app() {
  add_program "$1" "$NODE"
  mkdir -p "$1/app"
  cp "$ROOT/demo/app/server.mjs" "$1/app/"
}

make_app() {
  local tag=longshore/demo-app:latest hash
  hash=$(fingerprint "$ROOT/demo/app/server.mjs" "$NODE" "$(command -v busybox)")
  present "$tag" "$hash" && return
  say "making the image $tag from this machine's node"
  import app "$tag" "$hash" 'ENV PORT=8080' 'EXPOSE 8080' 'WORKDIR /app' 'ENTRYPOINT ["/bin/node", "/app/server.mjs"]'
}

NODE=$(node -p process.execPath) # not PATH's node, which may be a version manager's script
PACKED=$DATA/images
WORK=$(mktemp -d)
trap 'rm -rf -- "$WORK"' EXIT

for wanted in "$@"; do
  case $wanted in
    busybox) make_busybox ;;
    app) make_app ;;
    remove) on_engine image rm -f longshore/busybox:latest longshore/demo-app:latest >/dev/null 2>&1 || : ;;
    *) fail "no such image: $wanted" ;;
  esac
done
