// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h
// SOURCES: hyp/dev/virtio/blk.c hyp/dev/virtio/blk_request.c hyp/dev/virtio/blk_overlay.c hyp/dev/virtio/blk_source.c tests/unit/fake/no_host_disk.c
// SOURCES: hyp/dev/virtio/console.c hyp/dev/virtio/console_ctrl.c hyp/dev/virtio/console_part.c
// SOURCES: hyp/vcpu/console.c hyp/vcpu/vm_console.c tests/unit/fake/tree.c
/*
 * A disk with an overlay and two queues, and a console with two ports. The driver sends requests and messages, right ones
 * and wrong ones, and writes any register, any descriptor and any byte of its RAM, in any order. The terminal has room or
 * not, the operator types, the VM is paused, and lives end. The image stays as it is, the overlay within its bound, and after a
 * reset both devices work.
 */
#include "common/fuzz.h"

#include "arch/memmap.h"
#include "dev/virtio/blk.h"
#include "dev/virtio/console.h"
#include "dev/virtio/transport.h"
#include "fake/log.h"
#include "fake/tree.h"
#include "fake/vring.h"
#include "lib/text.h"
#include "term/term.h"
#include "vcpu/console.h"
#include "vcpu/vm_mem.h"

#define MAX_STEPS  200
#define MAX_STORES 200 /* of one notification */
#define IMAGE	   (KIB(100) + 700)
#define BOUND	   KIB(48)
#define DISK	   VDEV(0)
#define CONSOLE	   VDEV(1)
#define PORTS	   2u

/* Queues 0 and 1 are the disk's, 2 to 7 the console's. Below AREA is what fake_ram_alloc() gives. */
#define QUEUES	   8
#define RING(i)	   (AREA + (i)*PAGE_SIZE)
#define DESC	   0u
#define AVAIL	   256u
#define USED	   512u
#define TABLE	   1024u
#define HEADER	   2048u
#define BUFFERS	   (AREA + QUEUES * PAGE_SIZE)
#define AREA_PAGES 40
#define AREA	   (FAKE_RAM_END - AREA_PAGES * PAGE_SIZE)

static uint8_t image[IMAGE];
static struct virtio_dev *devs[2];
static uint16_t offered[QUEUES];
static bool paused;

static uint64_t dev_of(unsigned int i)
{
	return i < 2 ? DISK : CONSOLE;
}

static unsigned int index_of(unsigned int i)
{
	return i < 2 ? i : i - 2;
}

static uint8_t of_image(size_t i)
{
	return (uint8_t)(1 + i / 512 + i % 253);
}

/* --- what the devices stand on -------------------------------------------------------------------- */

static struct {
	const struct term_owner *owner;
	void *arg;
	size_t room, typed;
	uint8_t last; /* byte that was printed */
} streams[PORTS];
static unsigned int nr_streams;

struct term_stream *term_stream_new(struct arena *a, const char *name,
				    const struct term_owner *owner, void *arg)
{
	fuzz_must(a == &fake_vm.arena && name[0] && nr_streams < PORTS);
	streams[nr_streams].owner = owner;
	streams[nr_streams].arg = arg;
	return (struct term_stream *)(void *)&streams[nr_streams++];
}

static unsigned int number_of(const struct term_stream *s)
{
	for (unsigned int i = 0; i < PORTS; i++)
		if ((const void *)s == &streams[i])
			return i;
	fuzz_must(false);
	return 0;
}

size_t term_stream_write(struct term_stream *s, const char *buf, size_t len)
{
	const unsigned int i = number_of(s);
	const size_t n = min_u64(len, streams[i].room);

	streams[i].room -= n;
	for (size_t b = 0; b < n; b++)
		streams[i].last = (uint8_t)buf[b];
	return n;
}

bool term_stream_want_room(struct term_stream *s, size_t len)
{
	return streams[number_of(s)].room >= len;
}

bool term_stream_want_out(struct term_stream *s)
{
	(void)s;
	return true;
}

uint64_t term_stream_written_at(const struct term_stream *s)
{
	(void)s;
	return 0;
}

size_t term_stream_read(struct term_stream *s, char *buf, size_t len)
{
	const unsigned int i = number_of(s);
	const size_t n = min_u64(len, streams[i].typed);

	memset(buf, 't', n);
	streams[i].typed -= n;
	return n;
}

bool term_stream_input_pending(const struct term_stream *s)
{
	return streams[number_of(s)].typed != 0;
}

void vcpu_unhalt(struct vcpu *v)
{
	v->halt.ends = 0;
}

