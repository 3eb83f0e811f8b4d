#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# setup.sh - get what hartvisor is built from and runs on.
#
#   tools/setup.sh            install and download what make, make run and make test need
#   tools/setup.sh lint       and the tools of make lint
#   tools/setup.sh fuzz       and clang with libFuzzer, for make fuzz
#   tools/setup.sh --check    install and download nothing: name what make needs and lacks
#   tools/setup.sh --check unit firmware    and what the unit programs, or the firmware image, need
#   tools/setup.sh --refresh  forget the cached guests and take the archive's newest
#
# Four things are looked for: tools (a package each), a QEMU of version 8 or newer with an OpenSBI
# beside it, the sources of libfdt, BearSSL, zlib and lz4, and the guests' kernel, busybox and e2fsck. What is there is
# not touched; when all is there this takes a fraction of a second and says nothing. Debian packages for
# another suite or architecture come through an apt state of our own below build/apt: the machine's own
# apt configuration stays as it is, and signatures are checked all the same.
#
# The mirror is the one that apt uses already; DEBIAN_MIRROR=URI overrides it.
# The outcome is build/setup.mk (read by make) and build/versions.txt.

# shellcheck disable=SC2016 # $(...) in single quotes is apt's own, not the shell's

set -eu
export LC_ALL=C

cd "$(dirname "$0")/.."

readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
readonly DL=$PWD/build/dl
readonly APT=$PWD/build/apt

say()
{
	printf 'setup: %s\n' "$*"
}

