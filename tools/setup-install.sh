# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Install packages, for tools/setup.sh: those of every machine, a QEMU that is new enough, and the tools that only some
# goals want. To be sourced, behind apt-state.sh and setup-has.sh.

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
