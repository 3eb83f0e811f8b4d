// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h
// SOURCES: hyp/dev/virtio/rng.c tests/unit/fake/copy_device.c
/*
 * The transport virtio-mmio with two devices: the entropy device, and one that copies. The driver writes any register, any
 * descriptor and any byte of its RAM, in any order, while RAM is taken away, the VM is paused and lives end. The devices
 * write nothing but RAM that the VM has; each step ends; and after a reset they work.
 */
#include "common/fuzz.h"

#include "arch/memmap.h"
#include "dev/virtio/transport.h"
#include "fake/copy_device.h"
#include "lib/random.h"
#include "vcpu/console.h"
#include "vcpu/vm_mem.h"

#define MAX_STEPS  300
#define MAX_STORES 40 /* of one notification */

/* Below it is what fake_ram_alloc() gives; above it the driver of this file has its rings, one page each, and buffers. */
#define AREA	   (FAKE_RAM + KIB(256))
#define RING(i)	   (AREA + (i)*PAGE_SIZE)
#define DESC	   0u
#define AVAIL	   256u
#define USED	   512u
#define TABLE	   1024u
#define BUFFERS	   (AREA + 8 * PAGE_SIZE)
#define AREA_PAGES ((FAKE_RAM_SIZE - KIB(256)) / PAGE_SIZE)

static struct virtio_dev *devs[2]; /* in slots 0 and 1 */
static bool paused, taken[AREA_PAGES];
static uint8_t pages[AREA_PAGES][PAGE_SIZE]; /* of those that are taken, as they were */
static uint16_t offered[4];		     /* avail.idx of each ring */

/* --- what the devices stand on -------------------------------------------------------------------- */

bool random_child_init(struct random_child *c, const void *use, size_t use_len)
{
	(void)use, (void)use_len;
	c->ready = true;
	return true;
}

bool random_child_bytes(struct random_child *c, void *out, size_t len, const void *use,
			size_t use_len)
{
	fuzz_must(c->ready && len <= RANDOM_MAX && use && use_len > 0);
	memset(out, 0x77, len);
	return true;
}

/* --- the driver ------------------------------------------------------------------------------------- */

/* A store, as often as it is to be executed; a VM that is paused would execute it for ever. */
static void store(uint64_t at, uint32_t val)
{
	for (unsigned int i = 0; i < MAX_STORES; i++) {
		unsigned int calls = copy->calls;

		guest_write(at, 4, val);
		if (!vcpu_tries_again(this_vcpu()))
			return;
		fuzz_must(paused || at < VDEV(1) || copy->calls != calls);
		if (paused)
			return;
	}
}

static void begin(struct fuzz_input *in, unsigned int slot, unsigned int how)
{
	const uint64_t features = VIRTIO_F_VERSION_1 | (how & 1 ? VIRTIO_F_EVENT_IDX : 0) |
				  (how & 2 ? VIRTIO_F_INDIRECT_DESC : 0) |
				  (how & 4 ? VIRTIO_F_RING_RESET : 0);
	const uint8_t size = fuzz_u8(in);

	fuzz_must(driver_begin(VDEV(slot), features) & VIRTIO_FEATURES_OK);
	for (unsigned int q = 0; q < devs[slot]->nr_queues; q++) {
		const uint64_t at = RING(2 * slot + q);
		const struct vring r = { .dev = VDEV(slot),
					 .index = q,
					 .size = (uint16_t)(1u << (size & 7)),
					 .desc = at + DESC,
					 .avail = at + AVAIL,
					 .used = at + USED };

		memset(fake_ram_at(at), 0, PAGE_SIZE);
		if (taken[2 * slot + q])
			memset(pages[2 * slot + q], 0, PAGE_SIZE);
		offered[2 * slot + q] = 0;
		vring_set_addresses(&r);
		vdev_set(VDEV(slot), VIRTIO_MMIO_QUEUE_READY, 1);
	}
	store(VDEV(slot) + VIRTIO_MMIO_STATUS,
	      VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
}

/* What the guest itself writes in its RAM: nothing where it has none any more. */
static void ram_write(uint64_t at, const void *from, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++) {
		const uint64_t a = at + i;

		if (a < FAKE_RAM || a >= FAKE_RAM_END)
			return;
		if (a < AREA || !taken[(a - AREA) / PAGE_SIZE])
			*(uint8_t *)fake_ram_at(a) = ((const uint8_t *)from)[i];
	}
}

