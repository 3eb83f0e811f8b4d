// SPDX-License-Identifier: BSD-2-Clause
#include "fake/life.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/cpu.h"
#include "arch/memmap.h"
#include "arch/sbi_call.h"
#include "fake/log.h"
#include "fake/page.h"
#include "lib/work.h"
#include "mm/page.h"
#include "vcpu/registry.h"
#include "vm/config_ram.h"
#include "vm/destroy.h"

struct life life;
struct vm *vms[VM_MAX];
unsigned int nr_vms;

static char calls[512][48];
static unsigned int nr_calls;
static jmp_buf powers_off;
static bool may_power_off;
static struct vm keeps_the_machine_on;
static uint64_t free_at_first;
static bool takes_memory;

void life_called(const char *fmt, ...)
{
	va_list ap;

	assert_true(nr_calls < ARRAY_SIZE(calls));
	va_start(ap, fmt);
	vsnprintf(calls[nr_calls++], sizeof(calls[0]), fmt, ap);
	va_end(ap);
}

unsigned int life_count(const char *what)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < nr_calls; i++)
		n += strncmp(calls[i], what, strlen(what)) == 0;
	return n;
}

void life_calls_forget(void)
{
	nr_calls = 0;
}

void life_calls_are(const char *const *what)
{
	unsigned int n = 0;

	for (; what[n]; n++) {
		assert_true(n < nr_calls);
		assert_string_equal(calls[n], what[n]);
	}
	assert_int_equal(nr_calls, n);
}

/* The firmware ends the machine: nothing of the program runs on. */
struct sbi_call_ret sbi_call_host(uint64_t eid, uint64_t fid, uint64_t arg0, uint64_t arg1,
				  uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	(void)arg2, (void)arg3, (void)arg4, (void)arg5;
	assert_int_equal(eid, SBI_EXT_SRST);
	assert_int_equal(fid, SBI_SRST_SYSTEM_RESET);
	assert_int_equal(arg0, SBI_SRST_TYPE_SHUTDOWN);
	assert_int_equal(arg1, SBI_SRST_REASON_NONE);
	assert_true(may_power_off);
	life.power_is_off = true;
	longjmp(powers_off, 1);
}

void cpu_wait_for_interrupt(void)
{
	fail_msg("the firmware has powered the machine off");
}

void life_run_to_power_off(void)
{
	may_power_off = true;
	if (setjmp(powers_off) == 0)
		life_run_all();
	may_power_off = false;
}

int life_setup(void **state)
{
	static const struct vm_config one = {
		.name = "one",
		.path = "/one",
		.cpus = 1,
		.memory = LIFE_RAM,
		.autostart = true,
		.affinity = 1,
		.sched = { .weight = 100 },
	};

	(void)state;
	fake_log_reset();
	fake_page_setup(LIFE_MACHINE, LIFE_MACHINE);
	assert_int_equal(gstage_probe(hpa(0)), HV_OK);
	life = (struct life){ .cfg = one, .cfg2 = one, .now = 1000000000000 };
	strcpy(life.cfg2.name, "two");
	strcpy(life.cfg2.path, "/two");
	nr_vms = nr_calls = 0;
	may_power_off = false;
	life_tasks_reset();
	life_parts_reset();
	lifecycle_stay(false);
	free_at_first = page_free_bytes();
	takes_memory = false;
	return 0;
}

void life_reap(void)
{
	do {
		while (work_run_one())
			;
		life_run_all();
	} while (life_next_timer_fires(UINT64_MAX) || work_pending());
}

static void stays(struct vm *vm)
{
	(void)vm;
}

void life_takes_memory(void)
{
	takes_memory = true;
}

static void forget_what_keeps_it_on(void)
{
	struct vm *vm = vm_get_by_name("stays");

	if (!vm)
		return;
	vm_put(vm);
	vm_unregister(vm);
	vm_free_id(vm->id);
}

void life_vms_go(void)
{
	struct vm *vm;

	lifecycle_stay(true);
	life.load_fails = life.begin_fails = life.output_stays = life.grace_lasts = false;
	nr_calls = 0;
	while ((vm = vm_next(NULL)) != NULL) {
		(void)vm_destroy(vm);
		life_run_all();
		if (vm->state == VM_STOPPING)
			life_last_vcpu_leaves(vm);
		life_run_all();
		assert_int_equal(vm->state, VM_DESTROYED);
		vm_put(vm);
		nr_calls = 0;
	}
	life_reap();
	nr_vms = 0;
}

/* The machine went off in the middle of something: nothing of it goes on. */
static void forget_all(void)
{
	struct vm *vm;

	life_forget_tasks();
	life_reap();
	while ((vm = vm_next(NULL)) != NULL) {
		vm->release = stays;
		vm_put(vm);
		vm_unregister(vm);
		vm_free_id(vm->id);
	}
}

/* Each test ends with all VMs destroyed, and all memory free, unless the machine is off. */
int life_teardown(void **state)
{
	(void)state;
	life_run_to_power_off();
	if (life.power_is_off) {
		forget_all();
	} else {
		forget_what_keeps_it_on();
		life_vms_go();
		assert_int_equal(life.loaders, 0);
		if (!takes_memory)
			assert_int_equal(page_free_bytes(), free_at_first);
	}
	(void)fake_page_teardown();
	return 0;
}

struct vm *life_create_alone(const struct vm_config *cfg)
{
	struct vm *vm = vm_create(cfg);

	assert_non_null(vm);
	vms[nr_vms++] = vm;
	lifecycle_begin();
	return vm;
}

struct vm *life_create(void)
{
	keeps_the_machine_on =
		(struct vm){ .state = VM_RUNNING, .name = "stays", .release = stays };
	assert_int_equal(vm_register(&keeps_the_machine_on), HV_OK);
	vm_publish(&keeps_the_machine_on);
	return life_create_alone(&life.cfg);
}

void life_timer_fires(void)
{
	assert_non_null(life.armed);
	life.now = max_u64(life.now, life.armed->deadline);
	life.armed->fn(life.armed);
}

void life_last_vcpu_leaves(struct vm *vm)
{
	assert_int_equal(vm->state, VM_STOPPING);
	vm->active = 0;
	(void)sched_wake(&vm->task);
}

void life_end(struct vm *vm, enum vm_stop how)
{
	assert_int_equal(vm->state, VM_RUNNING);
	assert_true(vm_stop(vm, how, "a reason"));
	life_run_all();
	assert_int_equal(vm->state, VM_STOPPING);
	assert_int_equal(vm->told, vm->nr_vcpus);
	assert_int_equal(life.expedited, 1);
	life_calls_forget();
	life.now += 10000000000;
	life_last_vcpu_leaves(vm);
}

void life_write_secrets(struct vm *vm)
{
	static const uint64_t secret = LIFE_SECRET;

	for (unsigned int i = 0; i < config_nr_ram(vm->config); i++) {
		struct config_ram r = config_ram(vm->config, i);

		for (uint64_t at = 0; at < r.size; at += KIB(4) - 8)
			assert_int_equal(
				gstage_write(&vm->gstage, gpa(r.base.gpa + at), &secret, 8), HV_OK);
	}
}

void life_pool_is_clean(void)
{
	life_takes_memory();
	while (page_largest(PAGE_SIZE) != 0) {
		uint64_t size = page_largest(PAGE_SIZE);
		const uint64_t *p;
		hpa_t a;

		assert_true(page_alloc(size, PAGE_SIZE, &a));
		p = hpa_to_ptr(a);
		for (uint64_t i = 0; i < size / 8; i++)
			assert_true(p[i] != LIFE_SECRET);
	}
}
