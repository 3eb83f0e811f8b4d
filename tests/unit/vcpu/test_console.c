// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vcpu/console.c tests/unit/fake/csr.c
/* A vcpu that prints more than the terminal takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "term/term.h"
#include "vcpu/console.h"

static struct vm vm;
static struct vcpu vcpus[3];
static struct vcpu *const v = &vcpus[1];
static const char text[] = "0123456789";
static size_t room;
static bool other_is_out; /* of the VM's further console */
static struct vm_console other = { .stream = (struct term_stream *)(void *)&other };
static size_t room_comes; /* with the second look */
static bool told_before;
static unsigned int looks;
static uint64_t unhalted;

static void look(void)
{
	if (++looks == 2 && room_comes) {
		room = room_comes;
		if (!told_before)
			vm_console_room(&vm); /* as the terminal does, from another hart */
	}
}

size_t term_stream_write(struct term_stream *s, const char *buf, size_t len)
{
	assert_ptr_equal(s, vm.stream);
	assert_string_equal(buf, text);
	assert_int_equal(len, sizeof(text) - 1);
	look();
	return len < room ? len : room;
}

bool term_stream_want_room(struct term_stream *s, size_t len)
{
	assert_ptr_equal(s, other.stream);
	assert_int_equal(len, 1);
	return room != 0;
}

bool term_stream_want_out(struct term_stream *s)
{
	if (s == other.stream)
		return other_is_out;
	assert_ptr_equal(s, vm.stream);
	look();
	return room != 0;
}

void vcpu_unhalt(struct vcpu *target)
{
	unhalted |= BIT(target->id);
}

static int setup(void **state)
{
	(void)state;
	vm = (struct vm){ .nr_vcpus = 3, .stream = (struct term_stream *)(void *)&room };
	for (unsigned int i = 0; i < 3; i++) {
		vcpus[i] = (struct vcpu){ .vm = &vm, .id = i, .regs.sstatus = SSTATUS_SPP };
		vm.vcpus[i] = &vcpus[i];
	}
	room = room_comes = 0;
	looks = 0;
	told_before = false;
	unhalted = 0;
	csr_write(CSR_VSSTATUS, 0);
	return 0;
}

static size_t print_text(void)
{
	return vcpu_console_write(v, text, sizeof(text) - 1);
}

static void what_the_terminal_takes_is_the_answer(void **state)
{
	(void)state;
	room = 5;
	assert_int_equal(print_text(), 5);
	assert_false(vcpu_is_halted(v));
	assert_false(vcpu_tries_again(v));
	assert_int_equal(vm.console_waits.bits, 0);
}

static void without_room_it_sleeps_until_it_is_told(void **state)
{
	(void)state;
	assert_int_equal(print_text(), 0);
	assert_true(vcpu_is_halted(v));
	assert_true(vcpu_tries_again(v));
	assert_false(vcpu_tries_again(v));
	assert_int_equal(looks, 2);
	assert_int_equal(unhalted, 0);
	vm_console_room(&vm);
	assert_int_equal(unhalted, BIT(1));
	vm_console_room(&vm);
	assert_int_equal(unhalted, BIT(1));
}

/* Between the first look and the sleep: either the second look finds it, or the word finds the waiting vcpu. */
static void room_that_comes_on_the_way_into_the_sleep_is_not_missed(void **state)
{
	(void)state;
	room_comes = 1;
	assert_int_equal(print_text(), 1);
	assert_false(vcpu_is_halted(v));
	assert_int_equal(unhalted, BIT(1));
	room = 0;
	looks = 0;
	assert_true(vcpu_console_is_out(v));
}

/* An interrupt that it does not take would have it try over and over. */
static void interrupts_end_the_sleep_if_the_guest_takes_them(void **state)
{
	(void)state;
	(void)print_text();
	assert_int_equal(v->halt.ends, sleep_ends(SLEEP_PV_WAIT));
	csr_write(CSR_VSSTATUS, SSTATUS_SIE);
	(void)print_text();
	assert_int_equal(v->halt.ends, sleep_ends(SLEEP_WFI));
	csr_write(CSR_VSSTATUS, 0);
	v->regs.sstatus = 0; /* VU-mode */
	assert_false(vcpu_console_is_out(v));
	assert_int_equal(v->halt.ends, sleep_ends(SLEEP_WFI));
}

