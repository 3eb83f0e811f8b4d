// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vcpu/steal.c hyp/sbi/sta.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/errno.h"
#include "sbi/sbi.h"
#include "vcpu/guest_mem.h"
#include "vcpu/steal.h"

#define RAM_BASE 0x80000000u
#define RAM_SIZE 4096u

static uint8_t ram[RAM_SIZE] __attribute__((aligned(64)));
static struct vcpu v;
static uint32_t sequences[64]; /* every sequence that was ever visible */
static unsigned int nr_sequences, writes;
static bool ram_gone;

static struct sta_struct *shared(uint64_t at)
{
	return (struct sta_struct *)(void *)(ram + at - RAM_BASE);
}

int vcpu_write_guest(struct vcpu *w, gpa_t a, const void *buf, uint64_t len)
{
	(void)w;
	if (ram_gone || a.gpa < RAM_BASE || a.gpa - RAM_BASE > RAM_SIZE - len)
		return HV_EFAULT;
	memcpy(ram + (a.gpa - RAM_BASE), buf, len);
	writes++;
	if ((a.gpa & 63) == 0 && len == 4 && nr_sequences < ARRAY_SIZE(sequences))
		memcpy(&sequences[nr_sequences++], buf, len);
	if ((a.gpa & 63) == 8) /* steal is only written while the sequence is odd */
		assert_int_equal(shared(a.gpa - 8)->sequence & 1, 1);
	return HV_OK;
}

int vcpu_store_guest_u64(struct vcpu *w, gpa_t a, uint64_t val)
{
	assert_true(is_aligned(a.gpa, 8));
	return vcpu_write_guest(w, a, &val, sizeof(val));
}

void vcpu_make_request(enum vcpu_request req, struct vcpu *w)
{
	w->requests |= BIT((unsigned int)req & REQUEST_MASK);
}

uint64_t timer_ticks_to_ns(uint64_t ticks)
{
	return ticks * 100;
}

static int64_t set_shmem(uint64_t lo, uint64_t hi, uint64_t flags)
{
	const uint64_t a[6] = { lo, hi, flags };

	return sbi_ext_sta.handle(&v, SBI_EXT_STA, 0, a).error;
}

static bool asked(void)
{
	bool yes = v.requests & BIT((unsigned int)REQUEST_STEAL_UPDATE & REQUEST_MASK);

	v.requests = 0;
	return yes;
}

static int setup(void **state)
{
	(void)state;
	memset(&v, 0, sizeof(v));
	memset(ram, 0xa5, sizeof(ram));
	v.steal_at = STEAL_OFF;
	v.lock_at = STEAL_OFF;
	nr_sequences = writes = 0;
	ram_gone = false;
	return 0;
}

static void arguments_are_checked_and_change_nothing(void **state)
{
	static const struct {
		uint64_t lo, hi, flags;
		int64_t error;
	} table[] = {
		{ RAM_BASE, 0, 1, SBI_ERR_INVALID_PARAM },
		{ UINT64_MAX, UINT64_MAX, 1, SBI_ERR_INVALID_PARAM },
		{ RAM_BASE + 32, 0, 0, SBI_ERR_INVALID_PARAM },
		{ RAM_BASE, 1, 0, SBI_ERR_INVALID_ADDRESS },
		{ 0, 0, 0, SBI_ERR_INVALID_ADDRESS },
		{ RAM_BASE + RAM_SIZE, 0, 0, SBI_ERR_INVALID_ADDRESS },
		{ UINT64_MAX - 63, 0, 0, SBI_ERR_INVALID_ADDRESS },
		{ UINT64_MAX, 0, 0, SBI_ERR_INVALID_PARAM },
	};
	const uint64_t none[6] = { 0 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++)
		assert_int_equal(set_shmem(table[i].lo, table[i].hi, table[i].flags),
				 table[i].error);
	assert_int_equal(writes, 0);
	assert_true(v.steal_at == STEAL_OFF);
	assert_int_equal(sbi_ext_sta.handle(&v, SBI_EXT_STA, 1, none).error, SBI_ERR_NOT_SUPPORTED);
}

static void the_structure_is_cleared_when_it_is_set(void **state)
{
	static const uint8_t zero[64];

	(void)state;
	assert_int_equal(set_shmem(RAM_BASE + 64, 0, 0), SBI_SUCCESS);
	assert_memory_equal(ram + 64, zero, 64);
	assert_int_equal(ram[63], 0xa5);
	assert_int_equal(ram[128], 0xa5);
	assert_true(asked());
}

static void steal_is_ours_whatever_the_guest_scribbles(void **state)
{
	struct sta_struct *s = shared(RAM_BASE);

	(void)state;
	assert_int_equal(set_shmem(RAM_BASE, 0, 0), SBI_SUCCESS);
	v.se.wait_ticks = 70;
	vcpu_steal_update(&v);
	assert_int_equal(s->steal, 7000);
	s->steal = UINT64_MAX;
	s->sequence = 99;
	v.se.wait_ticks = 80;
	vcpu_steal_update(&v);
	assert_int_equal(s->steal, 8000);
	assert_int_equal(s->sequence, 4);
	for (unsigned int i = 0; i < nr_sequences; i++)
		assert_int_equal(sequences[i], i + 1);
	assert_int_equal(s->flags, 0);
}

static void a_former_lifes_waiting_is_not_stolen(void **state)
{
	(void)state;
	v.se.wait_ticks = 1000;
	v.steal_base = 1000;
	assert_int_equal(set_shmem(RAM_BASE, 0, 0), SBI_SUCCESS);
	vcpu_steal_update(&v);
	assert_int_equal(shared(RAM_BASE)->steal, 0);
}

