// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h tests/unit/fake/consoles.h
/* The console device as a guest's driver and the operator see it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fake/consoles.h"
#include "vcpu/console.h"
#include "vcpu/vcpu.h"

#define RX0 0
#define TX0 1
#define RX1 4
#define TX1 5

static void printed(unsigned int i, const char *text)
{
	assert_int_equal(fake_streams[i].printed, strlen(text));
	assert_memory_equal(fake_streams[i].out, text, strlen(text));
}

static void is_at(uint64_t at, const char *text)
{
	char buf[512];

	fake_ram_read(at, buf, strlen(text));
	assert_memory_equal(buf, text, strlen(text));
}

/* A driver with ports; each is open. */
static void begin(unsigned int n)
{
	con_ports(n);
	con_driver(CON_ALL, n);
	for (unsigned int i = 0; i < n; i++)
		con_send(i, VIRTIO_CONSOLE_PORT_OPEN, 1);
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
	assert_int_equal(con_used(VCONSOLE_CTRL_TX, &(uint32_t){ 0 }), 3);
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
	printed(0, "hello");
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
	begin(2);
	assert_false(con_print(TX0, "login: "));
	printed(0, "login: ");
	assert_int_equal(con_used(TX0, &len), 1);
	assert_int_equal(len, 0);
	assert_false(con_print(TX1, "two"));
	printed(1, "two");
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
	begin(1);
	for (unsigned int i = 0; i < sizeof(text) - 1; i++)
		text[i] = (char)('a' + i % 26);
	assert_true(con_print(TX0, text));
	while (vring_notify_once(&con_rings[TX0]))
		steps++;
	assert_in_range(steps, 3, 12);
	printed(0, text);
	assert_int_equal(con_used(TX0, &len), 1);
	assert_false(vcpu_is_halted(this_vcpu()));
}

static void all_buffers_of_a_chain_are_printed(void **state)
{
	const uint64_t at = fake_ram_alloc(6, 1);
	const struct vbuf bufs[] = { { at, 1, false }, { at + 1, 2, false }, { at + 3, 3, false } };

	(void)state;
	begin(1);
	fake_ram_write(at, "abcdef", 6);
	(void)vring_add(&con_rings[TX0], bufs, 3);
	(void)vring_kick(&con_rings[TX0]);
	printed(0, "abcdef");
}

static void a_vcpu_sleeps_while_the_terminal_is_full_and_nothing_is_printed_twice(void **state)
{
	uint32_t len;

	(void)state;
	begin(2);
	con_room(0, 4);
	assert_true(con_print(TX0, "0123456789"));
	assert_true(vcpu_is_halted(this_vcpu()));
	assert_int_equal(fake_vm.console_waits.bits, 1);
	printed(0, "0123");
	assert_int_equal(fake_streams[0].asked, 2);
	assert_int_equal(con_used(TX0, &len), 0);
	/* An interrupt has ended its sleep: it tries again. */
	vcpu_unhalt(this_vcpu());
	assert_true(vring_notify_once(&con_rings[TX0]));
	assert_true(vcpu_is_halted(this_vcpu()));
	printed(0, "0123");
	/* Another port is not held up. */
	this_pcpu()->current = fake_vm.vcpus[1];
	assert_false(con_print(TX1, "other"));
	assert_false(vcpu_is_halted(this_vcpu()));
	this_pcpu()->current = fake_vm.vcpus[0];
	printed(1, "other");
	con_room(0, SIZE_MAX);
	assert_false(vcpu_is_halted(this_vcpu()));
	assert_false(vring_notify_once(&con_rings[TX0]));
	printed(0, "0123456789");
	assert_int_equal(con_used(TX0, &len), 1);
}

