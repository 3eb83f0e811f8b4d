#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Init of the machine that ends the installation of Debian: its packages are unpacked and configured by programs of Debian's
# own, for which the build machine has the wrong processor. tools/setup-debian.sh puts this script on the disk, with
# what guest/debian/root has, and waits for its last line.

export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C HOME=/root TERM=dumb
progress=

end()
{
	[ -z "$progress" ] || kill "$progress"
	sync
	mount -o remount,ro / || echo "second-stage: the disk could not be set read-only"
	echo "$1"
	sleep 1
	mountpoint -q /proc || mount -t proc proc /proc
	echo o >/proc/sysrq-trigger
	while :; do
		sleep 60
	done
}

step()
{
	"$@" </dev/null || end "DEBIAN-FAILED: $*"
}

# An open file that is removed would keep the disk from being set read-only. So this script runs from elsewhere.
if [ "$0" != /run/init ]; then
	mount -t tmpfs tmpfs /run
	cp "$0" /run/init
	exec /bin/sh /run/init
fi

# Files are written back when all is done, and documents are left out.
cat >/etc/dpkg/dpkg.cfg.d/second-stage <<-EOC
	force-unsafe-io
	path-exclude=/usr/share/doc/*
	path-exclude=/usr/share/man/*
	path-exclude=/usr/share/info/*
	path-exclude=/usr/share/locale/*
	path-exclude=/usr/share/lintian/*
EOC

# Each package is named when dpkg turns to it, twice: the whole takes minutes.
mkfifo /run/progress
sed -u -n 's/^\(Unpacking\|Setting up\) \([^ ]*\) .*/P: \1 \2/p' </run/progress &
tail -n +1 -F /debootstrap/debootstrap.log >/run/progress 2>/dev/null &
progress=$!
step /debootstrap/debootstrap --second-stage
# It has unmounted what it found mounted.
mountpoint -q /proc || mount -t proc proc /proc
mountpoint -q /sys || mount -t sysfs sysfs /sys

echo "P: Setting up the system"
# Packages and the first stage have written some of these.
step cp -R /second-stage/root/. /
echo debian-a >/etc/hostname
echo root:hartvisor | chpasswd || end "DEBIAN-FAILED: chpasswd"
step systemctl -q enable systemd-networkd.service ssh.service ssh-host-key.service
# Not by itself: it would take minutes here.
step systemctl -q disable apt-daily.timer apt-daily-upgrade.timer
step install -d -m 700 /root/.ssh
step install -m 600 /second-stage/authorized_keys /root/.ssh/authorized_keys

# What each system makes for itself, and what only the installation needed.
: >/etc/machine-id
rm -rf /etc/ssh/ssh_host_* /var/lib/dbus/machine-id /var/lib/systemd/random-seed /etc/dpkg/dpkg.cfg.d/second-stage \
	/var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb /var/log/*.log /var/log/apt/* /usr/share/doc/* /usr/share/man/* \
	/usr/share/info/* /usr/share/locale/* /second-stage
end DEBIAN-MADE
