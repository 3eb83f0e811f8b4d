// SPDX-License-Identifier: BSD-2-Clause
/* For programs in which no guest's disk is a part of one of the machine's. */
#include <stdlib.h>

#include "dev/virtio/blk_host.h"

__attribute__((weak)) const struct host_disk_facts *host_disk_facts(const struct host_disk *d)
{
	(void)d;
	abort();
}

int64_t blk_host_handle(struct blk_host *h, struct virtq *q)
{
	(void)h, (void)q;
	abort();
}

int blk_host_collect(struct blk_host *h, struct virtq *q)
{
	(void)h, (void)q;
	abort();
}

bool blk_host_busy(const struct blk_host *h, const struct virtq *q)
{
	(void)h, (void)q;
	abort();
}

void blk_host_stopped(struct blk_host *h, const struct virtq *q)
{
	(void)h, (void)q;
	abort();
}

int blk_host_init(struct blk_host *h, struct virtio_dev *d, struct disk_source *source, bool writes,
		  const char *id)
{
	(void)h, (void)d, (void)source, (void)writes, (void)id;
	abort();
}

uint64_t blk_host_features(const struct disk_source *source, bool writes, uint32_t queues)
{
	(void)source, (void)writes, (void)queues;
	abort();
}

void blk_host_fill_layout(const struct blk_host *h)
{
	(void)h;
	abort();
}

void blk_host_leave(struct blk_host *h)
{
	(void)h;
	abort();
}