static void put_desc(struct fuzz_input *in, uint64_t ring, bool table)
{
	const uint8_t i = fuzz_u8(in);
	struct virtq_desc d;

	d.addr = fuzz_number(in, BUFFERS);
	d.len = (uint32_t)fuzz_number(in, PAGE_SIZE);
	d.flags = fuzz_u8(in);
	d.next = fuzz_u8(in);
	/* Small numbers are buffers, and the table. */
	if (d.addr < 32)
		d.addr = d.flags & VIRTQ_DESC_INDIRECT ? ring + TABLE : BUFFERS + d.addr * 1000;
	ram_write(ring + (table ? TABLE : DESC) + sizeof(d) * i, &d, sizeof(d));
}

static void offer(struct fuzz_input *in, unsigned int i, unsigned int how)
{
	const uint8_t size = fuzz_u8(in), ahead = fuzz_u8(in);
	const uint16_t head = fuzz_u8(in);
	const uint64_t at = RING(i) + AVAIL;

	ram_write(at + VIRTQ_AVAIL_RING + 2u * (offered[i] & ((1u << (size & 7)) - 1)), &head, 2);
	offered[i] = (uint16_t)(offered[i] + (how & 2 ? ahead : 1));
	if (!(how & 1))
		ram_write(at + VIRTQ_AVAIL_IDX, &offered[i], 2);
}

static void write_register(struct fuzz_input *in, unsigned int slot, unsigned int how)
{
	const unsigned int len = how < 4 ? 4 : 1u << (how & 3);
	const uint64_t off = how < 4 ? 4u * (fuzz_u8(in) & 63) : fuzz_number(in, 0x100) % PAGE_SIZE;
	const uint64_t val = fuzz_number(in, AREA);

	if (len == 4)
		store(VDEV(slot) + (off & ~UINT64_C(3)), (uint32_t)val);
	else
		guest_write(VDEV(slot) + (off & ~(uint64_t)(len - 1)), len, val);
	(void)vcpu_tries_again(this_vcpu());
}

static void read_register(struct fuzz_input *in, unsigned int slot, unsigned int how)
{
	const unsigned int len = 1u << (how & 3);
	const uint64_t off = fuzz_number(in, 0x100) % PAGE_SIZE & ~(uint64_t)(len - 1);

	(void)guest_read(VDEV(slot + (how & 4)) + off, len);
}

static void write_ram(struct fuzz_input *in, uint64_t ring, unsigned int how)
{
	const uint64_t at = ring + fuzz_number(in, USED);
	const uint64_t val = fuzz_number(in, BUFFERS);

	ram_write(at, &val, how + 1);
}

/* --- what else happens -------------------------------------------------------------------------------- */

/* Another VM has the page's host memory from now on. */
static void take(unsigned int i)
{
	const uint64_t at = AREA + i * PAGE_SIZE;

	if (taken[i])
		return;
	vm_mem_change_begins(&fake_vm);
	fuzz_must(pgtable_unmap(&fake_vm.gstage.pt, at, PAGE_SIZE) == HV_OK);
	vm_mem_change_ends(&fake_vm);
	taken[i] = true;
	memcpy(pages[i], fake_ram_at(at), PAGE_SIZE);
}

static void give_back(unsigned int i)
{
	const uint64_t at = AREA + i * PAGE_SIZE;

	if (!taken[i])
		return;
	fuzz_must(pgtable_map(&fake_vm.gstage.pt, at, ptr_to_hpa(fake_ram_at(at)), PAGE_SIZE,
			      PTE_R | PTE_W | PTE_X | PTE_U | PTE_RAM) == HV_OK);
	taken[i] = false;
}

static void pause_vm(bool yes)
{
	paused = yes;
	fake_vm.state = yes ? VM_PAUSED : VM_RUNNING;
}

static void begin_life(void)
{
	vm_mem_close(&fake_vm);
	for (unsigned int i = 0; i < ARRAY_SIZE(devs); i++)
		virtio_reset(devs[i]);
	pause_vm(false);
	vm_mem_open(&fake_vm);
}

static void other(struct fuzz_input *in, unsigned int i, unsigned int how)
{
	struct virtio_dev *d = devs[i / 2];
	const uint8_t n = fuzz_u8(in);

	switch (how) {
	case 0:
		pause_vm(n & 1);
		break;
	case 1:
		take(n % AREA_PAGES);
		break;
	case 2:
		give_back(n % AREA_PAGES);
		break;
	case 3:
		begin_life();
		break;
	case 4:
		copy->declines = n & 1;
		copy->error = n & 2 ? HV_EBUSY : n & 4 ? HV_EINVAL : HV_OK;
		break;
	case 5:
		virtio_config_changed(d);
		break;
	default:
		(void)virtio_serve(d, i % d->nr_queues, false);
		break;
	}
}

