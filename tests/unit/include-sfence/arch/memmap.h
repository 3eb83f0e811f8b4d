/* SPDX-License-Identifier: BSD-2-Clause */
/* The direct map is the identity, as in tests/unit/include; stacks and the image are where a program can have them. */
#ifndef FAKE_SFENCE_MEMMAP_H
#define FAKE_SFENCE_MEMMAP_H

#include "../../include/arch/memmap.h"

#undef STACK_MAP_BASE
#undef IMAGE_BASE
#define STACK_MAP_BASE 0x60000000UL
#define IMAGE_BASE     0x40000000UL

#endif
