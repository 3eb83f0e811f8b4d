# SPDX-License-Identifier: BSD-2-Clause
"""tools/gdb/hartvisor.py: its tables say what the operator's list says, wherever the harts are, and in a core."""

import contextlib
import re
import subprocess
import time

import hv
from hv import BUILD, GDB_SCRIPT, HARTVISOR, MIB, Machine, Vm, bundle, guest

ELF = HARTVISOR.with_suffix(".elf")
HOUR_MS = 3600 * 1000
MEMORY = 32 * MIB

# Hart 0 runs vcpu 0 of `many` whenever `naps` and `idle` sleep, hart 1 the hog for ever: so each state stays as it is.
APART = "".join(f"vcpu@{n} {{ reg = <{n}>; affinity = <1>; weight = <{100 * n}>; }};" for n in (1, 2))
APART += 'vcpu@3 { reg = <3>; affinity = <1>; class = "fifo"; priority = <3>; };'
VMS = [
    Vm("hog", guest("spin"), memory=MEMORY, more='class = "fifo"; priority = <5>; affinity = <1>;'),
    Vm("naps", guest("latency"), memory=MEMORY, more="affinity = <0>;", bootargs=f"settle={HOUR_MS}"),
    Vm("idle", guest("hello"), memory=2 * MEMORY, more="affinity = <0>;"),
    Vm("held", guest("hello"), cpus=2, memory=MEMORY, more="affinity = <0>;"),
    Vm("off", guest("hello"), memory=MEMORY, more="autostart = <0>;"),
    Vm("many", guest("spin"), cpus=4, memory=MEMORY, more=f"affinity = <0>; autostart = <0>; {APART}"),
]

RUNNERS = ("hog", "0"), ("many", "0")

# Each hart has one vcpu that spins, and so no slices and hardly ever an interrupt.
SPINNERS = [Vm("spins", guest("spin"), cpus=2, memory=MEMORY), Vm("idle", guest("hello"), memory=MEMORY)]

# So often it is tried to find harts in their guests, and not in hartvisor, where each is now and then.
TRIES = 50

# The words of the operator's list for what the scheduler says.
STATES = {"RUNNING": "running", "RUNNABLE": "ready", "BLOCKED": "blocked"}


