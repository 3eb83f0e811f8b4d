// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vm/lifecycle.c hyp/vm/vm_make.c hyp/vm/shutdown.c hyp/vcpu/vm.c hyp/vm/text.c hyp/lib/fdt.c hyp/mm/gstage.c hyp/mm/pgtable.c hyp/mm/page.c hyp/mm/arena.c hyp/vm/boot_order.c
// SOURCES: tests/unit/fake/page.c
/*
 * From start to end and to the next start, whichever way an operator chooses between two steps. What an ended VM leaves
 * behind: nothing in the memory that goes back, and nothing for its next life.
 */
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
#include "mm/page.h"
#include "term/term.h"
#include "vcpu/hsm.h"
#include "vcpu/magic.h"
#include "vm/lifecycle.h"
#include "vm/loader.h"
#include "vm/pv.h"

#define RAM    MIB(2)
#define SECRET UINT64_C(0x5ec4e75ec4e75ec4)

/* --- the scheduler: tasks take turns, a step each ------------------------------------------------------- */

static struct sched_entity *tasks[8], *stepping;
static unsigned int nr_tasks;
static bool woken_again;
static unsigned int expedited;

void sched_task_init(struct sched_entity *se, struct sched_group *g, const struct sched_params *p,
		     bool (*step)(struct sched_entity *se))
{
	(void)g;
	*se = (struct sched_entity){ .step = step, .affinity = p->affinity };
}

static bool task_pending(void)
{
	return nr_tasks != 0;
}

bool sched_wake(struct sched_entity *se)
{
	assert_non_null(se->step);
	if (se == stepping) {
		woken_again = true;
		return false;
	}
	for (unsigned int i = 0; i < nr_tasks; i++)
		if (tasks[i] == se)
			return false;
	assert_true(nr_tasks < ARRAY_SIZE(tasks));
	tasks[nr_tasks++] = se;
	return true;
}

static bool run_one_step(void)
{
	struct sched_entity *se = tasks[0];
	bool more;

	if (nr_tasks == 0)
		return false;
	nr_tasks--;
	memmove(tasks, tasks + 1, nr_tasks * sizeof(tasks[0]));
	stepping = se;
	woken_again = false;
	more = se->step(se);
	stepping = NULL;
	if (more || woken_again)
		(void)sched_wake(se);
	return true;
}

void sched_expedite(struct sched_entity *se)
{
	expedited += se->step != NULL;
}

void sched_expedite_end(struct sched_entity *se)
{
	(void)se;
	expedited = 0;
}

void sched_task_set_capped(struct sched_entity *se, bool capped)
{
	assert_ptr_equal(se, stepping);
	se->uncapped = !capped;
}

/* --- what the life cycle stands on --------------------------------------------------------------- */

unsigned int nr_pcpus = 1;

static struct vm_config cfg, cfg2;
static struct timer *armed;
static bool power_is_off;
static jmp_buf powers_off;
static struct vcpu vcpu;
static struct term_stream *const stream = (struct term_stream *)&cfg;
static const char *order[32]; /* of calls that matter */
static unsigned int nr_order;
static bool load_fails;
static uint64_t now;

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
	t->fn = fn;
}

void timer_arm(struct timer *t, uint64_t deadline)
{
	assert_true(deadline > now);
	t->deadline = deadline;
	armed = t;
}

struct sbi_call_ret sbi_call_host(uint64_t eid, uint64_t fid, uint64_t arg0, uint64_t arg1,
				  uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	(void)eid, (void)fid, (void)arg0, (void)arg1, (void)arg2, (void)arg3, (void)arg4,
		(void)arg5;
	power_is_off = true;
	longjmp(powers_off, 1);
}

void cpu_wait_for_interrupt(void)
{
	fail_msg("the firmware has powered the machine off");
}

