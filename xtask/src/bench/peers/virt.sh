# SPDX-License-Identifier: BSD-2-Clause
# The job as libguestfs's own programs for it do it.
image=$1 target=$2 size=$3 name=$4 password=$5 key=$6 file=$7 guest=$8
LIBGUESTFS_BACKEND=direct
export LIBGUESTFS_BACKEND
# Without these flags of the processor /dev/kvm is nothing that a Linux guest runs in.
grep -qwE 'vmx|svm' /proc/cpuinfo || export LIBGUESTFS_BACKEND_SETTINGS=force_tcg

truncate -s "$size" "$target"
virt-resize --quiet --format raw --output-format raw --expand /dev/sda1 "$image" "$target"
virt-customize --quiet --no-network --format raw -a "$target" \
    --hostname "$name" --root-password "file:$password" --ssh-inject "root:file:$key" \
    --mkdir "$(dirname "$guest")" --upload "$file:$guest" --chmod "0640:$guest" \
    --run-command 'rm -f /etc/ssh/ssh_host_*; ssh-keygen -A; rm /etc/machine-id; systemd-machine-id-setup'
