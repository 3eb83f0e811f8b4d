/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FAKE_PCPU_H
#define FAKE_PCPU_H

#include "arch/pcpu.h"

/* fake_pcpu_setup - pcpus [0, count), fresh; the calling thread is pcpu 0. */
void fake_pcpu_setup(unsigned int count);

/* fake_pcpu_become - the calling thread is pcpu @index from now on. */
void fake_pcpu_become(unsigned int index);

#endif
