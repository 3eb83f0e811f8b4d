// SPDX-License-Identifier: BSD-2-Clause
#include "fake/machine_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The sources themselves: each test begins without devices. */
#include "platform/virtio/disk.c"
#include "platform/virtio/mmio.c"

#include "arch/memmap.h"
#include "fake/log.h"
#include "fake/probe.h"
#include "fake/timer.h"
#include "fake/tree.h"

struct hw hw[SLOTS];

static uint8_t window[SLOTS][0x200];
static void (*irq_fn)(void *arg);
static void *irq_arg;
int hw_irq_err;
unsigned int hw_irq_offs;

static unsigned int slot_of(const volatile void *at)
{
	return (unsigned int)(((const volatile uint8_t *)at - window[0]) / 0x200);
}

uint32_t fake_io_read(const volatile void *at, unsigned int width)
{
	unsigned int s = slot_of(at);
	uint64_t off = (uint64_t)((const volatile uint8_t *)at - window[s]);

	assert_int_equal(width, 4);
	switch (off) {
	case 0x000:
		return hw[s].magic;
	case 0x004:
		return hw[s].version;
	case 0x008:
		return hw[s].id;
	case 0x010:
		return (uint32_t)(hw[s].features >> (32 * hw[s].feature_sel));
	case 0x034:
		return hw[s].queue_size;
	case 0x044:
		return hw[s].ready;
	case 0x060:
		return hw[s].interrupts;
	case 0x070:
		fake_ticks += 1000; /* time passes while it is waited for */
		return hw[s].status;
	case 0x0fc:
		hw[s].generation += hw[s].unsteady;
		return hw[s].generation;
	default:
		assert_true(off >= 0x100 && off + 4 <= 0x200);
		hw[s].config_reads++;
		if (off - 0x100 >= sizeof(hw[s].layout))
			return 0;
		return ((const uint32_t *)(const void *)&hw[s].layout)[(off - 0x100) / 4];
	}
}

static void high(uint64_t *val, uint32_t high_half)
{
	*val = (uint32_t)*val | (uint64_t)high_half << 32;
}

static void low(uint64_t *val, uint32_t low_half)
{
	*val = *val >> 32 << 32 | low_half;
}

static void write_status(unsigned int s, uint32_t val)
{
	if (val == 0) {
		hw[s].resets++;
		hw[s].ready = 0;
		hw[s].seen = 0;
		hw[s].interrupts = 0;
		if (hw[s].sticks)
			return;
	}
	if ((val & VIRTIO_FEATURES_OK) && (hw[s].refuses || (hw[s].taken & ~hw[s].features)))
		val &= ~VIRTIO_FEATURES_OK;
	hw[s].status = val;
}

void fake_io_write(volatile void *at, unsigned int width, uint32_t val)
{
	unsigned int s = slot_of(at);
	uint64_t off = (uint64_t)((volatile uint8_t *)at - window[s]);

	assert_int_equal(width, 4);
	switch (off) {
	case 0x014:
		assert_in_range(val, 0, 1);
		hw[s].feature_sel = val;
		break;
	case 0x020:
		if (hw[s].taken_sel)
			high(&hw[s].taken, val);
		else
			low(&hw[s].taken, val);
		break;
	case 0x024:
		assert_in_range(val, 0, 1);
		hw[s].taken_sel = val;
		break;
	case 0x030:
		assert_int_equal(val, 0);
		break;
	case 0x038:
		hw[s].size = val;
		break;
	case 0x044:
		hw[s].ready = val;
		break;
	case 0x050:
		assert_int_equal(val, 0);
		assert_true(hw[s].status & VIRTIO_DRIVER_OK);
		hw[s].notified++;
		while (hw[s].at_once && hw_waiting(s))
			hw_serve_one(s, BLK_OK);
		break;
	case 0x064:
		hw[s].interrupts &= ~val;
		break;
	case 0x070:
		write_status(s, val);
		break;
	case 0x080:
		low(&hw[s].desc, val);
		break;
	case 0x084:
		high(&hw[s].desc, val);
		break;
	case 0x090:
		low(&hw[s].avail, val);
		break;
	case 0x094:
		high(&hw[s].avail, val);
		break;
	case 0x0a0:
		low(&hw[s].used, val);
		break;
	case 0x0a4:
		high(&hw[s].used, val);
		break;
	default:
		fail_msg("a write at %#lx", (unsigned long)off);
	}
}

