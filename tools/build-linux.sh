#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# build-linux.sh - build the guest kernel of our own.
#
#   tools/build-linux.sh            build/linux/Image, with guest/linux/patches/*.patch
#   tools/build-linux.sh --plain    build/linux/plain/Image, without them
#
# The source is the package that build/linux/source names (tools/setup-linux.sh). Nothing is done when
# package, configuration, patches and compiler are those of the last build (build/linux/stamp). A new
# configuration builds on what is there; another package or other patches begin from the unpacked
# source, 5 to 6 minutes of processor time. LINUX_JOBS=N: how many compilers at once (2).

set -eu
export LC_ALL=C

cd "$(dirname "$0")/.."

readonly TOP=$PWD
readonly CONFIG=$TOP/guest/linux/guest.config
readonly JOBS=${LINUX_JOBS:-2}

# The outer make's jobs and flags are not the kernel's; the name and time of the build are not of interest.
unset MAKEFLAGS MAKELEVEL MFLAGS
export ARCH=riscv CROSS_COMPILE=riscv64-linux-gnu-
export KBUILD_BUILD_TIMESTAMP='1970-01-01' KBUILD_BUILD_USER=hartvisor KBUILD_BUILD_HOST=hartvisor

die()
{
	printf 'build-linux: error: %s\n' "$1" >&2
	shift
	if [ $# -gt 0 ]; then
		printf 'build-linux:   %s\n' "$@" >&2
	fi
	exit 1
}

# The digest of everything a tree's sources are made of.
source_id()
{
	{
		basename "$deb"
		[ ${#patches[@]} -eq 0 ] || cat "${patches[@]}"
	} | sha256sum
}

build_id()
{
	{
		source_id
		cat "$CONFIG"
		"${CROSS_COMPILE}gcc" --version | head -n 1
	} | sha256sum
}

unpack()
{
	local tarball patch
	tarball=$(dpkg-deb --fsys-tarfile "$deb" | tar -t | grep 'linux-source-[0-9.]*\.tar' | head -n 1)
	[ -n "$tarball" ] || die "no linux-source-*.tar* in $deb"
	printf '  UNPACK   %s\n' "$dir/src"
	rm -rf "$dir/src" "$dir/src.part" "$dir/stamp"
	mkdir -p "$dir/src.part"
	# The register names of graphics cards are a fifth of it, and nothing of ours names them.
	dpkg-deb --fsys-tarfile "$deb" | tar -xO "$tarball" | case $tarball in
	*.xz) xz -dc -T0 ;;
	*.gz) gzip -dc ;;
	*) cat ;;
	esac | tar -x -C "$dir/src.part" --strip-components=1 --wildcards --no-wildcards-match-slash \
		--exclude='linux-source-*/drivers/gpu/drm/amd/include' \
		--exclude='linux-source-*/tools/testing/*'
	for patch in ${patches[@]+"${patches[@]}"}; do
		printf '  PATCH    %s\n' "${patch#"$TOP"/}"
		patch -d "$dir/src.part" -p1 -s -f --no-backup-if-mismatch <"$patch" ||
			die "${patch#"$TOP"/} does not apply to $(basename "$deb")."
	done
	source_id >"$dir/src.part/.hartvisor-source"
	mv "$dir/src.part" "$dir/src"
}

# allnoconfig passes over in silence what it cannot set: a dependency that is off, a name that is gone.
check_config()
{
	local line missing=''
	while read -r line; do
		grep -qxF "$line" "$dir/src/.config" || missing="$missing ${line%%=*}"
	done < <(grep '^CONFIG_' "$CONFIG")
	[ -z "$missing" ] || printf 'build-linux: not taken by this kernel:%s\n' "$missing"
}

kernel_make()
{
	make --no-print-directory -s -C "$dir/src" -j"$JOBS" "$@" >>"$dir/build.log" 2>&1 ||
		{ tail -n 30 "$dir/build.log" >&2; die "the kernel's build failed; all of it: $dir/build.log"; }
}

main()
{
	deb=$(cat build/linux/source)
	case ${1:-} in
	'')
		dir=build/linux
		mapfile -t patches < <(find "$TOP/guest/linux/patches" -name '*.patch' 2>/dev/null | sort)
		;;
	--plain)
		dir=build/linux/plain
		patches=()
		mkdir -p "$dir"
		;;
	*)
		die "unknown argument '$1' (known: --plain)"
		;;
	esac
	if [ -f "$dir/Image" ] && [ "$(build_id)" = "$(cat "$dir/stamp" 2>/dev/null)" ]; then
		return
	fi
	if [ "$(source_id)" != "$(cat "$dir/src/.hartvisor-source" 2>/dev/null)" ]; then
		unpack
	fi
	: >"$dir/build.log"
	kernel_make KCONFIG_ALLCONFIG="$CONFIG" allnoconfig
	check_config
	printf '  KERNEL   %s\n' "$dir/Image (log: $dir/build.log)"
	kernel_make Image
	cp "$dir/src/arch/riscv/boot/Image" "$dir/Image.part"
	mv "$dir/Image.part" "$dir/Image"
	cp "$dir/src/include/config/kernel.release" "$dir/version"
	build_id >"$dir/stamp"
}

main "$@"
