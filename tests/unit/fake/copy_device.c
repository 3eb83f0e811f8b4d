/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake/copy_device.h"

#include <stdlib.h>
#include <string.h>

struct copy_device *copy;
struct vring copy_rings[COPY_QUEUES];

static struct copy_device *copy_of(struct virtio_dev *d)
{
	return container_of(d, struct copy_device, dev);
}

/* --- the device ----------------------------------------------------------------------------------- */

static int64_t move(struct virtq *q, uint64_t n)
{
	struct virtq_cursor from = virtq_out(q), to = virtq_in(q);
	int err = virtq_skip(q, &from, q->chain.done);

	if (err == HV_OK)
		err = virtq_skip(q, &to, q->chain.done);
	for (uint64_t left = n; err == HV_OK && left > 0;) {
		uint8_t *at, bytes[512]; /* buffers may overlap */
		int64_t got = virtq_piece(q, &from, min_u64(left, sizeof(bytes)), &at);

		if (got <= 0)
			return got < 0 ? got : HV_EINVAL;
		memcpy(bytes, at, (uint64_t)got);
		err = virtq_write(q, &to, bytes, (uint64_t)got);
		left -= (uint64_t)got;
	}
	return err == HV_OK ? (int64_t)n : err;
}

static int64_t copy_handle(struct virtio_dev *d, struct virtq *q, uint64_t budget)
{
	struct copy_device *c = copy_of(d);
	const uint32_t all = (uint32_t)min_u64(q->chain.out, q->chain.in);
	int64_t n;

	c->heads[c->calls++ % ARRAY_SIZE(c->heads)] = q->chain.head;
	if (c->error != HV_OK)
		return c->error;
	n = move(q, min_u64(all - q->chain.done, budget));
	if (n < 0)
		return n;
	q->chain.done += (uint32_t)n;
	if (q->chain.done == all) {
		int err = virtq_push(q, all);

		if (err != HV_OK)
			return err;
	}
	return n;
}

static bool copy_wants(struct virtio_dev *d, const struct virtq *q)
{
	(void)q;
	return !copy_of(d)->declines;
}

static void copy_reset(struct virtio_dev *d)
{
	for (unsigned int i = 0; i < d->nr_queues; i++)
		if (d->queues[i].ready)
			abort();
	copy_of(d)->resets++;
}

static void copy_started(struct virtio_dev *d)
{
	copy_of(d)->starts++;
}

static void copy_stopped(struct virtio_dev *d, struct virtq *q)
{
	if (q->ready || q->busy)
		abort();
	copy_of(d)->stops++;
}

static void copy_write_config(struct virtio_dev *d, uint64_t off, unsigned int len, uint64_t val)
{
	struct copy_device *c = copy_of(d);

	c->writes++;
	c->last_off = off;
	c->last_len = len;
	c->last_val = val;
}

static const struct virtio_ops copy_ops = {
	.name = "copy",
	.id = COPY_ID,
	.handle = copy_handle,
	.wants = copy_wants,
	.reset = copy_reset,
	.started = copy_started,
	.stopped = copy_stopped,
	.write_config = copy_write_config,
};

int copy_device_make(struct copy_device **out, struct config_node *n, uint32_t slot)
{
	const struct virtio_config config = { .slot = slot };
	struct config_node empty = { .path = "copy" };

	*out = arena_new(&fake_vm.arena, struct copy_device);
	if (!*out)
		return HV_ENOMEM;
	return virtio_init(&(*out)->dev, &fake_vm,
			   &(struct vm_part_args){ .config = &config, .node = n ? n : &empty },
			   &copy_ops, COPY_FEATURE, COPY_QUEUES, COPY_QUEUE_SIZE);
}

/* --- a driver of it --------------------------------------------------------------------------------- */

void copy_begin(uint64_t features, uint16_t size)
{
	if (!(driver_begin(VDEV(0), features | VIRTIO_F_VERSION_1) & VIRTIO_FEATURES_OK))
		abort();
	for (unsigned int i = 0; i < COPY_QUEUES; i++)
		vring_begin(&copy_rings[i], VDEV(0), i, size, features);
	(void)driver_ok(VDEV(0));
}

void copy_setup(enum fake_leaves leaves, uint64_t features, uint16_t size)
{
	fake_guest_setup(1, leaves, MIB(1));
	if (copy_device_make(&copy, NULL, 0) != HV_OK)
		abort();
	copy_begin(features, size);
}

bool copy_is_broken(unsigned int index)
{
	struct vring *r = &copy_rings[index];
	uint32_t id, len;

	vdev_set(r->dev, VIRTIO_MMIO_QUEUE_SEL, index);
	return (vdev_get(r->dev, VIRTIO_MMIO_STATUS) & VIRTIO_NEEDS_RESET) &&
	       (vdev_get(r->dev, VIRTIO_MMIO_INTERRUPT_STATUS) & VIRTIO_INT_CONFIG) &&
	       vdev_line(r->dev) && vdev_get(r->dev, VIRTIO_MMIO_QUEUE_READY) == 0 &&
	       !vring_used(r, &id, &len);
}

bool copy_works(unsigned int index)
{
	static const uint8_t text[] = "copy";
	struct vring *r = &copy_rings[index];
	const uint64_t from = fake_ram_alloc(sizeof(text), 1), to = fake_ram_alloc(sizeof(text), 1);
	uint8_t got[sizeof(text)];
	uint32_t id, len;
	uint16_t head;

	fake_ram_write(from, text, sizeof(text));
	head = vring_add(
		r, (struct vbuf[]){ { from, sizeof(text), false }, { to, sizeof(text), true } }, 2);
	(void)vring_publish(r);
	(void)vring_notify(r);
	if (!vring_used(r, &id, &len) || id != head || len != sizeof(text))
		return false;
	fake_ram_read(to, got, sizeof(got));
	return memcmp(got, text, sizeof(text)) == 0;
}
