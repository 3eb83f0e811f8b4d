// SPDX-License-Identifier: BSD-2-Clause
/*
 * The traditional memory balloon device (virtio 1.2, section 5.5), with free page reporting (5.5.6.7).
 *
 * A driver reports free blocks of pages: each leaf that lies wholly in one goes back. It inflates by pages of 4 KiB: they are
 * counted by leaf, and a leaf goes back when all of its pages are in the balloon. A driver that names a page twice harms no
 * VM but its own. To deflate takes no more than the count, as a leaf comes again when it is touched.
 *
 * There are neither statistics nor free page hints, so the queue for reports is number 2 for drivers that leave out those of
 * features which are not there (Linux up to 6.10), and 4 for others. Every queue from 2 on is one.
 */
#include "dev/virtio/balloon.h"

#include <string.h>

#include "lib/index.h"
#include "vcpu/console.h"

#define BALLOON_F_DEFLATE_ON_OOM BIT(2)
#define BALLOON_F_PAGE_REPORTING BIT(5)

#define BALLOON_QUEUE_SIZE 32 /* Linux reports as many blocks at once */
#define BALLOON_PAGE	   UINT64_C(4096)
#define LEAF_PAGES	   (GSTAGE_LEAF / BALLOON_PAGE)

/* What a page number, or a leaf that is looked at, counts as, in bytes moved. */
#define PAGE_COST 256u
#define LEAF_COST KIB(2)

/* The configuration (5.5.4): what the operator wants, and what the driver has done, in pages. */
struct balloon_layout {
	uint32_t num_pages;
	uint32_t actual;
};

static struct vballoon *vballoon_of(struct virtio_dev *d)
{
	return container_of(d, struct vballoon, dev);
}

/* --- leaves ----------------------------------------------------------------------------------------- */

static bool is_there(const struct vballoon *b, gpa_t a)
{
	uint64_t len = 1;

	return gstage_leaf(&b->dev.vm->gstage, a, GSTAGE_WRITE, &len) != NULL;
}

static uint64_t *want_of(struct vballoon *b, unsigned int index)
{
	return &b->wants[index_below(index, BALLOON_QUEUES)];
}

/* Is the leaf of @q on its way still? The next one begins when the pool has it. */
static bool is_giving(struct vballoon *b, const struct virtq *q)
{
	uint64_t *want = want_of(b, q->index);
	uint64_t a = atomic_read(want);

	if (a == BALLOON_NO_LEAF)
		return false;
	if (atomic_read_acquire(&b->job.active) || is_there(b, gpa(a)))
		return true;
	atomic_set(want, BALLOON_NO_LEAF);
	return false;
}

/* The number of the leaf of @a, counted over all RAM; nr_leaves: it is no RAM. */
static unsigned int leaf_number(const struct vballoon *b, gpa_t a)
{
	const struct gstage *gs = &b->dev.vm->gstage;
	uint64_t n = 0;

	for (unsigned int i = 0; i < gs->nr_slots && i < GSTAGE_MAX_SLOTS; i++) {
		const struct gstage_slot *s = &gs->slots[i];
		uint64_t first = s->gpa.gpa / GSTAGE_LEAF;

		if (s->kind != GSTAGE_RAM)
			continue;
		if (a.gpa - s->gpa.gpa < s->size)
			return (unsigned int)(n + a.gpa / GSTAGE_LEAF - first);
		n += (s->gpa.gpa + s->size - 1) / GSTAGE_LEAF - first + 1;
	}
	return (unsigned int)n;
}

/* --- queues ----------------------------------------------------------------------------------------- */

/* The page @pfn goes into the balloon, or comes out. True: its leaf is wholly in it. */
static bool count_page(struct vballoon *b, uint32_t pfn, bool inflate)
{
	unsigned int leaf = leaf_number(b, gpa(pfn * BALLOON_PAGE));
	uint16_t *n;
	bool whole;

	if (leaf >= b->nr_leaves)
		return false;
	spin_lock(&b->dev.lock);
	n = &b->inflated[index_below(leaf, b->nr_leaves)];
	if (inflate && *n < LEAF_PAGES)
		++*n;
	else if (!inflate && *n > 0)
		--*n;
	whole = inflate && *n == LEAF_PAGES;
	spin_unlock(&b->dev.lock);
	return whole;
}

