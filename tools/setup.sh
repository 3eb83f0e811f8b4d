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
# beside it, the sources of libfdt, BearSSL, zlib and lz4, and the guests' kernel and busybox. What is there is
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

readonly QEMU_MIN=8
readonly GUEST_SUITE=trixie
readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
readonly DTC_TARBALL=device-tree-compiler_1.7.2.orig.tar.xz
readonly DTC_SHA256=92d8ca769805ae1f176204230438fe52808f4e1c7944053c9eec0e649b237539
readonly BEARSSL_TARBALL=bearssl_0.6+dfsg.1.orig.tar.xz
readonly BEARSSL_SHA256=102a625bd8f6155260867a50c508df8d8c3f796985dd744df1a68e5cd1a79004
readonly ZLIB_TARBALL=zlib_1.3.dfsg+really1.3.1.orig.tar.gz
readonly ZLIB_SHA256=60dd315c07f616887caa029408308a018ace66e3d142726a97db164b3b8f69fb
readonly LZ4_TARBALL=lz4_1.10.0.orig.tar.gz
readonly LZ4_SHA256=537512904744b35e232912055ccf8ec66d768639ff3abe5788d90d792ec5f48b

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

# --- what the machine has -------------------------------------------------------------------------

python_with_modules()
{
	local p
	for p in "${PYTHON:-}" /usr/bin/python3 python3; do
		if [ -n "$p" ] && have "$p" && "$p" -c 'import sys, importlib.util as u
sys.exit(any(u.find_spec(m) is None for m in ("pytest", "pexpect", "pyte", "xdist")))' 2>/dev/null; then
			printf '%s\n' "$p"
			return
		fi
	done
	return 1
}

# For what only builds, without the tests' modules.
any_python()
{
	python_with_modules || command -v python3
}

picolibc_specs()
{
	[ -f "$(riscv64-unknown-elf-gcc -print-file-name=picolibc.specs 2>/dev/null)" ]
}

cmocka_headers()
{
	have gcc && printf '#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n%s\n' \
		'#include <setjmp.h>
#include <cmocka.h>' | gcc -E -x c - >/dev/null 2>&1
}

qemu_version()
{
	"${QEMU:-qemu-system-riscv64}" --version 2>/dev/null | sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p'
}

qemu_new_enough()
{
	local v
	v=$(qemu_version)
	[ "${v%%.*}" -ge "$QEMU_MIN" ] 2>/dev/null
}

# The directory that holds OpenSBI's fw_jump.bin and fw_dynamic.bin for the generic platform.
opensbi_dir()
{
	local d
	for d in "${OPENSBI:-}" /usr/lib/riscv64-linux-gnu/opensbi/generic \
		/usr/share/opensbi/lp64/generic/firmware /usr/share/opensbi/generic/firmware; do
		if [ -n "$d" ] && [ -f "$d/fw_jump.bin" ] && [ -f "$d/fw_dynamic.bin" ]; then
			printf '%s\n' "$d"
			return
		fi
	done
	return 1
}

# U-Boot for QEMU's virt, in S-mode: the system tests boot hartvisor by it.
uboot()
{
	local u
	for u in "${UBOOT:-}" /usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin; do
		if [ -n "$u" ] && [ -f "$u" ]; then
			printf '%s\n' "$u"
			return
		fi
	done
	return 1
}

# Not in everybody's PATH. The tests make a disk for U-Boot by it.
have_mke2fs()
{
	have mke2fs || [ -x /sbin/mke2fs ]
}

# What follows prints one missing package a line; QEMU and OpenSBI have a function of their own.

# What goals need that only build files.
missing_to_build()
{
	local pair
	for pair in riscv64-unknown-elf-gcc:gcc-riscv64-unknown-elf dtc:device-tree-compiler mkimage:u-boot-tools \
		make:make xz:xz-utils gzip:gzip tar:tar dpkg-deb:dpkg cmp:diffutils find:findutils awk:mawk; do
		have "${pair%:*}" || echo "${pair#*:}"
	done
	picolibc_specs || echo picolibc-riscv64-unknown-elf
	any_python >/dev/null || echo python3
}

missing_for_unit()
{
	cmocka_headers || echo libcmocka-dev
	if have gcc; then
		printf '#include <stdio.h>' | gcc -E - >/dev/null 2>&1 || echo libc6-dev
	else
		printf '%s\n' gcc libc6-dev
	fi
}

