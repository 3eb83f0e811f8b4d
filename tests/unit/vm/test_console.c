// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vm/console.c
/* A VM's console as the terminal sees its owner: what is told of input and of room, and what the operator reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "term/term.h"
#include "vcpu/console.h"
#include "vm/console.h"

static struct vm vm = { .name = "linux-a" };
static const struct term_owner *owner;
static unsigned int uart_input, uart_output, vcpus_room;

struct term_stream *term_stream_new(struct arena *a, const char *name, const struct term_owner *o,
				    void *arg)
{
	assert_ptr_equal(a, &vm.arena);
	assert_string_equal(name, "linux-a");
	assert_ptr_equal(arg, &vm);
	owner = o;
	return (struct term_stream *)(void *)&owner;
}

static void input_ready(void *dev)
{
	assert_ptr_equal(dev, &uart_input);
	uart_input++;
}

static void output_ready(void *dev)
{
	assert_ptr_equal(dev, &uart_input);
	uart_output++;
}

void vm_console_room(struct vm *of)
{
	assert_ptr_equal(of, &vm);
	vcpus_room++;
}

static int setup(void **state)
{
	(void)state;
	vm.console = (struct vm_console_port){ input_ready, output_ready, &uart_input };
	vm.state = VM_RUNNING;
	uart_input = uart_output = vcpus_room = 0;
	assert_ptr_equal(vm_console_new(&vm), &owner);
	return 0;
}

static void the_uart_is_told_of_input(void **state)
{
	(void)state;
	owner->input_ready(&vm);
	assert_int_equal(uart_input, 1);
	assert_int_equal(uart_output + vcpus_room, 0);
}

/* Both sleep for it: a guest that waits for its UART's interrupt, and a vcpu in the midst of a store or an SBI call. */
static void the_uart_and_the_vcpus_are_told_of_room(void **state)
{
	(void)state;
	owner->output_ready(&vm);
	assert_int_equal(uart_output, 1);
	assert_int_equal(vcpus_room, 1);
	assert_int_equal(uart_input, 0);
}

/* A VM may have no device for it, and print by the SBI alone. */
static void without_a_device_the_vcpus_alone_are_told(void **state)
{
	(void)state;
	vm.console = (struct vm_console_port){ NULL, NULL, NULL };
	owner->input_ready(&vm);
	owner->output_ready(&vm);
	assert_int_equal(uart_input + uart_output, 0);
	assert_int_equal(vcpus_room, 1);
}

static void the_operator_is_told_when_nothing_reads_the_input(void **state)
{
	static const struct {
		enum vm_state state;
		const char *said;
		bool keeps;
	} rows[] = {
		{ VM_RUNNING, NULL, true },
		{ VM_PAUSING, "is paused", true },
		{ VM_PAUSED, "is paused", true },
		{ VM_BUILDING, NULL, true },
		{ VM_STOPPING, NULL, true },
		{ VM_OFF, "does not run", false },
		{ VM_CRASHED, "does not run", false },
		{ VM_FAILED, "does not run", false },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool keeps = true;
		const char *said;

		vm.state = rows[i].state;
		said = owner->absent(&vm, &keeps);
		if (rows[i].said)
			assert_non_null(strstr(said, rows[i].said));
		else
			assert_null(said);
		assert_int_equal(keeps, rows[i].keeps);
	}
}

#define test(fn) cmocka_unit_test_setup(fn, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(the_uart_is_told_of_input),
		test(the_uart_and_the_vcpus_are_told_of_room),
		test(without_a_device_the_vcpus_alone_are_told),
		test(the_operator_is_told_when_nothing_reads_the_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
