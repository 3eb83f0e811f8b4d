// SPDX-License-Identifier: BSD-2-Clause
/* A random device of the machine that is a virtio one (virtio 1.2, section 5.4): one queue, of buffers that the device fills. */
#include "platform/rng.h"

#include <string.h>

#include "arch/memmap.h"
#include "arch/timer.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "platform/virtio/mmio.h"

#define WAIT_NS 1000000000

struct memory {
	struct host_ring_memory ring;
	struct host_ring_chain chains[HOST_RING_MAX];
	uint8_t bytes[HOST_RNG_BYTES];
};

static_assert(sizeof(struct memory) <= HOST_RNG_MEMORY, "platform/rng.h");

/* One request for @len bytes. Returns how many came before @end. */
static cold unsigned int ask(const struct host_virtio *d, struct host_ring *r, struct memory *m,
			     unsigned int len, uint64_t end)
{
	struct host_ring_adding a;
	uint32_t came = 0;

	/* The device is done with the request before, so there is room for this one. */
	if (!host_ring_begin(r, &a, 1))
		return 0;
	host_ring_add(r, &a, (struct host_piece){ ptr_to_hpa(m->bytes), len }, true);
	host_ring_end(r, &a, m->bytes);
	if (host_ring_publish(r))
		host_virtio_notify(d, 0);
	while (!host_ring_take(r, &came))
		if (r->broken || timer_now() >= end)
			return 0;
	return came;
}

/* A device may answer with fewer bytes than it was asked for. One that answers with none has no more. */
static cold unsigned int read_all(const struct host_virtio *d, struct host_ring *r,
				  struct memory *m, uint8_t *out, unsigned int len)
{
	const uint64_t end = timer_now() + timer_ns_to_ticks(WAIT_NS);
	unsigned int has = 0, came;

	while (has < len && (came = ask(d, r, m, len - has, end)) != 0) {
		memcpy(out + has, m->bytes, came);
		has += came;
	}
	return has;
}

cold bool host_rng_present(void)
{
	return host_virtio_find(VIRTIO_ID_RNG) != NULL;
}

cold unsigned int host_rng_read(void *memory, uint8_t *out, unsigned int len, bool *stopped)
{
	struct host_virtio *d = host_virtio_find(VIRTIO_ID_RNG);
	struct memory *m = memory;
	struct host_ring ring;
	unsigned int has = 0;
	char path[FDTX_PATH_MAX];
	bool good;

	*stopped = true;
	if (!d || len > HOST_RNG_BYTES)
		return 0;
	d->claimed = true;
	good = host_virtio_begin(d, 0) == HV_OK &&
	       host_virtio_ring(d, 0, &ring, &m->ring, m->chains) == HV_OK;
	if (good) {
		host_ring_quiet(&ring);
		host_virtio_ready(d);
		has = read_all(d, &ring, m, out, len);
	}
	*stopped = host_virtio_reset(d);
	fdtx_path(d->fdt, d->node, path, sizeof(path));
	if (has == len)
		log_info("%s: %u random bytes for the generator", path, has);
	else
		log_warn("%s: the random device %s%s", path,
			 good ? "gave too few bytes within 1 s" : "refuses to be set up",
			 *stopped ? "" : ", and does not stop");
	return has;
}
