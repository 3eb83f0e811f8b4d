/* SPDX-License-Identifier: BSD-2-Clause */
/* Fences that are only counted, per thread as harts have them. */
#ifndef FAKE_FENCE_H
#define FAKE_FENCE_H

#include "arch/fence.h"

struct fake_fences {
	unsigned int of[NR_FAKE_FENCES];
};

extern _Thread_local struct fake_fences fake_fences;

#endif