def run_gdb(*commands, elf=ELF):
    """What gdb says to the commands, its own first words not."""
    script = [word for command in commands for word in ("-ex", command)]
    result = subprocess.run(["gdb-multiarch", "-nx", "-q", "-batch", *([str(elf)] if elf else []), "-x", str(GDB_SCRIPT),
                             *script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            errors="replace", timeout=hv.TIMEOUT)
    print(result.stdout)
    return result.stdout


def tables(where, *commands):
    """Command to its table, which is a list of rows, each of head to cell."""
    marked = [word for command in commands for word in (f"echo \\n--- {command}\\n", command)]
    said = run_gdb(where, *marked, "echo \\n--- end\\n")
    found = {}
    for command, text in re.findall(r"^--- (hv .*)\n((?:(?!---).*\n)*)", said, re.M):
        head, *rows = [re.split(r"  +", line.strip()) for line in text.splitlines() if line.strip()]
        found[command] = [dict(zip(head, row)) for row in rows]
    return found


def listed(m):
    """(VMs, vcpus) as ^] l has them: {name: (number, state, MiB, vcpus)}, {(name, id): (state, hart)}."""
    said = len(m.text())
    m.menu("l")
    m.expect("hartvisor's own memory")
    vms, vcpus, name = {}, {}, None
    for line in m.text()[said:].splitlines():
        row = re.match(r"\[hartvisor\] [* ] *(\d+)  (\S+) +(\S+) +(\d+) +(\d+) ", line)
        if row:
            name = row[2]
            vms[name] = (row[1], *row.group(3, 4, 5))
        for vcpu, state, hart in re.findall(r"(\d+) (\w+) on (\d+)", line):
            # The hart that makes the list has put away what it runs.
            vcpus[name, vcpu] = ("running" if state == "ready" and (name, vcpu) in RUNNERS else state, hart)
    return vms, vcpus


@contextlib.contextmanager
def machine(name):
    """The VMs in their states, and gdb's command that connects to it."""
    with Machine(name, bundle(name, VMS), smp=2, mem="512M") as m:
        m.expect_lines({"hog": "SPIN", "idle": "HELLO", "held": "HELLO", "hartvisor": "naps: started"})
        m.focus(4, "held")
        m.menu("p")
        m.expect("held is paused")
        m.focus(6, "many")
        m.menu("o")
        m.expect_line("many", "SPIN on 4 vcpus")
        m.monitor.serve_gdb()
        yield m, f"target remote {m.monitor.gdb}"


def listed_at_rest(m):
    """The list when all VMs are where they stay."""
    wanted = {("hog", "0"): "running", ("many", "0"): "running", ("many", "1"): "ready", ("many", "2"): "ready",
              ("many", "3"): "ready", ("naps", "0"): "blocked", ("idle", "0"): "blocked", ("held", "0"): "blocked"}
    for _ in range(TRIES):
        vms, vcpus = listed(m)
        if vms["held"][1] == "paused" and all(vcpus[which][0] == state for which, state in wanted.items()):
            return vms, vcpus
    raise AssertionError(f"it does not come to rest: {vms} {vcpus}")


def at_rest(found):
    """A hart may have put its vcpu away just then, or look at its queue."""
    return (all(vcpu_of(found, *which)["state"] == "RUNNING" for which in RUNNERS)
            and all(row["lock"] in ("free", "-") for row in found.get("hv runq", [])))


def tables_at_rest(connect, *commands):
    """gdb's likewise. When they never are, the last ones, for the test to judge."""
    for _ in range(TRIES):
        found = tables(connect, "hv vms", "hv vcpus", *commands)
        if at_rest(found):
            break
    return found


def same_as_listed(found, vms, vcpus):
    """The tables of VMs and vcpus against the operator's list. The words of a state are the ELF file's in the one and
    hartvisor's in the other."""
    assert {row["name"]: (str(int(row["id"]) + 1), row["state"].lower(), row["memory MiB"], row["vcpus"])
            for row in found["hv vms"] if row["state"] != "OFF"} == {n: vm for n, vm in vms.items() if vm[1] != "off"}
    assert [row["name"] for row in found["hv vms"]] == list(vms)
    assert {row["references"] for row in found["hv vms"]} == {"1"}
    for row in found["hv vcpus"]:
        if vms[row["vm"]][1] != "off":
            state = "stopped" if row["hsm"] == "STOPPED" else STATES[row["state"]]
            assert (state, row["pcpu"]) == vcpus[row["vm"], row["id"]], row
    assert [row["vm"] for row in found["hv vcpus"]] == [vm for vm, row in vms.items() for _ in range(int(row[3]))]


def vcpu_of(found, vm, vcpu):
    return next(row for row in found["hv vcpus"] if (row["vm"], row["id"]) == (vm, vcpu))


def test_gdb_says_what_the_operators_list_says(name):
    with machine(name) as (m, connect):
        vms, vcpus = listed_at_rest(m)
        found = tables_at_rest(connect, "hv vcpus many", "hv requests", "hv runq", "hv timers")
        same_as_listed(found, vms, vcpus)
        assert found["hv vcpus many"] == [row for row in found["hv vcpus"] if row["vm"] == "many"]

        idle, held = vcpu_of(found, "idle", "0"), vcpu_of(found, "held", "1")
        assert idle["halt ends by"] == "REQUEST,KICK,IRQ,TIMER" and idle["mode"] == "OUTSIDE_GUEST_MODE"
        assert held["hsm"] == "STOPPED" and held["on_cpu"] == "0" and held["halt ends by"] == "-"
        assert vcpu_of(found, "hog", "0")["on_cpu"] == "1" and vcpu_of(found, "hog", "0")["halt ends by"] == "-"

        # Three have been asked to start and have never had their hart. The pause has asked two, and woken none that sleeps.
        asked = {(row["vm"], row["id"]): row["requests"] for row in found["hv requests"]}
        assert asked.pop(("held", "0"), "SLEEP") == "SLEEP"  # unless it was awake
        assert asked == {("held", "1"): "SLEEP", **{("many", vcpu): "RESET" for vcpu in "123"}}
        assert vcpu_of(found, "many", "1")["hsm"] == "START_PENDING"

        queue = [(row["pcpu"], row["place"], row["entity"], row["weight"]) for row in found["hv runq"]]
        assert queue[:2] == [("0", "runs", "many/0", "100"), ("1", "runs", "hog/0", "100")]
        assert queue[2] == ("1", "fifo 3", "many/3", "100")
        assert sorted(queue[3:]) == [("1", "fair", "many/1", "100"), ("1", "fair", "many/2", "200")]
        assert [row["lock"] for row in found["hv runq"] if row["place"] == "runs"] == ["free", "free"]
        deadlines = [int(row["deadline"]) for row in found["hv runq"] if row["place"] == "fair"]
        assert deadlines == sorted(deadlines)
        assert all(int(row["vtime"]) < int(row["deadline"]) for row in found["hv runq"] if row["place"] == "fair")

        nap = next(row for row in found["hv timers"] if row["timer"] == "naps/0")
        assert nap["function"] == "timer_fired" and 0 < int(nap["left us"]) <= HOUR_MS * 1000
        for hart in "01":
            deadlines = [int(row["deadline"]) for row in found["hv timers"] if row["pcpu"] == hart]
            assert deadlines == sorted(deadlines)

        # gdb has gone, and has left the machine as it was.
        assert listed_at_rest(m) == (vms, vcpus)


def test_gdb_sees_hartvisor_while_all_harts_are_in_guests(name):
    with Machine(name, bundle(name, SPINNERS), smp=2, mem="512M") as m:
        m.expect_lines({"spins": "SPIN on 2 vcpus", "idle": "HELLO"})
        m.monitor.serve_gdb()
        for _ in range(TRIES):
            said = run_gdb(f"target remote {m.monitor.gdb}", "python import machine",
                           "python print('in guests:', [hart.in_guest for hart in machine.harts()])",
                           "x/gx &nr_pcpus", "hv vms", "hv vcpus", "x/gx &nr_pcpus")
            if "in guests: [True, True]" in said:
                break
        assert "in guests: [True, True]" in said
        # What gdb itself reads is the guest's, before and after the commands.
        assert len(re.findall("Cannot access memory at address", said)) == 2, said
        assert re.findall(r"^(\w+) +\d+ +RUNNING +\d+ +32 +1$", said, re.M) == ["spins", "idle"], said
        # Of a vcpu that runs the hart tells the pc, which is in the guest.
        pcs = re.findall(r"^spins +\d +RUNNING +IN_GUEST_MODE .*0x(\w+)$", said, re.M)
        assert len(pcs) == 2, said
        assert all(0x80200000 <= int(pc, 16) < 0x80200000 + guest("spin").stat().st_size for pc in pcs), said


def test_gdb_reads_a_core(name, tmp_path):
    core = tmp_path / "core"
    with machine(name) as (m, _):
        vms, vcpus = listed_at_rest(m)
        for _ in range(TRIES):
            said = m.monitor.ask(f"dump-guest-memory {core}", timeout=hv.TIMEOUT)
            assert "rror" not in said, said
            found = tables(f"core-file {core}", "hv vms", "hv vcpus", "hv requests", "hv runq", "hv timers")
            if at_rest(found):
                break
    same_as_listed(found, vms, vcpus)
    assert {row["requests"] for row in found["hv requests"]} == {"RESET", "SLEEP"}
    assert {row["entity"] for row in found["hv runq"]} == {"many/0", "hog/0", "many/1", "many/2", "many/3"}
    assert "naps/0" in {row["timer"] for row in found["hv timers"]}
    assert {row["left us"] for row in found["hv timers"]} == {"-"}
    core.unlink()  # pytest keeps its folders


def while_it_is(place, value, command):
    """@command while the eight bytes at @place, an expression of the script's, are @value; then they are as they were."""
    write = "gdb.selected_inferior().write_memory(at, {}.to_bytes(8, 'little'))"
    return [f"python with the_machine() as m: at = m.translate({place})[0]; "
            f"was = int.from_bytes(m.physical(at, 8), 'little'); " + write.format(f"({value})"),
            command, "python with the_machine() as m: " + write.format("was")]


def test_what_is_corrupt_costs_one_row(name):
    """In a machine that stands still, and that has everything back before it goes on."""
    third = "m.object(VM.TYPE, m.variable(VM_TABLE).elements()[2].number())"
    with machine(name) as (m, connect):
        vms, vcpus = listed_at_rest(m)
        for pointer, why in ((0xffffffff12345678, "nothing is mapped at 0xffffffff12345678"),
                             (0x123456789abcdef0, "0x123456789abcdef0 is no address")):
            said = run_gdb(connect, *while_it_is(f"{third}.part(VM.VCPUS).elements()[0].address", pointer, "hv vcpus"))
            assert f"struct vcpu at {pointer:#x}: {why}" in said, said
            rows = re.findall(r"^(\w+) +(\d+) +[A-Z]+  ", said, re.M)
            assert rows == [(vm, str(i)) for vm, row in vms.items() if vm != "idle" for i in range(int(row[3]))], said

            said = run_gdb(connect, *while_it_is("m.variable(VM_TABLE).elements()[2].address", pointer, "hv vms"))
            assert f"struct vm at {pointer:#x}: {why}" in said, said
            assert re.findall(r"^(\w+) +\d+ +[A-Z]+  ", said, re.M) == [vm for vm in vms if vm != "idle"], said

        second = "m.object('struct runq', m.variable(RUNQ_TABLE).number() + gdb.lookup_type('struct runq').sizeof)"
        root = f"{second}.number(RUNQ.TREE)"
        left = f"m.object(ENTITY.TYPE, {root}).part(ENTITY.CHILDREN[0]).address"
        said = run_gdb(connect, *while_it_is(left, root, "hv runq"))
        assert re.search(r"^struct sched_entity at 0x\w+: is linked twice: the links are corrupt$", said, re.M), said
        assert "hog/0" in said and "many/0" in said
        assert listed_at_rest(m) == (vms, vcpus)


def test_errors_say_what_to_do(name):
    every = ["hv vms", "hv vcpus", "hv runq", "hv requests", "hv timers"]
    assert len(re.findall(r"^hv: no struct vcpu in what is loaded: load .*\(file build/hartvisor.elf\)$",
                          run_gdb(*every, elf=None), re.M)) == len(every)
    assert "hv: no struct vcpu in " in run_gdb("hv vms", elf=guest("hello").with_suffix(".elf"))
    assert len(re.findall("^hv: no machine: `target remote` ", run_gdb(*every), re.M)) == len(every)
    with Machine(name, bundle(name, VMS), mem="512M", args=["-S"]) as m:
        # It says nothing before its monitor is there.
        while m.child.isalive() and not m.monitor.path.exists():
            time.sleep(0.01)
        m.monitor.serve_gdb()
        connect = f"target remote {m.monitor.gdb}"
        assert "hv: hartvisor is in memory at 0x80200000, but not up yet: let it go on" in run_gdb(connect, "hv vms")
        said = run_gdb(connect, "hv vms", elf=BUILD / "hartvisor-no-fast.elf")
        assert re.search(r"hv: nowhere in this machine's RAM is the code of \S+no-fast.elf: another build runs there", said)
        # It went on when gdb had gone.
        m.expect_line("idle", "HELLO")
        assert "hv: no vcpu of a VM with name or id nix: hv vms lists them" in run_gdb(connect, "hv vcpus nix")
