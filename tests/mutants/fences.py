#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Take away, or misplace, each fence of translations, instructions and devices in hartvisor; a test must notice.

usage: fences.py [--check] [--only REGEX] [--jobs N]

A row of MUTANTS is a text of a source, what stands there instead, and the nets that look at it: unit programs
(tests/unit/NAME.c) or "code", which looks at the instructions that the compiler and the assembler make (code_is_right()).
A row is caught when one of its nets fails. A text that is not found, or found twice, is a failure: the row has rotted.
Every fence in hyp stands in the text of some row; one that does not is a failure, too.
--check looks at the texts alone, and at the code as it is.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import nets  # noqa: E402

FENCE = re.compile(r"\barch_(?:sfence|hfence|fence)_\w+\(|^\s*sfence\.vma|\"(?:[^\"]*\\n)?(?:sfence|hfence|fence)[. ][^\"]*\"", re.M)
DEFINITION = re.compile(r"static inline void arch_\w+\(")

FENCE_C, VCPU_FENCE_H, CALLS = "hyp/vcpu/fence.c", "hyp/vcpu/fence.h", "hyp/sbi/calls.h"
VCPU_C, GUEST_MEM, VMID = "hyp/vcpu/vcpu.c", "hyp/vcpu/guest_mem.c", "hyp/mm/vmid.c"
MAGIC, VM_C, GSTAGE, LOAD = "hyp/pv/magic.c", "hyp/vcpu/vm.c", "hyp/mm/gstage.c", "hyp/vcpu/load.h"
BALLOON = "hyp/dev/virtio/balloon_ram.c"
BOOT_MAP, COROUTINE, HOSTMAP, ENTRY, FENCE_H = ("hyp/arch/boot_map.c", "hyp/arch/coroutine.c", "hyp/mm/hostmap.c",
                                                "hyp/arch/entry.S", "hyp/arch/fence.h")

CALL, BACK = "run/test_fast_calls", "dev/test_balloon"
STEPS = "vm/test_lifecycle_steps"
RANDOM, TWO, ORDERS, HOST = "tlb/test_random", "tlb/test_two_harts", "tlb/test_orders", "tlb/test_hostmap"

FLUSH = "(void)vm_make_all_vcpus_request(v->vm, REQUEST_TLB_FLUSH);"

