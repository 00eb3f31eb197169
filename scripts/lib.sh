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

# unmount_below DIR: what is mounted anywhere below it, the deepest first.
unmount_below() {
  local target
  # mountinfo writes a space as \040; the longest path is the deepest.
  while read -r target; do
    umount -- "$target" 2>/dev/null || umount -l -- "$target" 2>/dev/null || :
  done < <(awk '{print $5}' /proc/self/mountinfo | while read -r path; do printf '%b\n' "${path//\\/\\0}"; done |
    awk -v dir="$1/" 'index($0, dir) == 1' | sort -r)
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

# docker_at HOST ARGS...: Docker's client on exactly that engine. The caller's context and TLS settings count only for the
# caller's own DOCKER_HOST. It ends after DOCKER_SECONDS (300), because an engine that hangs never answers.
docker_at() {
  local host=$1 clean=(env -u DOCKER_CONTEXT -u DOCKER_TLS -u DOCKER_TLS_VERIFY -u DOCKER_CERT_PATH)
  shift
  [ "$host" != "${DOCKER_HOST:-}" ] || clean=(env)
  timeout "${DOCKER_SECONDS:-300}" "${clean[@]}" docker -H "$host" "$@"
}

# free_cidr BASE/BITS SIZE SEED: prints a subnet of SIZE bits below BASE that no address and no route of this machine
# touches; where the search begins depends on SEED (hexadecimal). Hold lock_networks until it is claimed with a link.
free_cidr() {
  { ip -4 route show table all; ip -o -4 addr show; } | node -e '
    const [range, bits, seed] = process.argv.slice(1);
    const number = (address) => address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    const text = (n) => [24, 16, 8, 0].map((shift) => (n >>> shift) & 255).join(".");
    const block = (address, bits) => {
      const size = 2 ** (32 - bits);
      return { from: Math.floor(number(address) / size) * size, size };
    };
    const seen = require("fs").readFileSync(0, "utf8").matchAll(/(\d+\.\d+\.\d+\.\d+)(?:\/(\d+))?/g);
    const taken = [...seen].map(([, address, bits = "32"]) => block(address, Number(bits)));
    const all = block(...range.split("/"));
    const size = 2 ** (32 - bits);
    const count = all.size / size;
    for (let i = 0; i < count; i++) {
      const from = all.from + ((parseInt(seed, 16) + i) % count) * size;
      if (taken.some((other) => from < other.from + other.size && other.from < from + size)) continue;
      console.log(`${text(from)}/${bits}`);
      process.exit(0);
    }
    process.exit(1);' "$@"
}

# nth_address CIDR N: the Nth address of a subnet, N below 256 and the subnet small enough for it.
nth_address() {
  local base=${1%/*}
  echo "${base%.*}.$((${base##*.} + $2))"
}

# One searcher at a time. Holds file descriptor 7 until unlock_networks.
lock_networks() {
  exec 7>/run/longshore-network.lock
  flock 7
}

unlock_networks() { exec 7>&-; }

hash_of() { printf '%s' "$1" | sha256sum | cut -c1-8; }
