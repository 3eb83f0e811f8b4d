// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/run_calls.h
/* A vcpu's state goes into the hart and comes back, each CSR of it, and only where the hart has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake/run_calls.h"
#include "vcpu/load.h"

static struct vm vm;
static struct vcpu v, other;
static struct guest_vector *vector;
static uint32_t loose_cleared;
static unsigned int fp_restores, fp_csrs, vector_restores;

uint64_t vmid_generation[MAX_PCPUS];

void vcpu_assign_vmid(struct vcpu *x)
{
	called("anew");
	x->place.vmid = (struct vmid){ .generation = vmid_generation[this_pcpu()->index],
				       .pcpu = (uint16_t)this_pcpu()->index };
	csr_write(CSR_HGATP, 0x777);
}

void vcpu_migrate_in(struct vcpu *x)
{
	called("comes");
	x->place.pcpu = this_pcpu()->index;
}

void features_clear_loose(uint32_t loose)
{
	loose_cleared = loose;
}

void vcpu_timer_set_host(struct vcpu *x, uint64_t when)
{
	(void)x;
	(void)when;
	called("host timer");
}

void sched_unloaded(struct sched_entity *se)
{
	(void)se;
}

void guest_fp_restore(const struct guest_fp *fp)
{
	assert_ptr_equal(fp, &v.fp.regs);
	fp_restores++;
}

void arch_fp_csr_restore(const struct guest_fp *fp)
{
	assert_ptr_equal(fp, &v.fp.regs);
	fp_csrs++;
}

void guest_vector_restore(const struct guest_vector *g)
{
	assert_ptr_equal(g, vector);
	vector_restores++;
}

static int setup(void **state)
{
	static uint64_t space[128];

	(void)state;
	fake_pcpu_setup(2);
	memset(&vm, 0, sizeof(vm));
	memset(&v, 0, sizeof(v));
	memset(&other, 0, sizeof(other));
	vector = (struct guest_vector *)space;
	v.vm = &vm;
	v.place.pcpu = this_pcpu()->index;
	v.fp.pcpu = v.fp.vector_pcpu = UINT32_MAX;
	v.fp.vector = vector;
	v.timer.off = true;
	v.vs.vstimecmp = 4711;
	vm.htimedelta = 0x1111;
	vm.hcounteren = 2;
	vm.hedeleg = 0x5555;
	vm.henvcfg = 0x3333;
	v.place.hgatp = 0x4444;
	vmid_generation[0] = vmid_generation[1] = 5;
	v.place.vmid = (struct vmid){ .generation = 5 };
	hart_features =
		(struct hart_features){ .henvcfg = true, .senvcfg = true, .sstateen0 = true };
	timer_sstc = true;
	trace[0] = 0;
	loose_cleared = 0;
	fp_restores = fp_csrs = vector_restores = 0;
	for (unsigned int csr = 0; csr < 4096; csr++)
		csr_write(csr, 0);
	this_pcpu()->current = NULL;
	this_pcpu()->fp_owner = this_pcpu()->vector_owner = NULL;
	this_pcpu()->fp_initial = false;
	return 0;
}

static const struct {
	unsigned int csr;
	size_t at;
} vs_csrs[] = {
#define VS(csr, field)                                           \
	{                                                        \
		CSR_##csr, offsetof(struct guest_vs_csrs, field) \
	}
	VS(VSSTATUS, vsstatus),
	VS(VSTVEC, vstvec),
	VS(VSSCRATCH, vsscratch),
	VS(VSEPC, vsepc),
	VS(VSCAUSE, vscause),
	VS(VSTVAL, vstval),
	VS(SCOUNTEREN, scounteren),
	VS(SENVCFG, senvcfg),
	VS(SSTATEEN0, sstateen0),
	/* The last ones are taken from the hart, too. */
	VS(VSIE, vsie),
	VS(VSATP, vsatp),
#undef VS
};

static uint64_t *saved(unsigned int i)
{
	return (uint64_t *)((char *)&v.vs + vs_csrs[i].at);
}

static void each_csr_goes_in_and_comes_back(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(vs_csrs); i++)
		*saved(i) = 100 + i;
	vcpu_load(&v, this_pcpu());
	for (unsigned int i = 0; i < ARRAY_SIZE(vs_csrs); i++) {
		assert_int_equal(csr_read(vs_csrs[i].csr), 100 + i);
		csr_write(vs_csrs[i].csr, 200 + i);
	}
	assert_int_equal(csr_read(CSR_HTIMEDELTA), 0x1111);
	assert_int_equal(csr_read(CSR_HCOUNTEREN), 2);
	assert_int_equal(csr_read(CSR_HEDELEG), 0x5555);
	assert_int_equal(csr_read(CSR_HENVCFG), 0x3333);
	assert_int_equal(csr_read(CSR_HGATP), 0x4444);
	assert_int_equal(csr_read(CSR_VSTIMECMP), 4711);
	assert_ptr_equal(this_pcpu()->current, &v);
	assert_true(v.irq.hvip == HVIP_UNKNOWN);
	csr_write(CSR_VSTIMECMP, 4712);
	csr_write(CSR_HVIP, BIT(IRQ_VS_SOFT));
	vcpu_put(&v, this_pcpu());
	for (unsigned int i = 0; i < ARRAY_SIZE(vs_csrs); i++)
		assert_int_equal(*saved(i), 200 + i);
	assert_int_equal(v.vs.vstimecmp, 4712);
	assert_null(this_pcpu()->current);
}

