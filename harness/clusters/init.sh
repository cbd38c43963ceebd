#!/bin/bash
# First process of a cluster's own mount and process namespaces: init.sh DISK. All that the cluster runs dies with it, and all
# that it mounts goes with it. Each cluster has its own /run (gone after a power cycle), /var/log and /var/lib (kept), so daemons
# use their usual paths and leave nothing on the machine.
set -eu
disk=$1
mkdir -p "$disk/log" "$disk/lib"
mount --make-rshared /
mount -t tmpfs -o mode=755 tmpfs /run
mount --bind "$disk/log" /var/log
mount --bind "$disk/lib" /var/lib
mkdir -p /run/lock /run/pids
touch "/run/pids/ready"
# bash reaps what is orphaned here (containerd's shims are) while it waits.
trap 'exit 0' TERM
sleep infinity &
wait
