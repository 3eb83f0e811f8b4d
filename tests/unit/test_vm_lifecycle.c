// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vm/lifecycle.c hyp/vm/text.c hyp/lib/fdt.c hyp/mm/gstage.c hyp/mm/pgtable.c hyp/mm/page.c hyp/mm/arena.c hyp/lib/work.c
// SOURCES: tests/unit/fake/page.c
/* What an ended VM leaves behind: nothing in the memory that goes back, and nothing for its next life. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/cpu.h"
#include "arch/csr.h"
#include "arch/isa.h"
#include "arch/memmap.h"
#include "arch/sbi_call.h"
#include "arch/smp.h"
#include "arch/timer.h"
#include "dev/mmio.h"
#include "dev/vdev.h"
#include "fake/log.h"
#include "fake/page.h"
#include "irqchip/vplic.h"
#include "lib/work.h"
#include "mm/page.h"
#include "term/term.h"
#include "vcpu/hsm.h"
#include "vcpu/magic.h"
#include "vm/lifecycle.h"
#include "vm/loader.h"
#include "vm/pv.h"

#define RAM    MIB(16)
#define SECRET UINT64_C(0x5ec4e75ec4e75ec4)

/* --- what the life cycle stands on --------------------------------------------------------------- */

struct vm *vms[VM_MAX];
unsigned int nr_vms;
unsigned int nr_pcpus = 1;

static struct vm_config cfg = { .name = "one", .path = "/one", .cpus = 1, .memory = RAM };
static struct vcpu vcpu;
static struct term_stream *const stream = (struct term_stream *)&cfg;
static const char *order[32]; /* of calls that matter */
static unsigned int nr_order;
static bool load_fails;
static uint64_t now = 1000000000000;

static void called(const char *what)
{
	if (nr_order < ARRAY_SIZE(order))
		order[nr_order++] = what;
}

uint64_t fake_csr_read(unsigned int csr)
{
	(void)csr;
	return HGATP_MODE_SV39X4 << HGATP_MODE_SHIFT;
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	(void)csr, (void)val;
}

uint64_t timer_now(void)
{
	return now;
}

uint64_t timer_ticks_to_ns(uint64_t ticks)
{
	return ticks;
}

uint64_t timer_ns_to_ticks(uint64_t ns)
{
	return ns;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	(void)t, (void)fn;
}

void timer_arm(struct timer *t, uint64_t deadline)
{
	(void)t, (void)deadline;
	fail_msg("nothing restarts that fast here");
}

struct sbi_call_ret sbi_call_host(uint64_t eid, uint64_t fid, uint64_t arg0, uint64_t arg1,
				  uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	(void)eid, (void)fid, (void)arg0, (void)arg1, (void)arg2, (void)arg3, (void)arg4,
		(void)arg5;
	fail_msg("the machine is not to be powered off");
	return (struct sbi_call_ret){ 0, 0 };
}

void cpu_wait_for_interrupt(void)
{
	fail_msg("the machine is not to be powered off");
}

struct vcpu *vcpu_new(struct vm *vm, unsigned int id, const struct sched_params *sched)
{
	(void)sched;
	vcpu = (struct vcpu){ .vm = vm, .id = id };
	return &vcpu;
}

void vcpu_power_on(struct vcpu *v)
{
	(void)v;
}

int vcpu_hsm_prepare(struct vcpu *v, uint64_t pc, uint64_t arg)
{
	(void)v, (void)pc, (void)arg;
	called("start");
	return HV_OK;
}

bool vm_set_state(struct vm *vm, enum vm_state to)
{
	vm->state = to;
	return true;
}

void vm_begin_life(struct vm *vm, uint64_t at)
{
	(void)vm, (void)at;
}

void vcpu_kick(struct vcpu *v)
{
	(void)v;
}

void vcpu_magic_reset(struct vcpu *v)
{
	(void)v;
}

void vcpu_magic_free(struct vcpu *v)
{
	(void)v;
	called("magic page freed");
}

struct mmio_bus *mmio_bus_new(struct arena *a)
{
	return arena_new(a, struct mmio_bus);
}

struct vplic *vplic_new(struct vm *vm)
{
	return (struct vplic *)vm;
}

void vplic_reset(struct vplic *p)
{
	(void)p;
}

struct vuart *vuart_new(struct vm *vm)
{
	return (struct vuart *)vm;
}

void vuart_reset(struct vuart *u)
{
	(void)u;
	called("uart reset");
}

void vuart_input_ready(struct vuart *u)
{
	(void)u;
}

struct vrtc *vrtc_new(struct vm *vm)
{
	return (struct vrtc *)vm;
}

void vrtc_reset(struct vrtc *r)
{
	(void)r;
}

int vsyscon_new(struct vm *vm)
{
	(void)vm;
	return HV_OK;
}

struct term_stream *term_stream_new(struct arena *a, const char *name, void (*ready)(void *arg),
				    void *arg)
{
	(void)a, (void)name, (void)ready, (void)arg;
	return stream;
}

void term_stream_flush(struct term_stream *s)
{
	(void)s;
}

void term_stream_discard_input(struct term_stream *s)
{
	assert_ptr_equal(s, stream);
	called("input discarded");
}

struct term_stream *term_focused(void)
{
	return NULL;
}

void term_focus(struct term_stream *s)
{
	(void)s;
}

void term_drain(void)
{
}

void sched_group_init(struct sched_group *g, unsigned int cap)
{
	(void)g, (void)cap;
}

void sched_group_go(struct sched_group *g, uint64_t at)
{
	(void)g, (void)at;
}

