# SPDX-License-Identifier: BSD-2-Clause
"""gdb's commands for a hartvisor in QEMU, or in a core that QEMU's monitor has written (dump-guest-memory FILE).

    gdb-multiarch build/hartvisor.elf -x tools/gdb/hartvisor.py
    (gdb) target remote :1234               or: core-file FILE
    (gdb) hv vms | hv vcpus [VM] | hv runq | hv requests | hv timers

Each prints a table; `help hv vcpus` says what is in it. It does not matter where the harts are (machine.py).
"""

import os
import sys

import gdb

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from machine import (ALL_ONES, Unreadable, chain, enumerators, gather, give_up, macros, one, read_each,  # noqa: E402
                     some, symbol_at, the_machine, tree)

# --- what this script knows of hartvisor: names of variables, types and members; a rename is one line here ----------------

VM_TABLE, PCPU_TABLE, NR_PCPUS = "vms", "pcpus", "nr_pcpus"
RUNQ_TABLE, NR_RUNQS = "runqs", "nr_runqs"
TIMER_QUEUES, TIMER_HZ = "timer_queues", "timer_hz"
VM_STATE, VCPU_MODE, SCHED_STATE = "enum vm_state", "enum vcpu_mode", "enum sched_state"
REQUEST, WAKE_REASON, SCHED_CLASS = "enum vcpu_request", "enum wake_reason", "enum sched_class"


class VM:
    TYPE = "struct vm"
    NAME, ID, STATE, REFS, RAM = "name", "id", "state", "refs", "gstage.ram_bytes"
    NR_VCPUS, VCPUS, TASK = "nr_vcpus", "vcpus", "task"


class VCPU:
    TYPE = "struct vcpu"
    ID, MODE, HSM, REQUESTS, PC = "id", "mode", "hsm.state", "requests", "regs.sepc"
    HALT_ENDS = "halt.ends"
    ENTITY, TIMER = "se", "timer.host"
    INTERRUPTS = ("irq.inject", "irq.levels", "irq.shadow")


class ENTITY:
    TYPE = "struct sched_entity"
    STATE, PCPU, ON_CPU, CLASS, WEIGHT = "state", "pcpu", "on_cpu", "class", "weight"
    FAIR, NODE = "FAIR", "node"
    VTIME, DEADLINE, CHILDREN = "fair.vtime", "fair.vdeadline", ("fair.left", "fair.right")


class RUNQ:
    RUNNING, LENDER, NEXT, LEVELS = "running", "lender", "next", "fifo.level"
    TREE, NOW = "fair.root", "fair.v"
    LOCK_NEXT, LOCK_OWNER = "lock.next", "lock.owner"


class TIMER:
    TYPE = "struct timer"
    DEADLINE, FUNCTION, LINKS = "deadline", "fn", ("child", "next")


class QUEUE:
    HEAP, SLICE = "heap", "slice"


class PCPU:
    TYPE = "struct pcpu"
    HARTID, CURRENT = "hartid", "current"


# Numbers of specifications that are macros, so no debugger sees them: file, and what their names begin with.
HSM_STATES = "guest/include/hartvisor/sbi.h", "SBI_HSM_STATE_"
INTERRUPTS = "hyp/arch/csr.h", "IRQ_"

# --- what there is: objects, and a line of text in the place of one that cannot be read --------------------------------


def objects(things):
    """Those that could be read."""
    return [thing for thing in things if not isinstance(thing, str)]


def rows_of(things, row):
    return [thing if isinstance(thing, str) else row(thing) for thing in things]


def each_vm(machine):
    pointers = machine.variable(VM_TABLE).elements()
    return read_each(machine, VM.TYPE, [int(p.value) for p in pointers if p.value])


def each_vcpu(machine, wanted=""):
    """(VM, vcpu); with @wanted of one VM, by name or id."""
    for vm in each_vm(machine):
        if isinstance(vm, str):
            yield vm
        elif wanted in ("", vm.text(VM.NAME), str(vm.number(VM.ID))):
            pointers = vm.part(VM.VCPUS).elements()[:vm.number(VM.NR_VCPUS)]
            for vcpu in read_each(machine, VCPU.TYPE, [int(p.value) for p in pointers]):
                yield vcpu if isinstance(vcpu, str) else (vm, vcpu)


def known_names(machine):
    """Address to name, of what queues and timers refer to: vcpus' and tasks' entities, vcpus' timers."""
    names = {}
    for vm in objects(each_vm(machine)):
        names[vm.part(VM.TASK).address] = f"{vm.text(VM.NAME)}/task"
    for vm, vcpu in objects(each_vcpu(machine)):
        for part in (VCPU.ENTITY, VCPU.TIMER):
            names[vcpu.part(part).address] = f"{vm.text(VM.NAME)}/{vcpu.number(VCPU.ID)}"
    return names


