# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # $refresh is of setup.sh
#
# Download the sources of libraries and the guests' kernel, busybox and e2fsck, for tools/setup.sh. To be sourced, behind
# apt-state.sh.

readonly GUEST_SUITE=trixie
readonly DTC_TARBALL=device-tree-compiler_1.7.2.orig.tar.xz
readonly DTC_SHA256=92d8ca769805ae1f176204230438fe52808f4e1c7944053c9eec0e649b237539
readonly BEARSSL_TARBALL=bearssl_0.6+dfsg.1.orig.tar.xz
readonly BEARSSL_SHA256=102a625bd8f6155260867a50c508df8d8c3f796985dd744df1a68e5cd1a79004
readonly ZLIB_TARBALL=zlib_1.3.dfsg+really1.3.1.orig.tar.gz
readonly ZLIB_SHA256=60dd315c07f616887caa029408308a018ace66e3d142726a97db164b3b8f69fb
readonly LZ4_TARBALL=lz4_1.10.0.orig.tar.gz
readonly LZ4_SHA256=537512904744b35e232912055ccf8ec66d768639ff3abe5788d90d792ec5f48b

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

# --- the guests -----------------------------------------------------------------------------------

newest()
{
	find "$DL" -maxdepth 1 -name "$1" 2>/dev/null | sort -V | tail -n 1
}

have_guests()
{
	[ -n "$(newest 'linux-image-*_riscv64.deb')" ] && [ -n "$(newest 'busybox-static_*_riscv64.deb')" ] &&
		[ -n "$(newest 'e2fsck-static_*_riscv64.deb')" ]
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
			"busybox-static and e2fsck-static (*.deb) into build/dl/."
	fi
	say "looking for the guests' kernel, busybox and e2fsck in $GUEST_SUITE (riscv64)"
	apt_state_riscv64 guest "deb $GUEST_SUITE"
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
	if $refresh || [ -z "$(newest 'e2fsck-static_*_riscv64.deb')" ]; then
		wanted="$wanted e2fsck-static"
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
