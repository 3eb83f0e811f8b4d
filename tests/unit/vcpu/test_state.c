// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vcpu_alone.h
/*
 * The next life of a VM, and a vcpu that is started again, find nothing of what was before: every field of struct vcpu
 * and struct vm is as hyp/vm/state_list.h says, which lists all.
 */
#include "fake/vcpu_alone.h"

#define FIELD_VCPU(...)		FIELD_ROW(vcpu, __VA_ARGS__)
#define FIELD_VCPU_HSM(...)	FIELD_ROW(vcpu_hsm, __VA_ARGS__)
#define FIELD_VCPU_HALT(...)	FIELD_ROW(vcpu_halt, __VA_ARGS__)
#define FIELD_VCPU_TIMER(...)	FIELD_ROW(vcpu_timer, __VA_ARGS__)
#define FIELD_VCPU_PLACE(...)	FIELD_ROW(vcpu_place, __VA_ARGS__)
#define FIELD_VCPU_FENCES(...)	FIELD_ROW(vcpu_fences, __VA_ARGS__)
#define FIELD_VCPU_STEAL(...)	FIELD_ROW(vcpu_steal, __VA_ARGS__)
#define FIELD_VCPU_PV_LOCK(...) FIELD_ROW(vcpu_pv_lock, __VA_ARGS__)
#define FIELD_VCPU_MAGIC(...)	FIELD_ROW(vcpu_magic, __VA_ARGS__)
#define FIELD_VCPU_PV(...)	FIELD_ROW(vcpu_pv, __VA_ARGS__)
#define FIELD_VCPU_FP(...)	FIELD_ROW(vcpu_fp, __VA_ARGS__)
#define FIELD_VMID(...)		FIELD_ROW(vmid, __VA_ARGS__)
#define FIELD_VCPU_SAMPLE(...)	FIELD_ROW(vcpu_sample, __VA_ARGS__)
#define FIELD_VCPU_DEBUG(...)	FIELD_ROW(vcpu_debug, __VA_ARGS__)
#define FIELD_VM(...)		FIELD_ROW(vm, __VA_ARGS__)
#define FIELD_VM_WATCH(...)	FIELD_ROW(vm_watch, __VA_ARGS__)
#include "fake/fields.h"

static const struct vcpu __attribute__((unused)) all_of_vcpu = {
#define FIELD_VCPU(...) FIELD_INITIALIZER(vcpu, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vcpu_hsm __attribute__((unused)) all_of_vcpu_hsm = {
#define FIELD_VCPU_HSM(...) FIELD_INITIALIZER(vcpu_hsm, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vcpu_halt __attribute__((unused)) all_of_vcpu_halt = {
#define FIELD_VCPU_HALT(...) FIELD_INITIALIZER(vcpu_halt, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vcpu_timer __attribute__((unused)) all_of_vcpu_timer = {
#define FIELD_VCPU_TIMER(...) FIELD_INITIALIZER(vcpu_timer, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vcpu_place __attribute__((unused)) all_of_vcpu_place = {
#define FIELD_VCPU_PLACE(...) FIELD_INITIALIZER(vcpu_place, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vcpu_fences __attribute__((unused)) all_of_vcpu_fences = {
#define FIELD_VCPU_FENCES(...) FIELD_INITIALIZER(vcpu_fences, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vcpu_steal __attribute__((unused)) all_of_vcpu_steal = {
#define FIELD_VCPU_STEAL(...) FIELD_INITIALIZER(vcpu_steal, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vcpu_pv_lock __attribute__((unused)) all_of_vcpu_pv_lock = {
#define FIELD_VCPU_PV_LOCK(...) FIELD_INITIALIZER(vcpu_pv_lock, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vcpu_magic __attribute__((unused)) all_of_vcpu_magic = {
#define FIELD_VCPU_MAGIC(...) FIELD_INITIALIZER(vcpu_magic, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vcpu_pv __attribute__((unused)) all_of_vcpu_pv = {
#define FIELD_VCPU_PV(...) FIELD_INITIALIZER(vcpu_pv, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vcpu_fp __attribute__((unused)) all_of_vcpu_fp = {
#define FIELD_VCPU_FP(...) FIELD_INITIALIZER(vcpu_fp, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vmid __attribute__((unused)) all_of_vmid = {
#define FIELD_VMID(...) FIELD_INITIALIZER(vmid, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vcpu_sample __attribute__((unused)) all_of_vcpu_sample = {
#define FIELD_VCPU_SAMPLE(...) FIELD_INITIALIZER(vcpu_sample, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vcpu_debug __attribute__((unused)) all_of_vcpu_debug = {
#define FIELD_VCPU_DEBUG(...) FIELD_INITIALIZER(vcpu_debug, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vm __attribute__((unused)) all_of_vm = {
#define FIELD_VM(...) FIELD_INITIALIZER(vm, __VA_ARGS__)
#include "vm/state_list.h"
};
static const struct vm_watch __attribute__((unused)) all_of_vm_watch = {
#define FIELD_VM_WATCH(...) FIELD_INITIALIZER(vm_watch, __VA_ARGS__)
#include "vm/state_list.h"
};