missing_packages()
{
	missing_to_build
	missing_for_unit
	python_with_modules >/dev/null || printf '%s\n' python3-pytest python3-pytest-xdist python3-pexpect python3-pyte
	uboot >/dev/null || echo u-boot-qemu
	have_mke2fs || echo e2fsprogs
	have gdb-multiarch || echo gdb-multiarch
	if $want_lint; then
		have git || echo git
		have clang-format || echo clang-format
		have clang-tidy || echo clang-tidy
		have cppcheck || echo cppcheck
		have shellcheck || echo shellcheck
	fi
	# The keys that sign what apt is to download.
	[ -f "$KEYRING" ] || have_downloads || ! have apt-get || echo debian-archive-keyring
	case ${DEBIAN_MIRROR:-} in
	https:*) [ -f /etc/ssl/certs/ca-certificates.crt ] || have_downloads || echo ca-certificates ;;
	esac
}

missing_emulation()
{
	qemu_new_enough || qemu_package
	opensbi_dir >/dev/null || echo opensbi
}

# --- installing -----------------------------------------------------------------------------------

# Sets $as_root to the prefix that makes a command root's, or fails.
find_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		as_root=
	elif have sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
		as_root=sudo
	else
		return 1
	fi
}

apt_install()
{
	# A machine that was just started may be busy with its own upgrades, which hold dpkg's lock.
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 "$@"
}

has_candidate()
{
	apt-cache policy "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'
}

apt_update_once()
{
	if [ -z "${apt_updated:-}" ]; then
		say "apt-get update"
		apt_updated=yes
		$as_root apt-get -q update || {
			say "apt-get update failed; going on with what apt knows"
			apt_updated=failed
		}
	fi
}

cannot_install()
{
	local packages
	packages=$(one_line "$1")
	printf 'setup: these are missing, and cannot be installed from here (%s):\n' "$2" >&2
	printf 'setup:     %s\n' "$packages" >&2
	if have apt-get; then
		printf 'setup: as root:  apt-get update && apt-get install -y --no-install-recommends %s\n' \
			"$packages" >&2
		case " $packages " in *" qemu-system-riscv "* | *" qemu-system-misc "*)
			printf 'setup: QEMU has to be of version %s or newer: where the release has an older one, %s\n' \
				"$QEMU_MIN" "take qemu and opensbi from its backports (apt-get -t RELEASE-backports)." >&2
		;; esac
	else
		printf 'setup: the names are those of Debian packages; on this system install what %s\n' \
			'corresponds to them, and run the same command again.' >&2
	fi
	exit 1
}

install_packages()
{
	local p
	for p in "$@"; do
		has_candidate "$p" || apt_update_once
	done
	for p in "$@"; do
		has_candidate "$p" && continue
		[ "${apt_updated:-}" != failed ] || die "apt knows no package '$p', and apt-get update failed (see above)." \
			"Is the network up, and are the sources of apt right?"
		die "apt knows no package '$p'." "On Ubuntu, enable 'universe'; on an old release, install it by hand."
	done
	say "installing $*"
	apt_install install --no-install-recommends "$@" || {
		apt_update_once
		apt_install install --no-install-recommends "$@"
	} || die "apt-get could not install: $*"
}

# shellcheck source=tools/apt-state.sh
. tools/apt-state.sh

# --- QEMU and OpenSBI -----------------------------------------------------------------------------

candidate_upstream_version()
{
	apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: \([0-9]*:\)\{0,1\}\([0-9.]*\).*/\2/p'
}

# Newer releases have a package for each target. An apt without lists knows neither name.
qemu_package()
{
	if have apt-get && ! has_candidate qemu-system-riscv && has_candidate qemu-system-misc; then
		echo qemu-system-misc
	else
		echo qemu-system-riscv
	fi
}

setup_qemu()
{
	local pkg v codename
	if qemu_new_enough; then
		install_packages opensbi
		return
	fi
	# What apt knows decides between two names, so an apt that knows neither is asked to look first.
	has_candidate "$(qemu_package)" || apt_update_once
	pkg=$(qemu_package)
	v=$(candidate_upstream_version "$pkg")
	if [ "${v%%.*}" -ge "$QEMU_MIN" ] 2>/dev/null; then
		install_packages "$pkg" opensbi
		return
	fi

	[ "$(os_release ID)" = debian ] || die "this release has QEMU ${v:-(none)}; $QEMU_MIN or newer is needed." \
		"Install a newer qemu-system-riscv64 and an opensbi, and run this again."
	codename=$(os_release VERSION_CODENAME)
	say "QEMU here is ${v:-missing}; taking it from $codename-backports"
	apt_state host "deb $codename" "deb $codename-backports"
	cat >"$APT/host/preferences" <<-EOC
		Package: qemu-* opensbi
		Pin: release n=$codename-backports
		Pin-Priority: 900
	EOC
	apt_state_update host
	apt_install -c "$APT/host/apt.conf" install --no-install-recommends --no-remove \
		qemu-system-riscv opensbi ||
		die "apt-get could not install QEMU from $codename-backports (see above)."
	qemu_new_enough || die "QEMU is still '$(qemu_version)' after installing; is another one first in PATH?"
}

