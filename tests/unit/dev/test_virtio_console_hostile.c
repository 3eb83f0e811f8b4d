// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h tests/unit/fake/consoles.h
/* The console device and drivers that are wrong, or mean harm; and the byte that is printed without a driver. */
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
#define TX1 5

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
	assert_int_equal(con_used(VIRTIO_CONSOLE_CTRL_TX, &len), 8 + ARRAY_SIZE(odd));
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
		{ VIRTIO_CONSOLE_CTRL_RX, { false, false } },
		{ VIRTIO_CONSOLE_CTRL_RX, { false, true } },
		{ VIRTIO_CONSOLE_CTRL_TX, { true, true } },
		{ VIRTIO_CONSOLE_CTRL_TX, { false, true } },
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
		con_printed(tx == TX1, "other");
		assert_int_equal(fake_streams[0].given, 0);
	}
}

static void buffers_without_room_break_their_queue(void **state)
{
	uint32_t len;

	(void)state;
	con_begin(1);
	con_send(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	(void)con_give(VIRTIO_CONSOLE_CTRL_RX, 7);
	assert_true(con_broken());
	assert_int_equal(con_used(VIRTIO_CONSOLE_CTRL_RX, &len), 0);
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
	con_begin(1);
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
	con_printed(0, "abcd");
	assert_int_equal(fake_streams[1].printed, 0);
	assert_int_equal(vdev_get(VDEV(0), VIRTIO_MMIO_CONFIG + 4), 2);
	con_room(0, 0);
	vdev_set(VDEV(0), VIRTIO_MMIO_CONFIG + 8, 'e');
	assert_true(vcpu_is_halted(this_vcpu()));
	assert_true(vcpu_tries_again(this_vcpu()));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CON_TEST(odd_messages_are_left_alone),
		CON_TEST(a_chain_in_the_wrong_direction_breaks_its_queue_alone),
		CON_TEST(buffers_without_room_break_their_queue),
		CON_TEST(memory_that_is_not_the_guests_is_not_printed),
		CON_TEST(an_emergency_byte_is_printed_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
