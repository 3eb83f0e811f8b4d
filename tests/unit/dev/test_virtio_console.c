// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h tests/unit/fake/consoles.h
/* The console device as a guest's driver and the operator see it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dev/virtio/console.h"

#define FIELD_VCONSOLE_PORT(...) FIELD_ROW(vconsole_port, __VA_ARGS__)
#include "fake/fields.h"
#include "fake/consoles.h"
#include "vcpu/console.h"
#include "vcpu/vcpu.h"

#define RX0 0
#define TX0 1
#define RX1 4
#define TX1 5

static void is_at(uint64_t at, const char *text)
{
	char buf[512];

	fake_ram_read(at, buf, strlen(text));
	assert_memory_equal(buf, text, strlen(text));
}

/* --- ports ---------------------------------------------------------------------------------------- */

static void a_driver_learns_of_each_port_as_linux_asks(void **state)
{
	(void)state;
	assert_int_equal(
		con_make(0, &(struct con_node){ .label = "mux", .size = { 132, 50 }, .cells = 2 }),
		HV_OK);
	assert_int_equal(con_make(3, &(struct con_node){ .type = "port" }), HV_OK);
	assert_string_equal(fake_streams[0].name, "fake.mux");
	assert_string_equal(fake_streams[1].name, "fake.console3");
	con_driver(CON_ALL, 2);
	assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_CONFIG + 4), 2);
	con_give_ctrl(8);
	assert_string_equal(con_told(), "nothing");
	con_send(UINT32_MAX, VIRTIO_CONSOLE_DEVICE_READY, 1);
	assert_string_equal(con_told(), "ADD 0");
	assert_string_equal(con_told(), "ADD 1");
	assert_string_equal(con_told(), "nothing");
	con_send(0, VIRTIO_CONSOLE_PORT_READY, 1);
	assert_string_equal(con_told(), "CONSOLE 0");
	assert_string_equal(con_told(), "NAME 0 mux");
	assert_string_equal(con_told(), "OPEN 0");
	assert_string_equal(con_told(), "RESIZE 0 132x50");
	con_send(1, VIRTIO_CONSOLE_PORT_READY, 1);
	con_give_ctrl(2);
	assert_string_equal(con_told(), "NAME 1 console3");
	assert_string_equal(con_told(), "OPEN 1");
	assert_string_equal(con_told(), "nothing");
	assert_int_equal(con_used(VIRTIO_CONSOLE_CTRL_TX, &(uint32_t){ 0 }), 3);
}

/* Bits and no list: a guest that asks a thousand times is told once. */
static void messages_wait_for_buffers_and_do_not_pile_up(void **state)
{
	(void)state;
	con_ports(1);
	con_driver(CON_ALL, 1);
	for (unsigned int i = 0; i < 1000; i++) {
		con_send(0, VIRTIO_CONSOLE_PORT_READY, 1);
		con_send(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	}
	con_give_ctrl(1);
	assert_string_equal(con_told(), "ADD 0");
	assert_string_equal(con_told(), "nothing");
	con_give_ctrl(4);
	assert_string_equal(con_told(), "CONSOLE 0");
	assert_string_equal(con_told(), "NAME 0 console0");
	assert_string_equal(con_told(), "OPEN 0");
	assert_string_equal(con_told(), "nothing");
}

static void a_driver_that_failed_is_told_nothing(void **state)
{
	(void)state;
	con_ports(1);
	con_driver(CON_ALL, 1);
	con_give_ctrl(4);
	con_send(0, VIRTIO_CONSOLE_DEVICE_READY, 0);
	con_send(0, VIRTIO_CONSOLE_PORT_READY, 0);
	assert_string_equal(con_told(), "nothing");
}

static void a_driver_without_ports_has_the_first_one(void **state)
{
	uint64_t at;
	uint32_t len;

	(void)state;
	con_ports(2);
	con_driver(CON_PLAIN, 1);
	assert_false(con_print(TX0, "hello"));
	con_printed(0, "hello");
	con_type(0, "ls\n");
	at = con_give(RX0, 16);
	assert_int_equal(con_used(RX0, &len), 1);
	assert_int_equal(len, 3);
	is_at(at, "ls\n");
	for (unsigned int q = 2; q < 6; q++) {
		vring_begin(&con_rings[q], VDEV(0), q, CON_QUEUE, CON_PLAIN);
		(void)con_print(q, "no");
		assert_int_equal(con_used(q, &len), 0);
	}
	assert_int_equal(fake_streams[1].printed, 0);
	assert_false(con_broken());
}

static void the_configuration_says_size_and_ports(void **state)
{
	(void)state;
	con_ports(1);
	assert_int_equal(vdev_features(VDEV(0)) & 7, 7);
	assert_int_equal(guest_read(VDEV(0) + VIRTIO_MMIO_CONFIG, 2), 80);
	assert_int_equal(guest_read(VDEV(0) + VIRTIO_MMIO_CONFIG + 2, 2), 24);
	assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_CONFIG + 4), 1);
	vdev_set(VDEV(0), VIRTIO_MMIO_QUEUE_SEL, 4);
	assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_QUEUE_SIZE_MAX), 0);
	vdev_set(VDEV(0), VIRTIO_MMIO_QUEUE_SEL, 3);
	assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_QUEUE_SIZE_MAX), 32);
}

