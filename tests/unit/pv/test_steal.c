// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/pv/steal.c hyp/pv/sta.c
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/errno.h"
#include "sbi/sbi.h"
#include "pv/magic.h"
#include "pv/steal.h"
#include "vcpu/guest_mem.h"
#include "vcpu/hooks.h"
#include "vcpu/vm.h"

#define RAM_BASE 0x80000000u
#define RAM_SIZE 4096u

static uint8_t ram[RAM_SIZE] __attribute__((aligned(64)));
static struct vcpu v;
static struct vm vm;
static unsigned int writes, walks, begun, ended;
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
	return HV_OK;
}

static unsigned int magic_writes;
static uint32_t magic_state;

void pv_magic_write(struct vcpu *w, uint32_t state)
{
	assert_non_null(w->pv.magic.mapped);
	magic_writes++;
	magic_state = state;
}

void *gstage_write_ptr(const struct gstage *gs, gpa_t a, uint64_t len)
{
	(void)gs;
	assert_int_equal(begun, ended + 1);
	walks++;
	if (ram_gone || a.gpa < RAM_BASE || a.gpa - RAM_BASE > RAM_SIZE - len)
		return NULL;
	return ram + (a.gpa - RAM_BASE);
}

void vcpu_reading_begin(struct vcpu *w)
{
	(void)w;
	begun++;
}

void vcpu_reading_end(struct vcpu *w)
{
	(void)w;
	ended++;
	assert_int_equal(begun, ended);
}

void vcpu_make_request(enum vcpu_request req, struct vcpu *w)
{
	w->requests |= BIT((unsigned int)req & REQUEST_MASK);
}

bool vcpu_test_request(enum vcpu_request req, const struct vcpu *w)
{
	return w->requests & BIT((unsigned int)req & REQUEST_MASK);
}

uint64_t timer_ticks_to_ns(uint64_t ticks)
{
	return ticks * 100;
}

static int64_t set_shmem(uint64_t lo, uint64_t hi, uint64_t flags)
{
	v.regs.x[REG_A0] = lo;
	v.regs.x[REG_A1] = hi;
	v.regs.x[REG_A2] = flags;
	assert_int_equal(next_why(sbi_ext_sta.handle(&v, 0)), NEXT_GUEST);
	return (int64_t)v.regs.x[REG_A0];
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
	v.pv.steal.at = PV_OFF;
	v.pv.lock.at = PV_OFF;
	writes = walks = begun = ended = 0;
	v.vm = &vm;
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
	(void)state;
	assert_int_equal(pv_steal_set(&v, gpa(RAM_BASE + 32)), HV_EINVAL);
	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++)
		assert_int_equal(set_shmem(table[i].lo, table[i].hi, table[i].flags),
				 table[i].error);
	assert_int_equal(writes, 0);
	assert_false(pv_is_on(v.pv.steal.at));
	(void)sbi_ext_sta.handle(&v, 1);
	assert_int_equal((int64_t)v.regs.x[REG_A0], SBI_ERR_NOT_SUPPORTED);
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
	v.se.account.wait = 70;
	pv_update(&v);
	assert_int_equal(s->steal, 7000);
	s->steal = UINT64_MAX;
	s->sequence = 99;
	v.se.account.wait = 80;
	pv_update(&v);
	assert_int_equal(s->steal, 8000);
	assert_int_equal(s->sequence, 4);
	assert_int_equal(s->flags, 0);
}

#define PAIRS 20000u /* that are read while they change */

static bool enough;

static void *write_on(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&enough, __ATOMIC_ACQUIRE)) {
		v.se.account.wait++;
		pv_update(&v);
	}
	return NULL;
}