static int64_t handle_pages(struct vballoon *b, struct virtq *q, uint64_t budget)
{
	struct virtq_cursor from = virtq_out(q);
	uint64_t cost = 0;
	int err;

	if (q->chain.in != 0 || q->chain.out % sizeof(uint32_t) != 0)
		return HV_EINVAL;
	err = virtq_skip(q, &from, q->chain.done);
	for (; err == HV_OK && q->chain.done < q->chain.out; cost += PAGE_COST) {
		uint32_t pfn;

		if (cost >= budget)
			return (int64_t)cost;
		err = virtq_read(q, &from, &pfn, sizeof(pfn));
		q->chain.done += (uint32_t)sizeof(pfn);
		if (err == HV_OK && count_page(b, pfn, q->index == BALLOON_INFLATE)) {
			atomic_set(want_of(b, q->index),
				   align_down(pfn * BALLOON_PAGE, GSTAGE_LEAF));
			return HV_EBUSY;
		}
	}
	if (err == HV_OK)
		err = virtq_push(q, 0);
	return err == HV_OK ? (int64_t)cost : err;
}

/* The first whole leaf from chain.done on, which moves behind it. False: there is none. */
static bool next_leaf(struct virtq *q, gpa_t *leaf)
{
	struct virtq_chain *c = &q->chain;
	uint64_t before = 0;

	for (unsigned int i = 0; i < c->nr; i++) {
		const struct virtq_buf *buf = &q->bufs[i];
		uint64_t end = buf->gpa.gpa + buf->len;
		uint64_t at = buf->gpa.gpa + (max_u64(c->done, before) - before);

		before += buf->len;
		at = align_up(at, GSTAGE_LEAF);
		if (c->done >= before || at > end || end - at < GSTAGE_LEAF)
			continue;
		c->done = (uint32_t)(before - (end - at) + GSTAGE_LEAF);
		*leaf = gpa(at);
		return true;
	}
	return false;
}

static int64_t handle_report(struct vballoon *b, struct virtq *q, uint64_t budget)
{
	uint64_t cost = 0;
	gpa_t leaf;
	int err;

	while (next_leaf(q, &leaf)) {
		cost += LEAF_COST;
		if (is_there(b, leaf)) {
			atomic_set(want_of(b, q->index), leaf.gpa);
			return HV_EBUSY;
		}
		if (cost >= budget)
			return (int64_t)cost;
	}
	err = virtq_push(q, 0);
	return err == HV_OK ? (int64_t)cost : err;
}

static int64_t vballoon_handle(struct virtio_dev *d, struct virtq *q, uint64_t budget)
{
	struct vballoon *b = vballoon_of(d);

	if (is_giving(b, q))
		return HV_EBUSY;
	return q->index < BALLOON_REPORT ? handle_pages(b, q, budget) : handle_report(b, q, budget);
}

/* The work that needs the queue's lock not to be held: the flush waits for other vcpus, which may wait for that lock. */
static void vballoon_served(struct virtio_dev *d, unsigned int index, bool guest)
{
	struct vballoon *b = vballoon_of(d);
	uint64_t *want = want_of(b, index);
	uint64_t a = atomic_read(want);

	if (a == BALLOON_NO_LEAF || !guest)
		return;
	if (!balloon_give_step(b, this_vcpu(), gpa(a)))
		atomic_set(want, BALLOON_NO_LEAF);
	vcpu_try_again(this_vcpu());
}

static void vballoon_stopped(struct virtio_dev *d, struct virtq *q)
{
	atomic_set(want_of(vballoon_of(d), q->index), BALLOON_NO_LEAF);
}

