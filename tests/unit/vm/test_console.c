// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/vm/console.c hyp/vcpu/vm_console.c
/* A VM's consoles as the terminal sees its owner: what is told of input and of room, and what the operator reads. */
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
static const char *expected_name;
static const void *expected_arg;
static bool no_memory;
static unsigned int uart_input, uart_output, vcpus_room;

struct term_stream *term_stream_new(struct arena *a, const char *name, const struct term_owner *o,
				    void *arg)
{
	assert_ptr_equal(a, &vm.arena);
	assert_string_equal(name, expected_name);
	assert_ptr_equal(arg, expected_arg);
	if (no_memory)
		return NULL;
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
	vm.consoles = NULL;
	expected_name = "linux-a";
	expected_arg = &vm;
	assert_ptr_equal(vm_console_new(&vm), &owner);
	vm.stream = (struct term_stream *)(void *)&vm;
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

/* --- further consoles ----------------------------------------------------------------------------- */

static const char *why;

static const char *absent(void *dev)
{
	assert_ptr_equal(dev, &uart_input);
	return why;
}

static struct vm_console further, second;

static int add(struct vm_console *c, const char *label, const char *name)
{
	*c = (struct vm_console){ .port = { input_ready, output_ready, &uart_input },
				  .absent = absent };
	expected_name = name;
	expected_arg = c;
	return vm_add_console(&vm, c, label);
}

static void a_further_console_has_a_stream_that_is_told_apart(void **state)
{
	(void)state;
	assert_int_equal(add(&further, "mux", "linux-a.mux"), HV_OK);
	assert_ptr_equal(further.stream, &owner);
	owner->input_ready(&further);
	assert_int_equal(uart_input, 1);
	assert_int_equal(uart_output + vcpus_room, 0);
	owner->output_ready(&further);
	assert_int_equal(uart_output, 1);
	assert_int_equal(vcpus_room, 1);
}

/* So that the names of one VM's consoles differ. */
static void the_label_is_seen_even_of_long_names(void **state)
{
	static const char long_label[] = "abcdefghijklmnopqrstuvwxyz01234";
	char name[80];

	(void)state;
	strcpy(vm.name, "a-vm-with-a-name-of-31-letters-");
	assert_int_equal(add(&further, "mux", "a-vm-with-a-name-of-31-lett.mux"), HV_OK);
	strcpy(name, "a-vm-wit.");
	strcat(name, long_label);
	assert_int_equal(add(&second, long_label, name), HV_OK);
	strcpy(vm.name, "linux-a");
}

static void consoles_are_in_the_order_of_their_making(void **state)
{
	struct term_stream *s;
	unsigned int n = 0;

	(void)state;
	assert_int_equal(add(&further, "a", "linux-a.a"), HV_OK);
	assert_int_equal(add(&second, "b", "linux-a.b"), HV_OK);
	second.stream = (struct term_stream *)(void *)&second;
	vm_for_each_stream(s, &vm)
	{
		assert_ptr_equal(s, n == 0 ? vm.stream : n == 1 ? further.stream : second.stream);
		assert_true(vm_has_stream(&vm, s));
		n++;
	}
	assert_int_equal(n, 3);
	assert_false(vm_has_stream(&vm, NULL));
	assert_false(vm_has_stream(&vm, (struct term_stream *)(void *)&n));
}

static void without_memory_there_is_no_further_console(void **state)
{
	(void)state;
	no_memory = true;
	assert_int_equal(add(&further, "mux", "linux-a.mux"), HV_ENOMEM);
	no_memory = false;
	assert_null(vm.consoles);
}

static void the_state_of_the_vm_explains_more_than_its_device(void **state)
{
	bool keeps = true;

	(void)state;
	assert_int_equal(add(&further, "mux", "linux-a.mux"), HV_OK);
	why = "is not open";
	assert_string_equal(owner->absent(&further, &keeps), why);
	assert_true(keeps);
	vm.state = VM_PAUSED;
	assert_non_null(strstr(owner->absent(&further, &keeps), "is paused"));
	vm.state = VM_OFF;
	assert_non_null(strstr(owner->absent(&further, &keeps), "does not run"));
	assert_false(keeps);
	vm.state = VM_RUNNING;
	why = NULL;
	assert_null(owner->absent(&further, &keeps));
	further.absent = NULL;
	assert_null(owner->absent(&further, &keeps));
}

#define test(fn) cmocka_unit_test_setup(fn, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(the_uart_is_told_of_input),
		test(the_uart_and_the_vcpus_are_told_of_room),
		test(without_a_device_the_vcpus_alone_are_told),
		test(the_operator_is_told_when_nothing_reads_the_input),
		test(a_further_console_has_a_stream_that_is_told_apart),
		test(the_label_is_seen_even_of_long_names),
		test(consoles_are_in_the_order_of_their_making),
		test(without_memory_there_is_no_further_console),
		test(the_state_of_the_vm_explains_more_than_its_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
