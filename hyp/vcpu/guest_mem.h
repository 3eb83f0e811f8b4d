/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vcpu's accesses to its guest's memory on the hypervisor's behalf: the lockless walks of hyp/mm in
 * the bracket mode = READING_SHADOW_PAGE_TABLES, which a WAIT flush waits for.
 * Context: the vcpu's own pcpu, handling one of its exits; not while waiting on a request.
 */
#ifndef VCPU_GUEST_MEM_H
#define VCPU_GUEST_MEM_H

#include "vcpu/vcpu.h"

/*
 * Copy @len bytes, at most GSTAGE_LEAF, from / to guest-physical @a. HV_EFAULT when any of it is not the VM's RAM; or when it
 * has been given back, and comes again (struct vm_balloon): the answer is not the guest's then, since @v tries again.
 * vcpu_bring_guest - is that so? For what must not be done twice.
 */
bool vcpu_bring_guest(struct vcpu *v, gpa_t a, uint64_t len);
int vcpu_read_guest(struct vcpu *v, gpa_t a, void *buf, uint64_t len);
int vcpu_write_guest(struct vcpu *v, gpa_t a, const void *buf, uint64_t len);

/*
 * The bracket itself, for gstage_write_ptr(): its pointer is good until vcpu_reading_end(), soon; and in
 * a later bracket, too, unless REQUEST_TLB_FLUSH was made since.
 */
void vcpu_reading_begin(struct vcpu *v);
void vcpu_reading_end(struct vcpu *v);

/*
 * vcpu_fetch_insn - the instruction at guest-virtual @pc, by HLVX: 16 bits (upper half 0) or 32.
 * HV_EFAULT: fetching faulted (page tables changed under us); the guest is to be re-entered as it is.
 */
int vcpu_fetch_insn(struct vcpu *v, gva_t pc, uint32_t *insn);

/*
 * vcpu_read_guest_virt_u64 - eight bytes at guest-virtual @a, as the vcpu itself would read them
 * now (by HLV, with its mode and translation). HV_EFAULT: that faulted; the guest is as it was.
 * Context: the vcpu is loaded on this pcpu, as in the handling of one of its exits.
 */
int vcpu_read_guest_virt_u64(struct vcpu *v, gva_t a, uint64_t *out);

#endif
