# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# What the set-up scripts for more than the first boot share (setup-linux.sh, setup-verify.sh). To be
# sourced, with $me set to the script's name.

: "${me:?is the name of the script that sources this}"

say()
{
	printf '%s: %s\n' "$me" "$*"
}

die()
{
	printf '%s: error: %s\n' "$me" "$1" >&2
	shift
	if [ $# -gt 0 ]; then
		printf '  %s\n' "$@" >&2
	fi
	exit 1
}

have()
{
	command -v "$1" >/dev/null 2>&1
}

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

install_packages()
{
	have apt-get || die "missing: $*; no apt-get to install them by."
	find_root || die "missing: $*" "as root: apt-get install --no-install-recommends $*"
	say "installing $*"
	# A machine that was just started may be busy with its own upgrades, which hold dpkg's lock.
	packages=$*
	set -- -q -y -o DPkg::Lock::Timeout=600 install --no-install-recommends "$@"
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get "$@" || {
		$as_root apt-get -q update
		$as_root env DEBIAN_FRONTEND=noninteractive apt-get "$@"
	} || die "apt-get could not install: $packages"
}