static const uint8_t marks[] = { 0, 1 }; /* what a bool may hold */
static struct vm fresh_vm;

/* As a former life may leave @v. It has a magic page, and counts. */
static void mark(uint8_t byte)
{
	void *vector = v->fp.vector;

	fields_mark("vcpu", v, byte);
	fields_mark("vcpu_hsm", &v->hsm, byte);
	fields_mark("vcpu_halt", &v->halt, byte);
	fields_mark("vcpu_timer", &v->timer, byte);
	fields_mark("vcpu_place", &v->place, byte);
	fields_mark("vcpu_fences", &v->fences, byte);
	fields_mark("vcpu_steal", &v->pv.steal, byte);
	fields_mark("vcpu_pv_lock", &v->pv.lock, byte);
	fields_mark("vcpu_magic", &v->pv.magic, byte);
	fields_mark("vcpu_pv", &v->pv, byte);
	fields_mark("vcpu_fp", &v->fp, byte);
	fields_mark("vmid", &v->place.vmid, byte);
	fields_mark("vcpu_sample", &v->sample, byte);
	fields_mark("vcpu_debug", &v->debug, byte);
	memset(vector, 1, VECTOR);
	v->guest_seq = 17;
	v->place.pcpu = 1;
	v->pv.magic.at = gpa(MAGIC_AT);
	v->pv.magic.mapped = byte ? v->pv.magic.page : NULL;
	v->se.account.wait = 3000;
	v->se.account.run = 4000;
	v->se.account.max_latency = 50;
	memset(&v->stats, 1, sizeof(v->stats));
	vmid_generation[0] = 0x0101010101010101; /* what the mark makes of vmid would be current */
}

static void every_line_is_about_a_state(void **state)
{
	(void)state;
	fields_check_states();
}

/* --- the next life of its VM --------------------------------------------------------------------------- */

/* As the life cycle does it. */
static void make_ready(void)
{
	pv_magic_reset(v);
	vcpu_power_on(v);
	vcpu_stats_zero(v);
}

static void a_vcpu_of_the_next_life_is_as_a_new_one(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		static struct vcpu before;

		begin();
		v->pv.magic.page = page_alloc_zeroed(PAGE_SIZE, PAGE_SIZE);
		memset(v->pv.magic.page, 1, PAGE_SIZE);
		mark(marks[i]);
		fake_cancels = expedited_ends = 0;
		memcpy(&before, v, sizeof(before));
		make_ready();
		before.se.account.max_latency = 0; /* the operator's */
		fields_check_reset("vcpu", v, fresh, &before);
		fields_check_reset("vcpu_hsm", &v->hsm, &fresh->hsm, &before.hsm);
		fields_check_reset("vcpu_halt", &v->halt, &fresh->halt, &before.halt);
		fields_check_reset("vcpu_timer", &v->timer, &fresh->timer, &before.timer);
		fields_check_reset("vcpu_place", &v->place, &fresh->place, &before.place);
		fields_check_reset("vcpu_fences", &v->fences, &fresh->fences, &before.fences);
		fields_check_reset("vcpu_steal", &v->pv.steal, &fresh->pv.steal, &before.pv.steal);
		fields_check_reset("vcpu_pv_lock", &v->pv.lock, &fresh->pv.lock, &before.pv.lock);
		fields_check_reset("vcpu_magic", &v->pv.magic, &fresh->pv.magic, &before.pv.magic);
		fields_check_reset("vcpu_pv", &v->pv, &fresh->pv, &before.pv);
		fields_check_reset("vcpu_fp", &v->fp, &fresh->fp, &before.fp);
		fields_check_reset("vmid", &v->place.vmid, &fresh->place.vmid, &before.place.vmid);
		fields_check_reset("vcpu_sample", &v->sample, &fresh->sample, &before.sample);
		assert_int_equal(fake_cancels, 1);
		assert_int_equal(expedited_ends, 1);
		assert_int_equal(unmapped, marks[i]);
		(void)teardown(state);
	}
}

