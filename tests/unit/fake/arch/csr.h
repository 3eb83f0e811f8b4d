/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real numbers and bits; the accesses are functions of the test's (or tests/unit/fake/csr.c, which
 * keeps one value per CSR and thread).
 */
#ifndef FAKE_ARCH_CSR_H
#define FAKE_ARCH_CSR_H

#include "../../../../hyp/arch/csr.h"

#undef csr_read
#undef csr_write
#undef csr_swap
#undef csr_set
#undef csr_clear

uint64_t fake_csr_read(unsigned int csr);
void fake_csr_write(unsigned int csr, uint64_t val);

#define csr_read(csr)	    fake_csr_read(csr)
#define csr_write(csr, val) fake_csr_write((csr), (val))
#define csr_swap(csr, val)                            \
	({                                            \
		uint64_t csr_v_ = fake_csr_read(csr); \
		fake_csr_write((csr), (val));         \
		csr_v_;                               \
	})
#define csr_set(csr, val)   fake_csr_write((csr), fake_csr_read(csr) | (uint64_t)(val))
#define csr_clear(csr, val) fake_csr_write((csr), fake_csr_read(csr) & ~(uint64_t)(val))

#endif
