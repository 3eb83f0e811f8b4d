/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading, saving and resetting the parts of a guest's processor state, and making it take an
 * exception. All on the vcpu's own pcpu; who calls what when is vcpu/vcpu.c's.
 */
#ifndef ARCH_GUEST_STATE_H
#define ARCH_GUEST_STATE_H

#include "arch/guest.h"
#include "arch/trap.h"

/* What the machine has; the same on all harts, probed on the boot hart. */
struct hart_features {
	bool senvcfg, sstateen0, henvcfg, hstateen0, sstc;
	bool instret;	/* the firmware lets us count instructions */
	uint32_t vlenb; /* 0: no vector extension, or closed */
};

extern struct hart_features hart_features;

void guest_features_probe(void);

/* guest_hart_setup - each hart once: delegation, and nothing pending or left over. */
void guest_hart_setup(void);

/* Registers as SBI HSM's hart start defines them; the VS CSRs as after reset. */
void guest_regs_reset(struct guest_regs *r, uint64_t pc, uint64_t a0, uint64_t a1);
void guest_vs_reset(struct guest_vs_csrs *s);

void guest_vs_save(struct guest_vs_csrs *s);
void guest_vs_load(const struct guest_vs_csrs *s);

/* *_put: save to memory if dirty. *_get: restore. Vector pointers may be NULL in *_put. */
void guest_fp_put(struct guest_regs *r, struct guest_fp *fp);
void guest_fp_get(const struct guest_fp *fp);
void guest_vector_put(struct guest_regs *r, struct guest_vector *v);
void guest_vector_get(const struct guest_vector *v);

/* guest_take_exception - the loaded guest in @r takes exception @cause with @tval. */
void guest_take_exception(struct guest_regs *r, uint64_t cause, uint64_t tval);

/* fpu.S */
void arch_fp_save(struct guest_fp *fp);
void arch_fp_restore(const struct guest_fp *fp);
void arch_vector_save(struct guest_vector *v);
void arch_vector_restore(const struct guest_vector *v);

#endif