/* Both of the test above could be wrong in the same way. */
static void a_new_one_is_stopped_and_asked_for_nothing(void **state)
{
	(void)state;
	begin();
	make_ready();
	assert_int_equal(v->mode, OUTSIDE_GUEST_MODE);
	assert_int_equal(v->hsm.state, SBI_HSM_STATE_STOPPED);
	assert_int_equal(v->halt.blocked, 1);
	assert_int_equal(
		v->requests | v->halt.kicked | v->sample.fresh | v->fences.nr | v->halt.ends, 0);
	assert_true(v->halt.poll_since == 0 && v->halt.poll_ticks == 0);
	assert_true(v->timer.off && v->timer.deadline == TIMER_NEVER);
	assert_false(pv_is_on(v->pv.steal.at) || pv_is_on(v->pv.lock.at) || v->pv.marked);
	assert_true(v->fp.pcpu == UINT32_MAX && v->fp.vector_pcpu == UINT32_MAX && v->fp.initial);
	assert_int_equal(v->regs.x[REG_A0], v->id);
	assert_int_equal(v->regs.x[REG_A1], 0);
	assert_int_equal(v->regs.sepc, 0);
}

static bool is_zero(const void *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (((const uint8_t *)p)[i])
			return false;
	return true;
}

/* What it keeps has nothing of the former life in it. */
static void what_a_vcpu_keeps_is_cleared(void **state)
{
	struct vcpu_counts counts;

	(void)state;
	begin();
	v->pv.magic.page = page_alloc_zeroed(PAGE_SIZE, PAGE_SIZE);
	memset(v->pv.magic.page, 1, PAGE_SIZE);
	mark(1);
	make_ready();
	assert_true(is_zero(v->fp.vector, VECTOR));
	assert_true(is_zero(v->pv.magic.page, PAGE_SIZE));
	vcpu_stats_read(v, &counts);
	assert_true(is_zero(&counts, sizeof(counts)));
	/* Steal time, and the magic page's times and exits, begin anew. */
	assert_int_equal(v->pv.steal.base, v->se.account.wait);
	assert_int_equal(v->pv.magic.run_base, v->se.account.run);
	assert_int_equal(v->pv.magic.exits_base, NR_VCPU_EXITS * v->stats.exits[0]);
	assert_false(vmid_is_current(&v->place.vmid, v->place.vmid.pcpu));
}

static void the_next_life_of_a_vm_begins_as_the_first(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		static struct vm before;

		begin();
		fields_mark("vm", &vm, marks[i]);
		fields_mark("vm_watch", &vm.watch, marks[i]);
		spin_init(&vm.transition, LOCK_VM_TRANSITION);
		vm.state = VM_BUILDING;
		vm.pauses = 3;
		vm.hcounteren = HCOUNTEREN_TM;
		memcpy(&before, &vm, sizeof(before));
		assert_true(vm_begin_life(&vm, fake_ticks));
		fields_check_reset("vm", &vm, &fresh_vm, &before);
		fields_check_reset("vm_watch", &vm.watch, &fresh_vm.watch, &before.watch);
		assert_int_equal(vm.state, VM_RUNNING);
		assert_string_equal(vm.stop_why, "");
		assert_int_equal(vm.active, 2);
		assert_int_equal(vm.htimedelta, -fake_ticks);
		assert_int_equal(vm.watch.since, fake_ticks);
		assert_int_equal(groups_gone, 1);
		(void)teardown(state);
	}
}

/* --- hart_start within one life -------------------------------------------------------------------------- */