void config_vcpu_sched(const struct vm_config *c, unsigned int i, struct sched_params *out)
{
	(void)c, (void)i;
	*out = (struct sched_params){ .affinity = hartset_first(1) };
}

int pv_init(struct vm *vm, const struct vm_config *c, const struct loader *l)
{
	(void)vm, (void)c, (void)l;
	return HV_OK;
}

uint64_t isa_guest_henvcfg(void)
{
	return 0;
}

int loader_begin(struct loader *l, struct vm *vm, const struct vm_config *c)
{
	*l = (struct loader){ .vm = vm, .cfg = c };
	return HV_OK;
}

static void write_secrets(struct vm *vm)
{
	for (uint64_t at = 0; at < RAM; at += KIB(4) - 8) {
		uint64_t secret = SECRET;

		assert_int_equal(gstage_write(&vm->gstage, gpa(GUEST_RAM_BASE + at), &secret, 8),
				 HV_OK);
	}
}

int loader_step(struct loader *l)
{
	write_secrets(l->vm);
	return load_fails ? HV_EINVAL : 0;
}

/* --- the world -------------------------------------------------------------------------------------- */

static uint64_t all_memory;

static int setup(void **state)
{
	(void)state;
	fake_log_reset();
	fake_page_setup(MIB(32), MIB(32));
	assert_int_equal(gstage_probe(hpa(0)), HV_OK);
	all_memory = page_free_bytes();
	nr_vms = 0;
	nr_order = 0;
	load_fails = false;
	return 0;
}

/* The VM's objects stay for the console, so not all has been given back. */
static int teardown(void **state)
{
	(void)state;
	(void)fake_page_teardown();
	return 0;
}

/* Another one that never ends. */
static struct vm keeps_the_machine_on = { .state = VM_RUNNING };

static struct vm *create(void)
{
	struct vm *vm;

	vms[nr_vms++] = &keeps_the_machine_on;
	vm = vm_create(&cfg);
	assert_non_null(vm);
	return vm;
}

static void run_until(struct vm *vm, enum vm_state state)
{
	for (unsigned int i = 0; vm->state != state; i++) {
		assert_true(i < 100);
		assert_true(work_run_one());
	}
}

/* As the last vcpu to leave does. */
static void end(struct vm *vm, enum vm_stop how)
{
	assert_int_equal(vm->state, VM_RUNNING);
	vm->state = VM_STOPPING;
	vm->stop = how;
	nr_order = 0;
	now += 10000000000;
	work_queue(&vm->life);
}

static unsigned int count(const char *what)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < nr_order; i++)
		n += strcmp(order[i], what) == 0;
	return n;
}

/* The pool holds no VM's data: all that is free is taken and looked at. */
static void assert_pool_is_clean(void)
{
	while (page_largest(PAGE_SIZE) != 0) {
		uint64_t size = page_largest(PAGE_SIZE);
		const uint64_t *p;
		hpa_t a;

		assert_true(page_alloc(size, PAGE_SIZE, &a));
		p = hpa_to_ptr(a);
		for (uint64_t i = 0; i < size / 8; i++)
			assert_true(p[i] != SECRET);
	}
}

/* Work in steps: how much each gives back, until there is nothing left to be done. */
static void wipe(struct vm *vm, uint64_t free_before)
{
	unsigned int steps = 0;

	while (work_run_one()) {
		steps++;
		if (work_pending())
			assert_int_equal(page_free_bytes(), free_before);
	}
	assert_true(steps >= RAM / MIB(4));
	assert_int_equal(vm->gstage.nr_ram, 0);
	assert_true(page_free_bytes() >= free_before + RAM);
	assert_int_equal(count("magic page freed"), 1);
	assert_pool_is_clean();
}

/* --- the promises ----------------------------------------------------------------------------------- */

static void an_ended_vm_is_off_at_once_and_its_memory_is_wiped_before_it_is_free(void **state)
{
	static const enum vm_stop ways[] = { VM_STOP_POWEROFF, VM_STOP_DESTROY, VM_STOP_CRASH };

	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
		struct vm *vm;
		uint64_t before;

		assert_int_equal(setup(state), 0);
		vm = create();
		run_until(vm, VM_RUNNING);
		write_secrets(vm);
		before = page_free_bytes();
		end(vm, ways[i]);
		assert_true(work_run_one());
		assert_int_equal(vm->state, ways[i] == VM_STOP_CRASH ? VM_CRASHED : VM_OFF);
		assert_int_equal(page_free_bytes(), before);
		wipe(vm, before);
		(void)teardown(state);
	}
}

static void a_vm_whose_loading_failed_leaves_no_image_in_the_pool(void **state)
{
	struct vm *vm;

	(void)state;
	load_fails = true;
	vm = create();
	run_until(vm, VM_FAILED);
	wipe(vm, page_free_bytes());
}

static void what_was_typed_before_a_reset_is_not_for_the_next_life(void **state)
{
	struct vm *vm = create();

	(void)state;
	run_until(vm, VM_RUNNING);
	end(vm, VM_STOP_REBOOT);
	run_until(vm, VM_RUNNING);
	/* First the ring, or the UART would take its fill from it again; and not at the start, since what is
	 * typed while it is loaded is for the next life. */
	assert_int_equal(nr_order, 3);
	assert_string_equal(order[0], "input discarded");
	assert_string_equal(order[1], "uart reset");
	assert_string_equal(order[2], "start");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_ended_vm_is_off_at_once_and_its_memory_is_wiped_before_it_is_free),
		cmocka_unit_test_setup_teardown(
			a_vm_whose_loading_failed_leaves_no_image_in_the_pool, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_was_typed_before_a_reset_is_not_for_the_next_life, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
