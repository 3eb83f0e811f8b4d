#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run a command that boots two-linux, as one types it, and use the shells of both guests.

usage: fresh-boot.py COMMAND...   (tools/fresh.sh: make run in a chroot)

Everything that the command says goes to standard output. The exit status is 0 when each guest came up,
ran a command and powered off, and the machine ended of itself.
"""

import re
import sys

import pexpect

# Installing and building come first; a minute is the rule, but mirrors differ.
PATIENCE = 1800
ESCAPE = "\x1d"
BAD = [r"\[hartvisor\] panic[^\r\n]*", r"make(?:\[\d+\])?: \*\*\* [^\r\n]*", r"setup: error: [^\r\n]*"]


def wait(child, *patterns):
    """Returns which of @patterns came."""
    try:
        found = child.expect([*BAD, *patterns])
    except (pexpect.TIMEOUT, pexpect.EOF) as error:
        what = f"nothing for {PATIENCE} s" if isinstance(error, pexpect.TIMEOUT) else "the end"
        sys.exit(f"\nfresh-boot: {what} instead of {' or '.join(patterns)}")
    if found < len(BAD):
        sys.exit(f"\nfresh-boot: {child.match.group(0)}")
    return found - len(BAD)


def main():
    child = pexpect.spawn(sys.argv[1], sys.argv[2:], encoding="utf-8", codec_errors="replace", timeout=PATIENCE,
                          echo=False, maxread=65536)
    child.logfile_read = sys.stdout
    child.delaybeforesend = None
    names = ["linux-a", "linux-b"]
    left = list(names)
    while left:
        del left[wait(child, *(rf"\[{name}\] [^\r\n]*GUEST-UP nproc=2 " for name in left))]
    for number, name in enumerate(names, start=1):
        child.send(f"{ESCAPE}{number}")
        wait(child, rf"console: {re.escape(name)}\b")
        child.send("\r")
        wait(child, rf"\[{name}\] ~ # ")
        child.send("echo $((6 * 7)) is the answer\r")
        wait(child, rf"\[{name}\] 42 is the answer")
        child.send("poweroff -f\r")
        wait(child, rf"\[hartvisor\] [\d.]+ {name}: powered off")
    wait(child, r"\[hartvisor\] [\d.]+ all VMs have ended; powering off")
    child.expect(pexpect.EOF)
    child.close()
    if child.exitstatus != 0:
        sys.exit(f"\nfresh-boot: the command ended with status {child.exitstatus or child.signalstatus}")


if __name__ == "__main__":
    main()
