#!/usr/bin/env bash
# packages.sh COMMAND...: makes sure that these commands exist, from the distribution's packages where they do not.
# As root on Debian or Ubuntu it installs what is missing, without starting or enabling any service. Elsewhere it prints
# the exact command to run and fails.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

POLICY=/usr/sbin/policy-rc.d
SAVED=$POLICY.before-longshore
MARK='# written by longshore while it installs packages'

package_of() {
  case $1 in
    dockerd | containerd | runc) echo docker.io ;;
    docker) if apt-cache show docker-cli >/dev/null 2>&1; then echo docker-cli; else echo docker.io; fi ;;
    busybox) echo busybox-static ;;
    ip) echo iproute2 ;;
    apparmor_parser) echo apparmor ;;
    h2load) echo nghttp2-client ;;
    redis-server | docker-registry | iptables | openssl | curl | git | faketime) echo "$1" ;;
    *) fail "no package is known for the command '$1'" ;;
  esac
}

# The command that brings these commands on a distribution that is not Debian's; false where its package manager is not known.
# dnf takes the path of a program, whatever the release calls its package.
install_elsewhere() {
  local manager command names=()
  for manager in dnf zypper pacman apk ''; do ! has "$manager" || break; done
  for command in "$@"; do
    case $manager:$command in
      dnf:docker | dnf:dockerd | dnf:containerd | dnf:runc | dnf:redis-server) names+=("/usr/bin/$command") ;;
      dnf:ip) names+=(iproute) ;;
      dnf:docker-registry) names+=(docker-distribution) ;;
      *:docker | *:dockerd) names+=(docker) ;;
      *:redis-server) names+=(redis) ;;
      *:ip) names+=(iproute2) ;;
      *:h2load) names+=(nghttp2) ;;
      *:faketime) names+=(libfaketime) ;;
      *:apparmor_parser) names+=(apparmor) ;;
      *) names+=("$command") ;;
    esac
  done
  mapfile -t names < <(printf '%s\n' "${names[@]}" | sort -u)
  case $manager in
    dnf | zypper) echo "$manager install ${names[*]}" ;;
    pacman) echo "pacman -S --needed ${names[*]}" ;;
    apk) echo "apk add ${names[*]}" ;;
    *) return 1 ;;
  esac
}

missing_commands() {
  local command
  for command in "$@"; do has "$command" || echo "$command"; done
}

packages_of() {
  local command
  for command in "$@"; do package_of "$command"; done | sort -u
}

debian_like() { has apt-get && has dpkg; }

# Puts back what block_services replaced; also what a run that was killed in the middle replaced.
restore_services() {
  if [ -e "$SAVED" ]; then
    mv -f "$SAVED" "$POLICY"
  elif grep -qsF "$MARK" "$POLICY"; then
    rm -f "$POLICY"
  fi
}

# policy-rc.d is asked before any package starts its service; 101 forbids it.
block_services() {
  restore_services
  trap restore_services EXIT
  trap 'exit 130' INT TERM HUP
  local ours=$POLICY.longshore
  printf '#!/bin/sh\n%s\nexit 101\n' "$MARK" >"$ours"
  chmod 755 "$ours"
  # A copy, then one rename: at no moment is the administrator's own policy absent or lost.
  if [ -e "$POLICY" ]; then cp -a "$POLICY" "$SAVED.part" && mv -f "$SAVED.part" "$SAVED"; fi
  mv -f "$ours" "$POLICY"
}

units_of() { dpkg -L "$1" 2>/dev/null | sed -n 's,^\(/usr\)\?/lib/systemd/system/\([^/@]*\.\(service\|socket\)\)$,\2,p'; }

# Where systemd is not installed, its links are made all the same, and would count once it is.
disable_unit() {
  if has systemctl; then
    systemctl disable --quiet "$2" >/dev/null 2>&1 || :
  else
    DPKG_MAINTSCRIPT_PACKAGE=$1 deb-systemd-helper disable "$2" >/dev/null 2>&1 || :
  fi
}

# Debian enables services on installation. $1: the packages that were here before; theirs stay as they are.
disable_new_services() {
  local before=$1 package unit
  while read -r package; do
    for unit in $(units_of "$package"); do
      disable_unit "$package" "$unit"
      if has update-rc.d && [ -e "/etc/init.d/${unit%.*}" ]; then update-rc.d "${unit%.*}" disable >/dev/null 2>&1 || :; fi
    done
  done < <(comm -13 "$before" <(installed_packages))
}

installed_packages() { dpkg-query -W -f '${Package}\n' | sort; }

# Shows what apt does, a line a step, and waits for another package manager that holds the lock.
apt() {
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l RUNLEVEL=1 \
    apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@" </dev/null 2>&1 |
    sed -u -n -e 's/^/[apt] /' -e '/^\[apt\] \(Get:\|Fetched\|Preparing\|Unpacking\|Setting up\|E:\|W:\|Err\|Waiting\)/p' >&2
}

# apt-get does not wait for this lock by itself; a machine that has just started often holds it.
lists_free() { ! grep -qs ":$(stat -c %i /var/lib/apt/lists/lock 2>/dev/null || echo none) " /proc/locks; }

install_packages() {
  local before
  before=$(mktemp)
  installed_packages >"$before"
  block_services
  lists_free || say "another apt-get update runs; waiting for it to end"
  until_true 300 lists_free || :
  say "apt-get update"
  apt update || say "the package lists could not all be refreshed; trying with what is there"
  say "apt-get install $*"
  # An engine or a Redis of another vendor stays: what would have it removed is an error.
  apt install --no-install-recommends --no-remove "$@" || fail "installing failed; to see why: apt-get install $*"
  disable_new_services "$before"
  rm -f "$before"
}

main() {
  local missing packages command
  if is_root; then
    exec 8>/run/longshore-packages.lock # policy-rc.d has one owner at a time
    flock 8
    restore_services
  fi
  # An engine starts no container where the kernel has AppArmor on and the parser is missing.
  case " $* " in *' dockerd '*) ! grep -qs Y /sys/module/apparmor/parameters/enabled || set -- "$@" apparmor_parser ;; esac
  mapfile -t missing < <(missing_commands "$@")
  [ "${#missing[@]}" -gt 0 ] || return 0
  mapfile -t packages < <(packages_of "${missing[@]}")
  if ! debian_like; then
    command=$(install_elsewhere "${missing[@]}") ||
      fail "these commands are missing: ${missing[*]}. Install what brings them, then try again."
    fail "these commands are missing: ${missing[*]}. Run this, then try again:" "  $(is_root || echo 'sudo ')$command"
  fi
  is_root || fail "these commands are missing: ${missing[*]}. Run this, then try again:" \
    "  sudo apt-get update && sudo apt-get install --no-install-recommends ${packages[*]}"
  say "missing here: ${missing[*]}"
  say "installing the packages ${packages[*]} now (one to three minutes); their services will neither be started nor enabled"
  install_packages "${packages[@]}"
  mapfile -t missing < <(missing_commands "$@")
  if [ "${#missing[@]}" -gt 0 ]; then # docker.io came without its client, as on Debian 13
    mapfile -t packages < <(packages_of "${missing[@]}")
    install_packages "${packages[@]}"
    mapfile -t missing < <(missing_commands "$@")
  fi
  [ "${#missing[@]}" -eq 0 ] || fail "still missing after installation: ${missing[*]}"
}

main "$@"
