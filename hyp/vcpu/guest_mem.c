// SPDX-License-Identifier: BSD-2-Clause
#include "vcpu/guest_mem.h"

#include "arch/csr.h"
#include "arch/fence.h"
#include "arch/insn.h"
#include "arch/trap.h"
#include "vcpu/console.h"
#include "vcpu/vm.h"

/*
 * The bracket: mode is visible before the first table entry is read (full fence), and every read is
 * done before mode says OUTSIDE again (release). A WAIT request in between waits for guest_seq.
 */
void vcpu_reading_begin(struct vcpu *v)
{
	atomic_set(&v->mode, READING_SHADOW_PAGE_TABLES);
	fence_full();
}

void vcpu_reading_end(struct vcpu *v)
{
	vcpu_leave(v);
}

bool vcpu_bring_guest(struct vcpu *v, gpa_t a, uint64_t len)
{
	struct vm_balloon *b = v->vm->balloon;
	bool waits = b && len && (b->touch(b, v, a) || b->touch(b, v, gpa_add(a, len - 1)));

	if (waits)
		vcpu_try_again(v);
	return waits;
}

int vcpu_read_guest(struct vcpu *v, gpa_t a, void *buf, uint64_t len)
{
	int err;

	if (vcpu_bring_guest(v, a, len))
		return HV_EFAULT;
	vcpu_reading_begin(v);
	err = gstage_read(&v->vm->gstage, a, buf, len);
	vcpu_reading_end(v);
	return err;
}

int vcpu_write_guest(struct vcpu *v, gpa_t a, const void *buf, uint64_t len)
{
	int err;

	if (vcpu_bring_guest(v, a, len))
		return HV_EFAULT;
	vcpu_reading_begin(v);
	err = gstage_write(&v->vm->gstage, a, buf, len);
	vcpu_reading_end(v);
	return err;
}

/*
 * The same for a read by HLV or HLVX, which goes through this hart's TLB. A flush or a fence that is requested and not
 * served yet is complete for the requester, which saw @v outside: what the older translations led to may be freed, or
 * used by the guest for something else. The request stays pending.
 */
static always_inline void reading_virt_begin(struct vcpu *v)
{
	const uint64_t flushes = request_bit(REQUEST_TLB_FLUSH) |
				 request_bit(REQUEST_HFENCE_GVMA_ALL);
	const uint64_t fences = request_bit(REQUEST_HFENCE) | request_bit(REQUEST_HFENCE_VVMA_ALL);
	uint64_t requests;

	vcpu_reading_begin(v);
	requests = atomic_read(&v->requests);
	if (requests & flushes)
		arch_hfence_gvma_all();
	if (requests & fences)
		arch_hfence_vvma_all();
}

int vcpu_fetch_insn(struct vcpu *v, gva_t pc, uint32_t *insn)
{
	uint16_t low, high = 0;
	int err;

	reading_virt_begin(v);
	err = guest_hlvx_hu(pc, &low);
	if (err == 0 && insn_length(low) == 4)
		err = guest_hlvx_hu(gva_add(pc, 2), &high);
	vcpu_reading_end(v);
	if (err != 0)
		return HV_EFAULT;
	*insn = (uint32_t)high << 16 | low;
	return HV_OK;
}

int vcpu_read_guest_virt_u64(struct vcpu *v, gva_t a, uint64_t *out)
{
	int err;

	reading_virt_begin(v);
	err = guest_hlv_d(a, out);
	vcpu_reading_end(v);
	if (err == 0)
		return HV_OK;
	/* htval is 0 unless it was a guest page fault (privileged specification, "htval"). */
	if (v->vm->balloon)
		(void)vcpu_bring_guest(v, gpa(csr_read(CSR_HTVAL) << 2), sizeof(*out));
	return HV_EFAULT;
}
