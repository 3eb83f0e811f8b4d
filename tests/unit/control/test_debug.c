// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/control.h
/* What a debugger asks for, and what it is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fake/control.h"
#include "fake/control_debug.h"
#include "vcpu/debug.h"
#include "vcpu/vcpu.h"

#define OK "{\"id\":1,\"ok\":true}\n"

static struct vcpu *v0, *v1;

static int setup(void **state)
{
	(void)control_setup(state);
	memset(&debugged, 0, sizeof(debugged));
	for (unsigned int i = 0; i < sizeof(debugged.memory); i++)
		debugged.memory[i] = (uint8_t)i;
	v0 = machines[0].vcpus[0];
	v1 = machines[0].vcpus[1];
	v1->id = 1;
	image_room = MIB(16);
	memset(&v0->regs, 0, sizeof(v0->regs));
	return 0;
}

/* Without the events that come, too. */
static void says(const char *line, const char *expected)
{
	char *at = strstr(ask(line), "{\"id\":"), *end = at ? strchr(at, '\n') : NULL;

	assert_non_null(end);
	assert_string_equal(at, expected);
}

static void refuses(const char *line, const char *why)
{
	char expected[512];

	snprintf(expected, sizeof(expected), "{\"id\":1,\"ok\":false,\"error\":\"%s\"}\n", why);
	says(line, expected);
}

static void attach(void)
{
	says("1 debug.attach vm-1", OK);
	assert_ptr_equal(debugged.vm, &machines[0]);
}

static void one_vm_has_a_debugger_until_that_goes(void **state)
{
	(void)state;
	attach();
	refuses("1 debug.attach vm-3", "a debugger is attached already: debug.detach first");
	says("1 debug.detach", OK);
	assert_null(debugged.vm);
	attach();
	connect_anew();
	run_channel();
	assert_null(debugged.vm);
}

static void what_changes_a_vm_wants_a_debugger(void **state)
{
	static const char *const lines[] = {
		"1 debug.stop vm-1",	   "1 debug.go vm-1",		"1 debug.pass vm-1 0",
		"1 debug.set vm-1 0 x1=1", "1 debug.break vm-1 4096 2", "1 debug.clear vm-1 4096",
	};

	(void)state;
	machines[0].state = VM_PAUSED;
	for (unsigned int i = 0; i < ARRAY_SIZE(lines); i++)
		refuses(lines[i], "vm-1: debug.attach first");
	assert_int_equal(debugged.stops + debugged.goes + debugged.breaks, 0);
}

static void it_stops_and_goes_on_all_or_one(void **state)
{
	(void)state;
	attach();
	says("1 debug.stop vm-1", OK);
	refuses("1 debug.go vm-1", "vm-1 is not paused");
	machines[0].state = VM_PAUSED;
	says("1 debug.go vm-1 1", OK);
	assert_ptr_equal(debugged.only, v1);
	says("1 debug.go vm-1", OK);
	assert_null(debugged.only);
	refuses("1 debug.go vm-1 2", "vm-1: vcpu 2: must be 0 to 1");
	refuses("1 debug.go vm-1 one", "vm-1: vcpu one: must be 0 to 1");
	assert_int_equal(debugged.goes, 3);
	says("1 debug.pass vm-1 1", OK);
	assert_ptr_equal(debugged.passed, v1);
	refuses("1 debug.pass vm-1", "vm-1: vcpu : must be 0 to 1");
	machines[0].state = VM_OFF;
	refuses("1 debug.stop vm-1", "vm-1 does not run");
	refuses("1 debug.pass vm-1 1", "vm-1 is not paused");
}

