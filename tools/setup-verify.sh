#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# setup-verify.sh - get what the models of tests/model are run by: Spin and herd7.
#
# Spin is a package everywhere. herd7 (herdtools7) is in no stable Debian: where the machine's own
# archive has none it is unpacked from sid into build/verify/herd, with sid's loader and libraries
# beside it, through an apt state of our own; nothing of it touches the system. What is there is not
# touched again. The outcome is build/verify/herd7, a script that runs it.

set -eu
export LC_ALL=C

cd "$(dirname "$0")/.."

readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
readonly APT=$PWD/build/apt
readonly V=$PWD/build/verify
readonly HERD_SUITE=sid

readonly me=setup-verify

# shellcheck source=tools/setup-lib.sh
. tools/setup-lib.sh

# shellcheck source=tools/apt-state.sh
. tools/apt-state.sh

herd_works()
{
	"$V/herd7" -version >/dev/null 2>&1
}

# The script that runs herd7: the system's own, or the one below build/verify/herd.
write_herd()
{
	{
		printf '#!/bin/sh\n# Written by tools/setup-verify.sh.\nexec %s "$@"\n' "$1"
	} >"$V/herd7.new"
	chmod +x "$V/herd7.new"
	mv "$V/herd7.new" "$V/herd7"
}

# A package and what it needs, in the suite of the apt state, without what a mere program needs not.
closure()
{
	apt-cache -c "$APT/verify/apt.conf" depends --recurse --no-recommends --no-suggests --no-conflicts \
		--no-breaks --no-replaces --no-enhances "$1" | sed -n 's/^\([a-z0-9][^ <]*\)$/\1/p' | sort -u
}

unpack_herd()
{
	local arch loader herd libdir p packages=''
	if ! have apt-get || ! have dpkg-deb || [ ! -f "$KEYRING" ]; then
		die "herd7 comes from Debian's archive by apt-get, dpkg-deb and debian-archive-keyring," \
			"which this system lacks. Install herd7 by hand and run this again."
	fi
	arch=$(dpkg --print-architecture)
	say "taking herdtools7 and its libraries from $HERD_SUITE"
	apt_state verify "deb $HERD_SUITE"
	: >"$APT/verify/status"
	printf 'Dir::State::status "%s/verify/status";\nAPT::Architecture "%s";\n' "$APT" "$arch" \
		>>"$APT/verify/apt.conf"
	apt_state_update verify
	for p in $(closure herdtools7); do
		packages="$packages $p"
	done
	rm -rf "$V/deb" "$V/herd" "$V/herd.part"
	mkdir -p "$V/deb" "$V/herd.part"
	# shellcheck disable=SC2086 # one word a package
	(cd "$V/deb" && apt-get -q -c "$APT/verify/apt.conf" download $packages) ||
		die "could not download herdtools7 (see above)."
	for p in "$V"/deb/*.deb; do
		dpkg-deb -x "$p" "$V/herd.part"
	done
	rm -rf "$V/deb"
	mv "$V/herd.part" "$V/herd"

	herd=$(find "$V/herd/usr/bin" -name herd7 | head -n 1)
	loader=$(find "$V/herd" -name 'ld-linux*.so.*' | head -n 1)
	libdir=$(dirname "$(find "$V/herd/usr/share" "$V/herd/usr/lib" -name riscv.cat | head -n 1)")
	if [ -z "$herd" ] || [ -z "$loader" ] || [ "$libdir" = . ]; then
		die "herdtools7 of $HERD_SUITE lacks herd7, a loader or riscv.cat."
	fi
	write_herd "'$loader' --library-path '$(library_path)' '$herd' -set-libdir '$libdir'"
}

# Every directory below build/verify/herd that has a shared library in it.
library_path()
{
	find "$V/herd" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:
}

main()
{
	local missing=''
	mkdir -p "$V"
	have spin || missing="$missing spin"
	have gcc || missing="$missing gcc libc6-dev"
	herd_works || have herd7 || [ -f "$KEYRING" ] || ! have apt-get || missing="$missing debian-archive-keyring"
	if [ -n "$missing" ]; then
		# shellcheck disable=SC2086 # one word a package
		install_packages $missing
	fi
	if ! herd_works; then
		if have herd7; then
			write_herd herd7
		else
			unpack_herd
		fi
		herd_works || die "build/verify/herd7 does not run."
	fi
}

main "$@"
