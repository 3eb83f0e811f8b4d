/* SPDX-License-Identifier: BSD-2-Clause */
/* CSRs that hold what was written to them, one set per thread, as one hart has. */
#include "arch/csr.h"

static _Thread_local uint64_t fake_csrs[4096];

uint64_t fake_csr_read(unsigned int csr)
{
	return fake_csrs[csr & 4095];
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	fake_csrs[csr & 4095] = val;
}
