// SPDX-License-Identifier: BSD-2-Clause
/*
 * The entropy device (virtio 1.2, section 5.4): random bytes of the VM's own generator (lib/random.h), seeded when the VM is
 * made. One output of the generator costs some 40,000 instructions, so a request gets no more than one: the driver asks
 * again. A machine that has no entropy has no such device, as bytes that can be guessed are worse than none.
 */
#include <string.h>

#include "dev/virtio/virtio.h"
#include "lib/erase.h"
#include "lib/random.h"

#define RNG_QUEUE_SIZE 16
#define RNG_BYTES      64
/* What one output counts as, in bytes moved: the step that it is part of ends with it. */
#define RNG_COST ((int64_t)VIRTIO_STEP)

struct vrng {
	struct virtio_dev dev;
	struct random_child random; /* guarded by the queue's lock */
};

static struct vrng *vrng_of(struct virtio_dev *d)
{
	return container_of(d, struct vrng, dev);
}

static const char use[] = "hartvisor virtio-rng";

static int64_t vrng_handle(struct virtio_dev *d, struct virtq *q, uint64_t budget)
{
	struct vrng *r = vrng_of(d);
	struct virtq_cursor to = virtq_in(q);
	uint64_t len = min_u64(q->chain.in, RNG_BYTES);
	uint8_t bytes[RNG_BYTES];
	int err;

	(void)budget;
	/* A buffer for nothing, or one that the device is to read, is an error (5.4.6.1). */
	if (len == 0 || q->chain.out != 0)
		return HV_EINVAL;
	if (!random_child_bytes(&r->random, bytes, len, use, sizeof(use)))
		len = 0;
	err = virtq_write(q, &to, bytes, len);
	erase(bytes, sizeof(bytes));
	if (err == HV_OK)
		err = virtq_push(q, (uint32_t)len);
	return err == HV_OK ? RNG_COST : err;
}

static const struct virtio_ops vrng_ops = {
	.name = "rng",
	.id = VIRTIO_ID_RNG,
	.handle = vrng_handle,
};

/* --- as a part of a VM ---------------------------------------------------------------------------- */

struct vrng_config {
	// cppcheck-suppress unusedStructMember
	struct virtio_config virtio;
};

static const struct property rows[] = { VIRTIO_PROPERTIES(struct vrng_config) };
static const struct vrng_config initial;

static int vrng_create(struct vm *vm, const struct vm_part_args *args, void **state)
{
	struct vrng *r = arena_new(&vm->arena, struct vrng);

	if (!r)
		return HV_ENOMEM;
	*state = r;
	if (!random_child_init(&r->random, vm->name, strlen(vm->name))) {
		config_error(args->node, NULL,
			     "the machine has no entropy: must have rng-seed in its device tree's "
			     "/chosen, or no rng");
		return HV_EINVAL;
	}
	return virtio_init(&r->dev, vm, args, &vrng_ops, 0, 1, RNG_QUEUE_SIZE);
}

static void vrng_reset(void *state)
{
	virtio_reset(&((struct vrng *)state)->dev);
}

VM_PART(vrng) = {
	.name = "rng",
	.order = VM_PART_DEVICE,
	.child = "rng",
	VM_PART_CONFIG(rows, initial),
	.create = vrng_create,
	.reset = vrng_reset,
	.destroy = vrng_reset,
};