/* Update n leaves sequence 2n and steal 100n ns: a reader that keeps the rule finds such a pair. */
static void a_reader_never_finds_what_does_not_belong_together(void **state)
{
	struct sta_struct *s = shared(RAM_BASE);
	uint32_t before, after, last = 0;
	unsigned int wrong = 0, changes = 0;
	pthread_t writer;

	(void)state;
	assert_int_equal(set_shmem(RAM_BASE, 0, 0), SBI_SUCCESS);
	enough = false;
	assert_int_equal(pthread_create(&writer, NULL, write_on, NULL), 0);
	while (changes < PAIRS) {
		uint64_t steal;

		before = __atomic_load_n(&s->sequence, __ATOMIC_ACQUIRE);
		steal = __atomic_load_n(&s->steal, __ATOMIC_ACQUIRE);
		after = __atomic_load_n(&s->sequence, __ATOMIC_ACQUIRE);
		changes += before != last;
		last = before;
		/* the sequence has 32 bits, and goes round while the reader waits for its processor */
		if (before == after && !(before & 1) && (uint32_t)(steal / 100 * 2) != before)
			wrong++;
	}
	__atomic_store_n(&enough, true, __ATOMIC_RELEASE);
	pthread_join(writer, NULL);
	assert_int_equal(wrong, 0);
}

static void a_former_lifes_waiting_is_not_stolen(void **state)
{
	(void)state;
	v.se.account.wait = 1000;
	v.pv.steal.base = 1000;
	assert_int_equal(set_shmem(RAM_BASE, 0, 0), SBI_SUCCESS);
	pv_update(&v);
	assert_int_equal(shared(RAM_BASE)->steal, 0);
}

static void preempted_is_set_while_off_the_hart_and_clear_before_it_runs(void **state)
{
	struct sta_struct *s = shared(RAM_BASE);

	(void)state;
	pv_preempted(&v); /* without a structure: nothing */
	assert_int_equal(writes + begun, 0);
	assert_int_equal(set_shmem(RAM_BASE, 0, 0), SBI_SUCCESS);
	(void)asked();
	pv_resumes(&v);
	assert_false(asked()); /* no news, no request */
	pv_preempted(&v);
	assert_int_equal(s->preempted, 1);
	pv_resumes(&v);
	assert_true(asked());
	pv_update(&v);
	assert_int_equal(s->preempted, 0);
	pv_resumes(&v);
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
	assert_int_equal(pv_lock_set(&v, gpa(RAM_BASE + 128)), HV_OK);
	assert_int_equal(lock_word(RAM_BASE + 128), 0);
	pv_resumes(&v);
	assert_false(asked());
	pv_preempted(&v);
	assert_int_equal(lock_word(RAM_BASE + 128), 1);
	writes = 0;
	pv_preempted(&v); /* set already: not written again */
	assert_int_equal(writes, 0);
	pv_resumes(&v);
	assert_true(asked());
	pv_update(&v);
	assert_int_equal(lock_word(RAM_BASE + 128), 0);
	pv_resumes(&v);
	assert_false(asked());
	assert_int_equal(ram[127], 0xa5); /* nothing but the word */
	assert_int_equal(ram[136], 0xa5);
}

static void the_magic_page_alone_is_told_of_it_too(void **state)
{
	struct hartvisor_magic page;

	(void)state;
	magic_writes = 0;
	pv_preempted(&v);
	assert_int_equal(magic_writes, 0);
	v.pv.magic.mapped = &page;
	pv_preempted(&v);
	assert_int_equal(magic_writes, 1);
	assert_int_equal(magic_state, HARTVISOR_MAGIC_PREEMPTED);
	pv_resumes(&v);
	assert_true(asked());
	pv_update(&v);
	assert_int_equal(magic_writes, 2);
	assert_int_equal(magic_state, HARTVISOR_MAGIC_RUNS);
	assert_int_equal(writes, 0);
}

static void both_structures_say_the_same(void **state)
{
	(void)state;
	assert_int_equal(set_shmem(RAM_BASE, 0, 0), SBI_SUCCESS);
	assert_int_equal(pv_lock_set(&v, gpa(RAM_BASE + 64)), HV_OK);
	pv_preempted(&v);
	assert_int_equal(shared(RAM_BASE)->preempted, 1);
	assert_int_equal(lock_word(RAM_BASE + 64), 1);
	pv_update(&v);
	assert_int_equal(shared(RAM_BASE)->preempted, 0);
	assert_int_equal(lock_word(RAM_BASE + 64), 0);
}

