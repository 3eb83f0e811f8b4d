// SPDX-License-Identifier: BSD-2-Clause
#include "platform/virtio/mmio.h"

#include <inttypes.h>
#include <string.h>

#include "arch/memmap.h"
#include "arch/mmu.h"
#include "arch/timer.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "platform/driver.h"

static struct host_virtio devices[HOST_VIRTIO_MAX];
static unsigned int nr_devices;

static uint32_t read_reg(const struct host_virtio *d, uint64_t off)
{
	return io_read32(d->regs + off);
}

static void write_reg(const struct host_virtio *d, uint64_t off, uint32_t val)
{
	io_write32(val, d->regs + off);
}

/* --- what the machine has ------------------------------------------------------------------------- */

static int mmio_wrong(const void *fdt, int node, const char *what)
{
	char path[FDTX_PATH_MAX];

	log_warn("%s: %s; the device is not used", fdtx_path(fdt, node, path, sizeof(path)), what);
	return HV_EINVAL;
}

/* Only what can be read without a trace is read. An empty slot is no device, and nothing is said of it. */
static int mmio_probe(const void *fdt, int node, const struct driver_reg *reg)
{
	struct host_virtio d = { .fdt = fdt, .node = node };

	if (reg->err != HV_OK || reg->size < VIRTIO_MMIO_CONFIG)
		return mmio_wrong(fdt, node, "reg must have at least 0x100 bytes");
	d.regs = device_map(hpa(reg->base), reg->size);
	if (!d.regs)
		return HV_ENOMEM;
	if (read_reg(&d, VIRTIO_MMIO_MAGIC_VALUE) != VIRTIO_MMIO_MAGIC)
		return mmio_wrong(fdt, node,
				  "no virtio device: its first register must be 0x74726976");
	d.id = read_reg(&d, VIRTIO_MMIO_DEVICE_ID);
	if (d.id == 0)
		return HV_OK;
	if (read_reg(&d, VIRTIO_MMIO_VERSION) != VIRTIO_MMIO_VERSION_2)
		return mmio_wrong(fdt, node,
				  "a legacy virtio device: its version must be 2 (QEMU: -global "
				  "virtio-mmio.force-legacy=false)");
	if (nr_devices == HOST_VIRTIO_MAX)
		return mmio_wrong(fdt, node, "there must be at most 32 virtio devices");
	d.config_size = reg->size - VIRTIO_MMIO_CONFIG;
	devices[nr_devices++] = d;
	return HV_OK;
}

static const char *const mmio_compatible[] = { "virtio,mmio", NULL };

DRIVER(virtio_mmio) = {
	.compatible = mmio_compatible,
	.order = DRIVER_DEVICE,
	.probe = mmio_probe,
};

int host_virtio_claim(const void *fdt, const char *path, uint32_t id, struct host_virtio **out,
		      const char **why)
{
	int node = fdt_path_offset(fdt, path);

	*why = "no such node: must be the path or the alias of a virtio device in the machine's tree";
	if (node < 0)
		return HV_ENOENT;
	for (unsigned int i = 0; i < nr_devices; i++) {
		struct host_virtio *d = &devices[i];

		if (d->node != node)
			continue;
		*why = "must be a device of another type";
		if (d->id != id)
			return HV_EINVAL;
		*why = "must be named once: something uses the device already";
		if (d->claimed)
			return HV_EBUSY;
		d->claimed = true;
		*out = d;
		return HV_OK;
	}
	*why = "there is no device, or none that can be used: must be a virtio-mmio slot with one (QEMU: -device "
	       "virtio-blk-device, and -global virtio-mmio.force-legacy=false)";
	return HV_ENXIO;
}

struct host_virtio *host_virtio_find(uint32_t id)
{
	for (unsigned int i = 0; i < nr_devices; i++)
		if (devices[i].id == id && !devices[i].claimed)
			return &devices[i];
	return NULL;
}

/* --- setting up ----------------------------------------------------------------------------------- */

#define RESET_NS 100000000

bool host_virtio_reset(const struct host_virtio *d)
{
	const uint64_t end = timer_now() + timer_ns_to_ticks(RESET_NS);

	write_reg(d, VIRTIO_MMIO_STATUS, 0);
	while (read_reg(d, VIRTIO_MMIO_STATUS) != 0)
		if (timer_now() >= end)
			return false;
	return true;
}

