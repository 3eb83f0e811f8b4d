# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # $want_lint is of setup.sh
#
# What the machine has, and which packages it lacks, for tools/setup.sh. To be sourced.

readonly QEMU_MIN=8

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

# Not in every user's PATH. The tests make a disk for U-Boot by it.
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
	have babeltrace2 || echo babeltrace2
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
