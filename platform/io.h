/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device registers: little-endian, one access each, ordered as drivers expect. A read is done before
 * anything after it; a write comes after all memory writes before it (unprivileged specification,
 * "Memory Ordering Instructions": FENCE with its I and O sets).
 */
#ifndef PLATFORM_IO_H
#define PLATFORM_IO_H

#include "lib/types.h"

#define IO_READ(name, type)                                      \
	static inline type name(const volatile void *reg)        \
	{                                                        \
		type v = *(const volatile type *)reg;            \
                                                                 \
		__asm__ volatile("fence i, ior" : : : "memory"); \
		return v;                                        \
	}

#define IO_WRITE(name, type)                                     \
	static inline void name(type v, volatile void *reg)      \
	{                                                        \
		__asm__ volatile("fence iow, o" : : : "memory"); \
		*(volatile type *)reg = v;                       \
	}

IO_READ(io_read8, uint8_t)
IO_READ(io_read16, uint16_t)
IO_READ(io_read32, uint32_t)
IO_WRITE(io_write8, uint8_t)
IO_WRITE(io_write16, uint16_t)
IO_WRITE(io_write32, uint32_t)

#undef IO_READ
#undef IO_WRITE

#endif
