#!/usr/bin/env bash
# A private Docker Engine that lives in one directory and leaves nothing behind.
#
#   engine.sh start DIR [--keep] [--netns NAME] [--config FILE]
#       Starts it unless it answers already, and prints its endpoint, unix://... Leftovers of an aborted run are cleared
#       first, its images and containers too; with --keep those stay, as after a restart of the host.
#       --netns runs it in that network namespace, with iptables, and gives it the namespace: stop deletes it.
#       Default: the machine's own network, where no firewall rule and no sysctl is touched, so that its containers are
#       reached by published ports only.
#       --config is a JSON object whose members override those of daemon.json; "hosts" are added.
#   engine.sh stop DIR      removes its containers and networks, ends it, and deletes DIR
#   engine.sh kill DIR      SIGKILL to the engine alone: its containers live on
#   engine.sh crash DIR     SIGKILL to the engine and everything in its containers: what a power failure leaves
#   engine.sh pid DIR       prints the process id of dockerd
#
# Everything of an engine carries its directory: processes have it in their arguments, cgroups and the bridge have a hash
# of it in their names. What is to be ended is found by that alone, never by a process id from a file, which by now may
# be somebody else's.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

usage() {
  sed -n '2,/^#$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
}

[ $# -ge 2 ] || usage
ACTION=$1
DIR=$(realpath -m -- "$2")
shift 2
HASH=$(hash_of "$DIR")
BRIDGE=lsbr-$HASH
CGROUP=longshore-$HASH
MARKER=$DIR/longshore-engine
NETNS='' KEEP='' CIDR='' CONFIG='{}'

# Socket paths end at 107 bytes, so a deep directory has its sockets in /run.
if [ ${#DIR} -le 64 ]; then RUN=$DIR/run; else RUN=/run/longshore-$HASH; fi
SOCKET=$RUN/docker.sock
ENDPOINT=unix://$SOCKET

# pids PROGRAM-PATTERN: running processes (no zombies) of that program that have this engine's directory in their arguments.
pids() {
  local file pid program
  while read -r file; do
    pid=${file#/proc/}
    pid=${pid%/cmdline}
    { IFS= read -r -d '' program <"$file"; } 2>/dev/null || continue
    # shellcheck disable=SC2254
    case ${program##*/} in $1) ;; *) continue ;; esac
    grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$pid/status" && echo "$pid"
  done < <(grep -lasF -e "$DIR/" -e "$RUN/" /proc/[0-9]*/cmdline 2>/dev/null || :)
}

gone() { [ -z "$(pids "$1")" ]; }

# end PROGRAM-PATTERN SIGNAL SECONDS: signals, waits, then kills.
end() {
  local list
  list=$(pids "$1")
  [ -n "$list" ] || return 0
  # shellcheck disable=SC2086
  kill -CONT $list 2>/dev/null || :
  # shellcheck disable=SC2086
  kill "-$2" $list 2>/dev/null || :
  until_true "$3" gone "$1" && return
  list=$(pids "$1")
  # shellcheck disable=SC2086
  [ -z "$list" ] || kill -KILL $list 2>/dev/null || :
  until_true 10 gone "$1" || fail "these processes cannot be ended: $(pids "$1" | tr '\n' ' ')"
}

client() { DOCKER_CONFIG=$DIR/client DOCKER_SECONDS=$1 docker_at "$ENDPOINT" "${@:2}"; }

answers() { [ -S "$SOCKET" ] && client 5 version >/dev/null 2>&1; }

cgroups() { find /sys/fs/cgroup -depth -type d \( -path "*/$CGROUP" -o -path "*/$CGROUP/*" \) 2>/dev/null || :; }

# Kills what runs in this engine's cgroups: the processes of its containers, paused ones included.
kill_containers() {
  local group round pid
  for round in 1 2 3 4 5; do
    while read -r group; do
      [ ! -e "$group/freezer.state" ] || echo THAWED >"$group/freezer.state" 2>/dev/null || :
      [ ! -e "$group/cgroup.freeze" ] || echo 0 >"$group/cgroup.freeze" 2>/dev/null || :
      while read -r pid; do kill -KILL "$pid" 2>/dev/null || :; done < <(cat "$group/cgroup.procs" 2>/dev/null || :)
    done < <(cgroups)
    # shellcheck disable=SC2046
    [ -n "$(cat $(cgroups | sed 's,$,/cgroup.procs,') /dev/null 2>/dev/null)" ] || return 0
    sleep 0.1
  done
}

remove_cgroups() { cgroups | while read -r group; do rmdir "$group" 2>/dev/null || :; done; }

# A shim that is killed leaves its socket in /run/containerd/s.
remove_shim_sockets() {
  local file socket
  for file in "$RUN"/containerd/io.containerd.runtime.v2.task/*/*/address; do
    [ -e "$file" ] || continue
    socket=$(sed 's,^unix://,,' "$file")
    case $socket in /run/containerd/s/*) rm -f -- "$socket" ;; esac
  done
}

# Interfaces with an address in this engine's subnet (its networks' bridges), and its own bridge.
remove_links() {
  local link
  if [ -s "$DIR/cidr" ]; then
    ip -o -4 addr show to "$(cat "$DIR/cidr")" 2>/dev/null | awk '{print $2}' | while read -r link; do
      case $link in br-* | lsbr-*) ip link del "$link" 2>/dev/null || : ;; esac
    done
  fi
  ip link del "$BRIDGE" 2>/dev/null || :
}

delete_namespace() { [ ! -s "$DIR/netns" ] || ip netns del "$(cat "$DIR/netns")" 2>/dev/null || :; }

# Everything outside DIR that a dead engine may have left.
sweep() {
  end 'dockerd' TERM 15
  end 'containerd-shim*' KILL 1
  kill_containers
  end 'containerd' TERM 5
  end 'docker-proxy' KILL 1
  remove_shim_sockets
  unmount_below "$DIR"
  unmount_below "$RUN"
  remove_links
  remove_cgroups
}

delete_directory() {
  [ -e "$DIR" ] || return 0
  [ -e "$MARKER" ] || fail "$DIR does not look like a directory of this script; delete it by hand"
  rm -rf --one-file-system -- "$DIR"
  [ "$RUN" = "$DIR/run" ] || rm -rf --one-file-system -- "$RUN"
  rm -f "$LOCK"
}

remove_objects() {
  answers || return 0
  local ids
  ids=$(client 20 ps -aq || :)
  # shellcheck disable=SC2086
  [ -z "$ids" ] || client 60 rm -f $ids >/dev/null 2>&1 || :
  ids=$(client 20 network ls -q --filter type=custom || :)
  # shellcheck disable=SC2086
  [ -z "$ids" ] || client 60 network rm $ids >/dev/null 2>&1 || :
}

stop() {
  local list
  list=$(pids dockerd)
  # shellcheck disable=SC2086
  [ -z "$list" ] || kill -CONT $list 2>/dev/null || :
  remove_objects
  sweep
  delete_namespace
  delete_directory
}

# The bridge is what claims the subnet: whoever looks for a free one sees its route.
claim_network() {
  lock_networks
  CIDR=$(free_cidr 10.192.0.0/10 20 "$HASH") || fail "no free private subnet was found below 10.192.0.0/10"
  echo "$CIDR" >"$DIR/cidr"
  ip link add "$BRIDGE" type bridge
  ip addr add "$(nth_address "$CIDR" 1)/24" dev "$BRIDGE"
  ip link set "$BRIDGE" up
  unlock_networks
}

write_configs() {
  cat >"$DIR/containerd.toml" <<TOML
version = 2
root = "$DIR/containerd"
state = "$RUN/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
address = "$RUN/containerd.sock"
TOML
  OWN_NETWORK=${NETNS:+1} EXTRA=$CONFIG DIR=$DIR RUN=$RUN CGROUP=$CGROUP BRIDGE=$BRIDGE CIDR=$CIDR node -e '
    const { OWN_NETWORK, EXTRA, DIR, RUN, CGROUP, BRIDGE, CIDR } = process.env;
    const shared = { bridge: BRIDGE, iptables: false, ip6tables: false, "ip-masq": false, "ip-forward": false };
    const { hosts = [], ...extra } = JSON.parse(EXTRA);
    const config = {
      "data-root": `${DIR}/data`, "exec-root": `${RUN}/exec`, pidfile: `${RUN}/dockerd.pid`, 
      hosts: [`unix://${RUN}/docker.sock`, ...hosts],
      containerd: `${RUN}/containerd.sock`, "cgroup-parent": `/${CGROUP}`, "exec-opts": ["native.cgroupdriver=cgroupfs"],
      // Without it every engine of a machine reports the same id, from a key in /etc/docker.
      "deprecated-key-path": `${DIR}/key.json`, group: "root", "userland-proxy": true,
      ...(OWN_NETWORK ? {} : shared),
      ...(CIDR ? { "default-address-pools": [{ base: CIDR, size: 24 }] } : {}),
      ...extra,
    };
    require("fs").writeFileSync(`${DIR}/daemon.json`, JSON.stringify(config, null, 2));'
}

# Runs a daemon that outlives this script, holds none of its files, and is in the engine's network.
launch() {
  local log=$1
  shift
  local wrap=()
  # nsenter, not "ip netns exec": that one remounts /sys and hides the cgroups.
  [ -z "$NETNS" ] || wrap=(nsenter "--net=/run/netns/$NETNS" unshare --uts sh -c 'hostname "$0" && exec "$@"' "$NETNS")
  setsid "${wrap[@]}" "$@" </dev/null >>"$log" 2>&1 7>&- 8>&- 9>&- &
}

# until_answers SECONDS PROGRAM COMMAND...: like until_true, but gives up when the program is gone.
until_answers() {
  local deadline=$((SECONDS + $1)) program=$2 born=$((SECONDS + 2))
  shift 2
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    [ "$SECONDS" -lt "$born" ] || ! gone "$program" || return 1
    sleep 0.05
  done
}

run_daemons() {
  launch "$DIR/containerd.log" containerd --config "$DIR/containerd.toml"
  until_answers 30 containerd test -S "$RUN/containerd.sock" || fail "containerd does not start:" "$(tail -n 5 "$DIR/containerd.log")"
  launch "$DIR/dockerd.log" dockerd --config-file "$DIR/daemon.json"
  until_answers 60 dockerd answers || fail "dockerd does not start:" "$(tail -n 5 "$DIR/dockerd.log")"
}

# What a run of the tests has made is looked for at its end (sweep.sh), when this directory may be gone.
note_for_run() {
  [ -n "${LONGSHORE_RUN:-}" ] || return 0
  mkdir -p "$LONGSHORE_RUN"
  printf '%s\t%s\n' "$DIR" "$NETNS" >>"$LONGSHORE_RUN/engines"
}

start() {
  is_root || fail "a private Docker Engine needs root. Run this as root, or set DOCKER_HOST to an engine that you may use."
  if answers; then
    echo "$ENDPOINT"
    return
  fi
  note_for_run
  if [ -n "$KEEP" ]; then
    end 'dockerd' KILL 1 # one that does not answer
    end 'containerd' KILL 1
    [ ! -s "$DIR/cidr" ] || CIDR=$(cat "$DIR/cidr")
  else
    sweep
    delete_namespace
    delete_directory
  fi
  mkdir -p "$DIR/client" "$RUN"
  chmod 700 "$DIR" "$RUN"
  touch "$MARKER"
  [ -z "$NETNS" ] || echo "$NETNS" >"$DIR/netns"
  # dockerd takes any living process with the number in a stale pid file for itself, and then refuses to start.
  rm -f "$RUN/dockerd.pid" "$SOCKET" "$RUN/containerd.sock" "$RUN/containerd.sock.ttrpc"
  [ -n "$NETNS" ] || ip link show "$BRIDGE" >/dev/null 2>&1 || claim_network
  write_configs
  run_daemons
  echo "$ENDPOINT"
}

kill_engine() {
  end 'dockerd' KILL 10
  end 'containerd' KILL 10
}

crash() {
  kill_engine
  sweep
  rm -rf -- "$RUN/containerd" "$RUN/exec"
}

while [ $# -gt 0 ]; do
  case $1 in
    --keep) KEEP=1 ;;
    --netns) NETNS=$2 && shift ;;
    --config) CONFIG=$(cat "$2") && shift ;;
    *) usage ;;
  esac
  shift
done

# Two that start or stop the same engine take turns.
if is_root && [ "$ACTION" != pid ]; then
  LOCK=/run/longshore-engine-$HASH.lock
  until [ "$LOCK" -ef /proc/$$/fd/8 ]; do # whoever had it before may have deleted the file
    exec 8>"$LOCK"
    flock 8
  done
fi

case $ACTION in
  start) start ;;
  stop) stop ;;
  kill) kill_engine ;;
  crash) crash ;;
  pid) pids dockerd ;;
  *) usage ;;
esac
