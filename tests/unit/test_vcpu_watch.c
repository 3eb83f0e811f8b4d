// SPDX-License-Identifier: BSD-2-Clause
/* The watch points at guests that have stopped, and at no others. A second is one tick of each test's loop. */
// SOURCES: hyp/vcpu/watch.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/csr.h"
#include "arch/timer.h"
#include "fake/log.h"
#include "term/term.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

#define SECOND UINT64_C(1000000000)
#define LOOP   0xffffffff80001000u

struct vm *vms[VM_MAX];
unsigned int nr_vms;

static struct vm vm;
static struct vcpu vcpus[2];
static struct sched_times times[2];
static uint64_t now, written_at;
static struct timer *armed;
static unsigned int asked; /* vcpus, for samples */

/* What each vcpu does in a second, and says of itself when it is asked. */
enum does { RUNS, SLEEPS, DOZES /* both */ };
static enum does does[2];
static struct vcpu_sample says[2];

uint64_t timer_now(void)
{
	return now;
}

uint64_t timer_ns_to_ticks(uint64_t ns)
{
	return ns;
}

uint64_t timer_ticks_to_ns(uint64_t ticks)
{
	return ticks;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	t->fn = fn;
}

void timer_arm(struct timer *t, uint64_t deadline)
{
	assert_in_range(deadline, now + 1, now + SECOND);
	t->deadline = deadline;
	armed = t;
}

uint64_t term_stream_written_at(const struct term_stream *s)
{
	(void)s;
	return written_at;
}

struct sched_times sched_times(const struct sched_entity *se, uint64_t at)
{
	assert_int_equal(at, now);
	return times[container_of(se, struct vcpu, se)->id];
}

bool vcpus_make_request(struct vm *m, uint64_t set, enum vcpu_request req)
{
	assert_ptr_equal(m, &vm);
	assert_int_equal(req, REQUEST_WATCH);
	for (; set; set &= set - 1) {
		struct vcpu *v = m->vcpus[bit_first(set)];

		assert_int_equal(does[v->id], RUNS);
		assert_int_equal(v->sample.fresh, 0);
		v->sample = says[v->id];
		v->sample.fresh = 1;
		asked++;
	}
	return true;
}

static void seconds(unsigned int n)
{
	while (n--) {
		for (unsigned int i = 0; i < 2; i++) {
			times[i].run += does[i] == RUNS	 ? SECOND :
					does[i] == DOZES ? SECOND / 2 :
							   0;
			times[i].block += does[i] == SLEEPS ? SECOND :
					  does[i] == DOZES  ? SECOND / 2 :
							      0;
		}
		now += SECOND;
		while (armed && armed->deadline <= now) {
			struct timer *t = armed;

			armed = NULL;
			t->fn(t);
		}
	}
}

/* A kernel with paging, in one place, whose last trap was a timer interrupt; the other vcpu sleeps. */
static int setup(void **state)
{
	(void)state;
	memset(&vm, 0, sizeof(vm));
	memset(vcpus, 0, sizeof(vcpus));
	memset(times, 0, sizeof(times));
	strcpy(vm.name, "a");
	vm.nr_vcpus = 2;
	vm.state = VM_RUNNING;
	for (unsigned int i = 0; i < 2; i++) {
		vm.vcpus[i] = &vcpus[i];
		vcpus[i].id = i;
		vcpus[i].vm = &vm;
		says[i] = (struct vcpu_sample){ .pc = LOOP, .trap = 1, .what = SAMPLE_PAGED };
	}
	does[0] = RUNS;
	does[1] = SLEEPS;
	vms[0] = &vm;
	nr_vms = 1;
	now = 1000 * SECOND;
	vm.watch.since = now;
	written_at = 0;
	asked = 0;
	fake_log_reset();
	watch_start();
	return 0;
}

static bool hinted(const char *what)
{
	char hint[96];

	return vm_watch_hint(&vm, hint, sizeof(hint)) && strstr(hint, what);
}

static bool silent(void)
{
	return !hinted("") && fake_log_count == 0;
}

static void a_kernel_that_spins_is_pointed_at_once(void **state)
{
	(void)state;
	seconds(29);
	assert_true(silent());
	seconds(2);
	assert_true(strstr(fake_log_text, "a: seems to have panicked, or spins") != NULL);
	assert_true(strstr(fake_log_text, "0xffffffff80001000") != NULL);
	assert_true(hinted("no sign of life for 31 s: vcpu 0 "));
	seconds(600);
	assert_int_equal(fake_log_count, 1);
	written_at = now + 1;
	seconds(1);
	assert_false(hinted(""));
	seconds(60);
	assert_true(hinted("no sign of life"));
	assert_int_equal(fake_log_count, 1);
}

static void a_new_life_is_told_of_again(void **state)
{
	(void)state;
	seconds(40);
	vm.watch = (struct vm_watch){ .since = now };
	seconds(40);
	assert_int_equal(fake_log_count, 2);
}

static void timer_interrupts_of_a_spinning_kernel_do_not_hide_it(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 40; i++) {
		says[0].pc = i % 8 == 3 ? LOOP + 0x100000 : LOOP + i % 16 * 4;
		seconds(1);
	}
	assert_int_equal(fake_log_count, 1);
}

