// SPDX-License-Identifier: BSD-2-Clause
#include "victim.h"

#include "string.h"

struct virtio dev;
struct virtq q;
struct vring ring;
_Alignas(4096) uint8_t target[4096];
unsigned int nr_cases;

static _Alignas(4096) uint8_t canary[4096];

void victim_find(void)
{
	memset(canary, 0x5a, sizeof(canary));
	CHECK(virtio_find(&dev, VIRTIO_ID_RNG, 0));
	victim_works("at first");
}

void victim_begin(uint64_t features)
{
	CHECK(virtio_begin(&dev, features));
	memset(&ring, 0, sizeof(ring));
	q = (struct virtq){ &dev, 0, SIZE, &ring, 0 };
	set(VIRTIO_QUEUE_SEL, 0);
	set(VIRTIO_QUEUE_SIZE, SIZE);
	virtq_place(&dev, AT(ring.desc), AT(&ring.avail), AT(&ring.used));
}

void victim_offer(void)
{
	virtq_desc(&q, 3, AT(target), 16, VRING_WRITE, 0);
	virtq_offer(&q, 3);
	virtq_notify(&q);
}

bool victim_is_used(void)
{
	uint32_t head, len;

	return virtq_used(&q, &head, &len) && head == 3 && len == 16;
}

void victim_works(const char *name)
{
	CHECK(virtio_begin(&dev, VIRTIO_F_EVENT_IDX));
	if (!virtq_init(&q, &dev, 0, SIZE, &ring))
		test_fail("%s: no queue any more", name);
	virtio_go(&dev);
	victim_offer();
	if (!victim_is_used() || virtio_broken(&dev))
		test_fail("%s: the device does not work any more", name);
	for (unsigned int i = 0; i < sizeof(canary); i++)
		if (canary[i] != 0x5a)
			test_fail("%s: memory that was not named has changed", name);
	nr_cases++;
}