static void memory_comes_as_a_frame(void **state)
{
	char *answer, *end;

	(void)state;
	answer = ask("1 debug.read vm-1 4196 100");
	end = strchr(answer, '\n');
	assert_non_null(end);
	assert_memory_equal(answer, "{\"id\":1,\"ok\":true,\"bytes\":100}\n",
			    (size_t)(end + 1 - answer));
	assert_memory_equal(end + 1, debugged.memory + 100, 100);
	assert_int_equal(image_memory, 0);
	refuses("1 debug.read vm-1 4296 100",
		"vm-1: 0x10c8: no memory of 100 bytes is there: debug.state lists what is");
	assert_int_equal(image_memory, 0);
	refuses("1 debug.read vm-1 4096 0", "debug.read: 0: must be a number of bytes, 1 to 65536");
	refuses("1 debug.read vm-1 4096 65537",
		"debug.read: 65537: must be a number of bytes, 1 to 65536");
	refuses("1 debug.read vm-1 0x1000 1",
		"debug.read: 0x1000: must be a guest-physical address, in decimal");
	refuses("1 debug.read vm-1 4096",
		"debug.read: must be followed by a VM's name, an address and a number of bytes");
	machines[0].state = VM_OFF;
	refuses("1 debug.read vm-1 0 1", "vm-1 does not run, and has no memory");
	machines[0].state = VM_RUNNING;
	image_room = 4096;
	refuses("1 debug.read vm-1 4096 1", "no memory left for a frame");
}

/* The other side takes a few bytes at a time, and asks again in between. */
static void a_frame_goes_out_as_there_is_room(void **state)
{
	const char *end;

	(void)state;
	said_len = 0;
	send_bytes("1 debug.read vm-1 4096 200\n2 version\n", 37);
	room = 0;
	for (unsigned int i = 0; i < 200; i++) {
		room = 7;
		send_bytes("", 0); /* the port is ready again */
		run_channel();
	}
	room = sizeof(said) / 2;
	send_bytes("", 0);
	run_channel();
	end = strchr(said, '\n');
	assert_non_null(end);
	assert_memory_equal(end + 1, debugged.memory, 200);
	assert_memory_equal(end + 201, "{\"id\":2,\"ok\":true", 17);
	assert_int_equal(image_memory, 0);
}

/* The other side goes, and leaves a frame behind that it has not read. */
static void a_frame_that_is_not_read_goes_with_its_connection(void **state)
{
	(void)state;
	send_bytes("1 debug.read vm-1 4096 100\n", 27);
	room = 60;
	run_channel();
	assert_int_equal(image_memory, 65536);
	connect_anew();
	room = sizeof(said) / 2;
	run_channel();
	assert_int_equal(image_memory, 0);
}

static void memory_is_written_by_a_debugger_alone(void **state)
{
	(void)state;
	send_bytes("1 debug.write vm-1 4098 3\nabc", 29);
	run_channel();
	assert_non_null(strstr(said, "vm-1: debug.attach first"));
	assert_int_equal(debugged.memory[2], 2);
	said_len = 0;
	attach();
	send_bytes("1 debug.write vm-1 4098 3\nabc2 version\n", 39);
	said_len = 0;
	run_channel();
	assert_non_null(strstr(said, OK));
	assert_non_null(strstr(said, "{\"id\":2,\"ok\":true"));
	assert_memory_equal(debugged.memory, "\0\1abc\5", 6);
	send_bytes("1 debug.write vm-1 1 3\nabc", 26);
	said_len = 0;
	run_channel();
	assert_non_null(strstr(said, "vm-1: 0x1: no memory of 3 bytes is there"));
	refuses("1 debug.write vm-1 4096 129",
		"debug.write: 129: must be a number of bytes, 1 to 128");
}

static void breakpoints_are_instructions(void **state)
{
	(void)state;
	attach();
	says("1 debug.break vm-1 4098 4", OK);
	assert_int_equal(debugged.break_at.gpa, 4098);
	assert_int_equal(debugged.break_len, 4);
	refuses("1 debug.clear vm-1 4100", "vm-1: 0x1004: no breakpoint is there");
	says("1 debug.clear vm-1 4098", OK);
	refuses("1 debug.break vm-1 4097 2",
		"debug.break: an instruction has 2 or 4 bytes, at an even address");
	refuses("1 debug.break vm-1 4096 3",
		"debug.break: an instruction has 2 or 4 bytes, at an even address");
	refuses("1 debug.break vm-1 4096",
		"debug.break: must be followed by a VM's name and a guest-physical address, in decimal, and 2 or 4 bytes");
	refuses("1 debug.clear vm-1 x",
		"debug.clear: must be followed by a VM's name and a guest-physical address, in decimal");
	refuses("1 debug.break vm-1 2 2", "vm-1: 0x2: no RAM is there that the guest may write");
	debugged.breaks = DEBUG_BREAKS;
	refuses("1 debug.break vm-1 4096 2", "there are 64 breakpoints already");
}

