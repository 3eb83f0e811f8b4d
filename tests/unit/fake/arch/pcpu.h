/* SPDX-License-Identifier: BSD-2-Clause */
/* The real pcpu, but which one runs is the test's choice: one per thread. */
#ifndef FAKE_ARCH_PCPU_H
#define FAKE_ARCH_PCPU_H

#include "../../../../hyp/arch/pcpu.h"

extern _Thread_local struct pcpu *fake_this_pcpu; /* tests/unit/fake/pcpu.c */

static inline struct pcpu *this_pcpu(void)
{
	return fake_this_pcpu;
}

#endif
