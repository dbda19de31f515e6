# What up, down and on share. Sourced, never run.
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash

# Everything that belongs to the testbed lies below STATE, on a file system that knows sparse files
# and loop devices (ext4, xfs, btrfs), and not below /usr, /var/lib, /etc, /srv or /run, of which
# each node has its own.
STATE=${SNF_TESTBED_STATE:-/var/tmp/snf-image-testbed}
LOCK=/run/lock/snf-image-testbed.lock
DOMAIN=gnt.test                  # node1.gnt.test, inst1.gnt.test, ...
CLUSTER=cluster.$DOMAIN
NET=198.51.100                   # only ever used inside our own namespaces
SWITCH=snf-switch                # name of the network namespace that holds the bridge
MAX_NODES=5

# up and down exclude each other, whatever their STATE: a machine has room for one testbed. The lock
# is held by a parent, which may be who runs the tests (SNF_TESTBED_LOCKED), and not handed down to
# the daemons that are started.
locked() {
  [ -z "${SNF_TESTBED_LOCKED:-}" ] || return 0
  flock --nonblock "$LOCK" true || say "waiting for another run on this machine ($LOCK)"
  SNF_TESTBED_LOCKED=1 exec flock --close --wait 600 "$LOCK" "$HERE/$(basename "$0")" "$@"
}

say()  { printf '%s\n' "testbed: $*" >&2; }
die()  { say "ERROR: $*"; exit 1; }

node_name() { printf 'node%d.%s' "$1" "$DOMAIN"; }
node_ip()   { printf '%s.%d' "$NET" $((10 + $1)); }

# Start time of a process in clock ticks (proc(5), field 22 of stat, counted after the command name,
# which may itself hold blanks). With the pid it names a process for certain, even after pid numbers
# were used again.
start_time() {
  local s
  s=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  s=${s##*) }
  # shellcheck disable=SC2086
  set -- $s
  printf '%s' "${20}"
}

# remember PIDFILE PID; alive PIDFILE (prints the pid); stop_pid PIDFILE
remember() { printf '%s %s\n' "$2" "$(start_time "$2")" > "$1"; }
alive() {
  local pid ticks now
  [ -s "$1" ] || return 1
  read -r pid ticks < "$1" || return 1
  now=$(start_time "$pid") || return 1
  [ "$now" = "$ticks" ] || return 1
  printf '%s' "$pid"
}
stop_pid() {
  local pid i
  pid=$(alive "$1") || { rm -f "$1"; return 0; }
  kill -TERM "$pid" 2>/dev/null || true
  for ((i = 0; i < 50; i++)); do
    alive "$1" >/dev/null || break
    [ "$i" = 30 ] && kill -KILL "$pid" 2>/dev/null
    sleep 0.1
  done
  rm -f "$1"
}

# in_node N CMD...: runs a command inside node N, in all of its namespaces.
in_node() {
  local n=$1 pid; shift
  pid=$(alive "$STATE/node$n/init.pid") || { say "node$n is not running"; return 125; }
  # --wd=/ because the caller's directory may not exist inside the node.
  nsenter --target "$pid" --mount --uts --net --pid --ipc --root --wd=/ -- \
    env -i HOME=/root USER=root LOGNAME=root SHELL=/bin/bash TERM="${TERM:-dumb}" LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# The node that is master now (it changes after gnt-cluster master-failover).
master_node() {
  local n name
  for ((n = 1; n <= MAX_NODES; n++)); do
    alive "$STATE/node$n/init.pid" >/dev/null || continue
    name=$(in_node "$n" timeout 20 gnt-cluster getmaster 2>/dev/null) || continue
    name=${name%%.*}
    printf '%s' "${name#node}"
    return 0
  done
  return 1
}
