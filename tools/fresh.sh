#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# fresh.sh - try what a newcomer tries first, on a machine that has nothing (make fresh).
#
#   tools/fresh.sh [RELEASE ...]   in a minimal chroot of each release (bookworm and trixie)
#   tools/fresh.sh --check         exit status 0 when tools/fresh.sha256 is the digest of this tree
#
# In each chroot: `make` must name what is missing and install nothing; `make run` must install, build
# and boot two-linux to a shell in both guests; all that `make test` builds must build. The source is
# what `git commit -a` would commit now: files that git does not know are left out, as a clone would
# lack them.
#
# When all releases have passed, this script writes the digest of the set-up and build files to
# tools/fresh.sha256. Nothing else writes it. CI runs bookworm while the digest differs.
#
# All mounts are made in a mount namespace of their own, so none outlives its processes, and none is
# visible to the `rm` that removes the chroot. Packages stay in build/dl/fresh; the guests' kernel, the
# largest download, comes from build/dl. The logs are build/test-results/fresh-RELEASE.log.

set -eu
export LC_ALL=C

cd "$(dirname "$0")/.."

readonly ALL_RELEASES='bookworm trixie'
readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
readonly CHROOTS=$PWD/build/fresh
readonly CACHE=$PWD/build/dl/fresh
readonly LOGS=$PWD/build/test-results
readonly SUM=tools/fresh.sha256

readonly me=fresh

# shellcheck source=tools/setup-lib.sh
. tools/setup-lib.sh

# shellcheck source=tools/apt-state.sh
. tools/apt-state.sh

# The digest of everything that decides what is installed, and how it is built.
digest()
{
	find tools/setup* tools/apt-state.sh Makefile mk .ci -type f ! -name '*.swp' ! -name '*~' | sort |
		xargs sha256sum | sha256sum | cut -d ' ' -f 1
}

check_digest()
{
	[ "$(digest)" = "$(cat "$SUM" 2>/dev/null)" ]
}

# --- inside the namespace -------------------------------------------------------------------------

# Sets $newcomer to the words that make a command one of a newcomer's, in the tree in chroot ROOT.
become_newcomer()
{
	local name
	newcomer=(chroot "$1" /usr/bin/env -i DEBIAN_FRONTEND=noninteractive HOME=/root TERM=dumb
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
	for name in http_proxy https_proxy ftp_proxy no_proxy; do
		[ -z "${!name:-}" ] || newcomer+=("$name=${!name}")
	done
	# shellcheck disable=SC2016 # the inner shell's own
	newcomer+=(sh -c 'cd /root/hartvisor && exec "$@"' sh)
}

installed()
{
	# shellcheck disable=SC2016 # dpkg-query's own
	chroot "$1" dpkg-query -W -f '${Package} ${Version}\n'
}

# Whatever this machine needs to reach the archive (a proxy, a clock that is off), the chroot needs, too.
acquire_settings()
{
	apt-config dump | grep -E '^Acquire::(http|https|ftp|socks|Retries|ForceIPv|Check-|Max-ValidTime|Queue-Mode)' ||
		true
}

make_chroot()
{
	local release=$1 root=$2 mirror=$3 script='' include=make
	case $mirror in https:*) include=$include,ca-certificates ;; esac
	# An older debootstrap does not know a newer release by name; all since sid's are made alike.
	[ -e "/usr/share/debootstrap/scripts/$release" ] || script=/usr/share/debootstrap/scripts/sid
	mkdir -p "$root" "$CACHE/$release"
	# shellcheck disable=SC2086 # no script: no argument
	debootstrap --variant=minbase --include="$include" --keyring="$KEYRING" \
		--cache-dir="$CACHE/$release" "$release" "$root" "$mirror" $script
	acquire_settings >"$root/etc/apt/apt.conf.d/90machine"
	echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/90fresh"
	mkdir -p "$root/root/hartvisor/build/dl"
	tar -x -C "$root/root/hartvisor" -f "$CHROOTS/source.tar"
	cp build/dl/linux-image-*_riscv64.deb "$root/root/hartvisor/build/dl/"
	mount -t proc proc "$root/proc"
	mount --bind "$CACHE/$release" "$root/var/cache/apt/archives"
	mkdir -p "$root/var/cache/apt/archives/partial"
}

# A goal that builds files must say what it lacks, and leave the machine as it is.
names_what_is_missing()
{
	local root=$1 before
	before=$(installed "$root")
	if "${newcomer[@]}" make >"$root/tmp/make.out" 2>&1; then
		cat "$root/tmp/make.out"
		echo "fresh: make succeeded in a chroot that has no compiler?"
		return 1
	fi
	cat "$root/tmp/make.out"
	if ! grep -q 'gcc-riscv64-unknown-elf' "$root/tmp/make.out" || ! grep -q 'make setup' "$root/tmp/make.out"; then
		echo "fresh: make does not say what is missing (gcc-riscv64-unknown-elf) and how to get it (make setup)"
		return 1
	fi
	if [ "$(installed "$root")" != "$before" ]; then
		echo "fresh: make, a goal that only builds files, has installed packages"
		return 1
	fi
}

