// SPDX-License-Identifier: BSD-2-Clause
#include "dev/virtio/blk_source.h"

#include "lib/errno.h"
#include "lib/spinlock.h"

struct named *disk_sources;
static struct spinlock lock = SPINLOCK_INIT(LOCK_DISK_SOURCES); /* guards readers and writers */

static bool overlap(const struct disk_source *a, const struct disk_source *b)
{
	return a->disk == b->disk && a->sector < b->sector + b->sectors &&
	       b->sector < a->sector + a->sectors;
}

int disk_source_claim(struct disk_source *s, const char *vm, bool writes,
		      const struct disk_source **other)
{
	int err = HV_OK;

	spin_lock(&lock);
	for (struct named *n = disk_sources; n && err == HV_OK; n = n->next) {
		const struct disk_source *o = disk_source_of(n);

		if (overlap(s, o) && (o->writer || (writes && o->readers != 0))) {
			*other = o;
			err = HV_EBUSY;
		}
	}
	if (err == HV_OK && writes)
		s->writer = vm;
	else if (err == HV_OK)
		s->readers++;
	spin_unlock(&lock);
	return err;
}

void disk_source_release(struct disk_source *s, bool writes)
{
	spin_lock(&lock);
	if (writes)
		s->writer = NULL;
	else
		s->readers--;
	spin_unlock(&lock);
}