die()
{
	printf 'setup: error: %s\n' "$1" >&2
	shift
	if [ $# -gt 0 ]; then
		printf 'setup:   %s\n' "$@" >&2
	fi
	exit 1
}

one_line()
{
	printf '%s\n' "$1" | tr -s '\n ' ' ' | sed 's/^ //; s/ $//'
}

have()
{
	command -v "$1" >/dev/null 2>&1
}

# shellcheck source=tools/apt-state.sh
. tools/apt-state.sh

# shellcheck source=tools/setup-has.sh
. tools/setup-has.sh

# shellcheck source=tools/setup-install.sh
. tools/setup-install.sh

# shellcheck source=tools/setup-downloads.sh
. tools/setup-downloads.sh

# --- the outcome ----------------------------------------------------------------------------------

# write_if_changed FILE: keeps the time stamp of what make reads when there is no news.
write_if_changed()
{
	cat >"$1.new"
	if cmp -s "$1.new" "$1"; then
		rm -f "$1.new"
	else
		mv "$1.new" "$1"
	fi
}

deb_version()
{
	local name="${1##*/}"
	name=${name#*_}
	name=${name%_*}
	printf '%s\n' "${name//%3a/:}"
}

write_setup_mk()
{
	local buildtype='' libs
	# The build of picolibc for speed, where the package has it beside the one for size: the latter
	# copies memory byte by byte. The specs file tells where the libraries are: .../lib/%*/%M.
	libs=$(grep -m 1 -o '/[^ :]*/lib/%\*/%M' "$(riscv64-unknown-elf-gcc -print-file-name=picolibc.specs)" |
		sed -n 's,/%\*/%M$,,p;q')
	if [ -f "$libs/release/rv64imac/lp64/libc.a" ]; then
		buildtype=release
	fi
	# What is not there has no line, so that the Makefile's own default holds.
	sed '/?= *$/d' <<-EOC | write_if_changed build/setup.mk
		# Written by tools/setup.sh.
		QEMU ?= ${QEMU:-qemu-system-riscv64}
		PYTHON ?= $(any_python || true)
		OPENSBI ?= $(opensbi_dir || true)
		UBOOT ?= $(uboot || true)
		PICOLIBC_BUILDTYPE ?= $buildtype
		PICOLIBC_INCLUDE ?= ${libs%/lib}/include
		KERNEL_DEB ?= ${KERNEL_DEB#"$PWD"/}
		BUSYBOX_DEB ?= ${BUSYBOX_DEB#"$PWD"/}
		E2FSCK_DEB ?= ${E2FSCK_DEB#"$PWD"/}
	EOC
}

write_versions()
{
	{
		printf 'qemu: %s\n' "$("${QEMU:-qemu-system-riscv64}" --version | head -n 1)"
		printf 'opensbi: %s\n' "$(opensbi_version)"
		printf 'u-boot: %s\n' "$(package_version u-boot-qemu)"
		printf 'gcc: %s\n' "$(riscv64-unknown-elf-gcc --version | head -n 1)"
		printf 'picolibc: %s\n' "$(package_version picolibc-riscv64-unknown-elf)"
		printf 'libfdt: %s\n' "$(cat build/libfdt-src/VERSION.txt 2>/dev/null || echo unknown)"
		printf 'bearssl: %s\n' "$(cat build/bearssl-src/VERSION.txt 2>/dev/null || echo unknown)"
		printf 'zlib: %s\n' "$(cat build/zlib-src/VERSION.txt 2>/dev/null || echo unknown)"
		printf 'lz4: %s\n' "$(cat build/lz4-src/VERSION.txt 2>/dev/null || echo unknown)"
		printf 'guest kernel: %s\n' "$(basename "$KERNEL_DEB" | sed 's/_.*//') $(deb_version "$KERNEL_DEB")"
		printf 'guest busybox: %s\n' "$(deb_version "$BUSYBOX_DEB")"
	} | write_if_changed build/versions.txt
}

package_version()
{
	dpkg-query -W -f '${Version}' "$1" 2>/dev/null || echo unknown
}

opensbi_version()
{
	package_version opensbi
}

# --check: what the goals at hand need and this machine lacks, and the one command that gets it.
name_what_is_missing()
{
	local packages downloads
	packages=$(
		missing_to_build
		! $want_unit || missing_for_unit
		! $want_firmware || opensbi_dir >/dev/null || echo opensbi
	)
	downloads=$(missing_sources | sed 's/ .*//' | paste -sd+ | sed "s,+, and ,g")
	downloads=${downloads:+the source of $downloads}
	have_guests || downloads="${downloads:+$downloads, }the guests' kernel, busybox and e2fsck (about 115 MB)"
	[ -n "$packages$downloads" ] || return 0
	{
		[ -z "$packages" ] || say "missing packages (Debian's names): $(one_line "$packages")"
		[ -z "$downloads" ] || say "missing downloads: $downloads"
		say "make setup installs and downloads what is missing (as root or by sudo); this goal only builds files."
	} >&2
	exit 1
}

install_and_download()
{
	local missing emulation
	missing=$(missing_packages)
	emulation=$(missing_emulation)
	if [ -n "$missing$emulation" ]; then
		have apt-get || cannot_install "$missing $emulation" "no apt-get"
		find_root || cannot_install "$missing $emulation" "neither root nor sudo"
	fi
	if [ -n "$missing" ]; then
		# shellcheck disable=SC2086 # one word a package
		install_packages $missing
		missing=$(missing_packages)
		[ -z "$missing" ] || die "installed, but still not found: $(one_line "$missing")"
	fi
	if [ -n "$emulation" ]; then
		setup_qemu
	fi
	! $want_fuzz || setup_libfuzzer
	! $want_lint || setup_dt_schema
	setup_sources
	setup_guests
}

main()
{
	local arg versions_before check=false
	want_lint=false want_fuzz=false want_unit=false want_firmware=false refresh=false
	for arg in "$@"; do
		case $arg in
		lint)
			want_lint=true
			;;
		fuzz)
			want_fuzz=true
			;;
		unit)
			want_unit=true
			;;
		firmware)
			want_firmware=true
			;;
		--check)
			check=true
			;;
		--refresh)
			rm -rf "$APT" build/setup.mk
			refresh=true
			;;
		*)
			die "unknown argument '$arg' (known: lint, fuzz, unit, firmware, --check, --refresh)"
			;;
		esac
	done
	mkdir -p build

	if $check; then
		name_what_is_missing
		setup_sources
	else
		install_and_download
	fi

	KERNEL_DEB=$(newest 'linux-image-*_riscv64.deb')
	BUSYBOX_DEB=$(newest 'busybox-static_*_riscv64.deb')
	E2FSCK_DEB=$(newest 'e2fsck-static_*_riscv64.deb')
	write_setup_mk
	if $check; then
		return
	fi
	# Asking every tool takes a while, and only a changed set-up has changed versions.
	versions_before=$(cat build/versions.txt 2>/dev/null || true)
	if [ ! -f build/versions.txt ] || [ build/setup.mk -nt build/versions.txt ] ||
		[ "$(command -v "${QEMU:-qemu-system-riscv64}")" -nt build/versions.txt ]; then
		write_versions
		touch build/versions.txt
		if [ "$versions_before" != "$(cat build/versions.txt)" ]; then
			say "using"
			sed 's/^/setup:   /' build/versions.txt
		fi
	fi
}

main "$@"
