// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vm/create.c hyp/vm/bundle_store.c hyp/lib/log.c
/* The VMs of a bundle that comes later: all or none, one a step, and the first error is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/memmap.h"
#include "lib/errno.h"
#include "lib/log.h"
#include "mm/page.h"
#include "vcpu/registry.h"
#include "vm/create.h"
#include "vm/destroy.h"
#include "vm/lifecycle.h"

#define VMS 4

/* What is in the bundle, and what becomes of it. */
static struct {
	int begins;		  /* what config_bundle_begin() says */
	unsigned int nr, wrong;	  /* VMs; the one that is wrong, from 1 on; 0: none */
	unsigned int errors;	  /* lines for it */
	unsigned int fails, null; /* the one that cannot be made, and is there or not */
	bool taken;		  /* there is a VM of the first one's name */
} world;

static struct vm vms[VMS];
static unsigned int nr_vms, nr_destroyed, memory;
static bool select_seen;
static char why[128];
static struct stored_bundle *bundle;

bool page_alloc(uint64_t size, uint64_t align, hpa_t *out)
{
	void *p = NULL;

	assert_int_equal(posix_memalign(&p, align, size), 0);
	*out = ptr_to_hpa(p);
	memory++;
	return true;
}

void *page_alloc_zeroed(uint64_t size, uint64_t align)
{
	hpa_t at;

	(void)page_alloc(size, align, &at);
	return memset(hpa_to_ptr(at), 0, size);
}

void page_free(hpa_t base, uint64_t size)
{
	(void)size;
	free(hpa_to_ptr(base));
	memory--;
}

uint64_t page_total(void)
{
	return MIB(64);
}

int config_bundle_begin(struct config_bundle *c, const void *at, uint64_t size, const char *select,
			bool later)
{
	*c = (struct config_bundle){ 0 };
	assert_ptr_equal(at, bundle->data);
	assert_int_equal(size, bundle->size);
	assert_true(later);
	select_seen = select != NULL;
	if (world.begins != HV_OK)
		log_error("the bundle is no good\n");
	return world.begins;
}

bool config_bundle_next(struct config_bundle *c, struct vm_config *out, unsigned int max)
{
	assert_int_equal(max, VM_MAX);
	if (c->nr == world.nr) {
		if (c->nr == 0)
			log_error("no VM");
		return false;
	}
	snprintf(out[c->nr].name, sizeof(out->name), "vm%u", c->nr);
	c->nr++;
	if (c->nr == world.wrong) {
		out[c->nr - 1].failed = true;
		for (unsigned int i = 0; i < world.errors; i++)
			log_error("error %u", i);
	}
	return true;
}

struct vm *vm_create(const struct vm_config *cfg)
{
	struct vm *vm = &vms[nr_vms];

	assert_ptr_equal(cfg->store, bundle);
	if (nr_vms + 1 == world.null || nr_vms + 1 == world.fails)
		log_error("%s: no memory left", cfg->name);
	if (nr_vms + 1 == world.null)
		return NULL;
	*vm = (struct vm){ .config = cfg, .state = VM_BUILDING };
	memcpy(vm->name, cfg->name, sizeof(vm->name));
	if (++nr_vms == world.fails)
		vm->state = VM_FAILED;
	return vm;
}

struct vm *vm_get_by_name(const char *name)
{
	static struct vm other;
	static const struct vm_config cfg;

	other.config = &cfg;
	if (world.taken && strcmp(name, "vm0") == 0)
		return &other;
	for (unsigned int i = 0; i < nr_vms; i++)
		if (strcmp(vms[i].name, name) == 0)
			return &vms[i];
	return NULL;
}

void vm_put(struct vm *vm)
{
	(void)vm;
}

bool vm_destroy(struct vm *vm)
{
	assert_true(vm >= vms && vm < vms + nr_vms);
	nr_destroyed++;
	bundle_store_put(vm->config->store);
	return true;
}

static int set_up(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.nr = 3;
	nr_vms = nr_destroyed = 0;
	assert_int_equal(bundle_store_begin("b", 100, &bundle), HV_OK);
	bundle->have = bundle->size;
	bundle_store_get(bundle);
	return 0;
}

