/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's source of random numbers. It is asked once, at boot: its bytes go into the generator's state beside the firmware's
 * seed, so that a tree without a seed, or with the same one at each boot, is no loss.
 */
#ifndef PLATFORM_RNG_H
#define PLATFORM_RNG_H

#include "lib/types.h"

#define HOST_RNG_MEMORY KIB(12) /* of host_rng_read() */
#define HOST_RNG_BYTES	64	/* at most, in one call */

/*
 * host_rng_read - @len bytes, at most HOST_RNG_BYTES, to @out, from the first random device that the machine has and nothing uses. It
 * works in HOST_RNG_MEMORY bytes of zeroed pages at @memory, which hold the bytes afterwards, and is reset. Waits for at most 1 s.
 * Returns how many bytes came: 0 without a device; what is wrong with one is logged. *@stopped: @memory is not used any more.
 * Boot hart.
 */
unsigned int host_rng_read(void *memory, uint8_t *out, unsigned int len, bool *stopped);

/* host_rng_present - is there such a device? Boot hart. */
bool host_rng_present(void);

#endif