def pcs_of_guests(machine):
    """Address of a vcpu to its pc, of those that harts are executing."""
    pointers = machine.variable(PCPU_TABLE).elements()[:machine.variable(NR_PCPUS).number()]
    pcpus = objects(read_each(machine, PCPU.TYPE, [int(p.value) for p in pointers]))
    loaded = {pcpu.number(PCPU.HARTID): pcpu.number(PCPU.CURRENT) for pcpu in pcpus}
    return {loaded.get(hart.hartid): hart.pc for hart in machine.harts if hart.in_guest}


def lock_of(queue):
    taken = (queue.number(RUNQ.LOCK_NEXT) - queue.number(RUNQ.LOCK_OWNER)) % (1 << 32)
    return "free" if taken == 0 else f"held, {taken - 1} wait" if taken > 1 else "held"


# --- the tables: a head, and rows of which one that is a string says what is wrong, in its place -------------------------


def vms(machine, _argument):
    """The VMs: id, state, number of vcpus, RAM that it has now, references (vcpu/registry.h)."""
    states = enumerators(VM_STATE)

    def row(vm):
        return (vm.text(VM.NAME), vm.number(VM.ID), one(states, vm.number(VM.STATE)), vm.number(VM.NR_VCPUS),
                vm.number(VM.RAM) >> 20, vm.number(VM.REFS))

    return ("name", "id", "state", "vcpus", "memory MiB", "references"), rows_of(each_vm(machine), row)


def vcpus(machine, wanted):
    """The vcpus, or with an argument those of the VM with that name or id.
state: of its scheduler's entity, RUNNING for one that rests (run/rest.c), too; halt ends by: what ends the halt that it is
in; on_cpu: it is loaded on its pcpu;
pc: where it is when a hart executes it now (QEMU 9.2 or newer tells, a core does not), else where it left the guest."""
    states, modes, hsm = enumerators(SCHED_STATE), enumerators(VCPU_MODE), macros(*HSM_STATES)
    reasons, names, interrupts = bits_of(WAKE_REASON), request_names(), macros(*INTERRUPTS)
    pcs = pcs_of_guests(machine)

    def row(vm_and_vcpu):
        vm, vcpu = vm_and_vcpu
        entity, pending = vcpu.part(VCPU.ENTITY), 0
        for word in VCPU.INTERRUPTS:
            pending |= vcpu.number(word)
        return (vm.text(VM.NAME), vcpu.number(VCPU.ID), one(states, entity.number(ENTITY.STATE)),
                one(modes, vcpu.number(VCPU.MODE)), one(hsm, vcpu.number(VCPU.HSM)),
                some(reasons, vcpu.number(VCPU.HALT_ENDS)), some(names, vcpu.number(VCPU.REQUESTS)),
                some(interrupts, pending), entity.number(ENTITY.PCPU), entity.number(ENTITY.ON_CPU),
                f"{pcs.get(vcpu.address, vcpu.number(VCPU.PC)):#x}")

    rows = rows_of(each_vcpu(machine, wanted), row)
    if wanted and not rows:
        give_up(f"no vcpu of a VM with name or id {wanted}: hv vms lists them")
    return ("vm", "id", "state", "mode", "hsm", "halt ends by", "requests", "interrupts", "pcpu", "on_cpu", "pc"), rows


def bits_of(enum):
    """Of an enum whose values are masks of one bit."""
    return {value.bit_length() - 1: name for value, name in enumerators(enum).items()}


def request_names():
    """The lowest bits of a value are the number of a bit, those above are flags (vcpu/request.h)."""
    return {value % 64: name for value, name in enumerators(REQUEST).items()}


def requests(machine, _argument):
    """The vcpus with requests that they have not seen to yet."""
    states, modes, names = enumerators(SCHED_STATE), enumerators(VCPU_MODE), request_names()

    def row(vm_and_vcpu):
        vm, vcpu = vm_and_vcpu
        return (vm.text(VM.NAME), vcpu.number(VCPU.ID), one(states, vcpu.part(VCPU.ENTITY).number(ENTITY.STATE)),
                one(modes, vcpu.number(VCPU.MODE)), some(names, vcpu.number(VCPU.REQUESTS)))

    asked = (thing for thing in each_vcpu(machine) if isinstance(thing, str) or thing[1].number(VCPU.REQUESTS))
    return ("vm", "id", "state", "mode", "requests"), rows_of(asked, row)


def places(machine, queue):
    """(place, what is there) of a queue, in the order of turns."""
    for place, path in (("runs", RUNQ.RUNNING), ("lent", RUNQ.LENDER), ("next", RUNQ.NEXT)):
        yield place, gather(machine, ENTITY.TYPE, queue.number(path), lambda entity: [])
    *priorities, expedited = queue.part(RUNQ.LEVELS).elements()
    yield "expedited", chain(expedited, ENTITY.TYPE, ENTITY.NODE)
    for priority, head in reversed(list(enumerate(priorities))):
        yield f"fifo {priority}", chain(head, ENTITY.TYPE, ENTITY.NODE)
    yield "fair", sorted(tree(machine, ENTITY.TYPE, queue.number(RUNQ.TREE), ENTITY.CHILDREN), key=turn(queue))


