/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three VMs with two vcpus each, on two harts with TLBs (tlb/hart.h). hartvisor's own sources make and end the VMs,
 * load, fence and put the vcpus, and map and unmap; the program says what happens in which order.
 *
 * What a guest may see is written down beside: where each guest-physical page was since the last flush of the VM was
 * done, where each virtual page was since the last fence on that vcpu was done, and which code there was. A guest that
 * runs (uses()) must find nothing else: no page of another VM, no page that was freed, no mapping and no instruction
 * that is older than the last completed fence, and no fault where there was a page all the time.
 *
 * A program of such worlds is LIKE this file, which names what it is made of:
 *
 * SOURCES: hyp/mm/vmid.c hyp/mm/gstage.c hyp/mm/gstage_leaf.c hyp/mm/pgtable.c hyp/vcpu/vcpu.c hyp/vcpu/request.c hyp/vcpu/fence.c
 * SOURCES: hyp/vcpu/irq.c hyp/vcpu/hsm.c hyp/pv/steal.c hyp/pv/magic.c hyp/vcpu/vtimer.c hyp/vcpu/guest_mem.c
 * SOURCES: hyp/vcpu/vm.c hyp/sbi/rfence.c hyp/arch/guest.c hyp/arch/features.c hyp/lib/work.c hyp/vcpu/vm_mem.c
 * SOURCES: tests/unit/tlb/memory.c tests/unit/tlb/hart.c tests/unit/tlb/world.c tests/unit/tlb/guest.c
 * SOURCES: tests/unit/tlb/stubs.c tests/unit/fake/pcpu.c tests/unit/fake/probe.c
 * CFLAGS: -DFAKE_PT_INDEX_BITS=2
 */
#ifndef TLB_WORLD_H
#define TLB_WORLD_H

#include "tlb/hart.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

#define VCPUS 2 /* of each VM */

struct tlb_vm {
	struct vm vm;
	struct vcpu vcpu[VCPUS];
	bool lives;
	struct tlb_answers pages[TLB_GPAS]; /* where each was since the last flush was done */
	uint16_t gpas[VCPUS][2]
		     [TLB_GVAS]; /* the same of virtual pages, by table, as each vcpu knows it */
	uint32_t versions[VCPUS], version; /* of its code */
};

extern struct tlb_vm tlb_vms[TLB_VMS];

/* world_begin - all VMs started, no vcpu loaded. */
void world_begin(unsigned int vmidlen);

/* random_seed, random_below - numbers that look random. */
void random_seed(uint64_t seed);
unsigned int random_below(unsigned int n);

/* tlb_check - fails the test, with @what, if something was wrong. */
#define tlb_check(...)                                               \
	do {                                                         \
		if (tlb_failed()) {                                  \
			char text_[128];                             \
			snprintf(text_, sizeof(text_), __VA_ARGS__); \
			fail_msg("%s: %s", text_, tlb_failed());     \
		}                                                    \
	} while (0)

/* The hart that code runs on. */
void on_hart(unsigned int h);

static inline struct vcpu *vcpu_of(unsigned int vm, unsigned int i)
{
	return &tlb_vms[vm].vcpu[i];
}

static inline struct tlb_vm *vm_of(const struct vcpu *v)
{
	return &tlb_vms[v->vm->id];
}

/* is_free_to_run - may @v be loaded on hart @h? No other hart has it. */
bool is_free_to_run(const struct vcpu *v, unsigned int h);

/* another - a vcpu of another VM than @v's that no hart has loaded, or NULL. */
struct vcpu *another(const struct vcpu *v);

/* load_on - the run loop's switch to @v on hart @h (run/vcpu_run.c). */
void load_on(unsigned int h, struct vcpu *v);

/*
 * enters - the vcpu that is loaded on hart @h does what it is asked, and enters the guest. False: it is stopped.
 * leaves - it leaves the guest, if it is there. uses - it uses all that it can reach; nothing, if it is not in the guest.
 * reaches - the pages alone, of @v, which is loaded on this hart.
 * runs_on - @v is moved to hart @h if it must, enters and uses.
 */
bool enters(unsigned int h);
void leaves(unsigned int h);
void uses(unsigned int h);
void reaches(const struct vcpu *v);
void runs_on(unsigned int h, struct vcpu *v);

/* handles_exit - has the vcpu that is loaded on hart @h left the guest, and not been asked anything since? */
bool handles_exit(unsigned int h);

/* dies_on - @v ends on hart @h. vm_makes, vm_ends - of VM @i: all vcpus have ended, the memory is freed; it begins
 * again, with other memory. vm_reboots - its vcpus have ended; it goes on with the memory that it has. */
void dies_on(unsigned int h, struct vcpu *v);
void vm_makes(unsigned int i);
void vm_ends(unsigned int i);
void vm_reboots(unsigned int i);

/* --- what guests do; the vcpu is loaded on this hart, and runs ------------------------------------------ */

/* guest_switches - to another page table, whose ASID is its own. guest_bare - to none. */
void guest_switches(struct vcpu *v, unsigned int asid);
void guest_bare(struct vcpu *v);

/* guest_maps - one page of the page table of @asid moves. */
void guest_maps(struct vcpu *v, unsigned int asid, unsigned int gva, unsigned int gpa);

enum fence_kind { WHOLE_0, WHOLE_ALL, PAGE, ODD_BYTES, TO_THE_END, MANY, HUGE, FENCE_KINDS };

/* guest_fences - RFENCE of the vcpus of @set, @by_asid or not. By the fast path it stays in guest mode. */
void guest_fences(struct vcpu *v, uint64_t set, enum fence_kind kind, unsigned int gva,
		  bool by_asid, unsigned int asid, bool fast);
void guest_fences_code(struct vcpu *v, uint64_t set, bool fast);

/* guest_sfence, guest_fence_i - its own, without an exit. */
void guest_sfence(struct vcpu *v);
void guest_fence_i(struct vcpu *v);

/* guest_writes_code - other instructions, where every vcpu of the VM executes them. */
void guest_writes_code(struct vcpu *v);

/* guest_gives_back - its page @gpa. guest_magic - its magic page to @gpa; TLB_GPAS: nowhere. */
int guest_gives_back(struct vcpu *v, enum tlb_gpa gpa);
int guest_magic(struct vcpu *v, unsigned int gpa);

/* guest_restarts - hart_stop, and another hart's hart_start. */
void guest_restarts(struct vcpu *v);

/* guest_is_read - the vcpu that is loaded on hart @h has left the guest; an instruction and a word of it are read, as
 * its exit is handled. Nothing, if it has not. */
void guest_is_read(unsigned int h);

/* --- what is written down -------------------------------------------------------------------------------- */

void pages_are_fenced(struct tlb_vm *t);
void tables_are_fenced(struct tlb_vm *t, uint64_t vcpus, unsigned int asids, unsigned int gvas);
void code_is_fenced(struct tlb_vm *t, uint64_t vcpus);
unsigned int table_of_asid(const struct tlb_vm *t, unsigned int asid);

#endif
