// SPDX-License-Identifier: BSD-2-Clause
/* The timeline of this hart begins with what runs here. */
#include "arch/trace.h"
#include "run/run.h"

void pcpu_follow_trace(void)
{
	if (trace_follow())
		sched_trace_begin();
}
