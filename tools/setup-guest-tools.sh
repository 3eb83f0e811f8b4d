#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# setup-guest-tools.sh - make a disk of programs that tests run in guests: fio and iperf3 (make setup-guest-tools calls this; make verify does).
#
# They come from Debian's archive (riscv64), with the libraries that they are linked with, and are unpacked without being
# installed: fio's package wants Python, which only its scripts use. The outcome is build/guest-tools.ext4, where run NAME
# starts a program. It takes about 30 MB of downloads.

set -eu
export LC_ALL=C

cd "$(dirname "$0")/.."

readonly SUITE=trixie
readonly PROGRAMS='fio iperf3'
readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
readonly APT=$PWD/build/apt
readonly T=$PWD/build/guest-tools
readonly DISK=$PWD/build/guest-tools.ext4

readonly me=setup-guest-tools

# shellcheck source=tools/setup-lib.sh
. tools/setup-lib.sh

# shellcheck source=tools/apt-state.sh
. tools/apt-state.sh

PATH=$PATH:/usr/sbin:/sbin

missing_packages()
{
	have mke2fs || echo e2fsprogs
	have dpkg-deb || echo dpkg
	[ -f "$KEYRING" ] || echo debian-archive-keyring
}

depends()
{
	apt-cache -c "$APT/tools/apt.conf" depends --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
		--no-enhances "$@"
}

# The programs, and the libraries that they and these need.
wanted_packages()
{
	local direct
	# shellcheck disable=SC2086 # one word a package
	direct=$(depends $PROGRAMS | sed -n 's/^ *\(Pre\)\{0,1\}Depends: \(lib[^ ]*\|zlib1g\)$/\2/p' | sort -u)
	# shellcheck disable=SC2086
	depends --recurse $direct | sed -n 's/^\(lib[^ <]*\|zlib1g\)$/\1/p' | grep -v '^lib\(python\|pam\|debian-installer\|newt\|slang\)' | sort -u
}

fetch()
{
	local packages
	say "fetching $PROGRAMS and their libraries ($SUITE, riscv64)"
	apt_state_riscv64 tools "deb $SUITE"
	apt_state_update tools
	packages=$(wanted_packages)
	[ -n "$packages" ] || die "the archive's index does not say what $PROGRAMS need."
	mkdir -p "$T/deb"
	# shellcheck disable=SC2086
	(cd "$T/deb" && apt-get -q -c "$APT/tools/apt.conf" download $PROGRAMS $packages) ||
		die "could not download $PROGRAMS (see above)."
}

# Programs and shared libraries, nothing else.
unpack()
{
	local package program
	mkdir -p "$T/all" "$T/root/lib"
	for package in "$T"/deb/*.deb; do
		dpkg-deb -x "$package" "$T/all"
	done
	for program in $PROGRAMS; do
		cp "$T/all/usr/bin/$program" "$T/root/"
	done
	find "$T/all/usr/lib/riscv64-linux-gnu" -maxdepth 2 -name '*.so*' ! -path '*/gconv/*' ! -type d -exec cp -d -t "$T/root/lib" {} +
	cat >"$T/root/run" <<-'EOC'
		#!/bin/sh
		d=${0%/*}
		p=$1
		shift
		exec "$d"/lib/ld-linux-riscv64-lp64d.so.1 --library-path "$d"/lib "$d/$p" "$@"
	EOC
	chmod +x "$T/root/run"
}

main()
{
	local missing
	if [ -e "$DISK" ]; then
		return
	fi
	missing=$(missing_packages)
	if [ -n "$missing" ]; then
		# shellcheck disable=SC2086
		install_packages $missing
	fi
	rm -rf "$T"
	fetch
	unpack
	rm -f "$DISK.part"
	mke2fs -q -t ext4 -O ^has_journal -m 0 -L tools -d "$T/root" "$DISK.part" 160M ||
		die "mke2fs could not make the file system."
	mv "$DISK.part" "$DISK"
	rm -rf "$T"
	say "build/guest-tools.ext4 is made"
}

main "$@"
