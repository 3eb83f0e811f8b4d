/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef GUEST_SBI_H
#define GUEST_SBI_H

#include <hartvisor/sbi.h>

#include <stdbool.h>

struct sbiret {
	long error;
	long value;
};

/* sbi_call - any call at all; all registers but a0 and a1 have to come back as they went. */
static inline struct sbiret sbi_call(unsigned long eid, unsigned long fid, unsigned long arg0,
				     unsigned long arg1, unsigned long arg2, unsigned long arg3,
				     unsigned long arg4)
{
	register unsigned long a0 __asm__("a0") = arg0;
	register unsigned long a1 __asm__("a1") = arg1;
	register unsigned long a2 __asm__("a2") = arg2;
	register unsigned long a3 __asm__("a3") = arg3;
	register unsigned long a4 __asm__("a4") = arg4;
	register unsigned long a6 __asm__("a6") = fid;
	register unsigned long a7 __asm__("a7") = eid;

	__asm__ volatile("ecall"
			 : "+r"(a0), "+r"(a1)
			 : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7)
			 : "memory");
	return (struct sbiret){ (long)a0, (long)a1 };
}

bool sbi_probe(unsigned long eid);

/* sbi_set_timer - through TIME; timer_set() of time.h takes Sstc where there is one. */
void sbi_set_timer(unsigned long when);

/* Masks as everywhere in SBI: bit n is hart base + n; base ~0: all harts. */
long sbi_send_ipi(unsigned long mask, unsigned long base);
long sbi_remote_fence_i(unsigned long mask, unsigned long base);
long sbi_remote_sfence_vma(unsigned long mask, unsigned long base, unsigned long start,
			   unsigned long size);
long sbi_remote_sfence_vma_asid(unsigned long mask, unsigned long base, unsigned long start,
				unsigned long size, unsigned long asid);

long sbi_hart_start(unsigned long hartid, unsigned long addr, unsigned long opaque);
long sbi_hart_status(unsigned long hartid); /* a state, or an error */

#endif
