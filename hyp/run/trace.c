// SPDX-License-Identifier: BSD-2-Clause
/* The timeline of this hart begins with what runs here. Whether times are measured is asked in the same way. */
#include "arch/trace.h"
#include "run/run.h"
#include "run/times.h"

void pcpu_follow_trace(void)
{
	if (trace_follow())
		sched_trace_begin();
	times_follow();
}
