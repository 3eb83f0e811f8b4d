/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A test of VMs that come and go, in build/hartvisor-checked.bin alone: with "churn=N" on hartvisor's command line the VM
 * named "churn" is created and destroyed N times, with other memory, vcpus and a different moment of its end each time.
 * Then the log says how much memory is free before and after, and how long the first and the last rounds took.
 */
#ifndef VM_CHURN_H
#define VM_CHURN_H

#include "vm/config.h"

#ifdef HARTVISOR_CHECKED
/* churn_begin - if @bootargs ask for it; one of the @n at @configs is named so. Boot hart, once all VMs are made. */
void churn_begin(const char *bootargs, const struct vm_config *configs, unsigned int n);
#else
static inline void churn_begin(const char *bootargs, const struct vm_config *configs,
			       unsigned int n)
{
	(void)bootargs, (void)configs, (void)n;
}
#endif

#endif
