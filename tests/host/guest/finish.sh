#!/bin/sh
# finish.sh ROOT KEY.pub: turns a Debian tree into the guest. Runs in a mount namespace of its own, where it mounts /proc.
set -eu
root=$1
key=$2

echo selinux-host >"$root/etc/hostname"
echo '127.0.0.1 localhost selinux-host' >"$root/etc/hosts"
: >"$root/etc/machine-id"
echo '/dev/vda1 / ext4 rw,noatime 0 0' >"$root/etc/fstab"
install -d -m 0700 "$root/root/.ssh"
install -m 0600 "$key" "$root/root/.ssh/authorized_keys"
cat >"$root/etc/ssh/sshd_config.d/host.conf" <<'END'
UseDNS no
PasswordAuthentication no
PrintMotd no
END
# qemu's user network: this address, and nothing beyond the host.
cat >"$root/etc/systemd/network/10-wired.network" <<'END'
[Match]
Type=ether
[Network]
Address=10.0.2.15/24
LinkLocalAddressing=no
IPv6AcceptRA=no
END
install -d "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\n' >"$root/etc/systemd/journald.conf.d/host.conf"
systemctl --root "$root" enable systemd-networkd.service
systemctl --root "$root" disable systemd-networkd-wait-online.service
systemctl --root "$root" set-default multi-user.target
# Nothing may start by itself in the middle of a play, and nobody sits at a console.
systemctl --root "$root" mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
	e2scrub_reap.service fstrim.timer getty@tty1.service serial-getty@ttyS0.service systemd-pstore.service

sed -i 's/^SELINUX=.*/SELINUX=enforcing/; s/^SELINUXTYPE=.*/SELINUXTYPE=default/' "$root/etc/selinux/config"
cat >"$root/etc/default/grub" <<'END'
GRUB_DEFAULT=0
GRUB_TIMEOUT=0
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT=""
GRUB_CMDLINE_LINUX="console=ttyS0 security=selinux"
GRUB_DISABLE_RECOVERY=true
GRUB_DISABLE_OS_PROBER=true
GRUB_DISABLE_LINUX_UUID=true
GRUB_DISABLE_SUBMENU=true
END

mkdir -p "$root/boot/grub"
cp -r "$root/usr/lib/grub/i386-pc" "$root/boot/grub/"
chroot "$root" grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o /boot/grub/i386-pc/core.img biosdisk part_msdos ext2 normal linux
# The menu as update-grub will write it anew in the guest; here it cannot find out what the root device is.
kernel=$(cd "$root/boot" && ls vmlinuz-* | sort -V | tail -n 1)
cat >"$root/boot/grub/grub.cfg" <<END
set timeout=0
### BEGIN /etc/grub.d/10_linux ###
menuentry 'Debian' {
	set root='hd0,msdos1'
	linux	/boot/$kernel root=/dev/vda1 ro console=ttyS0 security=selinux
	initrd	/boot/initrd.img-${kernel#vmlinuz-}
}
### END /etc/grub.d/10_linux ###
END

# The labels last of all, since every file made after it would have none.
mount -t proc proc "$root/proc"
chroot "$root" setfiles -F /etc/selinux/default/contexts/files/file_contexts /
umount "$root/proc"
