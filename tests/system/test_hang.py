# SPDX-License-Identifier: BSD-2-Clause
"""A test that waits in vain says what state all vcpus are in, and comes to an end when nothing answers."""

import os
import re
import signal

import hv
import pytest
from hv import Machine, Vm, bundle, guest


def hang(m, text="what never comes"):
    with pytest.raises(AssertionError) as failure:
        m.expect_line("vm", text, timeout=1)
    message = str(failure.value)
    print(message)
    assert f"no \\[vm\\] [^\\r\\n]*?{text} within 1 s" in message
    return message


def test_a_hang_tells_the_states_of_all_vcpus(name):
    """One vcpu spins, one was never started."""
    with Machine(name, bundle(name, [Vm("vm", guest("hello"), cpus=2), Vm("other", guest("spin"))])) as m:
        m.expect_lines({"vm": "HELLO", "other": "SPIN"})
        message = hang(m)
        for vcpu, state in (("vm/0", r"\w+"), ("vm/1", "stopped"), ("other/0", "(?:running|ready)")):
            assert re.search(rf"\n\[hartvisor\] {vcpu} +{state} ", message), vcpu
        assert re.search(r"\n\[hartvisor\] \* 1  vm +running ", message)
        # The machine goes on as before.
        m.ping("vm", "still there?")


def test_a_hang_of_a_machine_that_answers_nothing_ends(name, monkeypatch):
    monkeypatch.setattr(hv, "STATES_TIMEOUT", 1)
    with Machine(name, bundle(name, [Vm("vm", guest("hello"))])) as m:
        m.expect_line("vm", "HELLO")
        os.kill(m.child.pid, signal.SIGSTOP)
        assert "does not answer" in hang(m)
        # Nor does it take more input than its terminal holds, which the kernel may still be moving about.
        os.set_blocking(m.child.child_fd, False)
        with pytest.raises(BlockingIOError):
            while True:
                os.write(m.child.child_fd, b"x" * 4096)
        assert re.search("takes no input|does not answer", hang(m))
        os.kill(m.child.pid, signal.SIGCONT)


def test_a_hang_of_a_machine_that_is_gone_is_still_told(name):
    with Machine(name, bundle(name, [Vm("vm", guest("hello"))])) as m:
        m.expect_line("vm", "HELLO")
        m.child.close(force=True)
        assert "could not be asked" in m.states()
