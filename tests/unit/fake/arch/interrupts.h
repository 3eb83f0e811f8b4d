/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts are on in a coroutine, unless it has turned them off. fake_check_interrupts_off() is for fakes of what takes
 * locks or uses this_pcpu().
 */
#ifndef FAKE_ARCH_INTERRUPTS_H
#define FAKE_ARCH_INTERRUPTS_H

#include <stdlib.h>

#include "lib/types.h"

__attribute__((weak)) bool fake_interrupts_on;

static inline uint64_t arch_interrupts_off(void)
{
	bool was = fake_interrupts_on;

	fake_interrupts_on = false;
	return was;
}

static inline void arch_interrupts_restore(uint64_t was)
{
	fake_interrupts_on = was != 0;
}

static inline void fake_check_interrupts_off(void)
{
	if (fake_interrupts_on)
		abort();
}

#endif