static int find(const struct config_images *from, const char *name, struct config_image *out,
		struct text *why)
{
	(void)from, (void)name, (void)why;
	*out = (struct config_image){ "root", image, IMAGE };
	return HV_OK;
}

static const struct config_images images = { .find = find };

static void make_devices(void)
{
	static uint64_t tree[256];
	struct config_node n = { .fdt = tree, .path = "/vm/disk@0", .images = &images };
	void *state;

	tree_begin(tree, sizeof(tree));
	tree_string(tree, "image", "root");
	tree_string(tree, "access", "overlay");
	tree_cells(tree, "overlay-memory", 2, 0, (uint32_t)BOUND);
	tree_cells(tree, "queues", 1, 2);
	(void)tree_finish(tree);
	fuzz_must(fake_virtio_make("disk", &n, 0, &state) == HV_OK);
	devs[0] = &((struct disk *)state)->dev;
	nr_streams = 0;
	for (unsigned int i = 0; i < PORTS; i++) {
		streams[i].room = 4096;
		streams[i].typed = 0;
		tree_begin(tree, sizeof(tree));
		(void)tree_finish(tree);
		n.path = "/vm/console@0";
		fuzz_must(fake_virtio_make("console", &n, i, &state) == HV_OK);
		devs[1] = &((struct vconsole_port *)state)->of->dev;
	}
}

/* --- the driver ------------------------------------------------------------------------------------- */

/*
 * A store, as often as it is to be executed. A VM that is paused would execute it for ever, and so would a driver that has the
 * device write new requests into its ring.
 */
static void store(uint64_t at, uint32_t val)
{
	for (unsigned int i = 0; i < MAX_STORES; i++) {
		guest_write(at, 4, val);
		if (!vcpu_tries_again(this_vcpu()) || paused)
			return;
	}
}

static void ram_write(uint64_t at, const void *from, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++)
		if (at + i >= FAKE_RAM && at + i < FAKE_RAM_END)
			*(uint8_t *)fake_ram_at(at + i) = ((const uint8_t *)from)[i];
}

