# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2016 # $(...) in single quotes is apt's own, not the shell's
#
# An apt state of our own below build/apt, for suites and architectures that are not the machine's.
# Part of setup.sh, which has say, die, find_root and install_packages.

debian_mirror()
{
	local mirror="${DEBIAN_MIRROR:-}" codename
	if [ -z "$mirror" ]; then
		mirror=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' \
			'Created-By: Packages' 2>/dev/null | sed -n 's/^Debian|Debian|//p' | head -n 1)
	fi
	if [ -z "$mirror" ] && [ "$(os_release ID)" = debian ]; then
		codename=$(os_release VERSION_CODENAME)
		mirror=$(apt-get indextargets --format '$(RELEASE)|$(REPO_URI)' 'Created-By: Packages' \
			2>/dev/null | sed -n "s/^$codename|//p" | head -n 1)
	fi
	# A relative of Debian has an archive of its own; debootstrap knows Debian's.
	if [ -z "$mirror" ]; then
		if ! have debootstrap && find_root; then
			install_packages debootstrap >&2
		fi
		mirror=$(grep -hos 'https\{0,1\}://[^" ]*/debian\>' "$(command -v debootstrap)" \
			/usr/share/debootstrap/scripts/sid /usr/share/debootstrap/scripts/debian-common |
			head -n 1)
	fi
	[ -n "$mirror" ] || die "no Debian mirror found in apt's configuration." \
		"Name one: DEBIAN_MIRROR=URI make setup"
	while [ "${mirror%/}" != "$mirror" ]; do
		mirror=${mirror%/}
	done
	printf '%s\n' "$mirror"
}

os_release()
{
	sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}$/\1/p" /etc/os-release 2>/dev/null
}

# apt_state NAME 'deb SUITE' ...: makes build/apt/NAME with these suites, and reads their indexes.
# What the user has configured (proxies, say) still holds; sources, lists and hooks do not.
apt_state()
{
	local dir="$APT/$1" mirror line
	shift
	mirror=$(debian_mirror)
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	: >"$dir/sources.list"
	for line in "$@"; do
		printf '%s [signed-by=%s] %s %s main\n' "${line%% *}" "$KEYRING" "$mirror" "${line#* }" \
			>>"$dir/sources.list"
	done
	: >"$dir/preferences"
	cat >"$dir/apt.conf" <<-EOC
		Dir::Etc::SourceList "$dir/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::Etc::Preferences "$dir/preferences";
		Dir::Etc::PreferencesParts "/dev/null";
		Dir::State::Lists "$dir/lists";
		Dir::Cache "$dir/cache";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
	EOC
}

# The same for riscv64 alone, as if nothing of it were installed.
apt_state_riscv64()
{
	apt_state "$@"
	: >"$APT/$1/status"
	cat >>"$APT/$1/apt.conf" <<-EOC
		Dir::State::status "$APT/$1/status";
		APT::Architecture "riscv64";
		#clear APT::Architectures;
		APT::Architectures "riscv64";
	EOC
}

apt_state_update()
{
	apt-get -q -c "$APT/$1/apt.conf" -o APT::Update::Error-Mode=any update ||
		die "apt could not read the indexes named in build/apt/$1/sources.list." \
		"Is the network up? Another mirror: DEBIAN_MIRROR=URI make setup"
}