/* --- what must hold ---------------------------------------------------------------------------------- */

static void check_device(unsigned int slot)
{
	const struct virtio_dev *d = devs[slot];

	fuzz_must(vdev_get(VDEV(slot), VIRTIO_MMIO_MAGIC_VALUE) == VIRTIO_MMIO_MAGIC);
	fuzz_must(vdev_get(VDEV(slot), VIRTIO_MMIO_STATUS) == d->status);
	fuzz_must(vdev_get(VDEV(slot), VIRTIO_MMIO_INTERRUPT_STATUS) == d->interrupts);
	fuzz_must(vdev_line(VDEV(slot)) == (d->interrupts != 0));
	fuzz_must(!(d->status & VIRTIO_FEATURES_OK) ||
		  (!(d->features & ~d->offered) && (d->features & VIRTIO_F_VERSION_1)));
	for (unsigned int q = 0; q < d->nr_queues; q++) {
		const struct virtq *vq = &d->queues[q];

		fuzz_must(!vq->busy || vq->ready);
		fuzz_must(!vq->ready || (vq->size && vq->size <= vq->max));
		fuzz_must(vq->chain.nr <= vq->max && vq->chain.nr_out <= vq->chain.nr);
	}
}

static void check_taken(void)
{
	for (unsigned int i = 0; i < AREA_PAGES; i++)
		fuzz_must(!taken[i] ||
			  memcmp(pages[i], fake_ram_at(AREA + i * PAGE_SIZE), PAGE_SIZE) == 0);
}

/* After a reset both do what they are for. */
static void check_work(void)
{
	struct vring r;
	uint32_t id, len;
	uint64_t at;

	begin_life();
	copy->declines = false;
	copy->error = HV_OK;
	at = fake_ram_alloc(64, 1);
	fuzz_must(driver_begin(VDEV(0), VIRTIO_F_VERSION_1) & VIRTIO_FEATURES_OK);
	vring_begin(&r, VDEV(0), 0, 16, 0);
	fuzz_must(driver_ok(VDEV(0)) == 1);
	(void)vring_add(&r, (struct vbuf[]){ { at, 64, true } }, 1);
	(void)vring_kick(&r);
	fuzz_must(vring_used(&r, &id, &len) && len == 64 && fake_ram_is(at, 0x77, 64));
	fuzz_must(driver_begin(VDEV(1), VIRTIO_F_VERSION_1) & VIRTIO_FEATURES_OK);
	for (unsigned int i = 0; i < COPY_QUEUES; i++)
		vring_begin(&copy_rings[i], VDEV(1), i, 16, 0);
	fuzz_must(driver_ok(VDEV(1)) == 1);
	for (unsigned int i = 0; i < COPY_QUEUES; i++)
		fuzz_must(copy_works(i));
}

/* --- one input ----------------------------------------------------------------------------------------- */

static void one_step(struct fuzz_input *in)
{
	const uint8_t op = fuzz_u8(in);
	const unsigned int i = op >> 3 & 3, how = op >> 5;
	const unsigned int slot = i / 2;

	switch (op & 7) {
	case 0:
		begin(in, slot, how);
		break;
	case 1:
		put_desc(in, RING(i), how & 1);
		break;
	case 2:
		offer(in, i, how);
		break;
	case 3:
		store(VDEV(slot) + VIRTIO_MMIO_QUEUE_NOTIFY, i % 2);
		break;
	case 4:
		write_register(in, slot, how);
		break;
	case 5:
		read_register(in, slot, how);
		break;
	case 6:
		write_ram(in, RING(i), how);
		break;
	default:
		other(in, i, how);
		break;
	}
	check_device(slot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	void *rng;

	fake_guest_setup(1, fuzz_u8(&in) & 1 ? FAKE_SCATTERED : FAKE_ONE_PIECE, 0);
	memset(taken, 0, sizeof(taken));
	memset(offered, 0, sizeof(offered));
	pause_vm(false);
	fuzz_must(fake_virtio_make("rng", NULL, 0, &rng) == HV_OK);
	fuzz_must(copy_device_make(&copy, NULL, 0) == HV_OK);
	devs[0] = rng; /* its structure begins with it */
	devs[1] = &copy->dev;
	for (unsigned int steps = 0; in.left > 0 && steps < MAX_STEPS; steps++)
		one_step(&in);
	check_taken();
	check_work();
	check_taken();
	fuzz_must(fake_guest_teardown());
	return 0;
}