/* VS CSRs as after reset; all that is not named is 0. */
static void check_csrs(void)
{
	static const struct {
		unsigned int csr;
		uint64_t value;
	} rows[] = {
		{ CSR_VSSTATUS, SSTATUS_UXL_64 },
		{ CSR_VSIE, 0 },
		{ CSR_VSTVEC, 0 },
		{ CSR_VSSCRATCH, 0 },
		{ CSR_VSEPC, 0 },
		{ CSR_VSCAUSE, 0 },
		{ CSR_VSTVAL, 0 },
		{ CSR_VSATP, 0 },
		{ CSR_VSTIMECMP, UINT64_MAX },
		{ CSR_SCOUNTEREN, HCOUNTEREN_CY | HCOUNTEREN_TM | HCOUNTEREN_IR },
		{ CSR_SENVCFG, 0 },
		{ CSR_HTIMEDELTA, 777 },
		{ CSR_VSISELECT, 0 },
		{ CSR_SCONTEXT, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (csr_read(rows[i].csr) != rows[i].value)
			fail_msg("csr %x is %lx", rows[i].csr, csr_read(rows[i].csr));
}

static void start_again(uint8_t byte)
{
	begin();
	hart_features.loose = LOOSE_SISELECT | LOOSE_SCONTEXT;
	vm.htimedelta = 777;
	mark(byte);
	v->pv.magic.mapped = NULL;
	v->fp.vector = fresh->fp.vector;
	v->hsm.state = SBI_HSM_STATE_STOPPED;
	v->requests = 0;
	spin_init(&v->fences.lock, LOCK_FENCES);
	v->pv.steal.ptr = NULL;
	v->pv.lock.ptr = NULL;
	this_pcpu()->current = v;
	for (unsigned int csr = 0; csr < 4096; csr++)
		csr_write(csr, UINT64_MAX);
	memset(&fp_in_hart, 1, sizeof(fp_in_hart));
	memset(vector_in_hart, 1, VECTOR);
	fake_fences = (struct fake_fences){ 0 };
	fake_cancels = 0;
	assert_int_equal(vcpu_hsm_prepare(v, gpa(0x80200000), 42), HV_OK);
	assert_int_equal(vcpu_handle_requests(v), VCPU_MAY_RUN);
}

static void a_hart_that_is_started_again_has_nothing_of_what_it_was(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		struct guest_regs regs;

		start_again(marks[i]);
		guest_regs_reset(&regs, 0x80200000, HART, 42);
		assert_memory_equal(&v->regs, &regs, sizeof(regs));
		assert_memory_equal(&v->vs, &fresh->vs, sizeof(v->vs));
		check_csrs();
		assert_true(is_zero(&v->fp.regs, sizeof(v->fp.regs)));
		assert_true(is_zero(&fp_in_hart, sizeof(fp_in_hart)));
		assert_true(is_zero(v->fp.vector, VECTOR));
		assert_true(is_zero(vector_in_hart, VECTOR));
		assert_true(v->fp.initial && this_pcpu()->fp_initial);
		assert_ptr_equal(this_pcpu()->fp_owner, v);
		assert_int_equal(v->irq.inject, 0);
		assert_int_equal(v->irq.shadow, 0);
		assert_int_equal(v->timer.deadline, TIMER_NEVER);
		assert_int_equal(fake_cancels, 1);
		assert_false(pv_is_on(v->pv.steal.at));
		assert_false(pv_is_on(v->pv.lock.at));
		assert_false(v->pv.marked);
		assert_int_equal(v->halt.ends, 0);
		assert_int_equal(v->halt.kicked, 0);
		assert_int_equal(v->fences.nr, 0);
		assert_int_equal(fake_fences.of[FAKE_HFENCE_VVMA_ALL], 1);
		assert_int_equal(fake_fences.of[FAKE_FENCE_I], 1);
		assert_int_equal(v->hsm.state, SBI_HSM_STATE_STARTED);
		(void)teardown(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_is_about_a_state),
		cmocka_unit_test(a_vcpu_of_the_next_life_is_as_a_new_one),
		cmocka_unit_test_teardown(a_new_one_is_stopped_and_asked_for_nothing, teardown),
		cmocka_unit_test_teardown(what_a_vcpu_keeps_is_cleared, teardown),
		cmocka_unit_test(the_next_life_of_a_vm_begins_as_the_first),
		cmocka_unit_test(a_hart_that_is_started_again_has_nothing_of_what_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
