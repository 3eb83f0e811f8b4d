/* SPDX-License-Identifier: BSD-2-Clause */
/* The VMs of a bundle's configuration, one after the other: what config_parse_bundle() does at once (vm/config.h). */
#ifndef VM_CONFIG_BUNDLE_H
#define VM_CONFIG_BUNDLE_H

#include "vm/bundle.h"

struct config_bundle {
	struct bundle bundle;
	int config,
		node; /* the configuration, and the next of its nodes; negative: there are no more */
	unsigned int nr, disabled; /* VMs so far; nodes that were left out */
	char path[VM_PATH_MAX];	   /* of the configuration */
};

/*
 * config_bundle_begin - of the FIT image at @at (@size bytes), which stays there: the configuration @select, or its default. @later:
 * there are VMs already, so it may have VMs alone. HV_E* after a message.
 */
int config_bundle_begin(struct config_bundle *c, const void *at, uint64_t size, const char *select,
			bool later);

/* config_bundle_next - read the next VM into @out[c->nr], where those before it are. False: there is none, or @max have been read. */
bool config_bundle_next(struct config_bundle *c, struct vm_config *out, unsigned int max);

#endif