static void a_reset_leaves_no_vcpu_marked(void **state)
{
	(void)state;
	assert_int_equal(pv_lock_set(&v, gpa(RAM_BASE + 64)), HV_OK);
	pv_preempted(&v);
	vcpu_call_hooks(reset, &v);
	assert_int_equal(lock_word(RAM_BASE + 64), 0);
	writes = 0;
	pv_preempted(&v);
	assert_int_equal(writes, 0);
}

static void a_pv_lock_structure_outside_of_ram_is_refused(void **state)
{
	(void)state;
	assert_int_equal(pv_lock_set(&v, gpa(RAM_BASE + RAM_SIZE)), HV_EFAULT);
	assert_false(pv_is_on(v.pv.lock.at));
	assert_int_equal(pv_lock_set(&v, gpa(RAM_BASE)), HV_OK);
	ram_gone = true;
	pv_preempted(&v);
	assert_false(pv_is_on(v.pv.lock.at));
}

static void switched_off_or_reset_it_is_never_written(void **state)
{
	(void)state;
	assert_int_equal(set_shmem(RAM_BASE, 0, 0), SBI_SUCCESS);
	assert_int_equal(set_shmem(UINT64_MAX, UINT64_MAX, 0), SBI_SUCCESS);
	begun = ended = writes = 0;
	v.se.account.wait = 5;
	pv_preempted(&v);
	pv_update(&v);
	assert_int_equal(writes + begun, 0);
	assert_int_equal(set_shmem(RAM_BASE, 0, 0), SBI_SUCCESS);
	vcpu_call_hooks(reset, &v);
	begun = ended = writes = 0;
	pv_preempted(&v);
	pv_update(&v);
	assert_int_equal(writes + begun, 0);
}

static void the_tables_are_walked_once_until_they_change(void **state)
{
	(void)state;
	assert_int_equal(set_shmem(RAM_BASE, 0, 0), SBI_SUCCESS);
	for (v.se.account.wait = 1; v.se.account.wait < 9; v.se.account.wait++) {
		pv_preempted(&v);
		vcpu_call_hooks(update, &v); /* STEAL_UPDATE was served */
	}
	assert_int_equal(walks, 1);
	assert_int_equal(shared(RAM_BASE)->preempted, 0);
	assert_int_equal(shared(RAM_BASE)->sequence, 16);
	vcpu_call_hooks(unmapped, &v); /* TLB_FLUSH was served */
	pv_preempted(&v);
	assert_int_equal(walks, 2);
}

/* While TLB_FLUSH waits to be served, and after it: never by the pointer of before. */
static void ram_that_was_given_back_ends_it(void **state)
{
	static const uint8_t zero[64];

	(void)state;
	for (unsigned int served = 0; served < 2; served++) {
		(void)setup(NULL);
		assert_int_equal(set_shmem(RAM_BASE, 0, 0), SBI_SUCCESS);
		pv_preempted(&v);
		memset(ram, 0, 64);
		ram_gone = true;
		if (served)
			vcpu_call_hooks(unmapped, &v);
		else
			vcpu_make_request(REQUEST_TLB_FLUSH, &v);
		v.se.account.wait = 5;
		pv_update(&v);
		assert_false(pv_is_on(v.pv.steal.at));
		assert_memory_equal(ram, zero, 64);
	}
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(arguments_are_checked_and_change_nothing),
		TEST(the_structure_is_cleared_when_it_is_set),
		TEST(steal_is_ours_whatever_the_guest_scribbles),
		TEST(a_reader_never_finds_what_does_not_belong_together),
		TEST(a_former_lifes_waiting_is_not_stolen),
		TEST(preempted_is_set_while_off_the_hart_and_clear_before_it_runs),
		TEST(the_pv_lock_structure_is_marked_and_cleared_with_it),
		TEST(the_magic_page_alone_is_told_of_it_too),
		TEST(both_structures_say_the_same),
		TEST(a_reset_leaves_no_vcpu_marked),
		TEST(a_pv_lock_structure_outside_of_ram_is_refused),
		TEST(switched_off_or_reset_it_is_never_written),
		TEST(the_tables_are_walked_once_until_they_change),
		TEST(ram_that_was_given_back_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