void *device_map(hpa_t base, uint64_t size)
{
	(void)size;
	return window[(base.hpa - 0x10001000) / 0x1000];
}

int host_irq_request(const void *fdt, int node, void (*fn)(void *arg), void *arg)
{
	(void)fdt, (void)node;
	irq_fn = fn;
	irq_arg = arg;
	return hw_irq_err;
}

void host_irq_off(const void *arg)
{
	assert_ptr_equal(arg, irq_arg);
	hw_irq_offs++;
}

uint16_t *hw_u16(uint64_t at)
{
	return (uint16_t *)hpa_to_ptr(hpa(at));
}

/* One request as the specification has it; the status that the device gives, or -1: it gives none. */
void hw_serve_one(unsigned int s, int forced)
{
	const struct virtq_desc *desc = hpa_to_ptr(hpa(hw[s].desc));
	uint16_t head = hw_u16(hw[s].avail + VIRTQ_AVAIL_RING)[hw[s].seen++ % hw[s].size];
	const struct virtq_desc *d = &desc[head];
	const struct blk_header *h = hpa_to_ptr(hpa(d->addr));
	uint64_t at = h->sector * BLK_SECTOR;
	uint32_t written = 1;
	struct virtq_used_elem *e;
	uint16_t *idx = hw_u16(hw[s].used + VIRTQ_USED_IDX);

	assert_int_equal(d->len, sizeof(*h));
	for (d = &desc[d->next]; d->flags & VIRTQ_DESC_NEXT; d = &desc[d->next]) {
		assert_int_equal(!!(d->flags & VIRTQ_DESC_WRITE), h->type == BLK_IN);
		if (h->type == BLK_IN || h->type == BLK_OUT)
			assert_true(at + d->len <= sizeof(hw[s].data));
		if (h->type == BLK_IN)
			memcpy(hpa_to_ptr(hpa(d->addr)), hw[s].data + at, d->len);
		if (h->type == BLK_OUT)
			memcpy(hw[s].data + at, hpa_to_ptr(hpa(d->addr)), d->len);
		written += h->type == BLK_IN ? d->len : 0;
		at += d->len;
	}
	assert_int_equal(d->len, 1);
	assert_true(d->flags & VIRTQ_DESC_WRITE);
	if (forced >= 0)
		*(uint8_t *)hpa_to_ptr(hpa(d->addr)) = (uint8_t)forced;
	e = hpa_to_ptr(hpa(hw[s].used + VIRTQ_USED_RING + 8u * (*idx % hw[s].size)));
	*e = (struct virtq_used_elem){ head, written };
	(*idx)++;
}

unsigned int hw_waiting(unsigned int s)
{
	return (uint16_t)(*hw_u16(hw[s].avail + VIRTQ_AVAIL_IDX) - hw[s].seen);
}

void hw_interrupt(unsigned int s, uint32_t why)
{
	hw[s].interrupts = why;
	irq_fn(irq_arg);
	assert_int_equal(hw[s].interrupts, 0);
}

/* The device does @nr of what it has been asked. */
void hw_serve(unsigned int s, unsigned int nr)
{
	while (nr-- > 0)
		hw_serve_one(s, BLK_OK);
	hw_interrupt(s, VIRTIO_INT_USED);
}

/* --- a machine ------------------------------------------------------------------------------------ */

uint64_t hw_tree[2048];
static uint8_t memory[SLOTS][HOST_DISK_MEMORY] __attribute__((aligned(4096)));
struct host_disk *hw_disk;
const char *hw_why;

int hw_probe(unsigned int s)
{
	char path[48];

	snprintf(path, sizeof(path), "/soc/virtio_mmio@%x", 0x10001000 + 0x1000 * s);
	return probe_path(&driver_virtio_mmio, hw_tree, path);
}

const char *hw_path(unsigned int s)
{
	static char path[48];

	snprintf(path, sizeof(path), "/soc/virtio_mmio@%x", 0x10001000 + 0x1000 * s);
	return path;
}

