// SPDX-License-Identifier: BSD-2-Clause
/* The bytes that follow a request's line: where they go. */
#include "arch/cache.h"
#include "control/request.h"

char *control_data_room(struct control_request *r, size_t *room)
{
	struct control_data *d = &r->data;

	*room = (size_t)min_u64(d->left, CONTROL_DATA_STEP);
	if (d->to)
		return (char *)d->to->data + d->to->have;
	return d->typed ? d->bytes + d->nr_typed : NULL;
}

void control_data_came(struct control_request *r, size_t n)
{
	struct control_data *d = &r->data;

	d->left -= n;
	if (d->to) {
		/* Guests that see past caches may read it where it lies. */
		arch_clean_range(d->to->data + d->to->have, n);
		d->to->have += n;
	} else if (d->typed) {
		d->nr_typed += (uint32_t)n;
	}
}

void control_data_drop(struct control_request *r)
{
	bundle_store_put(r->data.to);
	r->data.left = 0;
	r->data.to = NULL;
	r->data.typed = false;
	r->data.nr_typed = 0;
}
