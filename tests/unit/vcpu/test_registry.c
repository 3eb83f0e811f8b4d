// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vcpu/registry.c
// SANITIZE: thread
/* VMs are found, kept and let go; on several threads, too, where the last reference releases a VM once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "vcpu/registry.h"

static struct vm all[VM_MAX + 1];
static uint32_t released[VM_MAX + 1];

static void release(struct vm *vm)
{
	(void)atomic_fetch_add(&released[vm - all], 1);
}

static struct vm *new_vm(unsigned int i, const char *name)
{
	all[i] = (struct vm){ .release = release };
	released[i] = 0;
	snprintf(all[i].name, sizeof(all[i].name), "%s", name);
	return &all[i];
}

static int enter(struct vm *vm)
{
	int err = vm_register(vm);

	if (err == HV_OK)
		vm_publish(vm);
	return err;
}

static void gone(struct vm *vm)
{
	vm_unregister(vm);
	assert_int_equal(released[vm - all], 1);
	vm_free_id(vm->id);
}

static void ids_and_names_are_found_and_used_again(void **state)
{
	struct vm *a = new_vm(0, "a"), *b = new_vm(1, "b"), *c = new_vm(2, "c");

	(void)state;
	assert_null(vm_get(0));
	assert_int_equal(enter(a), HV_OK);
	assert_int_equal(enter(b), HV_OK);
	assert_int_equal(a->id, 0);
	assert_int_equal(b->id, 1);
	assert_ptr_equal(vm_get(1), b);
	assert_ptr_equal(vm_get_by_name("b"), b);
	assert_null(vm_get(2));
	assert_null(vm_get(VM_MAX));
	assert_true(vm_id_is_taken(0));
	assert_false(vm_id_is_taken(VM_MAX));
	assert_null(vm_get_by_name("bb"));
	assert_int_equal(enter(new_vm(3, "b")), HV_EEXIST);
	vm_unregister(b);
	assert_null(vm_get(1));
	assert_null(vm_get_by_name("b"));
	/* Its id is its own until it is gone, its name is free. */
	assert_int_equal(released[1], 0);
	assert_true(vm_id_is_taken(1));
	assert_int_equal(enter(c), HV_OK);
	assert_int_equal(c->id, 2);
	vm_put(b);
	assert_int_equal(released[1], 0);
	vm_put(b);
	assert_int_equal(released[1], 1);
	vm_free_id(b->id);
	assert_false(vm_id_is_taken(1));
	assert_int_equal(enter(new_vm(1, "b")), HV_OK);
	assert_int_equal(all[1].id, 1);
	gone(a);
	gone(&all[1]);
	gone(c);
}

/* While it is made it has its name and its id, and nothing finds it. */
static void what_is_being_made_is_not_found(void **state)
{
	struct vm *a = new_vm(0, "a"), *b = new_vm(1, "b");

	(void)state;
	assert_int_equal(vm_register(a), HV_OK);
	assert_int_equal(enter(b), HV_OK);
	assert_null(vm_get(0));
	assert_null(vm_get_by_name("a"));
	for_each_vm(vm)
		assert_ptr_equal(vm, b);
	assert_true(vm_id_is_taken(0));
	assert_int_equal(vm_register(new_vm(2, "a")), HV_EEXIST);
	vm_publish(a);
	assert_ptr_equal(vm_get(0), a);
	vm_put(a);
	gone(a);
	gone(b);
}

static void there_are_so_many_and_no_more(void **state)
{
	char name[16];

	(void)state;
	for (unsigned int i = 0; i < VM_MAX; i++) {
		snprintf(name, sizeof(name), "vm%u", i);
		assert_int_equal(enter(new_vm(i, name)), HV_OK);
	}
	assert_int_equal(enter(new_vm(VM_MAX, "more")), HV_EOVERFLOW);
	for (unsigned int i = 0; i < VM_MAX; i++)
		gone(&all[i]);
}

static void each_is_visited_once_in_the_order_of_ids(void **state)
{
	unsigned int ids = 0, last = 0;

	(void)state;
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(enter(new_vm(i, (char[]){ (char)('a' + i), '\0' })), HV_OK);
	gone(&all[2]);
	for_each_vm(vm) {
		assert_true(ids == 0 || vm->id > last);
		last = vm->id;
		ids |= 1u << vm->id;
		if (vm->id == 3)
			vm_unregister(vm); /* the visitor's reference is left */
		assert_int_equal(released[3], vm->id > 3);
	}
	assert_int_equal(ids, 0x1b);
	assert_int_equal(released[3], 1);
	vm_free_id(all[3].id);
	gone(&all[0]);
	gone(&all[1]);
	gone(&all[4]);
}

/* --- threads ----------------------------------------------------------------------------------------- */

#define LOOKERS 2
#define ROUNDS	300

static uint32_t over;

static void *looks(void *arg)
{
	(void)arg;
	while (!atomic_read(&over)) {
		struct vm *vm = vm_get(0), *named = vm_get_by_name("x");

		for_each_vm(other)
			assert_int_equal(atomic_read_acquire(&released[other - all]), 0);
		if (vm) {
			assert_int_equal(atomic_read_acquire(&released[vm - all]), 0);
			vm_put(vm);
		}
		if (named)
			vm_put(named);
		sched_yield(); /* the thread that holds a lock may be off its hart */
	}
	return NULL;
}

static void the_last_reference_releases_it_once(void **state)
{
	pthread_t threads[LOOKERS];

	(void)state;
	atomic_set(&over, 0);
	for (unsigned int i = 0; i < LOOKERS; i++)
		pthread_create(&threads[i], NULL, looks, NULL);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct vm *vm = new_vm(i % 2, "x");

		assert_int_equal(enter(vm), HV_OK);
		vm_unregister(vm);
		while (atomic_read_acquire(&released[i % 2]) == 0)
			sched_yield();
		assert_int_equal(released[i % 2], 1);
		vm_free_id(vm->id);
	}
	atomic_set(&over, 1);
	for (unsigned int i = 0; i < LOOKERS; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_and_names_are_found_and_used_again),
		cmocka_unit_test(what_is_being_made_is_not_found),
		cmocka_unit_test(there_are_so_many_and_no_more),
		cmocka_unit_test(each_is_visited_once_in_the_order_of_ids),
		cmocka_unit_test(the_last_reference_releases_it_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
