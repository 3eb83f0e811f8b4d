/* SPDX-License-Identifier: BSD-2-Clause */
/* As many pcpus as there may be; every thread begins as pcpu 0 and moves by fake_pcpu_become(). */
#include "fake/pcpu.h"

static struct pcpu fake_pcpus[MAX_PCPUS];

_Thread_local struct pcpu *fake_this_pcpu = &fake_pcpus[0];

__attribute__((weak)) struct pcpu *pcpus[MAX_PCPUS];
__attribute__((weak)) unsigned int nr_pcpus;

void fake_pcpu_setup(unsigned int count)
{
	for (unsigned int i = 0; i < MAX_PCPUS; i++) {
		fake_pcpus[i] = (struct pcpu){ .hartid = i, .index = i, .online = i < count };
		pcpus[i] = i < count ? &fake_pcpus[i] : NULL;
	}
	nr_pcpus = count;
	fake_pcpu_become(0);
}

void fake_pcpu_become(unsigned int index)
{
	fake_this_pcpu = &fake_pcpus[index];
}
