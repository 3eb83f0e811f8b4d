/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The timeline. No hart writes to it, unless the program says CFLAGS: -DFAKE_TRACE: then a hart does as in hartvisor, and trace_event()
 * and its like are those of arch/trace.c or the program's own. No hart measures times, unless it says -DFAKE_TIMES. What hyp/vcpu/vm.c has for the control channel calls them without asking,
 * so two of them are here, and do nothing.
 */
#ifndef FAKE_ARCH_TRACE_H
#define FAKE_ARCH_TRACE_H

#ifndef FAKE_TIMES
#define trace_is_timed hart_trace_is_timed
#endif
#ifndef FAKE_TRACE
#define trace_is_on    hart_trace_is_on
#define trace_is_asked hart_trace_is_asked
#endif

#include "../../../../hyp/arch/trace.h"

#ifndef FAKE_TIMES
#undef trace_is_timed
#define trace_is_timed() false
#endif
#ifndef FAKE_TRACE
#undef trace_is_on
#undef trace_is_asked
#define trace_is_on()	 false
#define trace_is_asked() false

static inline void fake_trace_event(enum trace_event id, uint32_t label, unsigned int n, uint64_t a,
				    uint64_t b)
{
	(void)id, (void)label, (void)n, (void)a, (void)b;
}

static inline void fake_trace_name_vm(unsigned int vm, const char *name)
{
	(void)vm, (void)name;
}

#define trace_event   fake_trace_event
#define trace_name_vm fake_trace_name_vm
#endif

#endif