static void registers_are_of_a_vcpu_that_stands_still(void **state)
{
	const char *answer;

	(void)state;
	refuses("1 debug.regs vm-1 0", "vm-1 is not paused");
	machines[0].state = VM_PAUSED;
	v0->regs.sepc = UINT64_C(0xffffffff80001000);
	v0->regs.sstatus = SSTATUS_SPP;
	v0->regs.x[31] = 77;
	v0->vs = (struct guest_vs_csrs){ .vsie = 9,
					 .vstvec = 10,
					 .vsscratch = 11,
					 .vsepc = 12,
					 .vscause = 13,
					 .vstval = 14,
					 .vsatp = 0x1234 };
	debugged.deaf = true;
	said_len = 0;
	send_bytes("1 debug.regs vm-1 0\n", 20);
	run_channel_steps(20);
	assert_int_equal(said_len, 0);
	debugged.deaf = false;
	run_channel();
	answer = said;
	assert_non_null(
		strstr(answer,
		       "\"ok\":true,\"pc\":\"0xffffffff80001000\",\"user\":false,\"x\":[\"0x0\","));
	assert_non_null(strstr(answer, "\"0x4d\"],\"csrs\":{\"sstatus\":"));
	assert_non_null(strstr(
		answer,
		"\"sie\":\"0x9\",\"stvec\":\"0xa\",\"sscratch\":\"0xb\",\"sepc\":\"0xc\",\"scause\":\"0xd\",\"stval\":\"0xe\","));
	assert_non_null(strstr(answer, "\"satp\":\"0x1234\"},\"f\":["));
	assert_non_null(strstr(answer, "],\"fcsr\":\"0x0\"}\n"));
	refuses("1 debug.regs vm-1 5", "vm-1: vcpu 5: must be 0 to 1");
}

/* It goes on while its registers are asked for: nothing is to be waited for any more. */
static void a_vm_that_goes_on_is_no_answer(void **state)
{
	(void)state;
	machines[0].state = VM_PAUSED;
	debugged.deaf = true;
	said_len = 0;
	send_bytes("1 debug.regs vm-1 0\n", 20);
	run_channel_steps(5);
	machines[0].state = VM_RUNNING;
	run_channel();
	assert_non_null(strstr(said, "vm-1 is not paused"));
}

static void registers_are_written_by_name(void **state)
{
	(void)state;
	attach();
	machines[0].state = VM_PAUSED;
	says("1 debug.set vm-1 1 x31=18446744073709551615", OK);
	assert_int_equal(debugged.reg, 31);
	assert_int_equal(debugged.value, UINT64_MAX);
	says("1 debug.set vm-1 1 pc=4096", OK);
	assert_int_equal(debugged.reg, DEBUG_PC);
	says("1 debug.set vm-1 1 f31=1", OK);
	assert_int_equal(debugged.reg, DEBUG_F0 + 31);
	says("1 debug.set vm-1 1 fcsr=1", OK);
	assert_int_equal(debugged.reg, DEBUG_FCSR);
	refuses("1 debug.set vm-1 1 x0=1",
		"x0=1: no such register: must be pc, x1 to x31, f0 to f31 or fcsr");
	refuses("1 debug.set vm-1 1 pcs=1",
		"pcs=1: no such register: must be pc, x1 to x31, f0 to f31 or fcsr");
	refuses("1 debug.set vm-1 1 x1", "x1: must be a register, = and a decimal number");
	refuses("1 debug.set vm-1 1 x1=0x1", "x1=0x1: must be a register, = and a decimal number");
	refuses("1 debug.set vm-1 1",
		"debug.set: must be followed by a VM's name, a vcpu and REGISTER=NUMBER");
	machines[0].state = VM_RUNNING;
	refuses("1 debug.set vm-1 1 x1=1", "vm-1 is not paused");
}