/* Its tables are out of reach of walks, and nothing of it ends a WFI. */
static void nothing_of_it_stays_that_acts(void **state)
{
	(void)state;
	vcpu_load(&v, this_pcpu());
	csr_write(CSR_VSATP, 1);
	csr_write(CSR_VSIE, 1);
	csr_write(CSR_HVIP, BIT(IRQ_VS_SOFT));
	vcpu_put(&v, this_pcpu());
	assert_int_equal(csr_read(CSR_VSATP), 0);
	assert_int_equal(csr_read(CSR_VSIE), 0);
	assert_int_equal(csr_read(CSR_HVIP), 0);
	assert_true(csr_read(CSR_VSTIMECMP) == TIMER_NEVER);
}

static void what_the_hart_has_not_is_left_alone(void **state)
{
	(void)state;
	hart_features = (struct hart_features){ 0 };
	v.vs.senvcfg = v.vs.sstateen0 = 9;
	vcpu_load(&v, this_pcpu());
	assert_int_equal(csr_read(CSR_HENVCFG) | csr_read(CSR_SENVCFG) | csr_read(CSR_SSTATEEN0),
			 0);
	assert_int_equal(loose_cleared, 0);
	vcpu_put(&v, this_pcpu());
	assert_int_equal(v.vs.senvcfg, 9);
	assert_int_equal(v.vs.sstateen0, 9);
	hart_features.loose = 6;
	vcpu_load(&v, this_pcpu());
	assert_int_equal(loose_cleared, 6);
}

static void a_vmid_of_before_is_renewed(void **state)
{
	(void)state;
	for (unsigned int why = 0; why < 3; why++) {
		setup(state);
		if (why == 0)
			v.place.vmid.generation = 4;
		else if (why == 1)
			v.place.vmid.pcpu = 1;
		else
			v.place.vmid.generation = vmid_generation[0] = 0;
		vcpu_load(&v, this_pcpu());
		CALLS("anew ");
		assert_int_equal(csr_read(CSR_HGATP), 0x777);
	}
	setup(state);
	vcpu_load(&v, this_pcpu());
	CALLS("");
	setup(state);
	v.place.pcpu = 1;
	vcpu_load(&v, this_pcpu());
	CALLS("comes ");
}

/* --- floating point and vector ---------------------------------------------------------------------------- */

/* Loaded, used by itself or by another, and loaded again. */
static void registers_that_are_still_there_are_not_restored(void **state)
{
	(void)state;
	vcpu_load(&v, this_pcpu());
	assert_int_equal(fp_restores, 1);
	assert_int_equal(vector_restores, 1);
	vcpu_put(&v, this_pcpu());
	vcpu_load(&v, this_pcpu());
	assert_int_equal(fp_restores, 1);
	assert_int_equal(vector_restores, 1);
	assert_int_equal(fp_csrs, 0);
	vcpu_put(&v, this_pcpu());
	this_pcpu()->fp_owner = &other;
	vcpu_load(&v, this_pcpu());
	assert_int_equal(fp_restores, 2);
	assert_int_equal(vector_restores, 1);
	vcpu_put(&v, this_pcpu());
	this_pcpu()->vector_owner = &other;
	vcpu_load(&v, this_pcpu());
	assert_int_equal(fp_restores, 2);
	assert_int_equal(vector_restores, 2);
	vcpu_put(&v, this_pcpu());
	/* It ran elsewhere since, and this hart does not know. */
	v.fp.pcpu = v.fp.vector_pcpu = 1;
	vcpu_load(&v, this_pcpu());
	assert_int_equal(fp_restores, 3);
	assert_int_equal(vector_restores, 3);
}

static void registers_that_both_have_never_written_are_zero(void **state)
{
	for (unsigned int i = 0; i < 4; i++) {
		setup(state);
		this_pcpu()->fp_initial = i & 1;
		v.fp.initial = i >> 1;
		vcpu_load(&v, this_pcpu());
		assert_int_equal(fp_csrs, i == 3);
		assert_int_equal(fp_restores, i != 3);
		assert_int_equal(this_pcpu()->fp_initial, i >> 1);
	}
	/* A guest that has written some says so when it is put. */
	setup(state);
	this_pcpu()->fp_initial = v.fp.initial = true;
	vcpu_load(&v, this_pcpu());
	v.regs.sstatus = (uint64_t)XS_DIRTY << SSTATUS_FS_SHIFT;
	vcpu_put(&v, this_pcpu());
	assert_false(v.fp.initial || this_pcpu()->fp_initial);
	setup(state);
	this_pcpu()->fp_initial = v.fp.initial = true;
	vcpu_load(&v, this_pcpu());
	vcpu_put(&v, this_pcpu());
	assert_true(v.fp.initial && this_pcpu()->fp_initial);
}

static void without_vector_registers_none_are_touched(void **state)
{
	(void)state;
	v.fp.vector = NULL;
	this_pcpu()->vector_owner = &other;
	vcpu_load(&v, this_pcpu());
	assert_int_equal(vector_restores, 0);
	assert_ptr_equal(this_pcpu()->vector_owner, &other);
	vcpu_put(&v, this_pcpu());
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup(fn, setup)
	const struct CMUnitTest tests[] = {
		TEST(each_csr_goes_in_and_comes_back),
		TEST(nothing_of_it_stays_that_acts),
		TEST(what_the_hart_has_not_is_left_alone),
		TEST(a_vmid_of_before_is_renewed),
		TEST(registers_that_are_still_there_are_not_restored),
		TEST(registers_that_both_have_never_written_are_zero),
		TEST(without_vector_registers_none_are_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
