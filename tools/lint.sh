#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# lint.sh - run one tool of static analysis over the files that git knows, and those that it may soon know.
#
#   tools/lint.sh format                 clang-format: is there anything that it would change?
#   tools/lint.sh reformat               let it change that
#   tools/lint.sh shell                  shellcheck
#   tools/lint.sh cppcheck FLAG...
#   tools/lint.sh tidy FLAG...           clang-tidy; the flags are the compiler's
#
# What these tools find depends on their version. The versions of Debian 12 decide (below). With another
# version the findings are shown, and a line that begins with "lint: NOT DECIDED" says why they do not
# count. A tool that is missing is a failure, and is named.

set -eu

cd "$(dirname "$0")/.."

declare -rA DECIDES=([clang-format]=14 [clang-tidy]=14 [cppcheck]=2.10 [shellcheck]=0.9)

die()
{
	printf 'lint: %s\n' "$*" >&2
	exit 1
}

# Files that match one of the patterns, into the array $files; not those that have just been removed. A
# tree that belongs to another user (a container's) is no danger here: make has read its Makefile already.
list_files()
{
	local file
	files=()
	while IFS= read -r -d '' file; do
		[ ! -e "$file" ] || files+=("$file")
	done < <(git -c safe.directory="$PWD" ls-files -z -co --exclude-standard "$@")
	[ ${#files[@]} -gt 0 ] || die "git names no files ($*): is it there, and is this a work tree of it?"
}

version_of()
{
	"$1" --version | grep -o '[0-9][0-9]*\.[0-9.]*' | head -n 1
}

# run TOOL COMMAND...
run()
{
	local tool=$1 version
	shift
	"$@" && return
	version=$(version_of "$tool")
	case $version. in
	"${DECIDES[$tool]}".*)
		exit 1
		;;
	esac
	printf 'lint: NOT DECIDED: %s %s found the above; %s.x of Debian 12 decides\n' "$tool" "$version" \
		"${DECIDES[$tool]}"
}

tidy_some()
{
	local out
	# What it says of itself (how many warnings it suppressed) is of interest only when it fails.
	out=$(clang-tidy --quiet "${files[@]:$1:4}" -- "${flags[@]}" 2>&1) || {
		printf '%s\n' "$out"
		return 1
	}
}

# A few files at a time, on all processors.
tidy_all()
{
	local i status=0
	for ((i = 0; i < ${#files[@]}; i += 4)); do
		while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
			wait -n || status=1
		done
		tidy_some $i &
	done
	while [ -n "$(jobs -p)" ]; do
		wait -n || status=1
	done
	return "$status"
}

need()
{
	command -v "$1" >/dev/null || die "no $1: make setup-lint gets it"
}

what=${1:-}
[ $# -eq 0 ] || shift
flags=("$@")
case $what in
format | reformat)
	need clang-format
	# tests/model's headers are Promela's.
	list_files '*.c' '*.h' ':!tests/model'
	if [ "$what" = reformat ]; then
		clang-format -i "${files[@]}"
	else
		run clang-format clang-format --dry-run -Werror "${files[@]}"
	fi
	;;
shell)
	need shellcheck
	list_files '*.sh' .ci/run
	run shellcheck shellcheck -x "${files[@]}"
	;;
cppcheck)
	need cppcheck
	run cppcheck cppcheck "${flags[@]}" hyp platform
	;;
tidy)
	need clang-tidy
	list_files 'hyp/*.c' 'platform/*.c'
	run clang-tidy tidy_all
	;;
*)
	die "unknown argument '$what' (known: format, reformat, shell, cppcheck, tidy)"
	;;
esac
