// SPDX-License-Identifier: BSD-2-Clause
/* Threads of real harts: at each access that another thread may see, one in 64 gives its processor away. */
#include "lib/atomic.h"

#include <sched.h>
#include <stdint.h>

void chaos(void)
{
	static _Thread_local uint32_t random = 1;

	random = random * 1664525 + 1013904223;
	if (random >> 26 == 0)
		(void)sched_yield();
}