/* VMs that were made hold it; else its name is all that is left. */
static int tear_down(void **state)
{
	(void)state;
	for (unsigned int i = nr_destroyed; i < nr_vms; i++)
		bundle_store_put(bundle);
	assert_int_equal(bundle_store_users(bundle), 0);
	bundle_store_drop(bundle);
	bundle_store_put(bundle);
	assert_int_equal(memory, 0);
	return 0;
}

/* The last step's result. *@steps: how many there were. */
static int create(unsigned int *steps)
{
	struct vm_creation c;
	int err = vm_creation_begin(&c, bundle, NULL, why, sizeof(why));

	*steps = 0;
	if (err != HV_OK)
		return err;
	do
		(*steps)++;
	while ((err = vm_creation_step(&c, why, sizeof(why))) == 1);
	assert_int_equal(c.made, nr_vms);
	vm_creation_end(&c);
	vm_creation_end(&c); /* none goes on */
	return err;
}

static void each_vm_is_read_and_made_in_a_step_of_its_own(void **state)
{
	unsigned int steps;

	(void)state;
	assert_int_equal(create(&steps), 0);
	assert_int_equal(steps, 3 + 1 + 3 + 1);
	assert_int_equal(nr_vms, 3);
	assert_int_equal(nr_destroyed, 0);
	assert_string_equal(why, "");
}

static void a_wrong_one_keeps_all_from_being_made(void **state)
{
	unsigned int steps;

	(void)state;
	world.wrong = 3;
	world.errors = 1;
	assert_true(create(&steps) < 0);
	assert_string_equal(why, "error 0");
	world.errors = 3;
	assert_true(create(&steps) < 0);
	assert_string_equal(why, "error 0; and 2 more, in the log");
	assert_int_equal(nr_vms, 0);
}

static void a_name_that_is_taken_is_told(void **state)
{
	unsigned int steps;

	(void)state;
	world.taken = true;
	assert_true(create(&steps) < 0);
	assert_non_null(strstr(why, "must not have the name of a VM that there is, vm0"));
	assert_int_equal(nr_vms, 0);
	assert_int_equal(nr_destroyed, 0);
}

static void those_that_were_made_go_when_one_cannot_be(void **state)
{
	unsigned int steps;

	(void)state;
	world.fails = 3;
	assert_true(create(&steps) < 0);
	assert_string_equal(why, "vm2: no memory left");
	assert_int_equal(nr_destroyed, 3);
	nr_vms = nr_destroyed = 0;
	world.fails = 0;
	world.null = 2;
	assert_true(create(&steps) < 0);
	assert_string_equal(why, "vm1: no memory left");
	assert_int_equal(nr_destroyed, 1);
}

static void what_is_no_bundle_is_told_at_once(void **state)
{
	unsigned int steps;

	(void)state;
	world.begins = HV_EINVAL;
	assert_int_equal(create(&steps), HV_EINVAL);
	assert_string_equal(why, "the bundle is no good?"); /* one line */
	world.begins = HV_OK;
	world.nr = 0;
	assert_true(create(&steps) < 0);
	assert_string_equal(why, "no VM");
	bundle->have--;
	assert_int_equal(create(&steps), HV_EINVAL);
	assert_string_equal(why, "image b: only 99 of its 100 bytes have come");
	bundle->have++;
}

static void one_that_is_given_up_leaves_nothing(void **state)
{
	(void)state;
	for (unsigned int steps = 0; steps < 7; steps++) {
		struct vm_creation c;

		nr_vms = nr_destroyed = 0;
		assert_int_equal(vm_creation_begin(&c, bundle, "other", why, sizeof(why)), HV_OK);
		assert_true(select_seen);
		for (unsigned int i = 0; i < steps; i++)
			assert_int_equal(vm_creation_step(&c, why, sizeof(why)), 1);
		vm_creation_end(&c);
		assert_int_equal(nr_destroyed, nr_vms);
		assert_int_equal(nr_vms, steps > 4 ? steps - 4 : 0);
	}
}

#define CREATE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CREATE_TEST(each_vm_is_read_and_made_in_a_step_of_its_own),
		CREATE_TEST(a_wrong_one_keeps_all_from_being_made),
		CREATE_TEST(a_name_that_is_taken_is_told),
		CREATE_TEST(those_that_were_made_go_when_one_cannot_be),
		CREATE_TEST(what_is_no_bundle_is_told_at_once),
		CREATE_TEST(one_that_is_given_up_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
