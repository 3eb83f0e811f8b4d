#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# setup-linux.sh - get what the guest kernel of our own is built from (make guest-linux).
#
#   tools/setup-linux.sh            the compilers, and the newest source that build/dl has
#   tools/setup-linux.sh --check    install and download nothing: name what is missing
#   tools/setup-linux.sh --refresh  look into the archive for a newer one
#
# The source is Debian's package linux-source-7.2, from sid or trixie-backports through an apt state
# of our own, which checks the archive's signature. Unstable drops old versions: where neither suite
# has 7.2 any more, the newest 7.x of them is taken, and said so. A package that was put into build/dl
# by hand does as well. What is there is not looked for again.
#
# The outcome is build/linux/source, which names the package.

set -eu
export LC_ALL=C

cd "$(dirname "$0")/.."

readonly WANTED=linux-source-7.2
readonly FAMILY='linux-source-7\.[0-9][0-9]*'
readonly SUITES='sid trixie-backports'
readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
readonly DL=$PWD/build/dl
readonly APT=$PWD/build/apt

readonly me=setup-linux

# shellcheck source=tools/setup-lib.sh
. tools/setup-lib.sh

# shellcheck source=tools/apt-state.sh
. tools/apt-state.sh

# What a kernel of guest/linux/guest.config needs; OpenSSL and libelf are not among it.
missing_packages()
{
	have riscv64-linux-gnu-gcc || echo gcc-riscv64-linux-gnu
	have flex || echo flex
	have bison || echo bison
	have bc || echo bc
	have perl || echo perl
	have patch || echo patch
	have xz || echo xz-utils
	# The kernel's own tools are programs of this machine.
	have gcc || echo gcc
	printf '#include <stdio.h>' | gcc -E - >/dev/null 2>&1 || echo libc6-dev
	have make || echo make
	have dpkg-deb || echo dpkg
	[ -f "$KEYRING" ] || [ -n "$(newest_source)" ] || ! have apt-get || echo debian-archive-keyring
}

name_what_is_missing()
{
	local missing
	missing=$(missing_packages | tr '\n' ' ')
	[ -n "$missing" ] || [ -z "$(newest_source)" ] || return 0
	{
		[ -z "$missing" ] || say "missing packages (Debian's names): $missing"
		[ -n "$(newest_source)" ] || say "missing download: $WANTED, the kernel's source (about 150 MB)"
		say "make setup-linux installs and downloads what is missing (as root or by sudo)."
	} >&2
	exit 1
}

# The package to build: what was wanted, else the newest of the family.
newest_source()
{
	local found
	found=$(find "$DL/" -maxdepth 1 -name "${WANTED}_*_all.deb" 2>/dev/null | sort -V | tail -n 1)
	if [ -z "$found" ]; then
		found=$(find "$DL/" -maxdepth 1 -regex ".*/${FAMILY}_[^/]*_all\.deb" 2>/dev/null | sort -V | tail -n 1)
	fi
	printf '%s\n' "$found"
}

# An apt state that knows one suite and holds nothing to be installed.
use_suite()
{
	apt_state linux "deb $1"
	: >"$APT/linux/status"
	printf 'Dir::State::status "%s/linux/status";\n' "$APT" >>"$APT/linux/apt.conf"
	apt_state_update linux
}

sources_of_suite()
{
	apt-cache -c "$APT/linux/apt.conf" pkgnames linux-source-7 | grep -x "$FAMILY" || true
}

download_source()
{
	local suite best='' best_suite='' name
	if ! have apt-get || ! have dpkg-deb || [ ! -f "$KEYRING" ]; then
		die "the kernel's source comes from Debian's archive by apt-get, dpkg-deb and" \
			"debian-archive-keyring, which this system lacks. By hand: put Debian's package" \
			"$WANTED (*_all.deb) into build/dl/."
	fi
	for suite in $SUITES; do
		say "looking for $WANTED in $suite"
		use_suite "$suite"
		for name in $(sources_of_suite); do
			if [ "$best" != "$WANTED" ] && { [ "$name" = "$WANTED" ] ||
				[ "$(printf '%s\n' "$best" "$name" | sort -V | tail -n 1)" != "$best" ]; }; then
				best=$name best_suite=$suite
			fi
		done
		[ "$best" != "$WANTED" ] || break
	done
	[ -n "$best" ] || die "no linux-source-7.x in $SUITES: nothing to build the guest kernel from." \
		"Put a linux-source-7.*_all.deb into build/dl/, for instance one of an archive of older versions."
	[ "$best" = "$WANTED" ] || say "no $WANTED in $SUITES any more; taking $best of $best_suite"
	[ "$suite" = "$best_suite" ] || use_suite "$best_suite"
	say "downloading $best (about 150 MB)"
	rm -rf "$DL/part.linux"
	mkdir -p "$DL/part.linux"
	(cd "$DL/part.linux" && apt-get -q -c "$APT/linux/apt.conf" download "$best") ||
		die "could not download $best (see above)."
	mv "$DL"/part.linux/*.deb "$DL/"
	rmdir "$DL/part.linux"
}

main()
{
	local missing source
	case ${1:-} in
	'' | --refresh) ;;
	--check) name_what_is_missing ;;
	*) die "unknown argument '$1' (known: --check, --refresh)" ;;
	esac
	missing=$(missing_packages)
	if [ -n "$missing" ]; then
		# shellcheck disable=SC2086 # one word a package
		install_packages $missing
	fi
	mkdir -p build/linux "$DL"
	if [ "${1:-}" = --refresh ] || [ -z "$(newest_source)" ]; then
		download_source
	fi
	source=$(newest_source)
	printf '%s\n' "${source#"$PWD"/}" >build/linux/source
}

main "$@"
