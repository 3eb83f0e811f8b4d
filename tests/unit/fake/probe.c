/* SPDX-License-Identifier: BSD-2-Clause */
/* A hart without any optional CSR, and with the D extension. */
#include "arch/trap.h"

#define NO_PROBE(csr)              \
	bool csr_probe_##csr(void) \
	{                          \
		return false;      \
	}
NO_PROBE(hstatus)
NO_PROBE(senvcfg)
NO_PROBE(sstateen0)
NO_PROBE(henvcfg)
NO_PROBE(hstateen0)
NO_PROBE(vstimecmp)
NO_PROBE(vlenb)
NO_PROBE(instret)
NO_PROBE(hstateen1)
NO_PROBE(hstateen2)
NO_PROBE(hstateen3)
NO_PROBE(hvictl)
NO_PROBE(vsiselect)
NO_PROBE(vsctrctl)
NO_PROBE(scontext)
NO_PROBE(jvt)

bool arch_fp_probe(void)
{
	return true;
}

void arch_sctrclr(void)
{
}