/* --- configuration ---------------------------------------------------------------------------------- */

static struct balloon_layout *layout(const struct vballoon *b)
{
	return virtio_config(&b->dev);
}

static void vballoon_write_config(struct virtio_dev *d, uint64_t off, unsigned int len,
				  uint64_t val)
{
	if (off == offsetof(struct balloon_layout, actual) && len == sizeof(uint32_t))
		atomic_set(&layout(vballoon_of(d))->actual, (uint32_t)val);
}

static void vballoon_aim(struct vm_balloon *port, uint64_t bytes)
{
	struct vballoon *b = container_of(port, struct vballoon, port);

	atomic_set(&layout(b)->num_pages, (uint32_t)(bytes / BALLOON_PAGE));
	virtio_config_changed(&b->dev);
}

/* The balloon of a driver that is reset is empty. */
static void empty(struct virtio_dev *d)
{
	struct vballoon *b = vballoon_of(d);

	for (unsigned int i = 0; i < BALLOON_QUEUES; i++)
		atomic_set(&b->wants[i], BALLOON_NO_LEAF);
	spin_lock(&d->lock);
	if (b->inflated)
		memset(b->inflated, 0, b->nr_leaves * sizeof(*b->inflated));
	spin_unlock(&d->lock);
	atomic_set(&layout(b)->actual, 0);
}

static const struct virtio_ops vballoon_ops = {
	.name = "balloon",
	.id = VIRTIO_ID_BALLOON,
	.takes_pages = true,
	.handle = vballoon_handle,
	.served = vballoon_served,
	.reset = empty,
	.stopped = vballoon_stopped,
	.write_config = vballoon_write_config,
};

/* --- as a part of a VM ------------------------------------------------------------------------------- */

struct vballoon_config {
	// cppcheck-suppress unusedStructMember
	struct virtio_config virtio;
};

static const struct property rows[] = { VIRTIO_PROPERTIES(struct vballoon_config) };
static const struct vballoon_config initial;

static int vballoon_create(struct vm *vm, const struct vm_part_args *args, void **state)
{
	struct vballoon *b;

	if (vm->balloon) {
		config_error(args->node, NULL, "the VM has a balloon already: must be one at most");
		return HV_EINVAL;
	}
	b = arena_new(&vm->arena, struct vballoon);
	if (!b)
		return HV_ENOMEM;
	*state = b;
	vm->balloon = &b->port;
	b->port.aim = vballoon_aim;
	balloon_ram_init(b);
	for (unsigned int i = 0; i < BALLOON_QUEUES; i++)
		b->wants[i] = BALLOON_NO_LEAF;
	return virtio_init(&b->dev, vm, args, &vballoon_ops,
			   BALLOON_F_DEFLATE_ON_OOM | BALLOON_F_PAGE_REPORTING, BALLOON_QUEUES,
			   BALLOON_QUEUE_SIZE);
}

/* The RAM has the same size in each life. */
static int vballoon_map(void *state, struct vm *vm)
{
	struct vballoon *b = state;

	gstage_allow_holes(&vm->gstage);
	if (!b->inflated) {
		b->nr_leaves = leaf_number(b, gpa(UINT64_MAX));
		b->inflated = arena_alloc(&vm->arena, b->nr_leaves * sizeof(*b->inflated),
					  sizeof(*b->inflated));
	}
	return b->inflated ? HV_OK : HV_ENOMEM;
}

static void vballoon_reset(void *state)
{
	struct vballoon *b = state;

	virtio_reset(&b->dev);
	atomic_set(&layout(b)->num_pages, 0);
	balloon_ram_reset(b);
}

VM_PART(vballoon) = {
	.name = "balloon",
	.order = VM_PART_DEVICE,
	.child = "balloon",
	VM_PART_CONFIG(rows, initial),
	.create = vballoon_create,
	.map = vballoon_map,
	.reset = vballoon_reset,
	.destroy = vballoon_reset,
};
