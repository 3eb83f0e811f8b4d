// SPDX-License-Identifier: BSD-2-Clause
#include "vm/create.h"

#include <stdio.h>
#include <string.h>

#include "arch/memmap.h"
#include "lib/log.h"
#include "mm/page.h"
#include "vcpu/registry.h"
#include "vm/destroy.h"
#include "vm/lifecycle.h"

#define CONFIGS_MEMORY align_up(VM_MAX * sizeof(struct vm_config), PAGE_SIZE)

/* The first error is in @why; there may be more of them. */
static void note_more(char *why, size_t size, unsigned int errors)
{
	const size_t len = strlen(why);

	if (errors > 1)
		(void)snprintf(why + len, size - len, "; and %u more, in the log", errors - 1);
}

int vm_creation_begin(struct vm_creation *c, struct stored_bundle *b, const char *select, char *why,
		      size_t size)
{
	unsigned int errors;
	int err;

	*c = (struct vm_creation){ 0 };
	if (b->have < b->size) {
		(void)snprintf(why, size, "image %s: only %lu of its %lu bytes have come", b->name,
			       (unsigned long)b->have, (unsigned long)b->size);
		return HV_EINVAL;
	}
	c->configs = page_alloc_zeroed(CONFIGS_MEMORY, PAGE_SIZE);
	if (!c->configs) {
		(void)snprintf(why, size, "no memory left");
		return HV_ENOMEM;
	}
	log_capture(why, size);
	err = config_bundle_begin(&c->reader, b->data, b->size, select, true);
	errors = log_capture_end();
	note_more(why, size, errors);
	bundle_store_get(b);
	c->bundle = b;
	/* What is wrong beside the VMs is said, but no VM's fault (vm/config.c). */
	if (err != HV_OK)
		vm_creation_end(c);
	else
		why[0] = '\0';
	return err;
}

/* Names of VMs that there are already. */
static bool has_own_name(const struct vm_config *cfg)
{
	struct vm *vm = vm_get_by_name(cfg->name);

	if (!vm)
		return true;
	vm_put(vm);
	log_error("config: %s: must not have the name of a VM that there is, %s", cfg->path,
		  cfg->name);
	return false;
}

static int read_one(struct vm_creation *c)
{
	struct vm_config *cfg = &c->configs[index_below(c->reader.nr, VM_MAX)];

	if (!config_bundle_next(&c->reader, c->configs, VM_MAX)) {
		c->read = true;
		return c->reader.nr == 0 ? HV_EINVAL : 1;
	}
	cfg->store = c->bundle;
	return cfg->failed || !has_own_name(cfg) ? HV_EINVAL : 1;
}

static int make_one(struct vm_creation *c)
{
	const struct vm *vm;

	if (c->made == c->reader.nr) {
		c->done = true;
		return 0;
	}
	bundle_store_get(c->bundle); /* the VM's; its end gives it back (vm/destroy.c) */
	vm = vm_create(&c->configs[index_below(c->made, VM_MAX)]);
	if (!vm) {
		bundle_store_put(c->bundle);
		return HV_ENOMEM;
	}
	c->made++;
	return vm->state == VM_FAILED ? HV_ENOMEM : 1;
}

/* All or none. */
static void take_back(const struct vm_creation *c)
{
	for (unsigned int i = 0; i < c->made; i++) {
		struct vm *vm = vm_get_by_name(c->configs[index_below(i, VM_MAX)].name);

		if (!vm)
			continue;
		if (vm->config->store == c->bundle)
			(void)vm_destroy(vm);
		vm_put(vm);
	}
}

int vm_creation_step(struct vm_creation *c, char *why, size_t size)
{
	unsigned int errors;
	int err;

	log_capture(why, size);
	err = c->read ? make_one(c) : read_one(c);
	errors = log_capture_end();
	if (err >= 0) {
		why[0] = '\0';
		return err;
	}
	if (errors == 0)
		(void)snprintf(why, size, "no VM was made: the log says why");
	note_more(why, size, errors);
	return err;
}

void vm_creation_end(struct vm_creation *c)
{
	if (!c->bundle)
		return;
	if (!c->done)
		take_back(c);
	page_free(ptr_to_hpa(c->configs), CONFIGS_MEMORY);
	bundle_store_put(c->bundle);
	c->bundle = NULL;
}