# step WHAT COMMAND...: says what is done; what the command says goes into the log only.
step()
{
	local what=$1 started=$SECONDS status
	shift
	printf 'fresh: %s: %s\n' "$release" "$what"
	printf '\n--- %s\n' "$what" >>"$log"
	# In a condition, set -e would not hold within the command.
	set +e
	(
		set -e
		"$@"
	) >>"$log" 2>&1 </dev/null
	status=$?
	set -e
	if [ "$status" -ne 0 ]; then
		tail -n 40 "$log" | sed 's/^/  | /'
		printf 'fresh: %s: FAILED: %s (all of it: %s)\n' "$release" "$what" "${log#"$PWD"/}"
		exit 1
	fi
	printf '%s s\n' "$((SECONDS - started))" >>"$log"
}

inside()
{
	local release=$1 mirror=$2 root="$CHROOTS/$1" log="$LOGS/fresh-$1.log"
	trap 'exit 143' INT TERM HUP
	become_newcomer "$root"
	step 'a minimal system (debootstrap)' make_chroot "$release" "$root" "$mirror"
	step 'make names what is missing, and installs nothing' names_what_is_missing "$root"
	step 'make run, until both guests have a shell' "${PYTHON:-python3}" tools/fresh-boot.py "${newcomer[@]}" make run
	step 'all that make test builds' "${newcomer[@]}" make test-builds unit-programs
	step 'old packages are thrown away' "${newcomer[@]}" apt-get -q autoclean
}

# --- outside --------------------------------------------------------------------------------------

become_root()
{
	[ "$(id -u)" -ne 0 ] || return 0
	find_root || die "a chroot needs root, and there is no sudo that lets us."
	exec "$as_root" env PYTHON="${PYTHON:-}" DEBIAN_MIRROR="${DEBIAN_MIRROR:-}" \
		http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" "$0" "$@"
}

get_tools()
{
	local missing=''
	have debootstrap || missing="$missing debootstrap"
	have unshare || missing="$missing util-linux"
	have git || missing="$missing git"
	[ -f "$KEYRING" ] || missing="$missing debian-archive-keyring"
	# shellcheck disable=SC2086 # one word a package
	[ -z "$missing" ] || install_packages $missing
	git -c safe.directory="$PWD" rev-parse --git-dir >/dev/null 2>&1 ||
		die "this is no git work tree; what a clone would have is known from git alone."
	unshare --mount --pid --fork --mount-proc chroot / true 2>/dev/null ||
		die "a chroot is impossible here: root must be allowed to mount and to chroot" \
			"(CAP_SYS_ADMIN, CAP_SYS_CHROOT). In a container, give it --privileged."
	set -- build/dl/linux-image-*_riscv64.deb
	[ -f "$1" ] || die "no guest kernel in build/dl: make setup gets it."
}

# What `git commit -a` would commit.
pack_source()
{
	local file
	git -c safe.directory="$PWD" ls-files -z | while IFS= read -r -d '' file; do
		[ ! -e "$file" ] || printf '%s\0' "$file"
	done | tar -c --null -T - --owner=0 --group=0 -f "$CHROOTS/source.tar"
	git -c safe.directory="$PWD" ls-files -o --exclude-standard |
		sed 's/^/fresh: left out, as git does not know it: /'
}

# The mounts went with the namespace. Its last processes may still be on their way out.
remove_chroot()
{
	local tries=0
	if [ -n "${child:-}" ]; then
		kill -KILL "$child" 2>/dev/null || true
		wait "$child" 2>/dev/null || true
		child=
	fi
	rm -f "$CHROOTS/source.tar"
	[ -n "${root:-}" ] || return 0
	until rm -rf --one-file-system "$root" 2>/dev/null || [ $tries -ge 100 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	[ ! -e "$root" ] || say "could not remove $root"
	root=
}

try_release()
{
	local status=0
	root="$CHROOTS/$1"
	rm -rf --one-file-system "$root"
	: >"$LOGS/fresh-$1.log"
	# Everything below dies with this script, even if that is killed.
	setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc \
		bash "$0" --inside "$1" "$mirror" &
	child=$!
	wait "$child" || status=$?
	child=
	remove_chroot
	return "$status"
}

main()
{
	local release releases=${*:-$ALL_RELEASES} failed='' before mirror started
	become_root "$@"
	mkdir -p "$CHROOTS" "$CACHE" "$LOGS"
	exec 9>"$CHROOTS/lock"
	flock -n 9 || die "another make fresh is at work."
	get_tools
	mirror=$(debian_mirror)
	before=$(digest)
	trap remove_chroot EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	for release in $releases; do
		started=$SECONDS
		pack_source
		if try_release "$release"; then
			say "$release: passed ($((SECONDS - started)) s)"
		else
			failed="$failed $release"
		fi
	done
	[ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$CHROOTS" "$CACHE" "$LOGS"
	[ -z "$failed" ] || die "failed:$failed"
	for release in $ALL_RELEASES; do
		case " $releases " in *" $release "*) ;; *) return 0 ;; esac
	done
	[ "$(digest)" = "$before" ] || die "the set-up files have changed meanwhile; $SUM stays as it was."
	printf '%s\n' "$before" >"$SUM"
	[ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$SUM"
	say "$SUM is written; commit it."
}

unset MAKEFLAGS MAKELEVEL MFLAGS
case ${1:-} in
--check)
	check_digest
	;;
--inside)
	inside "$2" "$3"
	;;
-*)
	die "unknown argument '$1' (known: --check, names of Debian releases)"
	;;
*)
	main "$@"
	;;
esac
