// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vcpu/guest_mem.c tests/unit/fake/fence.c tests/unit/fake/csr.c
/* hartvisor's accesses to a guest's memory: code that takes the memory away waits for their end, and sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/insn.h"
#include "fake/fence.h"
#include "lib/errno.h"
#include "vcpu/guest_mem.h"
#include "vcpu/vm.h"

#define PC UINT64_C(0xffffffff80001000)

static struct vm vm;
static struct vcpu v;
static unsigned int accesses, fences_before;
static uint16_t code[2];
static uint64_t faults_at;

/* Every access is within the bracket. */
static void check_bracket(void)
{
	assert_int_equal(v.mode, READING_SHADOW_PAGE_TABLES);
	assert_int_equal(v.guest_seq, 7);
	fences_before = fake_fences.of[FAKE_HFENCE_GVMA_ALL];
	accesses++;
}

int gstage_read(const struct gstage *gs, gpa_t a, void *buf, uint64_t len)
{
	check_bracket();
	assert_ptr_equal(gs, &vm.gstage);
	assert_int_equal(len, 16);
	memset(buf, (int)a.gpa, len);
	return a.gpa == faults_at ? HV_EFAULT : HV_OK;
}

int gstage_write(const struct gstage *gs, gpa_t a, const void *buf, uint64_t len)
{
	check_bracket();
	assert_ptr_equal(gs, &vm.gstage);
	assert_int_equal(len, 16);
	assert_int_equal(((const uint8_t *)buf)[len - 1], 0x5a);
	return a.gpa == faults_at ? HV_EFAULT : HV_OK;
}

int guest_hlvx_hu(gva_t a, uint16_t *out)
{
	check_bracket();
	assert_in_range(a.gva, PC, PC + 2);
	*out = code[a.gva != PC];
	return a.gva == faults_at ? EXC_INSN_GUEST_FAULT : 0;
}

int guest_hlv_d(gva_t a, uint64_t *out)
{
	check_bracket();
	*out = a.gva + 1;
	return a.gva == faults_at ? EXC_LOAD_GUEST_FAULT : 0;
}

static int setup(void **state)
{
	(void)state;
	memset(&v, 0, sizeof(v));
	v.vm = &vm;
	v.guest_seq = 7;
	accesses = 0;
	faults_at = 0;
	fake_fences = (struct fake_fences){ 0 };
	return 0;
}

/* It is over, and counted, so that one that waits for it goes on. */
static void check_over(unsigned int nr)
{
	assert_int_equal(v.mode, OUTSIDE_GUEST_MODE);
	assert_int_equal(v.guest_seq, 8);
	assert_int_equal(accesses, nr);
	v.guest_seq = 7;
	accesses = 0;
}

static void memory_is_read_and_written_within_the_bracket(void **state)
{
	uint8_t buf[16];

	(void)state;
	assert_int_equal(vcpu_read_guest(&v, gpa(0x33), buf, sizeof(buf)), HV_OK);
	assert_int_equal(buf[15], 0x33);
	check_over(1);
	memset(buf, 0x5a, sizeof(buf));
	assert_int_equal(vcpu_write_guest(&v, gpa(0x33), buf, sizeof(buf)), HV_OK);
	check_over(1);
	faults_at = 0x44;
	assert_int_equal(vcpu_read_guest(&v, gpa(0x44), buf, sizeof(buf)), HV_EFAULT);
	check_over(1);
	memset(buf, 0x5a, sizeof(buf));
	assert_int_equal(vcpu_write_guest(&v, gpa(0x44), buf, sizeof(buf)), HV_EFAULT);
	check_over(1);
}

static void an_instruction_is_read_in_parcels(void **state)
{
	uint32_t insn = 0;

	(void)state;
	code[0] = 0x0001; /* c.nop: what follows is not looked at */
	code[1] = 0xffff;
	assert_int_equal(vcpu_fetch_insn(&v, gva(PC), &insn), HV_OK);
	assert_int_equal(insn, 0x0001);
	check_over(1);
	code[0] = 0x0073; /* wfi */
	code[1] = 0x1050;
	assert_int_equal(vcpu_fetch_insn(&v, gva(PC), &insn), HV_OK);
	assert_int_equal(insn, 0x10500073);
	check_over(2);
}

static void a_fetch_that_faults_gives_no_instruction(void **state)
{
	uint32_t insn = 4711;

	(void)state;
	code[0] = 0x0073;
	faults_at = PC;
	assert_int_equal(vcpu_fetch_insn(&v, gva(PC), &insn), HV_EFAULT);
	check_over(1);
	faults_at = PC + 2;
	assert_int_equal(vcpu_fetch_insn(&v, gva(PC), &insn), HV_EFAULT);
	check_over(2);
	assert_int_equal(insn, 4711);
}

static void a_word_is_read_through_the_guests_tables(void **state)
{
	uint64_t got;

	(void)state;
	assert_int_equal(vcpu_read_guest_virt_u64(&v, gva(PC), &got), HV_OK);
	assert_int_equal(got, PC + 1);
	check_over(1);
	faults_at = PC;
	assert_int_equal(vcpu_read_guest_virt_u64(&v, gva(PC), &got), HV_EFAULT);
	check_over(1);
}

/* The hart's TLB may have what the tables have no more; the request stays for the guest's own entry. */
static void a_flush_that_is_due_comes_before_the_access(void **state)
{
	static const enum vcpu_request rows[] = { REQUEST_TLB_FLUSH, REQUEST_HFENCE_GVMA_ALL };
	uint32_t insn;
	uint64_t got;

	(void)state;
	code[0] = 0x0001;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		v.requests = BIT(rows[i] & REQUEST_MASK);
		assert_int_equal(vcpu_fetch_insn(&v, gva(PC), &insn), HV_OK);
		assert_int_equal(fences_before, 2 * i + 1);
		check_over(1);
		assert_int_equal(vcpu_read_guest_virt_u64(&v, gva(PC), &got), HV_OK);
		assert_int_equal(fences_before, 2 * i + 2);
		assert_int_equal(v.requests, BIT(rows[i] & REQUEST_MASK));
		check_over(1);
	}
	v.requests = BIT(REQUEST_UPDATE_HGATP & REQUEST_MASK);
	assert_int_equal(vcpu_fetch_insn(&v, gva(PC), &insn), HV_OK);
	assert_int_equal(fake_fences.of[FAKE_HFENCE_GVMA_ALL], 4);
	check_over(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(memory_is_read_and_written_within_the_bracket, setup),
		cmocka_unit_test_setup(an_instruction_is_read_in_parcels, setup),
		cmocka_unit_test_setup(a_fetch_that_faults_gives_no_instruction, setup),
		cmocka_unit_test_setup(a_word_is_read_through_the_guests_tables, setup),
		cmocka_unit_test_setup(a_flush_that_is_due_comes_before_the_access, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
