// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vcpu_alone.h
/*
 * The next life of a VM, and a vcpu that is started again, find nothing of what was before: every field of struct vcpu
 * and struct vm is as hyp/vm/state_list.h says, which lists all.
 */
#include "fake/vcpu_alone.h"

#define FIELD_VCPU(...)	       FIELD_ROW(vcpu, __VA_ARGS__)
#define FIELD_VMID(...)	       FIELD_ROW(vmid, __VA_ARGS__)
#define FIELD_VCPU_SAMPLE(...) FIELD_ROW(vcpu_sample, __VA_ARGS__)
#define FIELD_VM(...)	       FIELD_ROW(vm, __VA_ARGS__)
#define FIELD_VM_WATCH(...)    FIELD_ROW(vm_watch, __VA_ARGS__)
#include "fake/fields.h"

static const struct vcpu __attribute__((unused)) all_of_vcpu = {
#define FIELD_VCPU(...) FIELD_INITIALIZER(vcpu, __VA_ARGS__)
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
	void *vector = v->vector;

	fields_mark("vcpu", v, byte);
	fields_mark("vmid", &v->vmid, byte);
	fields_mark("vcpu_sample", &v->sample, byte);
	memset(vector, 1, VECTOR);
	v->guest_seq = 17;
	v->last_pcpu = 1;
	v->magic_at = gpa(MAGIC_AT);
	v->magic = byte ? v->magic_page : NULL;
	v->se.wait_ticks = 3000;
	v->se.run_ticks = 4000;
	v->se.max_latency = 50;
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
	vcpu_magic_reset(v);
	vcpu_power_on(v);
	vcpu_stats_zero(v);
}

static void a_vcpu_of_the_next_life_is_as_a_new_one(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		static struct vcpu before;

		begin();
		v->magic_page = page_alloc_zeroed(PAGE_SIZE, PAGE_SIZE);
		memset(v->magic_page, 1, PAGE_SIZE);
		mark(marks[i]);
		fake_cancels = expedited_ends = 0;
		memcpy(&before, v, sizeof(before));
		make_ready();
		before.se.max_latency = 0; /* the operator's */
		fields_check_reset("vcpu", v, fresh, &before);
		fields_check_reset("vmid", &v->vmid, &fresh->vmid, &before.vmid);
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
	assert_int_equal(v->hsm, SBI_HSM_STATE_STOPPED);
	assert_int_equal(v->blocked, 1);
	assert_int_equal(v->requests | v->kicked | v->sample.fresh | v->nr_fences | v->halt_ends,
			 0);
	assert_true(v->halted_at == 0 && v->poll_ticks == 0);
	assert_true(v->timer_off && v->timer_deadline == TIMER_NEVER);
	assert_true(v->steal_at == STEAL_OFF && v->lock_at == STEAL_OFF && !v->steal_marked);
	assert_true(v->fp_pcpu == UINT32_MAX && v->vector_pcpu == UINT32_MAX && v->fp_initial);
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
	v->magic_page = page_alloc_zeroed(PAGE_SIZE, PAGE_SIZE);
	memset(v->magic_page, 1, PAGE_SIZE);
	mark(1);
	make_ready();
	assert_true(is_zero(v->vector, VECTOR));
	assert_true(is_zero(v->magic_page, PAGE_SIZE));
	vcpu_stats_read(v, &counts);
	assert_true(is_zero(&counts, sizeof(counts)));
	/* Steal time, and the magic page's times and exits, begin anew. */
	assert_int_equal(v->steal_base, v->se.wait_ticks);
	assert_int_equal(v->magic_run_base, v->se.run_ticks);
	assert_int_equal(v->magic_exits_base, NR_VCPU_EXITS * v->stats.exits[0]);
	assert_false(vmid_is_current(&v->vmid, v->vmid.pcpu));
}

static void the_next_life_of_a_vm_begins_as_the_first(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		static struct vm before;

		begin();
		fields_mark("vm", &vm, marks[i]);
		fields_mark("vm_watch", &vm.watch, marks[i]);
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
	v->magic = NULL;
	v->vector = fresh->vector;
	v->hsm = SBI_HSM_STATE_STOPPED;
	v->requests = 0;
	v->fence_lock = (struct spinlock){ 0 };
	v->steal_ptr = NULL;
	v->lock_ptr = NULL;
	this_pcpu()->current = v;
	for (unsigned int csr = 0; csr < 4096; csr++)
		csr_write(csr, UINT64_MAX);
	memset(&fp_in_hart, 1, sizeof(fp_in_hart));
	memset(vector_in_hart, 1, VECTOR);
	fake_fences = (struct fake_fences){ 0 };
	fake_cancels = 0;
	assert_int_equal(vcpu_hsm_prepare(v, 0x80200000, 42), HV_OK);
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
		assert_true(is_zero(&v->fp, sizeof(v->fp)));
		assert_true(is_zero(&fp_in_hart, sizeof(fp_in_hart)));
		assert_true(is_zero(v->vector, VECTOR));
		assert_true(is_zero(vector_in_hart, VECTOR));
		assert_true(v->fp_initial && this_pcpu()->fp_initial);
		assert_ptr_equal(this_pcpu()->fp_owner, v);
		assert_int_equal(v->irq.inject, 0);
		assert_int_equal(v->irq.shadow, 0);
		assert_int_equal(v->timer_deadline, TIMER_NEVER);
		assert_int_equal(fake_cancels, 1);
		assert_int_equal(v->steal_at, STEAL_OFF);
		assert_int_equal(v->lock_at, STEAL_OFF);
		assert_false(v->steal_marked);
		assert_int_equal(v->halt_ends, 0);
		assert_int_equal(v->kicked, 0);
		assert_int_equal(v->nr_fences, 0);
		assert_int_equal(fake_fences.of[FAKE_HFENCE_VVMA_ALL], 1);
		assert_int_equal(fake_fences.of[FAKE_FENCE_I], 1);
		assert_int_equal(v->hsm, SBI_HSM_STATE_STARTED);
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
