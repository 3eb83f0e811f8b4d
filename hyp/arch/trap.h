/* SPDX-License-Identifier: BSD-2-Clause */
/* Traps of the hypervisor itself. What a guest traps with is hyp/run's. */
#ifndef ARCH_TRAP_H
#define ARCH_TRAP_H

#include "lib/types.h"

/* Pushed by trap_vector (switch.S) on the emergency stack. */
struct host_frame {
	uint64_t x[32];
	uint64_t sepc, sstatus, scause, stval;
};

/* The trap vectors of switch.S: the ordinary one, and that of a hart which writes entries and exits to its trace (trace.h). */
void trap_vector(void);
void trap_vector_traced(void);
void trap_vector_timed(void);

/* host_trap_handle - take the fixup of the faulting instruction, or panic. */
void host_trap_handle(struct host_frame *f);

/* Accesses that may fault; 0, or -1. hstatus.SPVP must hold the guest's privilege. */
int guest_hlvx_hu(gva_t a, uint16_t *out);
int guest_hlv_d(gva_t a, uint64_t *out);

/* Does this hart have the CSR? */
bool csr_probe_hstatus(void);
bool csr_probe_senvcfg(void);
bool csr_probe_sstateen0(void);
bool csr_probe_henvcfg(void);
bool csr_probe_hstateen0(void);
bool csr_probe_vstimecmp(void);
bool csr_probe_vlenb(void);
bool csr_probe_instret(void);
bool csr_probe_hstateen1(void);
bool csr_probe_hstateen2(void);
bool csr_probe_hstateen3(void);
bool csr_probe_hvictl(void);
bool csr_probe_vsiselect(void);
bool csr_probe_vsctrctl(void);
bool csr_probe_scontext(void);
bool csr_probe_jvt(void);

/* arch_fp_probe - does this hart have the D extension? sstatus.FS must not be Off. */
bool arch_fp_probe(void);

/* arch_sctrclr - zero all control transfer records of this hart, which must have Ssctr. */
void arch_sctrclr(void);

/*
 * panic - our own fault: print hart, reason and the return addresses on the stack through the
 * firmware's console, and stop the machine. Never reachable by a guest, a device tree or a bundle.
 */
_Noreturn void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* panic_print - more of the last words, from the hook. No lock, no driver. */
void panic_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* panic_set_frame - the backtrace starts at @f instead of at panic()'s caller. */
void panic_set_frame(const struct host_frame *f);

/* panic_set_hook - called once by the panicking hart before it prints. */
void panic_set_hook(void (*fn)(void));

#endif
