/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls to the SBI firmware below (riscv-sbi-doc, "Binary Encoding"; numbers: <hartvisor/sbi.h>). */
#ifndef ARCH_SBI_CALL_H
#define ARCH_SBI_CALL_H

#include <hartvisor/sbi.h>

#include "lib/types.h"

struct sbi_call_ret {
	int64_t error;
	uint64_t value;
};

/* sbi_call_host - one ecall to the firmware, with all six arguments. */
static inline struct sbi_call_ret sbi_call_host(uint64_t eid, uint64_t fid, uint64_t arg0,
						uint64_t arg1, uint64_t arg2, uint64_t arg3,
						uint64_t arg4, uint64_t arg5)
{
	register uint64_t a0 __asm__("a0") = arg0;
	register uint64_t a1 __asm__("a1") = arg1;
	register uint64_t a2 __asm__("a2") = arg2;
	register uint64_t a3 __asm__("a3") = arg3;
	register uint64_t a4 __asm__("a4") = arg4;
	register uint64_t a5 __asm__("a5") = arg5;
	register uint64_t a6 __asm__("a6") = fid;
	register uint64_t a7 __asm__("a7") = eid;

	__asm__ volatile("ecall"
			 : "+r"(a0), "+r"(a1)
			 : "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a6), "r"(a7)
			 : "memory");
	return (struct sbi_call_ret){ (int64_t)a0, a1 };
}

static inline bool sbi_host_has(uint64_t eid)
{
	struct sbi_call_ret r =
		sbi_call_host(SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION, eid, 0, 0, 0, 0, 0);

	return r.error == SBI_SUCCESS && r.value != 0;
}

/* sbi_host_shutdown - power the machine off, or reset it; returns only when the firmware cannot. */
static inline void sbi_host_shutdown(uint64_t type)
{
	(void)sbi_call_host(SBI_EXT_SRST, SBI_SRST_SYSTEM_RESET, type, SBI_SRST_REASON_NONE, 0, 0,
			    0, 0);
	(void)sbi_call_host(SBI_EXT_LEGACY_SHUTDOWN, 0, 0, 0, 0, 0, 0, 0);
}

#endif