static void make_tree(void)
{
	char name[32];

	tree_begin(hw_tree, sizeof(hw_tree));
	tree_cells(hw_tree, "#address-cells", 1, 2);
	tree_cells(hw_tree, "#size-cells", 1, 2);
	tree_node(hw_tree, "soc");
	tree_cells(hw_tree, "#address-cells", 1, 2);
	tree_cells(hw_tree, "#size-cells", 1, 2);
	for (unsigned int s = 0; s < SLOTS; s++) {
		uint32_t at = 0x10001000 + 0x1000 * s;

		snprintf(name, sizeof(name), "virtio_mmio@%x", at);
		tree_node(hw_tree, name);
		tree_cells(hw_tree, "reg", 4, 0, at, 0, 0x200);
		tree_end_node(hw_tree);
	}
	tree_end_node(hw_tree);
	(void)tree_finish(hw_tree);
}

void hw_setup(void)
{
	fake_log_reset();
	fake_timer_setup(1000);
	memset(hw, 0, sizeof(hw));
	memset(memory, 0, sizeof(memory));
	for (unsigned int s = 0; s < SLOTS; s++) {
		hw[s].magic = VIRTIO_MMIO_MAGIC;
		hw[s].version = 2;
		hw[s].id = VIRTIO_ID_BLOCK;
		hw[s].features = VIRTIO_F_VERSION_1 | BLK_F_SEG_MAX | BLK_F_FLUSH | BLK_F_BLK_SIZE |
				 VIRTIO_F_INDIRECT_DESC | BIT(40);
		hw[s].queue_size = 1024;
		hw[s].layout =
			(struct blk_layout){ .capacity = SECTORS, .seg_max = 254, .blk_size = 512 };
		for (unsigned int i = 0; i < sizeof(hw[s].data); i++)
			hw[s].data[i] = (uint8_t)(i / BLK_SECTOR + s);
	}
	make_tree();
	nr_devices = nr_disks = 0;
	hw_irq_err = HV_OK;
	hw_irq_offs = 0;
}

int hw_open(unsigned int s)
{
	assert_int_equal(hw_probe(s), HV_OK);
	return host_disk_open(hw_tree, hw_path(s), memory[s], &hw_disk, &hw_why);
}

/* --- those that ask --------------------------------------------------------------------------------- */

struct asked many[RING_FULL + 1];

static void over(struct host_disk_request *r, enum blk_status status)
{
	struct asked *a = container_of(r, struct asked, request);

	a->status = status;
	a->over++;
}

static void over_and_gone(struct host_disk_request *r, enum blk_status status)
{
	(void)status;
	free(container_of(r, struct asked, request));
}

static void no_turn(struct host_disk_user *u)
{
	(void)u;
}

struct host_disk_user asker = { .may_go = no_turn };

int ask(struct asked *a, enum blk_type type, uint64_t sector, unsigned int pieces)
{
	struct host_piece p[3];

	for (unsigned int i = 0; i < pieces; i++)
		p[i] = (struct host_piece){ ptr_to_hpa(a->data + i * BLK_SECTOR), BLK_SECTOR };
	a->request.header = (struct blk_header){ type, 0, sector };
	a->request.done = over;
	a->over = 0;
	return host_disk_submit(hw_disk, &asker, &a->request, p, pieces);
}

void takes_turn(struct host_disk_user *u)
{
	struct turn *t = container_of(u, struct turn, user);

	t->turns++;
	while (t->wants > 0) {
		struct asked *a = malloc(sizeof(*a));
		struct host_piece p = { ptr_to_hpa(a->data), BLK_SECTOR };
		int err;

		a->request = (struct host_disk_request){ .header = { BLK_IN, 0, 0 },
							 .done = over_and_gone };
		err = host_disk_submit(hw_disk, u, &a->request, &p, 1);
		if (err != HV_OK) {
			free(a);
			return;
		}
		t->wants--;
		t->got++;
	}
}

void fill(void)
{
	for (unsigned int i = 0; i < RING_FULL; i++)
		assert_int_equal(ask(&many[i], BLK_IN, 0, 1), HV_OK);
}