/* --- output --------------------------------------------------------------------------------------- */

/* Linux spins until the chain is used. */
static void what_fits_is_used_when_the_notification_is_over(void **state)
{
	uint32_t len = 9;

	(void)state;
	con_begin(2);
	assert_false(con_print(TX0, "login: "));
	con_printed(0, "login: ");
	assert_int_equal(con_used(TX0, &len), 1);
	assert_int_equal(len, 0);
	assert_false(con_print(TX1, "two"));
	con_printed(1, "two");
	assert_false(vcpu_is_halted(this_vcpu()));
	assert_false(con_print(TX0, ""));
	assert_int_equal(con_used(TX0, &len), 1);
}

/* In pieces, so that its hart takes interrupts between them. */
static void a_long_chain_goes_in_steps(void **state)
{
	static char text[1500];
	uint32_t len;
	unsigned int steps = 1;

	(void)state;
	con_begin(1);
	for (unsigned int i = 0; i < sizeof(text) - 1; i++)
		text[i] = (char)('a' + i % 26);
	assert_true(con_print(TX0, text));
	while (vring_notify_once(&con_rings[TX0]))
		steps++;
	assert_in_range(steps, 3, 12);
	con_printed(0, text);
	assert_int_equal(con_used(TX0, &len), 1);
	assert_false(vcpu_is_halted(this_vcpu()));
}

static void all_buffers_of_a_chain_are_printed(void **state)
{
	const uint64_t at = fake_ram_alloc(6, 1);
	const struct vbuf bufs[] = { { at, 1, false }, { at + 1, 2, false }, { at + 3, 3, false } };

	(void)state;
	con_begin(1);
	fake_ram_write(at, "abcdef", 6);
	(void)vring_add(&con_rings[TX0], bufs, 3);
	(void)vring_kick(&con_rings[TX0]);
	con_printed(0, "abcdef");
}

static void a_vcpu_sleeps_while_the_terminal_is_full_and_nothing_is_printed_twice(void **state)
{
	uint32_t len;

	(void)state;
	con_begin(2);
	con_room(0, 4);
	assert_true(con_print(TX0, "0123456789"));
	assert_true(vcpu_is_halted(this_vcpu()));
	assert_int_equal(fake_vm.console_waits.bits, 1);
	con_printed(0, "0123");
	assert_int_equal(fake_streams[0].asked, 2);
	assert_int_equal(con_used(TX0, &len), 0);
	/* An interrupt has ended its sleep: it tries again. */
	vcpu_unhalt(this_vcpu());
	assert_true(vring_notify_once(&con_rings[TX0]));
	assert_true(vcpu_is_halted(this_vcpu()));
	con_printed(0, "0123");
	/* Another port is not held up. */
	this_pcpu()->current = fake_vm.vcpus[1];
	assert_false(con_print(TX1, "other"));
	assert_false(vcpu_is_halted(this_vcpu()));
	this_pcpu()->current = fake_vm.vcpus[0];
	con_printed(1, "other");
	con_room(0, SIZE_MAX);
	assert_false(vcpu_is_halted(this_vcpu()));
	assert_false(vring_notify_once(&con_rings[TX0]));
	con_printed(0, "0123456789");
	assert_int_equal(con_used(TX0, &len), 1);
}

/* The vcpu that printed may never come back to its store: an interrupt's handler panics, and prints. */
static void room_is_used_without_the_vcpu_that_waits_for_it(void **state)
{
	uint32_t len;

	(void)state;
	con_begin(1);
	con_room(0, 2);
	assert_true(con_print(TX0, "abcdef"));
	con_room(0, 3);
	con_printed(0, "abcde");
	assert_int_equal(con_used(TX0, &len), 0);
	con_room(0, 3);
	con_printed(0, "abcdef");
	assert_int_equal(con_used(TX0, &len), 1);
}

