#!/bin/bash
# Runs a command beside a GlusterFS, in namespaces of their own: gluster.sh DIRECTORY USER BYTES COMMAND...
# SPDX-License-Identifier: BSD-2-Clause
#
# There is one server, at 10.99.0.1, because it takes no address of the loopback network, and one volume, `disks`,
# with the file `disk`, which belongs to the user. The file is DIRECTORY/brick/disk afterwards.
set -euo pipefail
if [ -z "${IN_NAMESPACES:-}" ]; then
    exec env IN_NAMESPACES=yes unshare --net --mount --pid --fork --mount-proc --propagation private "$0" "$@"
fi
directory=$(realpath -m "$1") user=$2 bytes=$3; shift 3
here=$PWD
mkdir -p "$directory"/{brick,work,run,log}
cd "$directory"
# Where glusterd has its socket, and its log.
mount -t tmpfs none /run
mkdir /run/gluster /run/lock
mkdir -p /var/log/glusterfs
mount --bind log /var/log/glusterfs
ip link set lo up
ip address add 10.99.0.1/32 dev lo
cat > glusterd.vol <<CONF
volume management
    type mgmt/glusterd
    option working-directory $directory/work
    option run-directory $directory/run
    option transport-type socket
    option transport.address-family inet
    option transport.socket.bind-address 10.99.0.1
end-volume
CONF
glusterd --no-daemon --volfile=glusterd.vol > log/glusterd.out 2>&1 < /dev/null &
for _ in {1..150}; do
    [ -S /run/glusterd.socket ] && break
    sleep 0.1
done
gluster --mode=script volume create disks "10.99.0.1:$directory/brick" force > /dev/null
gluster --mode=script volume start disks > /dev/null
truncate --size="$bytes" disk
mkdir mounted
mount -t glusterfs 10.99.0.1:/disks mounted
mv disk mounted/disk
chown "$user" mounted/disk
umount mounted
cd "$here"
# With this shell, the first process, the servers end too.
"$@"