static void samples_say_where_each_vcpu_is(void **state)
{
	(void)state;
	v0->se.state = SCHED_RUNNING;
	v0->regs.sepc = 0x1234;
	v0->regs.sstatus = SSTATUS_SPP;
	v1->se.state = SCHED_BLOCKED;
	says("1 debug.sample vm-1",
	     "{\"id\":1,\"ok\":true,\"vcpus\":[{\"pc\":\"0x1234\",\"user\":false},{\"state\":\"blocked\"}]}\n");
	assert_int_equal(debugged.asks, 1);
	/* One that does not answer has given its hart up in the meantime. */
	debugged.deaf = true;
	said_len = 0;
	send_bytes("1 debug.sample vm-1\n", 20);
	run_channel_steps(5);
	assert_int_equal(said_len, 0);
	v0->se.state = SCHED_RUNNABLE;
	run_channel();
	assert_non_null(strstr(said, "\"vcpus\":[{\"state\":\"ready\"},{\"state\":\"blocked\"}]"));
}

static void a_vm_that_goes_meanwhile_has_no_more_samples(void **state)
{
	struct vm *vm = vms[0];

	(void)state;
	said_len = 0;
	send_bytes("1 debug.sample vm-1\n", 20);
	run_channel_steps(3);
	vms[0] = NULL;
	run_channel();
	vms[0] = vm;
	assert_int_equal(said[said_len - 1], '\n');
	assert_non_null(strstr(said, "]}\n"));
}

static void state_says_what_memory_is(void **state)
{
	struct gstage *gs = &machines[0].gstage;

	(void)state;
	gs->nr_slots = 2;
	gs->slots[0] = (struct gstage_slot){ gpa(4096), 8192, GSTAGE_RAM };
	gs->slots[1] = (struct gstage_slot){ gpa(65536), 4096, GSTAGE_ROM };
	machines[0].pauses = 3;
	says("1 debug.state vm-1",
	     "{\"id\":1,\"ok\":true,\"state\":\"running\",\"pauses\":3,\"attached\":false,\"slots\":["
	     "{\"address\":4096,\"bytes\":8192,\"ram\":true},{\"address\":65536,\"bytes\":4096,\"ram\":false}],"
	     "\"vcpus\":[0,0]}\n");
	machines[0].state = VM_OFF;
	attach();
	says("1 debug.state vm-1",
	     "{\"id\":1,\"ok\":true,\"state\":\"off\",\"pauses\":3,\"attached\":true,\"vcpus\":[0,0]}\n");
	gs->nr_slots = 0;
	machines[0].pauses = 0;
}

static void a_breakpoint_is_an_event(void **state)
{
	(void)state;
	run_channel();
	said_len = 0;
	vm_break_event(v1);
	run_channel();
	assert_non_null(strstr(said, "{\"event\":\"break\",\"vm\":\"vm-1\",\"vcpu\":1,\"t\":"));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_vm_has_a_debugger_until_that_goes),
		TEST(what_changes_a_vm_wants_a_debugger),
		TEST(it_stops_and_goes_on_all_or_one),
		TEST(memory_comes_as_a_frame),
		TEST(a_frame_goes_out_as_there_is_room),
		TEST(a_frame_that_is_not_read_goes_with_its_connection),
		TEST(memory_is_written_by_a_debugger_alone),
		TEST(breakpoints_are_instructions),
		TEST(registers_are_of_a_vcpu_that_stands_still),
		TEST(a_vm_that_goes_on_is_no_answer),
		TEST(registers_are_written_by_name),
		TEST(samples_say_where_each_vcpu_is),
		TEST(a_vm_that_goes_meanwhile_has_no_more_samples),
		TEST(state_says_what_memory_is),
		TEST(a_breakpoint_is_an_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