# (name, file, text, instead, nets)
MUTANTS = [
    # a guest's own fences (RFENCE)
    ("by ASID: none", VCPU_FENCE_H, "arch_hfence_vvma_asid(f->asid);", ";", [RANDOM]),
    ("all: none", VCPU_FENCE_H, "		else\n			arch_hfence_vvma_all();", "		else\n			;", [RANDOM]),
    ("by address and ASID: none", VCPU_FENCE_H, "arch_hfence_vvma_addr_asid(at, f->asid);", ";", [RANDOM]),
    ("by address: none", VCPU_FENCE_H, "		else\n			arch_hfence_vvma_addr(at);", "", [RANDOM]),
    ("the first page alone", VCPU_FENCE_H, "at.gva != end.gva; at =", "at.gva != f->start.gva + PAGE_SIZE; at =", [RANDOM]),
    ("one's own is forgotten", FENCE_C, "	if (!vcpu_set_empty(own))\n		vcpu_fence_now(f);", "", [RANDOM]),
    ("those of others are forgotten", FENCE_C, "		vm_fence_others(vm, vcpu_set_without(set, own), f);", "		;", [RANDOM]),
    ("the list is not worked off", FENCE_C, "	for (unsigned int i = 0; i < v->fences.nr; i++)\n		vcpu_fence_now(&v->fences.ring[i]);", "", [RANDOM]),
    ("all of them: only the list is emptied", FENCE_C, "	spin_unlock(&v->fences.lock);\n	arch_hfence_vvma_all();", "	spin_unlock(&v->fences.lock);", [RANDOM]),
    ("a full list loses the fence", FENCE_C, "			all = vcpu_set_or(all, vcpu_set_head(left));", "			;", [RANDOM]),
    ("code: one's own is forgotten", FENCE_C, "	if (!vcpu_set_empty(own))\n		arch_fence_i();", "", [RANDOM]),
    ("code: those of others are forgotten", FENCE_C, "		(void)vcpus_make_request(vm, vcpu_set_without(set, own), REQUEST_FENCE_I);", "		;", [RANDOM]),
    ("code: the request is not served", VCPU_C, "	if (vcpu_check_request(REQUEST_FENCE_I, v))\n		arch_fence_i();", "	(void)vcpu_check_request(REQUEST_FENCE_I, v);", [RANDOM]),
    ("HFENCE_VVMA_ALL is not served", VCPU_C, "	if (vcpu_check_request(REQUEST_HFENCE_VVMA_ALL, v))\n		vcpu_fence_all(v);", "	(void)vcpu_check_request(REQUEST_HFENCE_VVMA_ALL, v);", [RANDOM]),
    ("HFENCE is not served", VCPU_C, "	if (vcpu_check_request(REQUEST_HFENCE, v))\n		vcpu_fence_drain(v);", "	(void)vcpu_check_request(REQUEST_HFENCE, v);", [RANDOM]),
    ("one that sleeps is not fenced", VCPU_FENCE_H, "atomic_read(&v->halt.blocked) && vcpu_ask_outside(v, REQUEST_HFENCE_VVMA_ALL);", "atomic_read(&v->halt.blocked);", [RANDOM]),
    ("the fast path: one's own is forgotten", CALLS, "		vcpu_fence_now(&f);", "		;", [CALL]),
    ("the fast path: code, one's own is forgotten", CALLS, "	arch_fence_i();\n	return sbi_ok(v, 0);", "	return sbi_ok(v, 0);", [CALL]),
    # a vcpu's life and its harts
    ("code of another hart", VCPU_C, "	arch_fence_i();\n	atomic_set(&v->place.pcpu", "	atomic_set(&v->place.pcpu", [RANDOM]),
    ("a hart that starts: no fence of its translations", VCPU_C, "	vcpu_fence_all(v);\n	arch_fence_i();", "	arch_fence_i();", [ORDERS]),
    ("a hart that starts: no fence.i", VCPU_C, "	arch_fence_i();\n	atomic_set(&v->hsm.state", "	atomic_set(&v->hsm.state", [ORDERS]),
    # VMIDs
    ("nothing before a generation", VCPU_C, "	if (due == VMID_FENCE_ALL)\n		arch_hfence_gvma_all();\n	csr_write(CSR_HGATP, v->place.hgatp);", "	csr_write(CSR_HGATP, v->place.hgatp);", [ORDERS]),
    ("nothing after a generation", VCPU_C, "	csr_write(CSR_HGATP, v->place.hgatp);\n	if (due == VMID_FENCE_ALL)\n		arch_hfence_gvma_all();", "	csr_write(CSR_HGATP, v->place.hgatp);", [ORDERS]),
    ("no hfence.vvma", VCPU_C, "	if (due != VMID_FENCE_NONE)\n		arch_hfence_vvma_all();", "", [ORDERS]),
    ("hfence.vvma for the first of a generation alone", VCPU_C, "	if (due != VMID_FENCE_NONE)", "	if (due == VMID_FENCE_ALL)", [ORDERS]),
    ("the fences before hgatp", VCPU_C, "	csr_write(CSR_HGATP, v->place.hgatp);\n	if (due == VMID_FENCE_ALL)\n		arch_hfence_gvma_all();\n	if (due != VMID_FENCE_NONE)\n		arch_hfence_vvma_all();", "	if (due != VMID_FENCE_NONE)\n		arch_hfence_vvma_all();\n	csr_write(CSR_HGATP, v->place.hgatp);", [ORDERS]),
    ("no new generation", VMID, "	if (p->next >= p->limit)\n		begin_generation(pcpu);", "	if (p->next >= p->limit)\n		p->next = 0;", [ORDERS]),
    ("old numbers are good for ever", VMID, "	vmid_generation[pcpu]++;", "	if (!vmid_generation[pcpu])\n		vmid_generation[pcpu]++;", [ORDERS]),
    ("the first number needs no fence", VMID, "	if (v->id == 0)\n		return VMID_FENCE_ALL;\n", "", [ORDERS]),
    ("all but the first number need none", VMID, "	return v->generation > 1 ? VMID_FENCE_VVMA : VMID_FENCE_NONE;", "	return VMID_FENCE_NONE;", [ORDERS]),
    ("a hart keeps the tables of what ended", VMID, "	csr_write(CSR_HGATP, 0);\n	begin_generation(pcpu);\n}", "	begin_generation(pcpu);\n}", [ORDERS]),
    ("MODE = Bare begins no generation", VMID, "	csr_write(CSR_HGATP, 0);\n	begin_generation(pcpu);\n}", "	csr_write(CSR_HGATP, 0);\n}", [ORDERS]),
    ("a number is good on every hart", "hyp/mm/vmid.h", "v->pcpu == pcpu && v->generation", "v->generation", [RANDOM]),
    ("TLB_FLUSH keeps the number", VCPU_C, "		vmid_drop(&v->place.vmid); /* a fresh name has no entries */\n", "", [RANDOM]),
    ("a fresh number is not loaded", VCPU_C, "	if (vcpu_check_request(REQUEST_UPDATE_HGATP, v))\n		vcpu_load_hgatp(v);", "	(void)vcpu_check_request(REQUEST_UPDATE_HGATP, v);", [RANDOM]),
    ("one's vsatp with another's hgatp", LOAD, "	csr_write(CSR_VSATP, 0);\n", "", [ORDERS]),
    ("vsatp before hgatp", LOAD, "	vcpu_load_hgatp(v);\n	guest_vs_restore(&v->vs);", "	guest_vs_restore(&v->vs);\n	vcpu_load_hgatp(v);", [ORDERS]),
    # memory that goes
    ("a pause does not wait for devices", VM_C, "	vm_mem_wait(); /* for device code that has seen it run (dev/virtio/virtio.c) */\n", "", [STEPS]),
    ("RAM goes without a flush", VM_C, "		(void)vm_make_all_vcpus_request(vm, REQUEST_TLB_FLUSH);\n", "", [RANDOM, TWO]),
    ("RAM goes before the flush", VM_C, "		(void)vm_make_all_vcpus_request(vm, REQUEST_TLB_FLUSH);\n		vm_mem_wait();\n		gstage_free_pieces(pieces, nr);", "		gstage_free_pieces(pieces, nr);\n		(void)vm_make_all_vcpus_request(vm, REQUEST_TLB_FLUSH);", [TWO]),
    ("empty tables go after the flush", GSTAGE, [("	pgtable_prune(&gs->pt);\n	memcpy(gs->ram, kept", "	memcpy(gs->ram, kept"),
                                                ("	struct gstage_ram kept[GSTAGE_MAX_RAM + 2],", "	pgtable_prune(&gs->pt);\n	struct gstage_ram kept[GSTAGE_MAX_RAM + 2],")], None, [RANDOM, TWO]),
    ("what a balloon takes goes without a flush", BALLOON, "	(void)vm_make_all_vcpus_request(vm, REQUEST_TLB_FLUSH);\n", "", [BACK]),
    ("what a balloon takes goes before the flush", BALLOON, "	(void)vm_make_all_vcpus_request(vm, REQUEST_TLB_FLUSH);\n	vm_mem_wait();\n	/* A device of the machine may have it: then it is filled again. */\n	job_begin(&b->job, a, host, atomic_read_acquire(&vm->dma) != 0);", "	job_begin(&b->job, a, host, atomic_read_acquire(&vm->dma) != 0);\n	(void)vm_make_all_vcpus_request(vm, REQUEST_TLB_FLUSH);", [BACK]),
    ("what a balloon takes stays in the tables until the flush", BALLOON, [("	err = gstage_take_leaf(&vm->gstage, a, &host);", "	(void)vm_make_all_vcpus_request(vm, REQUEST_TLB_FLUSH);\n	err = gstage_take_leaf(&vm->gstage, a, &host);"), ("	(void)vm_make_all_vcpus_request(vm, REQUEST_TLB_FLUSH);\n	vm_mem_wait();\n	/* A", "	/* A")], None, [BACK]),
    ("what a balloon takes does not wait for device code", BALLOON, "	vm_mem_wait();\n	/* A device of the machine may", "	/* A device of the machine may", [BACK]),
    ("a hart that remembers a hole has no flush", BALLOON, "		vcpu_make_request(REQUEST_TLB_FLUSH, v);", "		(void)v;", [BACK]),
    ("the magic page goes without a flush", MAGIC, "	(void)vm_make_all_vcpus_request(vm, REQUEST_TLB_FLUSH);\n", "", [RANDOM, TWO]),
    ("the magic page goes after the flush", MAGIC, "	gstage_unmap_page(&vm->gstage, a);\n	(void)vm_make_all_vcpus_request(vm, REQUEST_TLB_FLUSH);", "	(void)vm_make_all_vcpus_request(vm, REQUEST_TLB_FLUSH);\n	gstage_unmap_page(&vm->gstage, a);", [RANDOM, TWO]),
    ("the magic page comes without a flush", MAGIC, "	else /* a hart may remember that there was nothing */\n		" + FLUSH, "", [RANDOM, TWO]),
    ("no flush when there is no memory", MAGIC, "	if (err == HV_ENOMEM) { /* tables came and went */\n		" + FLUSH, "	if (err == HV_ENOMEM) {", [TWO]),
    ("pruned tables are freed at once", "hyp/mm/pgtable.c", "	if (keep && pt->root_bits != 0) {", "	if (0) {", [RANDOM, TWO]),
    ("a read through a translation that was flushed", GUEST_MEM, "	if (requests & flushes)\n		arch_hfence_gvma_all();\n", "", [RANDOM]),
    ("a read through a translation that was fenced", GUEST_MEM, "	if (requests & fences)\n		arch_hfence_vvma_all();\n", "", [RANDOM]),
    # hartvisor's own
    ("memory that is mapped at boot", BOOT_MAP, "			pte_make_leaf(hpa(a), PTE_R | PTE_W | PTE_G);\n	arch_sfence_vma_all();", "			pte_make_leaf(hpa(a), PTE_R | PTE_W | PTE_G);", [HOST]),
    ("a window", BOOT_MAP, "	used += n;\n	arch_sfence_vma_all();", "	used += n;", [HOST]),
    ("the final tables", HOSTMAP, "	arch_sfence_vma_all();\n", "", [HOST]),
    ("the final tables: before them", HOSTMAP, "	csr_write(CSR_SATP, hostmap_satp());", "	arch_sfence_vma_all();\n	csr_write(CSR_SATP, hostmap_satp());\n#define arch_sfence_vma_all() ((void)0)", [HOST]),
    ("a coroutine begins", COROUTINE, "	arch_sfence_vma_all(); /* a hart may have", "	; /* a hart may have", [HOST]),
    ("a coroutine moves", COROUTINE, "	if (c->pcpu != p->index)\n		arch_sfence_vma_all();", "", [HOST]),
    ("the boot hart's satp", ENTRY, "	sfence.vma\n	csrw	CSR_SATP, a0", "	csrw	CSR_SATP, a0", ["code"]),
    ("another hart's satp", ENTRY, "	sfence.vma\n	csrw	CSR_SATP, t2", "	csrw	CSR_SATP, t2", ["code"]),
    ("a kick before its request", "hyp/arch/smp.c", "	arch_fence_w_o();\n", "", ["platform/test_aclint_sswi"]),
    # the instructions
    ("fence.i is none", FENCE_H, '"fence.i"', '""', ["code"]),
    ("sfence.vma is none", FENCE_H, '"sfence.vma"', '""', ["code"]),
    ("fence w, o is fence w, w", FENCE_H, '"fence w, o"', '"fence w, w"', ["code"]),
    ("hfence.gvma is hfence.vvma", FENCE_H, "hfence.gvma\\n", "hfence.vvma\\n", ["code"]),
    ("hfence.vvma is hfence.gvma", FENCE_H, "hfence.vvma\\n", "hfence.gvma\\n", ["code"]),
    ("an address is an ASID", FENCE_H, "hfence.vvma %0, zero", "hfence.vvma zero, %0", ["code"]),
    ("an ASID is an address", FENCE_H, "hfence.vvma zero, %0", "hfence.vvma %0, zero", ["code"]),
    ("address and ASID swapped", FENCE_H, "hfence.vvma %0, %1", "hfence.vvma %1, %0", ["code"]),
]

