# SPDX-License-Identifier: BSD-2-Clause
# The job in one session of guestfish, with everything about the image known in advance.
image=$1 target=$2 size=$3 name=$4 password=$5 key=$6 file=$7 guest=$8
LIBGUESTFS_BACKEND=direct
export LIBGUESTFS_BACKEND
# Without these flags of the processor /dev/kvm is nothing that a Linux guest runs in.
grep -qwE 'vmx|svm' /proc/cpuinfo || export LIBGUESTFS_BACKEND_SETTINGS=force_tcg

qemu-img convert -f raw -O raw "$image" "$target"
truncate -s "$size" "$target"
keys=$(mktemp -d)
trap 'rm -r "$keys"' EXIT
mkdir -p "$keys/etc/ssh"
ssh-keygen -A -f "$keys" >/dev/null
tr -d - </proc/sys/kernel/random/uuid >"$keys/machine-id"
guestfish --format=raw -a "$target" <<END
run
part-expand-gpt /dev/sda
part-resize /dev/sda 1 -2049
e2fsck /dev/sda1 correct:true
resize2fs /dev/sda1
mount /dev/sda1 /
write /etc/hostname "$name\n"
upload $keys/machine-id /etc/machine-id
glob rm-f /etc/ssh/ssh_host_*
copy-in $keys/etc/ssh /etc
mkdir-p /root/.ssh
chmod 0700 /root/.ssh
upload $key /root/.ssh/authorized_keys
chmod 0600 /root/.ssh/authorized_keys
mkdir-p $(dirname "$guest")
upload $file $guest
chmod 0640 $guest
command "sh -c 'echo root:$(cat "$password") | chpasswd'"
umount-all
END