# --- libFuzzer --------------------------------------------------------------------------------------

# Clang's runtime libraries are a package of their own.
libfuzzer_works()
{
	local dir status=0
	have clang || return 1
	dir=$(mktemp -d)
	printf 'int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return !p + !n; }\n' >"$dir/x.c"
	clang -fsanitize=fuzzer,address,undefined "$dir/x.c" -o "$dir/x" 2>/dev/null || status=1
	rm -rf "$dir"
	return "$status"
}

# Without it make fuzz replays the corpora, so its lack is no error.
setup_libfuzzer()
{
	local v
	libfuzzer_works && return
	if ! have apt-get || ! find_root; then
		say "no libFuzzer, and it cannot be installed from here: make fuzz will only replay its corpora"
		return
	fi
	have clang || install_packages clang
	v=$(clang --version | grep -o '[0-9][0-9]*' | head -n 1)
	libfuzzer_works || install_packages "libclang-rt-$v-dev"
	libfuzzer_works || die "clang $v is there, but libFuzzer is not: which package has libclang_rt.fuzzer?"
}

# --- dt-schema ---------------------------------------------------------------------------------------

# Debian 13 has no such package. Without it make lint leaves device trees undecided, so its lack is no error.
setup_dt_schema()
{
	! have dt-validate || return 0
	if ! have apt-get || ! find_root; then
		say "no dt-schema, and it cannot be installed from here: make lint will not decide on device trees"
		return
	fi
	# An apt that knows what dt-schema depends on has lists.
	has_candidate dt-schema || has_candidate python3-jsonschema || apt_update_once
	if has_candidate dt-schema; then
		install_packages dt-schema
	else
		say "no package dt-schema in this release: make lint will not decide on device trees"
	fi
}

# --- the sources of libraries -----------------------------------------------------------------------

# setup_source NAME PACKAGE TARBALL SHA256 FILE: the source of library NAME in build/NAME-src, where FILE is
# in it. It is Debian's source PACKAGE, of which the version with TARBALL is known to work.
setup_source()
{
	local name=$1 package=$2 tarball="$DL/$3" sha256=$4 mirror
	if [ -f "build/$name-src/$5" ]; then
		return
	fi
	mkdir -p "$DL"
	if [ ! -f "$tarball" ]; then
		say "downloading the source of $name"
		mirror=$(debian_mirror)
		if ! /usr/lib/apt/apt-helper -q -o APT::Sandbox::User=root download-file \
			"$mirror/pool/main/${package:0:1}/$package/$3" \
			"$tarball.part" "SHA256:$sha256"; then
			rm -f "$tarball.part"
			say "the archive has no $3 any more; taking $GUEST_SUITE's, checked by apt"
			tarball=$(tarball_from_sources "$package") ||
				die "no source of $name to be had from the archive." \
					"Put $3 into build/dl, from wherever it is still kept; its checksum is known."
			unpack_source "$name" "$tarball" "$5"
			return
		fi
		mv "$tarball.part" "$tarball"
	fi
	if ! printf '%s  %s\n' "$sha256" "$tarball" | sha256sum -c --quiet; then
		rm -f "$tarball"
		die "$3 does not have the checksum that tools/setup.sh knows; removed it."
	fi
	unpack_source "$name" "$tarball" "$5"
}

# The archive has dropped the version we know: take the one it has, which apt checks by signature.
tarball_from_sources()
{
	{
		apt_state source "deb-src $GUEST_SUITE"
		apt_state_update source
		(cd "$DL" && apt-get -q -c "$APT/source/apt.conf" source --tar-only --download-only \
			--only-source "$1")
	} >&2 || return 1
	find "$DL" -name "$1_*.orig.tar.*" ! -name '*.asc' | sort -V | tail -n 1 | grep .
}