/* A later word of the terminal is not for one that has printed meanwhile, as after an interrupt. */
static void one_that_has_printed_waits_no_more(void **state)
{
	(void)state;
	(void)print_text();
	assert_int_equal(vm.console_waits.bits, BIT(1));
	room = 3;
	assert_int_equal(print_text(), 3);
	assert_int_equal(vm.console_waits.bits, 0);
	room = 0;
	assert_false(vcpu_console_is_out(v));
	assert_int_equal(vm.console_waits.bits, BIT(1));
	looks = 0;
	room_comes = 1;
	assert_true(vcpu_console_is_out(v));
	assert_int_equal(vm.console_waits.bits, 0);
}

static void output_that_is_not_out_puts_it_to_sleep(void **state)
{
	(void)state;
	assert_false(vcpu_console_is_out(v));
	assert_true(vcpu_is_halted(v));
	assert_true(vcpu_tries_again(v));
	assert_int_equal(vm.console_waits.bits, BIT(1));
}

/* The terminal has told of the room before this vcpu said that it waits. */
static void room_that_the_second_look_finds_ends_the_wait(void **state)
{
	(void)state;
	room_comes = 1;
	told_before = true;
	assert_true(vcpu_console_is_out(v));
	assert_int_equal(vm.console_waits.bits, 0);
	assert_int_equal(unhalted, 0);
}

static void all_that_wait_for_room_are_woken(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		assert_false(vcpu_console_is_out(&vcpus[i]));
	vm_console_room(&vm);
	assert_int_equal(unhalted, 7);
}

static void a_vm_without_a_console_has_nothing_to_wait_for(void **state)
{
	(void)state;
	vm.stream = NULL;
	assert_true(vcpu_console_is_out(v));
	assert_int_equal(looks, 0);
	assert_false(vcpu_is_halted(v));
}

static void a_further_console_that_is_not_out_counts_too(void **state)
{
	(void)state;
	vm.consoles = &other;
	room = 1;
	assert_false(vcpu_console_is_out(v));
	assert_true(vcpu_is_halted(v));
	other_is_out = true;
	assert_true(vcpu_console_is_out(v));
	room = 0;
	assert_false(vcpu_console_is_out(v));
	other_is_out = false;
}

/* A device has found the console full, in the midst of a vcpu's store. */
static void a_device_has_the_vcpu_sleep_unless_there_is_room_by_now(void **state)
{
	(void)state;
	vcpu_stream_wait(v, other.stream);
	assert_true(vcpu_is_halted(v));
	assert_true(vcpu_tries_again(v));
	assert_int_equal(vm.console_waits.bits, BIT(1));
	v->halt.ends = 0;
	room = 1;
	vcpu_stream_wait(v, other.stream);
	assert_false(vcpu_is_halted(v));
	assert_true(vcpu_tries_again(v));
	assert_int_equal(vm.console_waits.bits, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_the_terminal_takes_is_the_answer, setup),
		cmocka_unit_test_setup(without_room_it_sleeps_until_it_is_told, setup),
		cmocka_unit_test_setup(room_that_comes_on_the_way_into_the_sleep_is_not_missed,
				       setup),
		cmocka_unit_test_setup(one_that_has_printed_waits_no_more, setup),
		cmocka_unit_test_setup(output_that_is_not_out_puts_it_to_sleep, setup),
		cmocka_unit_test_setup(room_that_the_second_look_finds_ends_the_wait, setup),
		cmocka_unit_test_setup(all_that_wait_for_room_are_woken, setup),
		cmocka_unit_test_setup(a_vm_without_a_console_has_nothing_to_wait_for, setup),
		cmocka_unit_test_setup(a_further_console_that_is_not_out_counts_too, setup),
		cmocka_unit_test_setup(a_device_has_the_vcpu_sleep_unless_there_is_room_by_now,
				       setup),
		cmocka_unit_test_setup(interrupts_end_the_sleep_if_the_guest_takes_them, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
