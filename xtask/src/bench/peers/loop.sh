# SPDX-License-Identifier: BSD-2-Clause
# The job with the host's own tools and kernel: the lower limit, safe for trusted images only.
image=$1 target=$2 size=$3 name=$4 password=$5 key=$6 file=$7 guest=$8

qemu-img convert -f raw -O raw "$image" "$target"
truncate -s "$size" "$target"
sgdisk -e "$target" >/dev/null
echo ', +' | sfdisk -q -N 1 --no-reread --no-tell-kernel "$target"
start=$(sfdisk --json "$target" | grep -A1 '1",$' | sed -n 's/.*"start": \([0-9]*\),/\1/p' | head -n 1)
device=$(losetup --find --show --offset $((start * 512)) "$target")
trap 'losetup --detach "$device"' EXIT
e2fsck -fp "$device" >/dev/null
resize2fs "$device" 2>/dev/null
mount "$device" /mnt
echo "$name" >/mnt/etc/hostname
sed -i "s/127.0.1.1.*/127.0.1.1 $name/" /mnt/etc/hosts
echo "root:$(cat "$password")" | chpasswd -R /mnt
install -d -m 700 /mnt/root/.ssh
install -m 600 "$key" /mnt/root/.ssh/authorized_keys
install -D -m 640 "$file" "/mnt$guest"
tr -d - </proc/sys/kernel/random/uuid >/mnt/etc/machine-id
rm -f /mnt/etc/ssh/ssh_host_*
ssh-keygen -A -f /mnt >/dev/null
umount /mnt
sync "$target"