# unpack_source NAME TARBALL FILE: VERSION.txt is the tarball's version where the library has no such file.
unpack_source()
{
	local dir="build/$1-src" version=${2##*/}
	version=${version#*_}
	rm -rf "$dir" "$dir.part"
	mkdir -p "$dir.part"
	tar -xf "$2" -C "$dir.part" --strip-components=1
	[ -f "$dir.part/$3" ] || die "no $3 in $2"
	[ -f "$dir.part/VERSION.txt" ] || printf '%s\n' "${version%%.orig*}" >"$dir.part/VERSION.txt"
	mv "$dir.part" "$dir"
	rm -f build/versions.txt # to be written again
}

# --- the guests -----------------------------------------------------------------------------------

newest()
{
	find "$DL" -maxdepth 1 -name "$1" 2>/dev/null | sort -V | tail -n 1
}

have_guests()
{
	[ -n "$(newest 'linux-image-*_riscv64.deb')" ] && [ -n "$(newest 'busybox-static_*_riscv64.deb')" ]
}

# have_source FILE TARBALL: is the source that has FILE unpacked, or could it be?
have_source()
{
	[ -f "$1" ] || [ -f "$DL/$2" ]
}

# The sources of libraries that are neither here nor in build/dl: name and tarball, a line each.
missing_sources()
{
	have_source build/libfdt-src/libfdt/fdt.c "$DTC_TARBALL" || echo "libfdt $DTC_TARBALL"
	have_source build/bearssl-src/inc/bearssl.h "$BEARSSL_TARBALL" || echo "bearssl $BEARSSL_TARBALL"
	have_source build/zlib-src/inflate.c "$ZLIB_TARBALL" || echo "zlib $ZLIB_TARBALL"
	have_source build/lz4-src/lib/lz4.c "$LZ4_TARBALL" || echo "lz4 $LZ4_TARBALL"
}

have_downloads()
{
	[ -z "$(missing_sources)" ] && have_guests
}

setup_guests()
{
	local kernel wanted=''
	if have_guests && ! $refresh; then
		return
	fi
	if ! have apt-get || ! have dpkg-deb || [ ! -f "$KEYRING" ]; then
		die "the guests come from Debian's archive by apt-get, dpkg-deb and debian-archive-keyring," \
			"which this system lacks. By hand: put Debian's riscv64 packages of linux-image-6.12*" \
			"and busybox-static (*.deb) into build/dl/."
	fi
	say "looking for the guests' kernel and busybox in $GUEST_SUITE (riscv64)"
	apt_state guest "deb $GUEST_SUITE"
	: >"$APT/guest/status"
	cat >>"$APT/guest/apt.conf" <<-EOC
		Dir::State::status "$APT/guest/status";
		APT::Architecture "riscv64";
		#clear APT::Architectures;
		APT::Architectures "riscv64";
	EOC
	apt_state_update guest
	kernel=$(apt-cache -c "$APT/guest/apt.conf" depends linux-image-riscv64 |
		sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\).*/\1/p' | head -n 1)
	[ -n "$kernel" ] || die "linux-image-riscv64 in $GUEST_SUITE names no kernel"
	# What was put into build/dl by hand stays, whatever its version.
	if $refresh || [ -z "$(newest 'linux-image-*_riscv64.deb')" ]; then
		wanted=$kernel
	fi
	if $refresh || [ -z "$(newest 'busybox-static_*_riscv64.deb')" ]; then
		wanted="$wanted busybox-static"
	fi
	say "downloading $(one_line "$wanted") (the kernel has about 110 MB)"
	rm -rf "$DL/part"
	mkdir -p "$DL/part"
	# shellcheck disable=SC2086 # one word a package
	(cd "$DL/part" && apt-get -q -c "$APT/guest/apt.conf" download $wanted) ||
		die "could not download the guests (see above)."
	# The former ones go only now that there are others.
	! $refresh || rm -f "$DL"/*_riscv64.deb
	mv "$DL"/part/*.deb "$DL/"
	rmdir "$DL/part"
}

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
	have_guests || downloads="${downloads:+$downloads, }the guests' kernel and busybox (about 115 MB)"
	[ -n "$packages$downloads" ] || return 0
	{
		[ -z "$packages" ] || say "missing packages (Debian's names): $(one_line "$packages")"
		[ -z "$downloads" ] || say "missing downloads: $downloads"
		say "make setup installs and downloads what is missing (as root or by sudo); this goal only builds files."
	} >&2
	exit 1
}

# Downloads what is not in build/dl.
setup_sources()
{
	local missing
	missing=$(missing_sources)
	[ -z "$missing" ] || have apt-get ||
		die "the sources of libraries come from Debian's archive by apt-get, which this system lacks." \
			"By hand: put Debian's tarballs into build/dl/: $(one_line "$(printf '%s\n' "$missing" | sed 's/.* //')")"
	setup_source libfdt device-tree-compiler "$DTC_TARBALL" "$DTC_SHA256" libfdt/fdt.c
	setup_source bearssl bearssl "$BEARSSL_TARBALL" "$BEARSSL_SHA256" inc/bearssl.h
	setup_source zlib zlib "$ZLIB_TARBALL" "$ZLIB_SHA256" inflate.c
	setup_source lz4 lz4 "$LZ4_TARBALL" "$LZ4_SHA256" lib/lz4.c
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