static void a_chain_that_came_before_the_driver_was_ready_is_printed(void **state)
{
	static char text[1500];
	uint32_t len;

	(void)state;
	con_ports(1);
	memset(text, 'x', sizeof(text) - 1);
	assert_true(driver_begin(VDEV(0), CON_PLAIN) & VIRTIO_FEATURES_OK);
	vring_begin(&con_rings[TX0], VDEV(0), TX0, CON_QUEUE, CON_PLAIN);
	assert_false(con_print(TX0, text));
	assert_int_equal(fake_streams[0].printed, 0);
	assert_true(driver_ok(VDEV(0)) > 1);
	con_printed(0, text);
	assert_int_equal(con_used(TX0, &len), 1);
}

static void a_queue_that_is_reset_forgets_what_was_printed_of_its_chain(void **state)
{
	const uint64_t features = CON_ALL | VIRTIO_F_RING_RESET;

	(void)state;
	con_ports(1);
	con_driver(features, 1);
	con_room(0, 4);
	assert_true(con_print(TX0, "0123456789"));
	vdev_set(VDEV(0), VIRTIO_MMIO_QUEUE_SEL, TX0);
	vdev_set(VDEV(0), VIRTIO_MMIO_QUEUE_RESET, 1);
	vcpu_unhalt(this_vcpu());
	assert_false(vring_notify_once(&con_rings[TX0])); /* nothing is left to wait for */
	con_room(0, SIZE_MAX);
	con_printed(0, "0123");
	vring_begin(&con_rings[TX0], VDEV(0), TX0, CON_QUEUE, features);
	assert_false(con_print(TX0, "abcdefgh"));
	con_printed(0, "0123abcdefgh");
}

/* --- input ---------------------------------------------------------------------------------------- */

static void input_waits_in_the_terminal_for_a_buffer(void **state)
{
	uint64_t at, second;
	uint32_t len;

	(void)state;
	con_begin(1);
	con_type(0, "abcdef");
	assert_int_equal(fake_streams[0].given, 0);
	at = con_give(RX0, 4);
	assert_int_equal(fake_streams[0].given, 4);
	second = con_give(RX0, 4);
	assert_int_equal(con_used(RX0, &len), 2);
	assert_int_equal(len, 2);
	is_at(at, "abcd");
	is_at(second, "ef");
	assert_true(vdev_line(VDEV(0)));
}

static void a_buffer_waits_for_input(void **state)
{
	uint64_t at;
	uint32_t len;

	(void)state;
	con_begin(2);
	at = con_give(RX1, 8);
	assert_int_equal(con_used(RX1, &len), 0);
	con_type(0, "no");
	assert_int_equal(con_used(RX1, &len), 0);
	con_type(1, "yes");
	assert_int_equal(con_used(RX1, &len), 1);
	assert_int_equal(len, 3);
	is_at(at, "yes");
	assert_int_equal(fake_streams[0].given, 0);
}

/* Linux drops what comes for a port that no program has open. */
static void input_waits_until_the_guest_opens_the_port(void **state)
{
	struct vconsole_port *p;
	uint64_t at;
	uint32_t len;

	(void)state;
	con_ports(1);
	con_driver(CON_ALL, 1);
	p = con_parts[0];
	at = con_give(RX0, 8);
	assert_non_null(strstr(p->console.absent(p), "not open"));
	con_type(0, "abc");
	assert_int_equal(fake_streams[0].given, 0);
	con_send(0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	assert_null(p->console.absent(p));
	assert_int_equal(con_used(RX0, &len), 1);
	is_at(at, "abc");
	con_send(0, VIRTIO_CONSOLE_PORT_OPEN, 0);
	(void)con_give(RX0, 8);
	con_type(0, "d");
	assert_int_equal(con_used(RX0, &len), 0);
	assert_false(con_print(TX0, "still works"));
	con_printed(0, "still works");
}

static void what_comes_during_a_pause_is_moved_after_it(void **state)
{
	uint64_t at;
	uint32_t len;

	(void)state;
	con_begin(1);
	at = con_give(RX0, 8);
	con_room(0, 1);
	assert_true(con_print(TX0, "xyz"));
	fake_vm.state = VM_PAUSED;
	con_type(0, "abc");
	con_room(0, SIZE_MAX);
	assert_int_equal(fake_streams[0].given, 0);
	con_printed(0, "x");
	fake_vm.state = VM_RUNNING;
	fake_part_named("console")->resume(con_parts[0]);
	assert_int_equal(con_used(RX0, &len), 1);
	is_at(at, "abc");
	con_printed(0, "xyz");
}

/* --- resets --------------------------------------------------------------------------------------- */

static void a_reset_forgets_messages_and_open_ports(void **state)
{
	for (unsigned int n = 1; n <= 2; n++) {
		assert_int_equal(con_setup(state), 0);
		con_begin(n);
		con_send(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
		con_send(n - 1, VIRTIO_CONSOLE_PORT_READY, 1);
		for (unsigned int i = n; i-- > 0;)
			fake_part_named("console")->reset(con_parts[i]);
		assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_STATUS), 0);
		con_driver(CON_ALL, n);
		con_give_ctrl(4);
		assert_string_equal(con_told(), "nothing");
		(void)con_give(RX0, 8);
		con_type(0, "abc");
		assert_int_equal(fake_streams[0].given, 0);
		assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_CONFIG + 4), n);
		assert_int_equal(con_teardown(state), 0);
	}
}

