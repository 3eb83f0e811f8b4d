#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# setup-debian.sh - make the disk of two Debian systems that make run CONFIG=debian boots (make debian-disk calls this).
#
#   tools/setup-debian.sh           what is missing of: tools, packages, file system, disk
#   tools/setup-debian.sh --check   install, download and make nothing: name what is missing
#
# debootstrap fetches Debian's packages (riscv64) from the mirror that apt on this machine uses, and checks the archive's
# signature. mke2fs makes a file system of them. A machine in QEMU boots it and lets Debian's own programs unpack and configure
# the packages (guest/debian/second-stage.sh). The outcome is copied into two partitions of build/debian/disk.img,
# beside which lies ssh_key. No loop device and no mount is used; root is needed for owners and device nodes alone.
#
# Each step leaves its outcome under its name only when it is complete, so an interrupted run goes on from there:
# build/debian/root, build/debian/system.ext4, build/debian/disk.img. Packages stay in build/dl/debian.
# To make all anew, remove build/debian.

set -eu
export LC_ALL=C

cd "$(dirname "$0")/.."

readonly SUITE=trixie
readonly PACKAGES=systemd-sysv,udev,dbus,openssh-server,openssh-client,iproute2,iputils-ping,iperf3,kmod,procps,less,netbase
readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
# Of each partition, and what the whole takes while it is made.
readonly SYSTEM_MIB=1536
readonly NEEDED_MIB=3072
readonly D=$PWD/build/debian
readonly CACHE=$PWD/build/dl/debian
readonly KERNEL=build/guest/Image
readonly INITRAMFS=build/debian/initramfs.cpio.gz
readonly STAGE_MINUTES=${STAGE_MINUTES:-180}

readonly me=setup-debian

# shellcheck source=tools/setup-lib.sh
. tools/setup-lib.sh

# shellcheck source=tools/apt-state.sh
. tools/apt-state.sh

PATH=$PATH:/usr/sbin:/sbin

missing_packages()
{
	have debootstrap || echo debootstrap
	have wget || echo wget
	have gpgv || echo gpgv
	have mke2fs || echo e2fsprogs
	have debugfs || echo e2fsprogs
	have sfdisk || echo fdisk
	have ssh-keygen || echo openssh-client
	have flock || echo util-linux
	[ -f "$KEYRING" ] || echo debian-archive-keyring
}

name_what_is_missing()
{
	local missing
	missing=$(missing_packages | sort -u | tr '\n' ' ')
	[ -n "$missing" ] || [ ! -e "$D/disk.img" ] || return 0
	{
		[ -z "$missing" ] || say "missing packages (Debian's names): $missing"
		[ -e "$D/disk.img" ] || say "missing: build/debian/disk.img, two Debian systems (about 50 MB of downloads)"
		say "make debian-disk installs, downloads and makes what is missing (as root or by sudo)."
	} >&2
	exit 1
}

