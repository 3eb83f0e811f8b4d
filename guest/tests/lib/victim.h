/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The victim of hostile drivers: the entropy device, with one queue of SIZE entries. After each case it must work once it has
 * been reset, and memory that no request named must be as it was.
 */
#ifndef GUEST_VICTIM_H
#define GUEST_VICTIM_H

#include "test.h"
#include "virtio.h"

#define SIZE 8

extern struct virtio dev;
extern struct virtq q;
extern struct vring ring;
extern uint8_t target[4096];
extern unsigned int nr_cases;

#define AT(p)	     ((uint64_t)(uintptr_t)(p))
#define RAM_END	     (machine.ram_base + machine.ram_size)
#define get(reg)     (*virtio_reg(&dev, (reg)))
#define set(reg, to) (*virtio_reg(&dev, (reg)) = (uint32_t)(to))

#define WANT(name, cond)                                                         \
	do {                                                                     \
		if (!(cond))                                                     \
			test_fail("%s, line %d: not %s", name, __LINE__, #cond); \
	} while (0)

/* victim_find - before all others. */
void victim_find(void);

/* victim_begin - reset it, and agree on features; its queue has size and place, and is not ready. */
void victim_begin(uint64_t features);

/* victim_offer - a request of 16 bytes, as a good driver makes it. victim_is_used - has it been answered? */
void victim_offer(void);
bool victim_is_used(void);

/* victim_works - does it work after a reset? Ends the case @name. */
void victim_works(const char *name);

#endif