/* The vcpu that printed may never come back to its store: an interrupt's handler panics, and prints. */
static void room_is_used_without_the_vcpu_that_waits_for_it(void **state)
{
	uint32_t len;

	(void)state;
	begin(1);
	con_room(0, 2);
	assert_true(con_print(TX0, "abcdef"));
	con_room(0, 3);
	printed(0, "abcde");
	assert_int_equal(con_used(TX0, &len), 0);
	con_room(0, 3);
	printed(0, "abcdef");
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
	printed(0, text);
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
	printed(0, "0123");
	vring_begin(&con_rings[TX0], VDEV(0), TX0, CON_QUEUE, features);
	assert_false(con_print(TX0, "abcdefgh"));
	printed(0, "0123abcdefgh");
}

/* --- input ---------------------------------------------------------------------------------------- */

static void input_waits_in_the_terminal_for_a_buffer(void **state)
{
	uint64_t at, second;
	uint32_t len;

	(void)state;
	begin(1);
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
	begin(2);
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
	printed(0, "still works");
}

static void what_comes_during_a_pause_is_moved_after_it(void **state)
{
	uint64_t at;
	uint32_t len;

	(void)state;
	begin(1);
	at = con_give(RX0, 8);
	con_room(0, 1);
	assert_true(con_print(TX0, "xyz"));
	fake_vm.state = VM_PAUSED;
	con_type(0, "abc");
	con_room(0, SIZE_MAX);
	assert_int_equal(fake_streams[0].given, 0);
	printed(0, "x");
	fake_vm.state = VM_RUNNING;
	fake_part_named("console")->resume(con_parts[0]);
	assert_int_equal(con_used(RX0, &len), 1);
	is_at(at, "abc");
	printed(0, "xyz");
}

/* --- resets --------------------------------------------------------------------------------------- */