# --- the instructions -----------------------------------------------------------------------------

# What each function of arch/fence.h is to be; its arguments come in a0 and a1.
PROBE = {
    "arch_fence_i()": "fence.i", "arch_sfence_vma_all()": "sfence.vma", "arch_fence_w_o()": "fence\tw,o",
    "arch_hfence_gvma_all()": "hfence.gvma", "arch_hfence_vvma_all()": "hfence.vvma",
    "arch_hfence_vvma_addr(gva(a))": "hfence.vvma\ta0", "arch_hfence_vvma_asid(a)": "hfence.vvma\tzero,a0",
    "arch_hfence_vvma_addr_asid(gva(a), b)": "hfence.vvma\ta0,a1",
}


def objdump(build, obj):
    tool = re.sub(r"gcc$", "objdump", build.cc)
    listing = subprocess.run([tool, "-d", "-M", "no-aliases", "--no-show-raw-insn", str(obj)], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
    return [line.split("\t", 1)[1].split("#")[0].strip() for line in listing.splitlines() if re.match(r"\s+[0-9a-f]+:\t", line)]


def fences_are_right(build, header, folder):
    """Is each function of @header the one instruction that its name says?"""
    for call, wanted in PROBE.items():
        source, obj = folder / "probe.c", folder / "probe.o"
        source.write_text(f'#include "{header.resolve()}"\nvoid f(uint64_t a, uint64_t b)\n{{\n{call};\n}}\n')
        subprocess.run([build.cc, *build.flags, "-w", "-march=rv64imac_zicsr_zifencei", "-c", "-o", str(obj), str(source)], check=True)
        # As objdump writes operands: zero registers that are left out, or not.
        found = {re.sub(r"\s+", " ", re.sub(r"([\t,](x0|zero))+$", "", i)) for i in objdump(build, obj)}
        if re.sub(r"\s+", " ", wanted) not in found:
            return False, f"{call}: {', '.join(sorted(found))}"
    return True, ""


def satp_is_right(build, source, folder):
    """Does sfence.vma stand before each write of satp in @source, where the former owner of the hart has left entries?"""
    obj = folder / "entry.o"
    subprocess.run([build.cc, *build.flags, f"-iquote{pathlib.Path(ENTRY).parent}", "-c", "-o", str(obj), str(source)], check=True)
    code = objdump(build, obj)
    writes = [i for i, insn in enumerate(code) if re.match(r"csrrw\b.*satp", insn)]
    if len(writes) < 2:
        return False, f"{len(writes)} writes of satp"
    bad = [code[i] for i in writes if not code[i - 1].startswith("sfence.vma")]
    return not bad, ", ".join(bad)


def code_is_right(build, file, text, folder):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / pathlib.Path(file).name
    path.write_text(text)
    return fences_are_right(build, path, folder) if file == FENCE_H else satp_is_right(build, path, folder)


# --- the table ------------------------------------------------------------------------------------


def changes_of(row):
    _, _, text, instead, _ = row
    return text if isinstance(text, list) else [(text, instead)]


def pattern_of(text):
    """Any white space stands for any other, so that layout may change."""
    return r"\s*".join(re.escape(word) for word in text.split())


def problems_of_rows(rows):
    for row in rows:
        source = pathlib.Path(row[1]).read_text()
        for text, _ in changes_of(row):
            found = len(re.findall(pattern_of(text), source))
            if found != 1:
                yield f"{row[0]}: {row[1]} has the text to replace {found} times:\n{text}"


def fences_without_rows(rows):
    for file in sorted(str(p) for p in pathlib.Path("hyp").rglob("*.[chS]")):
        source = pathlib.Path(file).read_text()
        spans = [m.span() for row in rows if row[1] == file for text, _ in changes_of(row)
                 for m in re.finditer(pattern_of(text), source)]
        for match in FENCE.finditer(source):
            line = source[source.rfind("\n", 0, match.start()) + 1:source.find("\n", match.end())]
            at = match.start() + len(match.group()) - len(match.group().lstrip())
            covered = any(begin <= at < end or (at <= begin and end <= match.end()) for begin, end in spans)
            if not covered and not DEFINITION.search(line) and not line.lstrip().startswith(("*", "/*")):
                number = source.count("\n", 0, at) + 1
                yield f"{file}:{number}: no row of tests/mutants/fences.py has this fence: {line.strip()}"


class NothingKept:
    """No result of another run is of use: what is unbroken is tried each time."""

    def find(self, key):
        return None

    def add(self, key, value):
        pass


class Judge:
    def __init__(self, jobs):
        self.build = nets.Build()
        self.pool = concurrent.futures.ThreadPoolExecutor(jobs)
        self.programs = {}

    def program(self, name):
        if name not in self.programs:
            program = nets.UnitProgram(nets.UNIT / f"{name}.c", self.build)
            self.programs[name] = (program, program.prepare(self.pool, NothingKept()))
        return self.programs[name]

    def mutated(self, row, folder):
        file = row[1]
        source = pathlib.Path(file).read_text()
        for text, instead in changes_of(row):
            source = re.sub(pattern_of(text), lambda _, new=instead: new, source, count=1)
        path = folder / ("shadow/" + file if file.endswith(".h") else pathlib.Path(file).name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        return path, source

    def judge(self, row):
        """(caught, by what)"""
        folder = nets.OUT / "fences" / re.sub(r"\W+", "-", row[0])
        path, source = self.mutated(row, folder)
        for net in row[4]:
            if net == "code":
                right, why = code_is_right(self.build, row[1], source, folder)
                if not right:
                    return True, f"code: {why}"
                continue
            result = self.programs[net][0].try_mutant(row[1], path, folder)
            if result is None:
                return False, f"{net}: does not compile"
            if result[0]:
                return True, f"{net}: {result[1]}"
        return False, ""


def main():
    parser = argparse.ArgumentParser(description="Take each fence of hartvisor away; its tests must notice.")
    parser.add_argument("--check", action="store_true", help="only: is each fence in the table, and the code right?")
    parser.add_argument("--only", default="", help="rows whose name matches")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()

    passed = failed = 0
    rows = [row for row in MUTANTS if re.search(options.only, row[0])]
    problems = [*problems_of_rows(MUTANTS), *fences_without_rows(MUTANTS)]
    judge = Judge(options.jobs)
    for file in (FENCE_H, ENTRY):
        right, why = code_is_right(judge.build, file, pathlib.Path(file).read_text(), nets.OUT / "fences" / "unbroken")
        if not right:
            problems.append(f"{file}: {why}")
    for problem in problems:
        print(problem, flush=True)
    failed += len(problems)
    passed += not problems
    if not options.check and not problems:
        for name in sorted({net for row in rows for net in row[4] if net != "code"}):
            program, good = judge.program(name)
            if not good:
                print(f"{name}: does not pass unbroken: {getattr(program, 'why', 'does not build')}", flush=True)
                failed += 1
        for row, (caught, why) in zip(rows, judge.pool.map(judge.judge, rows)):
            print(f"{'caught' if caught else 'SURVIVES':<9} {row[1] + ': ' + row[0]:<66} {why}", flush=True)
            passed += caught
            failed += not caught
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