static void a_kernel_that_works_in_many_places_is_left_alone(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 200; i++) {
		says[0].pc = LOOP + i % 3 * 0x1000;
		seconds(1);
	}
	assert_true(silent());
}

static void user_mode_is_a_sign_of_life(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 200; i++) {
		says[0].what = i % 20 == 7 ? SAMPLE_PAGED | SAMPLE_USER : SAMPLE_PAGED;
		seconds(1);
	}
	assert_true(silent());
}

static void another_system_call_is_a_sign_of_life_and_an_old_one_is_none(void **state)
{
	(void)state;
	says[0].what |= SAMPLE_SYSCALL;
	for (unsigned int i = 0; i < 200; i++) {
		says[0].trap = i / 8;
		seconds(1);
	}
	assert_true(silent());
	seconds(40);
	assert_int_equal(fake_log_count, 1);
}

static void output_devices_sleep_and_a_pause_are_signs_of_life(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 400; i++) {
		bool now_and_then = i % 25 == 0;

		if (now_and_then && i < 100)
			written_at = now + 1;
		if (now_and_then && i >= 100 && i < 200)
			vcpus[1].stats.exits[EXIT_MMIO]++;
		does[1] = now_and_then && i >= 200 && i < 300 ? DOZES : SLEEPS;
		vm.paused = now_and_then && i >= 300 ? VM_PAUSED : VM_NOT_PAUSED;
		seconds(1);
	}
	assert_true(silent());
}

static void the_other_vcpu_has_to_spin_too_or_to_sleep_for_good(void **state)
{
	(void)state;
	does[1] = RUNS;
	for (unsigned int i = 0; i < 100; i++) {
		says[1].pc = LOOP + i * 0x1000;
		seconds(1);
	}
	assert_true(silent());
	seconds(40);
	assert_int_equal(fake_log_count, 1);
}

static void a_program_without_paging_is_shown_and_not_logged(void **state)
{
	(void)state;
	says[0].what = 0;
	seconds(40);
	assert_true(hinted("vcpu 0 in supervisor mode near pc 0xffffffff80001000"));
	assert_int_equal(fake_log_count, 0);
}

static void a_trap_handler_that_traps_is_pointed_at_soon(void **state)
{
	(void)state;
	says[0] = (struct vcpu_sample){
		.pc = 0x80200100, .tval = 0x1234, .cause = 12, .what = SAMPLE_TRAP_LOOP
	};
	seconds(9);
	assert_true(silent());
	seconds(6);
	assert_int_equal(fake_log_count, 1);
	assert_true(
		strstr(fake_log_text,
		       "traps for ever in its own trap handler, vcpu 0 at pc 0x80200100 (scause 12, stval 0x1234)") !=
		NULL);
	assert_true(hinted("traps for ever"));
}

static void a_trap_in_the_handler_now_and_then_is_nothing(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 200; i++) {
		says[0].pc = LOOP + i % 3 * 0x1000;
		says[0].what = i % 7 ? SAMPLE_TRAP_LOOP : SAMPLE_PAGED;
		seconds(1);
	}
	assert_true(silent());
}

static void guests_that_live_are_not_disturbed(void **state)
{
	(void)state;
	does[0] = does[1] = DOZES;
	seconds(100);
	does[0] = does[1] = SLEEPS;
	seconds(100);
	assert_int_equal(asked, 0);
	/* One that computes is asked now and then. */
	does[0] = RUNS;
	says[0].what = SAMPLE_USER;
	seconds(100);
	assert_in_range(asked, 1, 50);
	assert_true(silent());
}

static void a_round_over_many_vcpus_is_made_in_pieces(void **state)
{
	uint64_t began = now + SECOND;

	(void)state;
	for (unsigned int i = 0; i < VM_MAX; i++)
		vms[i] = &vm;
	nr_vms = VM_MAX;
	now += SECOND;
	armed->fn(armed); /* 32 VMs of two vcpus */
	assert_in_range(armed->deadline, now + 1, now + SECOND / 10);
	now = armed->deadline;
	armed->fn(armed); /* and the rest; the next round is a second after this one */
	assert_int_equal(armed->deadline, began + SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_kernel_that_spins_is_pointed_at_once, setup),
		cmocka_unit_test_setup(a_new_life_is_told_of_again, setup),
		cmocka_unit_test_setup(timer_interrupts_of_a_spinning_kernel_do_not_hide_it, setup),
		cmocka_unit_test_setup(a_kernel_that_works_in_many_places_is_left_alone, setup),
		cmocka_unit_test_setup(user_mode_is_a_sign_of_life, setup),
		cmocka_unit_test_setup(another_system_call_is_a_sign_of_life_and_an_old_one_is_none,
				       setup),
		cmocka_unit_test_setup(output_devices_sleep_and_a_pause_are_signs_of_life, setup),
		cmocka_unit_test_setup(the_other_vcpu_has_to_spin_too_or_to_sleep_for_good, setup),
		cmocka_unit_test_setup(a_program_without_paging_is_shown_and_not_logged, setup),
		cmocka_unit_test_setup(a_trap_handler_that_traps_is_pointed_at_soon, setup),
		cmocka_unit_test_setup(a_trap_in_the_handler_now_and_then_is_nothing, setup),
		cmocka_unit_test_setup(guests_that_live_are_not_disturbed, setup),
		cmocka_unit_test_setup(a_round_over_many_vcpus_is_made_in_pieces, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