static void preempted_is_set_while_off_the_hart_and_clear_before_it_runs(void **state)
{
	struct sta_struct *s = shared(RAM_BASE);

	(void)state;
	vcpu_steal_preempted(&v); /* without a structure: nothing */
	assert_int_equal(writes, 0);
	assert_int_equal(set_shmem(RAM_BASE, 0, 0), SBI_SUCCESS);
	(void)asked();
	vcpu_steal_resumes(&v);
	assert_false(asked()); /* no news, no request */
	vcpu_steal_preempted(&v);
	assert_int_equal(s->preempted, 1);
	vcpu_steal_resumes(&v);
	assert_true(asked());
	vcpu_steal_update(&v);
	assert_int_equal(s->preempted, 0);
	vcpu_steal_resumes(&v);
	assert_false(asked());
}

static uint64_t lock_word(uint64_t at)
{
	uint64_t word;

	memcpy(&word, ram + at - RAM_BASE, sizeof(word));
	return word;
}

static void the_pv_lock_structure_is_marked_and_cleared_with_it(void **state)
{
	(void)state;
	assert_int_equal(vcpu_steal_lock_set(&v, RAM_BASE + 128), HV_OK);
	assert_int_equal(lock_word(RAM_BASE + 128), 0);
	vcpu_steal_resumes(&v);
	assert_false(asked());
	vcpu_steal_preempted(&v);
	assert_int_equal(lock_word(RAM_BASE + 128), 1);
	writes = 0;
	vcpu_steal_preempted(&v); /* set already: not written again */
	assert_int_equal(writes, 0);
	vcpu_steal_resumes(&v);
	assert_true(asked());
	vcpu_steal_update(&v);
	assert_int_equal(lock_word(RAM_BASE + 128), 0);
	vcpu_steal_resumes(&v);
	assert_false(asked());
	assert_int_equal(ram[127], 0xa5); /* nothing but the word */
	assert_int_equal(ram[136], 0xa5);
}

static void both_structures_say_the_same(void **state)
{
	(void)state;
	assert_int_equal(set_shmem(RAM_BASE, 0, 0), SBI_SUCCESS);
	assert_int_equal(vcpu_steal_lock_set(&v, RAM_BASE + 64), HV_OK);
	vcpu_steal_preempted(&v);
	assert_int_equal(shared(RAM_BASE)->preempted, 1);
	assert_int_equal(lock_word(RAM_BASE + 64), 1);
	vcpu_steal_update(&v);
	assert_int_equal(shared(RAM_BASE)->preempted, 0);
	assert_int_equal(lock_word(RAM_BASE + 64), 0);
}

static void a_reset_leaves_nobody_marked(void **state)
{
	(void)state;
	assert_int_equal(vcpu_steal_lock_set(&v, RAM_BASE + 64), HV_OK);
	vcpu_steal_preempted(&v);
	vcpu_steal_reset(&v);
	assert_int_equal(lock_word(RAM_BASE + 64), 0);
	writes = 0;
	vcpu_steal_preempted(&v);
	assert_int_equal(writes, 0);
}

static void a_pv_lock_structure_outside_of_ram_is_refused(void **state)
{
	(void)state;
	assert_int_equal(vcpu_steal_lock_set(&v, RAM_BASE + RAM_SIZE), HV_EFAULT);
	assert_true(v.lock_at == STEAL_OFF);
	assert_int_equal(vcpu_steal_lock_set(&v, RAM_BASE), HV_OK);
	ram_gone = true;
	vcpu_steal_preempted(&v);
	assert_true(v.lock_at == STEAL_OFF);
}

static void switched_off_or_reset_it_is_never_written(void **state)
{
	(void)state;
	assert_int_equal(set_shmem(RAM_BASE, 0, 0), SBI_SUCCESS);
	assert_int_equal(set_shmem(UINT64_MAX, UINT64_MAX, 0), SBI_SUCCESS);
	writes = 0;
	v.se.wait_ticks = 5;
	vcpu_steal_preempted(&v);
	vcpu_steal_update(&v);
	assert_int_equal(set_shmem(RAM_BASE, 0, 0), SBI_SUCCESS);
	vcpu_steal_reset(&v);
	writes = 0;
	vcpu_steal_preempted(&v);
	vcpu_steal_update(&v);
	assert_int_equal(writes, 0);
}

static void ram_that_was_given_back_ends_it(void **state)
{
	(void)state;
	assert_int_equal(set_shmem(RAM_BASE, 0, 0), SBI_SUCCESS);
	ram_gone = true;
	v.se.wait_ticks = 5;
	vcpu_steal_update(&v);
	assert_true(v.steal_at == STEAL_OFF);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(arguments_are_checked_and_change_nothing),
		TEST(the_structure_is_cleared_when_it_is_set),
		TEST(steal_is_ours_whatever_the_guest_scribbles),
		TEST(a_former_lifes_waiting_is_not_stolen),
		TEST(preempted_is_set_while_off_the_hart_and_clear_before_it_runs),
		TEST(the_pv_lock_structure_is_marked_and_cleared_with_it),
		TEST(both_structures_say_the_same),
		TEST(a_reset_leaves_nobody_marked),
		TEST(a_pv_lock_structure_outside_of_ram_is_refused),
		TEST(switched_off_or_reset_it_is_never_written),
		TEST(ram_that_was_given_back_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
