/* SPDX-License-Identifier: BSD-2-Clause */
/* What guests do. Each is done as the hypervisor would do it, and then what is fenced by it is written down. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include <hartvisor/sbi.h>

#include "arch/csr.h"
#include "arch/fence.h"
#include "arch/insn.h"
#include "sbi/sbi.h"
#include "tlb/world.h"
#include "vcpu/guest_mem.h"
#include "vcpu/hsm.h"
#include "pv/magic.h"

void guest_switches(struct vcpu *v, unsigned int asid)
{
	csr_write(CSR_VSATP, tlb_vsatp(table_of_asid(vm_of(v), asid), asid));
	uses(this_pcpu()->index);
}

void guest_bare(struct vcpu *v)
{
	(void)v;
	csr_write(CSR_VSATP, 0);
	uses(this_pcpu()->index);
}

void guest_maps(struct vcpu *v, unsigned int asid, unsigned int gva, unsigned int gpa)
{
	struct tlb_vm *t = vm_of(v);
	struct tlb_page table = tlb_walk(t->vm.gstage.hgatp, table_of_asid(t, asid));

	tlb_step();
	tlb_words(table.page)[gva] = tlb_guest_word(gpa);
	for (unsigned int i = 0; i < VCPUS; i++)
		t->gpas[i][asid][gva] |= (uint16_t)BIT(gpa);
	tlb_step();
}

/* The range, and which of the virtual pages lie in it. */
static unsigned int range_of(enum fence_kind kind, unsigned int gva, uint64_t *start,
			     uint64_t *size)
{
	*start = gva * PAGE_SIZE;
	*size = PAGE_SIZE;
	switch (kind) {
	case WHOLE_0:
		*start = *size = 0;
		return UINT32_MAX;
	case WHOLE_ALL:
		*size = UINT64_MAX;
		return UINT32_MAX;
	case ODD_BYTES:
		*start += 1;
		*size = 2;
		return 1u << gva;
	case TO_THE_END:
		*size = (TLB_GVAS - gva) * PAGE_SIZE;
		return UINT32_MAX << gva;
	case MANY:
		*size = 64 * PAGE_SIZE;
		return UINT32_MAX;
	case HUGE:
		*size = 65 * PAGE_SIZE;
		return UINT32_MAX;
	default:
		return 1u << gva;
	}
}

static void calls(struct vcpu *v, uint32_t fid, const uint64_t a[6], bool fast)
{
	if (!fast)
		leaves(this_pcpu()->index);
	memcpy(&v->regs.x[REG_A0], a, 6 * sizeof(*a));
	assert_int_equal(next_why(sbi_ext_rfence.handle(v, fid)), NEXT_GUEST);
	assert_int_equal(v->regs.x[REG_A0], SBI_SUCCESS);
}

/* It goes on: at once if it is in the guest still. */
static void goes_on(void)
{
	unsigned int h = this_pcpu()->index;

	if (pcpus[h]->current->mode == OUTSIDE_GUEST_MODE)
		(void)enters(h);
	uses(h);
}

void guest_fences(struct vcpu *v, uint64_t set, enum fence_kind kind, unsigned int gva,
		  bool by_asid, unsigned int asid, bool fast)
{
	uint64_t start, size;
	unsigned int gvas = range_of(kind, gva, &start, &size);
	const uint64_t a[6] = { set, 0, start, size, asid };

	calls(v, by_asid ? SBI_RFNC_REMOTE_SFENCE_VMA_ASID : SBI_RFNC_REMOTE_SFENCE_VMA, a, fast);
	tables_are_fenced(vm_of(v), set, by_asid ? 1u << asid : UINT32_MAX, gvas);
	goes_on();
}

void guest_fences_code(struct vcpu *v, uint64_t set, bool fast)
{
	const uint64_t a[6] = { set };

	calls(v, SBI_RFNC_REMOTE_FENCE_I, a, fast);
	code_is_fenced(vm_of(v), set);
	goes_on();
}

void guest_sfence(struct vcpu *v)
{
	arch_hfence_vvma_all();
	tables_are_fenced(vm_of(v), BIT(v->id), UINT32_MAX, UINT32_MAX);
	uses(this_pcpu()->index);
}

void guest_fence_i(struct vcpu *v)
{
	arch_fence_i();
	code_is_fenced(vm_of(v), BIT(v->id));
	uses(this_pcpu()->index);
}

void guest_writes_code(struct vcpu *v)
{
	struct tlb_vm *t = vm_of(v);

	t->version = (t->version + 1) % TLB_VERSIONS;
	tlb_code(t->vm.id, t->version);
	for (unsigned int i = 0; i < VCPUS; i++)
		t->versions[i] |= 1u << t->version;
	tlb_step();
}

int guest_gives_back(struct vcpu *v, enum tlb_gpa at)
{
	int err;

	leaves(this_pcpu()->index);
	tlb_owner = v->vm->id;
	err = vm_give_back_ram(v->vm, gpa(tlb_gpa(at)), PAGE_SIZE);
	if (err == HV_OK)
		pages_are_fenced(vm_of(v));
	goes_on();
	return err;
}

int guest_magic(struct vcpu *v, unsigned int at)
{
	int err;

	leaves(this_pcpu()->index);
	tlb_owner = v->vm->id;
	err = at == TLB_GPAS ? pv_magic_unmap(v) : pv_magic_map(v, gpa(tlb_gpa(at)));
	pages_are_fenced(vm_of(v));
	goes_on();
	return err;
}

void guest_restarts(struct vcpu *v)
{
	struct tlb_vm *t = vm_of(v);

	leaves(this_pcpu()->index);
	vcpu_hsm_stop(v);
	assert_int_equal(vcpu_handle_requests(v), VCPU_MUST_BLOCK);
	assert_int_equal(vcpu_hsm_prepare(v, gpa(0x80200000), 0), HV_OK);
	/* What was so when hart_start was called, and what comes after. */
	tables_are_fenced(t, BIT(v->id), UINT32_MAX, UINT32_MAX);
	code_is_fenced(t, BIT(v->id));
	goes_on();
}

/* An access as the guest's, by hartvisor: what is loaded here decides where it goes. */
int guest_hlvx_hu(gva_t a, uint16_t *out)
{
	*out = (uint16_t)a.gva | 3;
	reaches(this_pcpu()->current);
	return 0;
}

int guest_hlv_d(gva_t a, uint64_t *out)
{
	(void)a;
	*out = 0;
	reaches(this_pcpu()->current);
	return 0;
}

void guest_is_read(unsigned int h)
{
	struct vcpu *v = pcpus[h]->current;
	uint32_t insn;
	uint64_t word;

	if (!v || !handles_exit(h))
		return;
	on_hart(h);
	(void)vcpu_fetch_insn(v, gva(0), &insn);
	(void)vcpu_read_guest_virt_u64(v, gva(0), &word);
}