def turn(queue):
    """An entity that is ahead of the queue's virtual time has no turn before that has passed it (sched/fair.h)."""

    def key(entity):
        if isinstance(entity, str):
            return 2, 0
        return entity.number(ENTITY.VTIME) > queue.number(RUNQ.NOW), entity.number(ENTITY.DEADLINE)

    return key


def runq(machine, _argument):
    """What runs on each pcpu, and what waits there in the order of its turns.
These are: lent its hart, next after a directed yield, expedited, class fifo by priority, then class fair by deadline, of
which those are first that are eligible (vtime not above 0). vtime and deadline count from the queue's virtual time on.
The lock is the queue's; it is a ticket lock, which does not say which hart holds it."""
    fair = next(value for value, name in enumerators(SCHED_CLASS).items() if name == ENTITY.FAIR)
    names, table = known_names(machine), machine.variable(RUNQ_TABLE)
    kind, rows = table.type.target(), []

    def row(index, queue, place, entity):
        times = [entity.number(path) - queue.number(RUNQ.NOW) for path in (ENTITY.VTIME, ENTITY.DEADLINE)]
        return (index, place, names.get(entity.address, f"{entity.address:#x}"), entity.number(ENTITY.WEIGHT),
                *(times if entity.number(ENTITY.CLASS) == fair else "--"), lock_of(queue) if place == "runs" else "-")

    addresses = [table.number() + i * kind.sizeof for i in range(machine.variable(NR_RUNQS).number())]
    for index, queue in enumerate(read_each(machine, kind, addresses)):
        if isinstance(queue, str):
            rows.append(queue)
            continue
        for place, things in places(machine, queue):
            rows += rows_of(things, lambda entity: row(index, queue, place, entity))
            if place == "runs" and not things:
                rows.append((index, place, *"----", lock_of(queue)))
    return ("pcpu", "place", "entity", "weight", "vtime", "deadline", "lock"), rows


def timers(machine, _argument):
    """The timers that are armed on each pcpu, earliest first.
timer: the vcpu in whose place it waits, or the variable or address of the timer; `slice` is the end of what runs there;
left us: from now to the deadline, unless the time is not to be had (in a core)."""
    names, hz = known_names(machine), machine.variable(TIMER_HZ).number()
    now = next((hart.time for hart in machine.harts if hart.time is not None), None)

    def row(index, deadline, timer, function):
        return index, timer, deadline, "-" if now is None else (deadline - now) * 1000000 // hz, function

    def armed(timer):
        return (timer.number(TIMER.DEADLINE), names.get(timer.address) or symbol_at(timer.address),
                symbol_at(timer.number(TIMER.FUNCTION)))

    rows = []
    for index, queue in enumerate(machine.variable(TIMER_QUEUES).elements()[:machine.variable(NR_PCPUS).number()]):
        things = rows_of(tree(machine, TIMER.TYPE, queue.number(QUEUE.HEAP), TIMER.LINKS), armed)
        if queue.number(QUEUE.SLICE) != ALL_ONES:
            things.append((queue.number(QUEUE.SLICE), "slice", "-"))
        rows += [row(index, *timer) for timer in sorted(objects(things))]
        rows += [thing for thing in things if isinstance(thing, str)]
    return ("pcpu", "timer", "deadline", "left us", "function"), rows


# --- the commands -----------------------------------------------------------------------------------------------------


def print_table(head, rows):
    rows = [row if isinstance(row, str) else [str(cell) for cell in row] for row in rows]
    whole = [list(head), *(row for row in rows if not isinstance(row, str))]
    widths = [max(map(len, column)) for column in zip(*whole)]
    for row in [whole[0], *rows]:
        cells = [row] if isinstance(row, str) else [cell.ljust(width) for cell, width in zip(row, widths)]
        gdb.write("  ".join(cells).rstrip() + "\n")
    if not rows:
        gdb.write("none\n")


class Command(gdb.Command):
    def __init__(self, table):
        self.table, self.__doc__ = table, table.__doc__
        super().__init__(f"hv {table.__name__}", gdb.COMMAND_DATA)

    def invoke(self, argument, _from_tty):
        with the_machine() as machine:
            try:
                print_table(*self.table(machine, argument.strip()))
            except Unreadable as error:
                give_up(error)


class Commands(gdb.Command):
    """What hartvisor in this machine, or core, is doing."""

    def __init__(self):
        super().__init__("hv", gdb.COMMAND_DATA, prefix=True)


Commands()
for each in (vms, vcpus, runq, requests, timers):
    Command(each)
