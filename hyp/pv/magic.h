/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The magic page (hartvisor/pv.h, struct hartvisor_magic): what hartvisor knows of a vcpu, for the guest to
 * read without an exit. The page is hartvisor's own memory, mapped read-only into the G-stage where the
 * guest wants it; the vcpu's pcpu alone writes it, before each entry (not where the fast path goes on) and when the vcpu
 * leaves its hart.
 *
 * Mapping changes the tables under vm->lock and asks all vcpus of the VM to flush, with WAIT; no
 * vcpu needs that lock on its way out of a guest. A page stays mapped over HSM stop and start, as a device
 * does, until it is moved, unmapped, or its VM begins anew.
 */
#ifndef PV_MAGIC_H
#define PV_MAGIC_H

#include "pv/pv.h"

static_assert(sizeof(struct hartvisor_magic) == 56, "hartvisor/pv.h");
static_assert(offsetof(struct hartvisor_magic, version) == 4, "hartvisor/pv.h");
static_assert(offsetof(struct hartvisor_magic, hartid) == 8, "hartvisor/pv.h");
static_assert(offsetof(struct hartvisor_magic, host_hart) == 12, "hartvisor/pv.h");
static_assert(offsetof(struct hartvisor_magic, state) == 16, "hartvisor/pv.h");
static_assert(offsetof(struct hartvisor_magic, since) == 24, "hartvisor/pv.h");
static_assert(offsetof(struct hartvisor_magic, run) == 32, "hartvisor/pv.h");
static_assert(offsetof(struct hartvisor_magic, steal) == 40, "hartvisor/pv.h");
static_assert(offsetof(struct hartvisor_magic, exits) == 48, "hartvisor/pv.h");

/*
 * pv_magic_map - @v's page appears at @a, and nowhere else; the caller knows that no device is there.
 * HV_EINVAL: not a page's address, or beyond what the guest can address; HV_EEXIST: something is mapped
 * there; HV_ENOMEM. An error changes nothing. Own pcpu.
 */
int pv_magic_map(struct vcpu *v, gpa_t a);

/* pv_magic_unmap - the page goes; HV_ENOENT: there was none. Own pcpu. */
int pv_magic_unmap(struct vcpu *v);

/* pv_magic_write - own pcpu, mapped: bring the page up to date; @state is HARTVISOR_MAGIC_*. */
void pv_magic_write(struct vcpu *v, uint32_t state);

/* pv_magic_update - own pcpu: the same, if it is mapped. */
static inline void pv_magic_update(struct vcpu *v, uint32_t state)
{
	if (v->pv.magic.mapped)
		pv_magic_write(v, state);
}

/* pv_magic_reset - unmap it and begin to count anew; no vcpu of the VM is active. pv_magic_free - and give
 * its memory back. */
void pv_magic_reset(struct vcpu *v);
void pv_magic_free(struct vcpu *v);

#endif