struct vcpu *vcpu_new(struct vm *vm, unsigned int id, const struct sched_params *sched)
{
	vcpu = (struct vcpu){ .vm = vm, .id = id, .se.affinity = sched->affinity };
	return &vcpu;
}

void vcpu_power_on(struct vcpu *v)
{
	(void)v;
}

void vcpu_stats_zero(struct vcpu *v)
{
	(void)v;
	called("counters zeroed");
}

int vcpu_hsm_prepare(struct vcpu *v, uint64_t pc, uint64_t arg)
{
	(void)v, (void)pc, (void)arg;
	called("start");
	return HV_OK;
}

void vcpu_make_request(enum vcpu_request req, struct vcpu *v)
{
	(void)req, (void)v;
}

bool vm_make_all_vcpus_request(struct vm *vm, enum vcpu_request req)
{
	(void)vm, (void)req;
	return false;
}

void sched_group_stop(struct sched_group *g, uint64_t at)
{
	(void)g, (void)at;
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

struct term_stream *vm_console_new(struct vm *vm)
{
	(void)vm;
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

int loader_prepare(struct loader *l, const struct vm *vm)
{
	(void)l, (void)vm;
	return HV_OK;
}

static unsigned int to_abandon; /* steps */

bool loader_abandon_step(struct loader *l)
{
	(void)l;
	return to_abandon > 0 && to_abandon-- > 0;
}

int loader_begin(struct loader *l, struct vm *vm, const struct vm_config *c)
{
	assert_int_equal(to_abandon, 0);
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

static struct vm *stopped_by_loader; /* by an operator, while its last step is taken */

int loader_step(struct loader *l)
{
	if (stopped_by_loader) {
		assert_true(vm_stop(stopped_by_loader, VM_STOP_DESTROY, NULL));
		stopped_by_loader = NULL;
	}
	write_secrets(l->vm);
	return load_fails ? HV_EINVAL : 0;
}

/* --- the world -------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	static struct vm_config one = {
		.name = "one", .path = "/one", .cpus = 1, .memory = RAM, .autostart = true
	};

	(void)state;
	fake_log_reset();
	fake_page_setup(MIB(64), MIB(64));
	assert_int_equal(gstage_probe(hpa(0)), HV_OK);
	cfg = cfg2 = one;
	strcpy(cfg2.name, "two");
	strcpy(cfg2.path, "/two");
	nr_vms = nr_tasks = 0;
	to_abandon = expedited = 0;
	nr_order = 0;
	load_fails = false;
	armed = NULL;
	power_is_off = false;
	now = 1000000000000;
	lifecycle_stay(false);
	return 0;
}

/* The VM's objects stay for the console, so not all has been given back. */
static int teardown(void **state)
{
	(void)state;
	while (run_one_step())
		;
	(void)fake_page_teardown();
	return 0;
}

/* Another one that never ends. */
static struct vm keeps_the_machine_on;

static struct vm *create(void)
{
	struct vm *vm;

	keeps_the_machine_on.state = VM_RUNNING;
	vms[nr_vms++] = &keeps_the_machine_on;
	vm = vm_create(&cfg);
	assert_non_null(vm);
	lifecycle_begin();
	return vm;
}

static void run_until(struct vm *vm, enum vm_state state)
{
	for (unsigned int i = 0; vm->state != state; i++) {
		assert_true(i < 1000);
		assert_true(run_one_step());
	}
}

static void run_steps(unsigned int n)
{
	while (n-- > 0)
		assert_true(run_one_step());
}

static void run_all(void)
{
	while (run_one_step())
		;
}

/* As the last vcpu to leave does. */
static void last_vcpu_leaves(struct vm *vm)
{
	assert_int_equal(vm->state, VM_STOPPING);
	vm->active = 0;
	(void)sched_wake(&vm->task);
}

static void end(struct vm *vm, enum vm_stop how)
{
	assert_int_equal(vm->state, VM_RUNNING);
	assert_true(vm_stop(vm, how, "a reason"));
	run_all();
	assert_int_equal(vm->state, VM_STOPPING);
	assert_int_equal(vm->told, vm->nr_vcpus);
	assert_int_equal(expedited, 1);
	nr_order = 0;
	now += 10000000000;
	last_vcpu_leaves(vm);
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

	while (run_one_step()) {
		steps++;
		if (task_pending())
			assert_int_equal(page_free_bytes(), free_before);
	}
	assert_true(steps >= RAM / KIB(32));
	assert_int_equal(vm->gstage.nr_ram, 0);
	assert_true(page_free_bytes() >= free_before + RAM);
	assert_int_equal(count("magic page freed"), 1);
	assert_pool_is_clean();
}

/* --- the end ---------------------------------------------------------------------------------------- */

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
		assert_true(run_one_step());
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
	run_until(vm, VM_BUILDING);
	run_until(vm, VM_RUNNING);
	/* First the ring, or the UART would take its fill from it again; and not at the start, since what is
	 * typed while it is loaded is for the next life. */
	assert_int_equal(nr_order, 4);
	assert_string_equal(order[0], "input discarded");
	assert_string_equal(order[1], "uart reset");
	assert_string_equal(order[2], "counters zeroed");
	assert_string_equal(order[3], "start");
}

/* --- restarts --------------------------------------------------------------------------------------- */

static void which_end_is_followed_by_a_start_is_configured(void **state)
{
	static const struct {
		enum vm_stop how;
		enum vm_on_crash crash;
		enum vm_on_poweroff poweroff;
		enum vm_state then;
	} rows[] = {
		{ VM_STOP_POWEROFF, ON_CRASH_RESTART, ON_POWEROFF_STOP, VM_OFF },
		{ VM_STOP_POWEROFF, ON_CRASH_STOP, ON_POWEROFF_RESTART, VM_BUILDING },
		{ VM_STOP_CRASH, ON_CRASH_STOP, ON_POWEROFF_RESTART, VM_CRASHED },
		{ VM_STOP_CRASH, ON_CRASH_RESTART, ON_POWEROFF_STOP, VM_BUILDING },
		{ VM_STOP_REBOOT, ON_CRASH_STOP, ON_POWEROFF_STOP, VM_BUILDING },
		{ VM_STOP_DESTROY, ON_CRASH_RESTART, ON_POWEROFF_RESTART, VM_OFF },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vm *vm;

		assert_int_equal(setup(state), 0);
		cfg.on_crash = rows[i].crash;
		cfg.on_poweroff = rows[i].poweroff;
		vm = create();
		run_until(vm, VM_RUNNING);
		end(vm, rows[i].how);
		run_steps(1);
		assert_int_equal(vm->state, rows[i].then);
		run_all();
		assert_int_equal(vm->state,
				 rows[i].then == VM_BUILDING ? VM_RUNNING : rows[i].then);
		(void)teardown(state);
	}
}

/* Meanwhile it is "loading", and can be ended. */
static void a_vm_is_restarted_once_a_second_at_most(void **state)
{
	struct vm *vm;

	(void)state;
	cfg.on_crash = ON_CRASH_RESTART;
	vm = create();
	run_until(vm, VM_RUNNING);
	for (int life = 0; life < 3; life++) {
		uint64_t started = now;

		now += 300000000;
		assert_true(vm_stop(vm, VM_STOP_CRASH, "again"));
		last_vcpu_leaves(vm);
		run_all();
		assert_int_equal(vm->state, VM_BUILDING);
		assert_non_null(armed);
		assert_int_equal(armed->deadline, started + 1000000000);
		if (life == 2)
			break;
		now = armed->deadline;
		armed->fn(armed);
		run_all();
		assert_int_equal(vm->state, VM_RUNNING);
	}
	assert_true(vm_stop(vm, VM_STOP_DESTROY, NULL));
	run_all();
	assert_int_equal(vm->state, VM_OFF);
	assert_int_equal(vm->gstage.nr_ram, 0);
	armed->fn(armed); /* the timer was not taken off */
	run_all();
	assert_int_equal(vm->state, VM_OFF);
}

/* --- an operator between any two steps --------------------------------------------------------------- */

static void a_vm_that_is_loaded_can_be_destroyed_after_each_step(void **state)
{
	for (unsigned int steps = 0;; steps++) {
		struct vm *vm;
		uint64_t before;

		assert_int_equal(setup(state), 0);
		vm = create();
		before = page_free_bytes();
		run_steps(steps);
		if (vm->state == VM_RUNNING) {
			assert_true(steps > RAM / KIB(32) + 2);
			(void)teardown(state);
			return;
		}
		assert_true(vm_stop(vm, VM_STOP_DESTROY, NULL));
		assert_false(vm_stop(vm, VM_STOP_REBOOT, NULL));
		run_all();
		assert_int_equal(vm->state, VM_OFF);
		assert_int_equal(count("start"), 0);
		assert_true(page_free_bytes() >= before + RAM);
		assert_true(vm_start(vm));
		run_all();
		assert_int_equal(vm->state, VM_RUNNING);
		(void)teardown(state);
	}
}

static void a_vm_that_is_loaded_can_be_reset_after_each_step(void **state)
{
	for (unsigned int steps = 0;; steps++) {
		struct vm *vm;

		assert_int_equal(setup(state), 0);
		vm = create();
		run_steps(steps);
		if (vm->state == VM_RUNNING) {
			(void)teardown(state);
			return;
		}
		assert_true(vm_stop(vm, VM_STOP_REBOOT, NULL));
		run_all();
		assert_int_equal(vm->state, VM_RUNNING);
		assert_int_equal(count("start"), 1);
		assert_int_equal(vm->gstage.ram_bytes, RAM);
		(void)teardown(state);
	}
}

/* What the loader holds in the midst of the device tree goes back before the VM has ended. */
static void what_an_ended_load_holds_goes_back_in_steps(void **state)
{
	static const enum vm_stop ways[] = { VM_STOP_DESTROY, VM_STOP_REBOOT };

	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
		struct vm *vm;

		assert_int_equal(setup(state), 0);
		vm = create();
		run_steps(RAM / KIB(32) + 2);
		to_abandon = 5;
		assert_true(vm_stop(vm, ways[i], NULL));
		run_steps(5);
		assert_int_equal(vm->state, VM_STOPPING);
		assert_int_equal(to_abandon, 0);
		run_all();
		assert_int_equal(vm->state, ways[i] == VM_STOP_DESTROY ? VM_OFF : VM_RUNNING);
		(void)teardown(state);
	}
}

/* The last step of the loading has begun when the operator's command comes. */
static void a_vm_that_is_destroyed_in_its_last_step_does_not_start(void **state)
{
	struct vm *vm = create();

	(void)state;
	stopped_by_loader = vm;
	run_all();
	assert_null(stopped_by_loader);
	assert_int_equal(vm->state, VM_OFF);
	assert_int_equal(vm->active, 0);
	assert_int_equal(vm->gstage.nr_ram, 0);
}

static void a_vm_that_has_ended_can_be_started_after_each_step(void **state)
{
	for (unsigned int steps = 1;; steps++) {
		struct vm *vm;
		bool wiped;

		assert_int_equal(setup(state), 0);
		vm = create();
		run_until(vm, VM_RUNNING);
		end(vm, steps % 2 ? VM_STOP_CRASH : VM_STOP_POWEROFF);
		assert_false(vm_start(vm)); /* STOPPING */
		run_steps(steps);
		wiped = !task_pending();
		assert_int_equal(vm->gstage.nr_ram != 0, !wiped);
		assert_true(vm_start(vm));
		assert_false(vm_start(vm));
		run_all();
		assert_int_equal(vm->state, VM_RUNNING);
		assert_int_equal(vm->gstage.ram_bytes, RAM);
		assert_string_equal(vm->stop_why, "");
		(void)teardown(state);
		if (wiped)
			return;
	}
}

static bool no_step(struct sched_entity *se)
{
	(void)se;
	fail_msg("not to be run");
	return false;
}

static void a_state_knows_which_command_it_takes(void **state)
{
	static const struct {
		enum vm_state state;
		bool start, stop;
	} rows[] = {
		{ VM_BUILDING, false, true },  { VM_RUNNING, false, true },
		{ VM_STOPPING, false, false }, { VM_OFF, true, false },
		{ VM_CRASHED, true, false },   { VM_FAILED, true, false },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct sched_params p = { .weight = 1 };
		struct vm vm = { .state = rows[i].state, .made = true };

		sched_task_init(&vm.task, NULL, &p, no_step);
		assert_int_equal(vm_stop(&vm, VM_STOP_DESTROY, NULL), rows[i].stop);
		assert_int_equal(vm.state, rows[i].stop ? VM_STOPPING : rows[i].state);
		vm.state = rows[i].state;
		vm.made = false;
		assert_false(vm_start(&vm));
		assert_int_equal(vm.state, rows[i].state);
		vm.made = true;
		if (!rows[i].start)
			assert_false(vm_start(&vm));
		assert_int_equal(vm_begin_life(&vm, 0), rows[i].state == VM_BUILDING);
		nr_tasks = 0; /* not to be run: it is on this stack */
	}
}

/* --- memory ------------------------------------------------------------------------------------------ */

/* All that is free but @left bytes. Returns the largest piece. */
static hpa_t take_memory(uint64_t left, uint64_t *size)
{
	hpa_t first, a;

	*size = min_u64(page_largest(PAGE_SIZE), align_down(page_free_bytes() - left, PAGE_SIZE));
	assert_true(page_alloc(*size, PAGE_SIZE, &first));
	while (page_free_bytes() > left)
		assert_true(page_alloc(min_u64(page_largest(PAGE_SIZE), page_free_bytes() - left),
				       PAGE_SIZE, &a));
	return first;
}

static void a_vm_without_memory_is_told_and_starts_when_there_is_some(void **state)
{
	struct vm *vm = create();
	uint64_t size;
	hpa_t taken;

	(void)state;
	run_until(vm, VM_RUNNING);
	end(vm, VM_STOP_POWEROFF);
	run_all();
	taken = take_memory(MIB(1), &size);
	assert_true(vm_start(vm));
	run_all();
	assert_int_equal(vm->state, VM_FAILED);
	assert_non_null(
		strstr(fake_log_text, "memory = 2 MiB: only 1 MiB of the machine are left"));
	assert_non_null(strstr(fake_log_text, "one: not started, for the reason above"));
	page_free(taken, size);
	assert_true(vm_start(vm));
	run_all();
	assert_int_equal(vm->state, VM_RUNNING);
}

static void a_start_waits_for_the_memory_of_a_vm_that_is_wiped(void **state)
{
	struct vm *vm, *two;
	uint64_t size;

	(void)state;
	cfg2.autostart = false;
	two = vm_create(&cfg2);
	vm = create();
	run_until(vm, VM_RUNNING);
	(void)take_memory(MIB(1), &size);
	assert_true(vm_stop(vm, VM_STOP_DESTROY, NULL));
	assert_true(vm_start(two));
	for (int i = 0; i < 20; i++) {
		run_all(); /* it sleeps in between, as it may be the more urgent one */
		assert_int_equal(two->state, VM_BUILDING);
		now = armed->deadline;
		armed->fn(armed);
	}
	run_all();
	/* some vcpu of the other one has not left yet */
	last_vcpu_leaves(vm);
	run_all();
	assert_int_equal(vm->state, VM_OFF);
	armed->fn(armed);
	run_all();
	assert_int_equal(two->state, VM_RUNNING);
}

/* --- VMs that do not start by themselves, and the end of the machine ----------------------------------- */

static void a_vm_that_does_not_start_by_itself_is_off_and_has_no_memory(void **state)
{
	struct vm *vm;
	uint64_t before = page_free_bytes();

	(void)state;
	cfg.autostart = false;
	vm = create();
	assert_int_equal(vm->state, VM_OFF);
	assert_false(task_pending());
	assert_true(before - page_free_bytes() < MIB(1));
	assert_true(vm_start(vm));
	run_all();
	assert_int_equal(vm->state, VM_RUNNING);
}

static void run_to_power_off(void)
{
	if (setjmp(powers_off) == 0)
		run_all();
}

static void the_machine_goes_off_with_the_last_vm(void **state)
{
	struct vm *vm = vm_create(&cfg);

	(void)state;
	lifecycle_begin();
	run_until(vm, VM_RUNNING);
	end(vm, VM_STOP_POWEROFF);
	run_to_power_off();
	assert_true(power_is_off);
	assert_non_null(strstr(fake_log_text, "all VMs have ended; powering off"));
}

static void the_machine_stays_on_when_told_so(void **state)
{
	struct vm *vm = vm_create(&cfg);

	(void)state;
	lifecycle_stay(true);
	lifecycle_begin();
	run_until(vm, VM_RUNNING);
	end(vm, VM_STOP_POWEROFF);
	run_to_power_off();
	assert_false(power_is_off);
	assert_non_null(strstr(fake_log_text, "all VMs have ended; the machine stays on"));
	assert_true(vm_start(vm));
	run_all();
	assert_int_equal(vm->state, VM_RUNNING);
}

/* It has not ended before it has been started. */
static void the_machine_stays_on_for_a_vm_that_waits_for_its_start(void **state)
{
	struct vm *vm = vm_create(&cfg), *two;

	(void)state;
	cfg2.autostart = false;
	two = vm_create(&cfg2);
	lifecycle_begin();
	run_until(vm, VM_RUNNING);
	end(vm, VM_STOP_POWEROFF);
	run_to_power_off();
	assert_false(power_is_off);
	assert_non_null(strstr(fake_log_text, "no VM runs; two has not been started yet"));
	assert_true(vm_start(two));
	run_all();
	assert_int_equal(two->state, VM_RUNNING);
	end(two, VM_STOP_POWEROFF);
	run_to_power_off();
	assert_true(power_is_off);
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_ended_vm_is_off_at_once_and_its_memory_is_wiped_before_it_is_free),
		test(a_vm_whose_loading_failed_leaves_no_image_in_the_pool),
		test(what_was_typed_before_a_reset_is_not_for_the_next_life),
		cmocka_unit_test(which_end_is_followed_by_a_start_is_configured),
		test(a_vm_is_restarted_once_a_second_at_most),
		cmocka_unit_test(a_vm_that_is_loaded_can_be_destroyed_after_each_step),
		cmocka_unit_test(a_vm_that_is_loaded_can_be_reset_after_each_step),
		test(a_vm_that_is_destroyed_in_its_last_step_does_not_start),
		cmocka_unit_test(what_an_ended_load_holds_goes_back_in_steps),
		cmocka_unit_test(a_vm_that_has_ended_can_be_started_after_each_step),
		test(a_state_knows_which_command_it_takes),
		test(a_vm_without_memory_is_told_and_starts_when_there_is_some),
		test(a_start_waits_for_the_memory_of_a_vm_that_is_wiped),
		test(a_vm_that_does_not_start_by_itself_is_off_and_has_no_memory),
		test(the_machine_goes_off_with_the_last_vm),
		test(the_machine_stays_on_when_told_so),
		test(the_machine_stays_on_for_a_vm_that_waits_for_its_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
