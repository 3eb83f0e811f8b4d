/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's virtio devices behind virtio-mmio (virtio 1.2, section 4.2), and the order in which a driver sets one up
 * (3.1.1). Nothing is written to a device that the configuration does not name, a random device (platform/rng.h)
 * and a console device (platform/port.h) excepted.
 */
#ifndef PLATFORM_VIRTIO_MMIO_H
#define PLATFORM_VIRTIO_MMIO_H

#include "lib/errno.h"
#include "lib/virtio_abi.h"
#include "platform/io.h"
#include "platform/virtio/ring.h"

struct host_virtio {
	volatile uint8_t *regs;
	uint64_t config_size; /* bytes of configuration that the window has */
	const void *fdt;
	int node;
	uint32_t id;	   /* of its type */
	uint64_t features; /* that it offers, and we have taken */
	bool claimed;	   /* something uses it */
};

#define HOST_VIRTIO_MAX 32 /* slots of the machine that have a device */

/*
 * host_virtio_claim - the device at @path of the machine's tree (a path or an alias), which has to be of type @id. On errors HV_E*,
 * and *@why is what is wrong, in words that follow the value of a property. Boot hart.
 */
int host_virtio_claim(const void *fdt, const char *path, uint32_t id, struct host_virtio **out,
		      const char **why);

/* host_virtio_find - the first device of type @id that nothing uses, or NULL. Boot hart. */
struct host_virtio *host_virtio_find(uint32_t id);

/*
 * host_virtio_begin - reset @d, and take those of its features that are among @wanted. VERSION_1 is always taken.
 * HV_ENXIO: it does not become quiet, or refuses.
 */
int host_virtio_begin(struct host_virtio *d, uint64_t wanted);

/* host_virtio_ring - give @d the ring @r as queue @index. Its size is that of the queue, at most HOST_RING_MAX. HV_ENXIO: there
 * is no such queue. */
int host_virtio_ring(const struct host_virtio *d, unsigned int index, struct host_ring *r,
		     struct host_ring_memory *memory, struct host_ring_chain *chains);

/* host_virtio_ready - the device may work. */
void host_virtio_ready(const struct host_virtio *d);

/* host_virtio_reset - the device stops, and no longer uses any memory. False: it does not say so within 100 ms. Any hart, with the
 * lock of the code that uses it. */
bool host_virtio_reset(const struct host_virtio *d);

/* host_virtio_notify - look at queue @index. */
static inline void host_virtio_notify(const struct host_virtio *d, unsigned int index)
{
	io_write32(index, d->regs + VIRTIO_MMIO_QUEUE_NOTIFY);
}

/* host_virtio_interrupts - why the device interrupts (VIRTIO_INT_*); acknowledged. */
static inline uint32_t host_virtio_interrupts(const struct host_virtio *d)
{
	uint32_t why = io_read32(d->regs + VIRTIO_MMIO_INTERRUPT_STATUS);

	if (why)
		io_write32(why, d->regs + VIRTIO_MMIO_INTERRUPT_ACK);
	return why;
}

/* host_virtio_failed - the device asks for a reset. */
bool host_virtio_failed(const struct host_virtio *d);

/* host_virtio_config - @words cells of its configuration from @off, a multiple of 4, on; what the device has not is 0. */
void host_virtio_config(const struct host_virtio *d, uint64_t off, uint32_t *to,
			unsigned int words);

#endif