static void add_status(const struct host_virtio *d, uint32_t bits)
{
	write_reg(d, VIRTIO_MMIO_STATUS, read_reg(d, VIRTIO_MMIO_STATUS) | bits);
}

static uint64_t offered(const struct host_virtio *d)
{
	uint64_t low;

	write_reg(d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	low = read_reg(d, VIRTIO_MMIO_DEVICE_FEATURES);
	write_reg(d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	return (uint64_t)read_reg(d, VIRTIO_MMIO_DEVICE_FEATURES) << 32 | low;
}

static void accept_features(const struct host_virtio *d, uint64_t features)
{
	write_reg(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	write_reg(d, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
	write_reg(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	write_reg(d, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
}

int host_virtio_begin(struct host_virtio *d, uint64_t wanted)
{
	if (!host_virtio_reset(d))
		return HV_ENXIO;
	add_status(d, VIRTIO_ACKNOWLEDGE);
	add_status(d, VIRTIO_DRIVER);
	d->features = offered(d) & (wanted | VIRTIO_F_VERSION_1);
	if (!(d->features & VIRTIO_F_VERSION_1))
		return HV_ENXIO;
	accept_features(d, d->features);
	add_status(d, VIRTIO_FEATURES_OK);
	return read_reg(d, VIRTIO_MMIO_STATUS) & VIRTIO_FEATURES_OK ? HV_OK : HV_ENXIO;
}

static void write_address(const struct host_virtio *d, uint64_t low, const void *at)
{
	const uint64_t a = ptr_to_hpa(at).hpa;

	write_reg(d, low, (uint32_t)a);
	write_reg(d, low + 4, (uint32_t)(a >> 32));
}

/* The largest power of two that is at most @n. */
static uint16_t ring_size(uint32_t n)
{
	uint16_t size = HOST_RING_MAX;

	while (size > n)
		size /= 2;
	return size;
}

int host_virtio_ring(const struct host_virtio *d, unsigned int index, struct host_ring *r,
		     struct host_ring_memory *memory, struct host_ring_chain *chains)
{
	uint16_t size;

	write_reg(d, VIRTIO_MMIO_QUEUE_SEL, index);
	size = ring_size(read_reg(d, VIRTIO_MMIO_QUEUE_SIZE_MAX));
	if (size == 0 || read_reg(d, VIRTIO_MMIO_QUEUE_READY) != 0)
		return HV_ENXIO;
	memset(memory, 0, sizeof(*memory));
	host_ring_init(r, memory, chains, size, (d->features & VIRTIO_F_EVENT_IDX) != 0);
	write_reg(d, VIRTIO_MMIO_QUEUE_SIZE, size);
	write_address(d, VIRTIO_MMIO_QUEUE_DESC_LOW, memory->desc);
	write_address(d, VIRTIO_MMIO_QUEUE_DRIVER_LOW, memory->avail);
	write_address(d, VIRTIO_MMIO_QUEUE_DEVICE_LOW, memory->used);
	write_reg(d, VIRTIO_MMIO_QUEUE_READY, 1);
	return HV_OK;
}

void host_virtio_ready(const struct host_virtio *d)
{
	add_status(d, VIRTIO_DRIVER_OK);
}

/* --- at work -------------------------------------------------------------------------------------- */

bool host_virtio_failed(const struct host_virtio *d)
{
	return read_reg(d, VIRTIO_MMIO_STATUS) & VIRTIO_NEEDS_RESET;
}

/* A field of 8 bytes is read in halves (4.2.2.2), so all is read again if anything has changed meanwhile. */
void host_virtio_config(const struct host_virtio *d, uint64_t off, uint32_t *to, unsigned int words)
{
	uint32_t before, after = read_reg(d, VIRTIO_MMIO_CONFIG_GENERATION);
	unsigned int tries = 8;

	do {
		before = after;
		for (unsigned int i = 0; i < words; i++) {
			uint64_t at = off + 4 * (uint64_t)i;

			to[i] = at + 4 <= d->config_size ? read_reg(d, VIRTIO_MMIO_CONFIG + at) : 0;
		}
		after = read_reg(d, VIRTIO_MMIO_CONFIG_GENERATION);
	} while (before != after && --tries != 0);
}