check_space()
{
	local free
	free=$(df -Pm build | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$NEEDED_MIB" ] ||
		die "build/ has $free MiB of free space; making the systems takes up to $NEEDED_MIB MiB."
}

# Both are make's (mk/debian.mk).
check_inputs()
{
	local file
	for file in "$KERNEL" "$INITRAMFS"; do
		[ -e "$file" ] || die "no $file: make debian-disk makes it, and then calls this script."
	done
}

make_key()
{
	[ -e "$D/ssh_key" ] || {
		say "making build/debian/ssh_key, the key by which root logs in"
		rm -f "$D/ssh_key.part" "$D/ssh_key.part.pub"
		ssh-keygen -q -t ed25519 -N '' -C hartvisor-debian -f "$D/ssh_key.part"
		mv "$D/ssh_key.part.pub" "$D/ssh_key.pub"
		mv "$D/ssh_key.part" "$D/ssh_key"
	}
}

# apt's proxy, if it has one, is also debootstrap's.
use_proxy()
{
	local proxy
	proxy=$(apt-config shell p Acquire::http::Proxy | sed -n "s/^p='\(.*\)'$/\1/p")
	if [ -n "$proxy" ] && [ -z "${http_proxy:-}" ]; then
		export http_proxy="$proxy"
	fi
}

# Step 1: packages. Those that are essential are unpacked here, all others lie beside them.
fetch_packages()
{
	local mirror script=''
	[ ! -e "$D/root" ] || return 0
	mirror=$(debian_mirror)
	[ -e "/usr/share/debootstrap/scripts/$SUITE" ] || script=/usr/share/debootstrap/scripts/sid
	say "step 1 of 3: fetching Debian's packages ($SUITE, riscv64, about 50 MB)"
	$as_root rm -rf "$D/root.part"
	mkdir -p "$CACHE"
	use_proxy
	# shellcheck disable=SC2086 # $script is a word or none
	$as_root env ${http_proxy:+"http_proxy=$http_proxy"} debootstrap --foreign --arch=riscv64 --variant=minbase \
		--force-check-gpg --keyring="$KEYRING" --cache-dir="$CACHE" --include="$PACKAGES" \
		"$SUITE" "$D/root.part" "$mirror" $script 2>&1 | tee "$D/step1.log" |
		sed -u -n 's/^\(I: Retrieving\|I: Extracting\|I: Checking\|I: Valid\|W:\|E:\)/  \1/p'
	[ -x "$D/root.part/debootstrap/debootstrap" ] || die "debootstrap could not fetch the packages." \
		"All it said is in build/debian/step1.log. Is the network up? Is $mirror complete?" \
		"Another mirror: DEBIAN_MIRROR=URI make debian-disk"
	$as_root mv "$D/root.part" "$D/root"
}

# Step 2: the other packages, by a machine that boots what there is.
install_packages_inside()
{
	local started status
	[ ! -e "$D/system.ext4" ] || return 0
	say "step 2 of 3: installing them, in a machine of QEMU's (some minutes)"
	started=$SECONDS
	$as_root rm -rf "$D/root/second-stage" "$D/system.ext4.part"
	$as_root mkdir -p "$D/root/second-stage"
	$as_root cp -R guest/debian/root "$D/root/second-stage/root"
	$as_root cp guest/debian/second-stage.sh "$D/root/second-stage/init"
	$as_root cp "$D/ssh_key.pub" "$D/root/second-stage/authorized_keys"
	$as_root chown -R 0:0 "$D/root/second-stage"
	$as_root mke2fs -q -t ext4 -m 1 -L debian -E lazy_itable_init=0 -d "$D/root" "$D/system.ext4.part" "${SYSTEM_MIB}M" ||
		die "mke2fs could not make the file system."
	$as_root chown "$(id -u):$(id -g)" "$D/system.ext4.part"
	# A guest that hangs must not hold up the build for ever.
	timeout --foreground "${STAGE_MINUTES}m" "${QEMU:-qemu-system-riscv64}" -M virt -cpu rv64 -smp 2 -m 1G -display none \
		-monitor none -serial stdio -no-reboot -kernel "$KERNEL" -initrd "$INITRAMFS" \
		-append "console=ttyS0 root=/dev/vda init=/second-stage/init panic=-1 quiet" \
		-drive "file=$D/system.ext4.part,format=raw,if=none,id=d0,cache=unsafe" -device virtio-blk-device,drive=d0 \
		</dev/null 2>&1 | tee "$D/step2.log" | sed -u -n 's/\r*$//; s/^P: /  /p; s/^\(W:\|E:\|DEBIAN-\)/  \1/p' || true
	grep -q '^DEBIAN-MADE' "$D/step2.log" || {
		tail -n 15 "$D/step2.log" >&2
		die "the packages could not be installed. All that was said is in build/debian/step2.log."
	}
	# What was removed again is a hole in the file from here on.
	status=0
	e2fsck -f -p -E discard "$D/system.ext4.part" >"$D/e2fsck.log" 2>&1 || status=$?
	[ "$status" -le 1 ] || die "the file system is damaged: see build/debian/e2fsck.log."
	mv "$D/system.ext4.part" "$D/system.ext4"
	say "installed in $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s"
}

# name_system FILE NAME: gives a copy of the system a name; by that it takes its address.
name_system()
{
	printf '%s\n' "$2" >"$D/hostname.part"
	{
		debugfs -w -f - "$1" <<-EOC
			rm /etc/hostname
			write $D/hostname.part /etc/hostname
			set_inode_field /etc/hostname mode 0100644
			set_inode_field /etc/hostname uid 0
			set_inode_field /etc/hostname gid 0
		EOC
	} >"$D/debugfs.log" 2>&1
	[ "$(debugfs -R 'cat /etc/hostname' "$1" 2>/dev/null)" = "$2" ] ||
		die "debugfs could not name the system: see build/debian/debugfs.log."
	rm -f "$D/hostname.part"
}

# Step 3: one disk with a partition for each.
make_disk()
{
	local name at=1
	say "step 3 of 3: making build/debian/disk.img, with a partition for each system"
	rm -f "$D/disk.img.part" "$D/copy.part"
	truncate -s "$((2 * SYSTEM_MIB + 2))M" "$D/disk.img.part"
	sfdisk --quiet "$D/disk.img.part" <<-EOC || die "sfdisk could not make the partitions."
		label: gpt
		start=1MiB, size=${SYSTEM_MIB}MiB, type=linux, name=debian-a
		start=$((SYSTEM_MIB + 1))MiB, size=${SYSTEM_MIB}MiB, type=linux, name=debian-b
	EOC
	for name in debian-a debian-b; do
		cp --sparse=always "$D/system.ext4" "$D/copy.part"
		name_system "$D/copy.part" "$name"
		dd if="$D/copy.part" of="$D/disk.img.part" bs=1M seek="$at" conv=sparse,notrunc status=none
		at=$((at + SYSTEM_MIB))
	done
	rm -f "$D/copy.part"
	mv "$D/disk.img.part" "$D/disk.img"
	# Only for the steps before.
	$as_root rm -rf "$D/root" "$D/system.ext4"
}

main()
{
	local missing
	case ${1:-} in
	'') ;;
	--check) name_what_is_missing ;;
	*) die "unknown argument '$1' (known: --check)" ;;
	esac
	if [ -e "$D/disk.img" ]; then
		return
	fi
	find_root || die "making the Debian systems needs root, for owners and device nodes of their files." \
		"Run make debian-disk as root, or where sudo works."
	mkdir -p "$D"
	missing=$(missing_packages | sort -u)
	if [ -n "$missing" ]; then
		# shellcheck disable=SC2086 # one word a package
		install_packages $missing
	fi
	exec 9>"$D/lock"
	flock -n 9 || die "another run makes build/debian/disk.img just now."
	check_inputs
	check_space
	make_key
	fetch_packages
	install_packages_inside
	make_disk
	say "build/debian/disk.img is made; root's password is 'hartvisor', its ssh key build/debian/ssh_key"
}

main "$@"