static void begin(struct fuzz_input *in, unsigned int i, unsigned int how)
{
	const uint64_t dev = dev_of(i);
	const uint64_t features =
		VIRTIO_F_VERSION_1 | (how & 1 ? VIRTIO_F_EVENT_IDX : 0) |
		(how & 2 ? VIRTIO_F_INDIRECT_DESC : 0) |
		(dev == CONSOLE && fuzz_u8(in) % 4 ? VIRTIO_CONSOLE_F_MULTIPORT : 0);
	const uint8_t size = fuzz_u8(in);

	fuzz_must(driver_begin(dev, features) & VIRTIO_FEATURES_OK);
	for (unsigned int q = dev == DISK ? 0 : 2; q < (dev == DISK ? 2 : QUEUES); q++) {
		const struct vring r = { .dev = dev,
					 .index = index_of(q),
					 .size = (uint16_t)(1u << (size & 3)),
					 .desc = RING(q) + DESC,
					 .avail = RING(q) + AVAIL,
					 .used = RING(q) + USED };

		memset(fake_ram_at(RING(q)), 0, PAGE_SIZE);
		offered[q] = 0;
		vring_set_addresses(&r);
		vdev_set(dev, VIRTIO_MMIO_QUEUE_READY, 1);
	}
	store(dev + VIRTIO_MMIO_STATUS,
	      VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
}

static void put(uint64_t at, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	const struct virtq_desc d = { addr, len, flags, next };

	ram_write(at, &d, sizeof(d));
}

static void put_desc(struct fuzz_input *in, unsigned int i, unsigned int how)
{
	const uint64_t at = RING(i) + (how & 1 ? TABLE : DESC) + 16u * (fuzz_u8(in) & 15);
	uint64_t addr = fuzz_number(in, BUFFERS);
	const uint32_t len = (uint32_t)fuzz_number(in, PAGE_SIZE);
	const uint16_t flags = fuzz_u8(in);

	if (addr < 32)
		addr = flags & VIRTQ_DESC_INDIRECT ? RING(i) + TABLE : BUFFERS + addr * 1000;
	put(at, addr, len, flags, fuzz_u8(in));
}

static void offer(unsigned int i, uint8_t size, uint16_t head, uint16_t ahead)
{
	ram_write(RING(i) + AVAIL + VIRTQ_AVAIL_RING + 2u * (offered[i] & ((1u << (size & 3)) - 1)),
		  &head, 2);
	offered[i] = (uint16_t)(offered[i] + ahead);
	ram_write(RING(i) + AVAIL + VIRTQ_AVAIL_IDX, &offered[i], 2);
	store(dev_of(i) + VIRTIO_MMIO_QUEUE_NOTIFY, index_of(i));
}

/* A request or a message, most of which is as it should be. */
static void request(struct fuzz_input *in, unsigned int i, unsigned int how)
{
	static const uint8_t types[] = { BLK_IN,     BLK_OUT,	  BLK_FLUSH,
					 BLK_GET_ID, BLK_DISCARD, BLK_WRITE_ZEROES };
	const uint8_t size = fuzz_u8(in), what = fuzz_u8(in);
	const uint64_t at = RING(i) + HEADER, table = RING(i) + DESC;

	if (i < 2) {
		const uint32_t len = how & 1 ? 512u * (fuzz_u8(in) & 63) :
					       (uint32_t)fuzz_number(in, 512);
		const struct blk_header h = { types[what % sizeof(types)], 0,
					      fuzz_number(in, IMAGE / 512) };
		const bool zeroes = what % sizeof(types) >= 4, writes = h.type == BLK_OUT || zeroes;
		const struct blk_range r = { h.sector, len / 512, what >> 7 };

		ram_write(at, &h, sizeof(h));
		if (zeroes)
			ram_write(BUFFERS, &r, sizeof(r));
		put(table, at, sizeof(h), VIRTQ_DESC_NEXT, 1);
		put(table + 16, BUFFERS, zeroes ? sizeof(r) : len,
		    VIRTQ_DESC_NEXT | (writes ? 0 : VIRTQ_DESC_WRITE), 2);
		put(table + 32, at + 100, 1, VIRTQ_DESC_WRITE, 0);
	} else if (index_of(i) % 2 != 0) {
		const struct virtio_console_control m = { (uint32_t)fuzz_number(in, PORTS),
							  what & 15, how & 1 };

		ram_write(at, &m, sizeof(m));
		put(table, at, how & 2 ? sizeof(m) : fuzz_u8(in), 0, 0);
	} else {
		put(table, BUFFERS, how & 1 ? 64 : fuzz_u8(in), VIRTQ_DESC_WRITE, 0);
	}
	offer(i, size, 0, 1);
}

static void write_register(struct fuzz_input *in, unsigned int i, unsigned int how)
{
	const unsigned int len = how < 3 ? 4 : 1u << (fuzz_u8(in) & 3);
	const uint64_t off = how < 3 ? 4u * (fuzz_u8(in) & 127) :
				       fuzz_number(in, 0x100) % PAGE_SIZE;
	const uint64_t val = fuzz_number(in, AREA);

	if (len == 4)
		store(dev_of(i) + (off & ~UINT64_C(3)), (uint32_t)val);
	else
		guest_write(dev_of(i) + (off & ~(uint64_t)(len - 1)), len, val);
	(void)vcpu_tries_again(this_vcpu());
}

/* --- what else happens -------------------------------------------------------------------------------- */

static void begin_life(void)
{
	vm_mem_close(&fake_vm);
	virtio_reset(devs[0]);
	virtio_reset(devs[1]);
	paused = false;
	fake_vm.state = VM_RUNNING;
	vm_mem_open(&fake_vm);
}

static void other(struct fuzz_input *in, unsigned int i)
{
	const uint8_t what = fuzz_u8(in), n = fuzz_u8(in);
	struct vcpu *v = this_vcpu();

	switch (what % 5) {
	case 0:
		paused = n & 1;
		fake_vm.state = paused ? VM_PAUSED : VM_RUNNING;
		break;
	case 1:
		begin_life();
		break;
	case 2:
		streams[n % PORTS].typed = n;
		this_pcpu()->current = NULL;
		streams[n % PORTS].owner->input_ready(streams[n % PORTS].arg);
		this_pcpu()->current = v;
		break;
	case 3:
		streams[n % PORTS].room = n * 4u;
		this_pcpu()->current = NULL;
		streams[n % PORTS].owner->output_ready(streams[n % PORTS].arg);
		this_pcpu()->current = v;
		break;
	default:
		(void)virtio_serve(devs[i >= 2], index_of(i), false);
		break;
	}
}

/* --- what must hold ---------------------------------------------------------------------------------- */

static void check_device(unsigned int slot)
{
	const struct virtio_dev *d = devs[slot];
	const struct disk *k = (const struct disk *)devs[0];

	fuzz_must(vdev_get(VDEV(slot), VIRTIO_MMIO_STATUS) == d->status);
	fuzz_must(vdev_line(VDEV(slot)) == (d->interrupts != 0));
	for (unsigned int q = 0; q < d->nr_queues; q++) {
		const struct virtq *vq = &d->queues[q];

		fuzz_must(!vq->busy || vq->ready);
		fuzz_must(!vq->ready || (vq->size && vq->size <= vq->max));
		fuzz_must(vq->chain.nr <= vq->max && vq->chain.nr_out <= vq->chain.nr);
	}
	fuzz_must(k->overlay.pages <= BOUND / PAGE_SIZE);
	for (unsigned int i = 0; i < OVERLAY_USERS; i++)
		fuzz_must(k->overlay.busy[i] == 0);
}

static int ask_disk(struct vring *r, uint32_t type, uint64_t at, uint32_t len)
{
	const struct blk_header h = { type, 0, 0 };
	const uint64_t header = RING(0) + HEADER;
	uint32_t id, used;

	ram_write(header, &h, sizeof(h));
	(void)vring_add(r,
			(struct vbuf[]){ { header, sizeof(h), false },
					 { at, len, type == BLK_IN },
					 { header + 100, 1, true } },
			3);
	(void)vring_kick(r);
	return vring_used(r, &id, &used) ? *(uint8_t *)fake_ram_at(header + 100) : -1;
}

static void check_work(void)
{
	const struct blk_range all = { 0, IMAGE / 512, 0 };
	struct vring r;
	uint32_t id, len;

	begin_life();
	fuzz_must(driver_begin(DISK, VIRTIO_F_VERSION_1) & VIRTIO_FEATURES_OK);
	vring_begin(&r, DISK, 0, 16, 0);
	fuzz_must(driver_ok(DISK) == 1);
	ram_write(BUFFERS, &all, sizeof(all));
	fuzz_must(ask_disk(&r, BLK_DISCARD, BUFFERS, sizeof(all)) == BLK_OK);
	memset(fake_ram_at(BUFFERS), 0x5a, 512);
	fuzz_must(ask_disk(&r, BLK_OUT, BUFFERS, 512) == BLK_OK);
	memset(fake_ram_at(BUFFERS), 0, 512);
	fuzz_must(ask_disk(&r, BLK_IN, BUFFERS, 512) == BLK_OK && fake_ram_is(BUFFERS, 0x5a, 512));
	fuzz_must(driver_begin(CONSOLE, VIRTIO_F_VERSION_1) & VIRTIO_FEATURES_OK);
	vring_begin(&r, CONSOLE, 1, 16, 0);
	fuzz_must(driver_ok(CONSOLE) == 1);
	streams[0].room = 100;
	*(uint8_t *)fake_ram_at(BUFFERS) = 'w';
	(void)vring_add(&r, (struct vbuf[]){ { BUFFERS, 1, false } }, 1);
	(void)vring_kick(&r);
	fuzz_must(vring_used(&r, &id, &len) && streams[0].last == 'w');
}

/* --- one input ----------------------------------------------------------------------------------------- */

static void one_step(struct fuzz_input *in)
{
	const uint8_t op = fuzz_u8(in);
	const unsigned int i = op >> 3 & 7, how = op >> 6;
	const uint8_t size = op & 7 ? 3 : 0;

	switch (op & 7) {
	case 0:
		begin(in, i, how);
		break;
	case 1:
		put_desc(in, i, how);
		break;
	case 2:
		offer(i, size, fuzz_u8(in), how == 3 ? fuzz_u8(in) : 1);
		break;
	case 3:
	case 4:
		request(in, i, how);
		break;
	case 5:
		write_register(in, i, how);
		break;
	case 6: {
		const uint64_t at = RING(i) + fuzz_number(in, USED);
		const uint64_t val = fuzz_number(in, BUFFERS);

		ram_write(at, &val, how + 1);
		break;
	}
	default:
		other(in, i);
		break;
	}
	check_device(i >= 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };

	for (size_t i = 0; i < IMAGE; i++)
		image[i] = of_image(i);
	fake_log_reset();
	fake_guest_setup(2, fuzz_u8(&in) & 1 ? FAKE_SCATTERED : FAKE_ONE_PIECE, MIB(1));
	for (unsigned int i = 0; i < fake_vm.nr_vcpus; i++)
		fake_vm.vcpus[i]->regs.sstatus = BIT(8); /* SPP */
	memset(offered, 0, sizeof(offered));
	paused = false;
	fake_vm.state = VM_RUNNING;
	make_devices();
	for (unsigned int steps = 0; in.left > 0 && steps < MAX_STEPS; steps++)
		one_step(&in);
	check_work();
	for (size_t i = 0; i < IMAGE; i++)
		fuzz_must(image[i] == of_image(i));
	fuzz_must(fake_guest_teardown());
	return 0;
}