static void a_reset_forgets_messages_and_open_ports(void **state)
{
	for (unsigned int n = 1; n <= 2; n++) {
		assert_int_equal(con_setup(state), 0);
		begin(n);
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
	printed(0, "abc");
	con_room(1, SIZE_MAX);
	printed(1, "defghi");
}

/* --- hostile drivers ------------------------------------------------------------------------------ */

static void odd_messages_are_left_alone(void **state)
{
	static const struct virtio_console_control odd[] = {
		{ 1, VIRTIO_CONSOLE_PORT_READY, 1 },
		{ UINT32_MAX, VIRTIO_CONSOLE_PORT_READY, 1 },
		{ 1, VIRTIO_CONSOLE_PORT_OPEN, 1 },
		{ UINT32_MAX, VIRTIO_CONSOLE_PORT_OPEN, 0 },
		{ 0, VIRTIO_CONSOLE_PORT_ADD, 1 },
		{ 0, VIRTIO_CONSOLE_PORT_REMOVE, 1 },
		{ 0, VIRTIO_CONSOLE_CONSOLE_PORT, 1 },
		{ 0, VIRTIO_CONSOLE_PORT_NAME, 1 },
		{ 0, VIRTIO_CONSOLE_PORT_NAME + 1, 1 },
		{ 0, UINT16_MAX, UINT16_MAX },
		{ 0, VIRTIO_CONSOLE_PORT_READY, 2 },
		{ 0, VIRTIO_CONSOLE_DEVICE_READY, 0xffff },
	};
	static const uint8_t ready[8] = { [6] = 1 };
	uint32_t len;

	(void)state;
	con_ports(1);
	con_driver(CON_ALL, 1);
	con_give_ctrl(4);
	for (uint32_t n = 0; n < 8; n++)
		con_message(ready, n);
	for (unsigned int i = 0; i < ARRAY_SIZE(odd); i++)
		con_message(&odd[i], sizeof(odd[i]));
	assert_int_equal(con_used(VCONSOLE_CTRL_TX, &len), 8 + ARRAY_SIZE(odd));
	assert_string_equal(con_told(), "nothing");
	assert_false(con_broken());
	con_message((const uint8_t[12]){ [6] = 1 },
		    12); /* what is behind a message does not matter */
	assert_string_equal(con_told(), "ADD 0");
}

static void a_chain_in_the_wrong_direction_breaks_its_queue_alone(void **state)
{
	static const struct {
		unsigned int q;
		bool in[2];
	} rows[] = {
		{ RX0, { false, false } },
		{ RX0, { false, true } },
		{ TX0, { true, true } },
		{ TX0, { false, true } },
		{ VCONSOLE_CTRL_RX, { false, false } },
		{ VCONSOLE_CTRL_RX, { false, true } },
		{ VCONSOLE_CTRL_TX, { true, true } },
		{ VCONSOLE_CTRL_TX, { false, true } },
	};

	(void)state;
	con_ports(2);
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		const uint64_t at = fake_ram_alloc(16, 1);
		const struct vbuf bufs[] = { { at, 8, rows[i].in[0] },
					     { at + 8, 8, rows[i].in[1] } };
		const unsigned int tx = rows[i].q == TX0 ? TX1 : TX0;

		con_driver(CON_ALL, 2);
		con_send(0, VIRTIO_CONSOLE_PORT_OPEN, 1);
		con_send(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
		if (fake_streams[0].given == fake_streams[0].typed)
			con_type(0, "a");
		assert_false(con_broken());
		(void)vring_add(&con_rings[rows[i].q], bufs, 2);
		(void)vring_publish(&con_rings[rows[i].q]);
		assert_false(vring_notify_once(&con_rings[rows[i].q]));
		assert_true(con_broken());
		fake_streams[0].printed = fake_streams[1].printed = 0;
		assert_false(con_print(tx, "other"));
		printed(tx == TX1, "other");
		assert_int_equal(fake_streams[0].given, 0);
	}
}

static void buffers_without_room_break_their_queue(void **state)
{
	uint32_t len;

	(void)state;
	begin(1);
	con_send(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	(void)con_give(VCONSOLE_CTRL_RX, 7);
	assert_true(con_broken());
	assert_int_equal(con_used(VCONSOLE_CTRL_RX, &len), 0);
	con_driver(CON_ALL, 1);
	con_send(0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	con_type(0, "a");
	(void)con_give(RX0, 0);
	assert_true(con_broken());
	assert_int_equal(fake_streams[0].given, 0);
}

static void memory_that_is_not_the_guests_is_not_printed(void **state)
{
	(void)state;
	begin(1);
	(void)vring_add(&con_rings[TX0], &(struct vbuf){ FAKE_RAM_END, 8, false }, 1);
	(void)vring_kick(&con_rings[TX0]);
	assert_true(con_broken());
	assert_int_equal(fake_streams[0].printed, 0);
}

/* Before any set-up, and of any width. */
static void an_emergency_byte_is_printed_at_once(void **state)
{
	(void)state;
	con_ports(2);
	vdev_set(VDEV(0), VIRTIO_MMIO_CONFIG + 8, 'a');
	guest_write(VDEV(0) + VIRTIO_MMIO_CONFIG + 8, 1, 'b');
	guest_write(VDEV(0) + VIRTIO_MMIO_CONFIG + 8, 2, 'c' | 'X' << 8);
	guest_write(VDEV(0) + VIRTIO_MMIO_CONFIG + 8, 8, 'd' | UINT64_C(0x5858585800));
	for (uint64_t off = 0; off < 16; off++)
		if (off != 8)
			guest_write(VDEV(0) + VIRTIO_MMIO_CONFIG + off, 1, 'X');
	guest_write(VDEV(0) + PAGE_SIZE - 8, 8, 'X');
	printed(0, "abcd");
	assert_int_equal(fake_streams[1].printed, 0);
	assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_CONFIG + 4), 2);
	con_room(0, 0);
	vdev_set(VDEV(0), VIRTIO_MMIO_CONFIG + 8, 'e');
	assert_true(vcpu_is_halted(this_vcpu()));
	assert_true(vcpu_tries_again(this_vcpu()));
}

#define test(fn) CON_TEST(fn)

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		test(odd_messages_are_left_alone),
		test(a_chain_in_the_wrong_direction_breaks_its_queue_alone),
		test(buffers_without_room_break_their_queue),
		test(memory_that_is_not_the_guests_is_not_printed),
		test(an_emergency_byte_is_printed_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