/* Two queues are full when the driver says that it is ready: the vcpu sleeps once, for the first. */
static void a_vcpu_that_sleeps_for_one_port_is_not_woken_by_another(void **state)
{
	(void)state;
	con_ports(2);
	assert_true(driver_begin(VDEV(0), CON_ALL) & VIRTIO_FEATURES_OK);
	vring_begin(&con_rings[TX0], VDEV(0), TX0, CON_QUEUE, CON_ALL);
	vring_begin(&con_rings[TX1], VDEV(0), TX1, CON_QUEUE, CON_ALL);
	(void)con_print(TX0, "abc");
	(void)con_print(TX1, "defghi");
	con_room(0, 0);
	con_room(1, 0);
	fake_streams[1].comes = SIZE_MAX; /* on the way into the sleep */
	vdev_set(VDEV(0), VIRTIO_MMIO_STATUS,
		 VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
	assert_true(vcpu_is_halted(this_vcpu()));
	assert_int_equal(fake_vm.console_waits.bits, 1);
	con_room(0, SIZE_MAX);
	assert_false(vcpu_is_halted(this_vcpu()));
	con_printed(0, "abc");
	con_room(1, SIZE_MAX);
	con_printed(1, "defghi");
}

/* --- every field, as hyp/vm/state_list.h has it --------------------------------------------------------- */

static const struct vconsole_port __attribute__((unused)) all_of_vconsole_port = {
#define FIELD_VCONSOLE_PORT(...) FIELD_INITIALIZER(vconsole_port, __VA_ARGS__)
#include "vm/state_list.h"
};

static void every_field_is_as_the_table_of_state_says(void **state)
{
	static const uint8_t marks[] = { 0, 1, 0xff };
	struct vconsole_port fresh, before, *p;

	(void)state;
	fields_check_states();
	for (unsigned int i = 0; i < ARRAY_SIZE(marks); i++) {
		con_ports(2);
		p = con_parts[1];
		fresh = *p;
		fields_mark("vconsole_port", p, marks[i]);
		before = *p;
		for (unsigned int k = 2; k-- > 0;)
			fake_part_named("console")->reset(con_parts[k]);
		fields_check_reset("vconsole_port", p, &fresh, &before);
		assert_int_equal(con_teardown(NULL), 0);
		assert_int_equal(con_setup(NULL), 0);
	}
}

#define test(fn) CON_TEST(fn)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(every_field_is_as_the_table_of_state_says),
		test(a_driver_learns_of_each_port_as_linux_asks),
		test(messages_wait_for_buffers_and_do_not_pile_up),
		test(a_driver_that_failed_is_told_nothing),
		test(a_driver_without_ports_has_the_first_one),
		test(the_configuration_says_size_and_ports),
		test(what_fits_is_used_when_the_notification_is_over),
		test(a_long_chain_goes_in_steps),
		test(all_buffers_of_a_chain_are_printed),
		test(a_vcpu_sleeps_while_the_terminal_is_full_and_nothing_is_printed_twice),
		test(room_is_used_without_the_vcpu_that_waits_for_it),
		test(a_chain_that_came_before_the_driver_was_ready_is_printed),
		test(a_queue_that_is_reset_forgets_what_was_printed_of_its_chain),
		test(input_waits_in_the_terminal_for_a_buffer),
		test(a_buffer_waits_for_input),
		test(input_waits_until_the_guest_opens_the_port),
		test(what_comes_during_a_pause_is_moved_after_it),
		cmocka_unit_test(a_reset_forgets_messages_and_open_ports),
		test(a_vcpu_that_sleeps_for_one_port_is_not_woken_by_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
