// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h tests/unit/fake/consoles.h
/* The ports of the console device as a VM's nodes say them, and what is said of nodes that are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <limits.h>

#include "dev/virtio/transport.h"
#include "fake/consoles.h"
#include "fake/log.h"

static void wrong(unsigned int unit, const struct con_node *n, const char *said)
{
	unsigned int before = fake_log_count;

	assert_int_equal(con_make(unit, n), HV_EINVAL);
	assert_int_equal(fake_log_count, before + 1);
	if (!strstr(fake_log_last, said))
		fail_msg("must say \"%s\", but says: %s", said, fake_log_last);
}

static void labels_are_names_of_files(void **state)
{
	static const char *const bad[] = { "",	     "a b", "a/b",
					   "\x1b[m", "a:b", "abcdefghijklmnopqrstuvwxyz012345" };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		wrong(0, &(struct con_node){ .label = bad[i] }, "label");
	assert_int_equal(nr_fake_streams, 0);
	assert_int_equal(con_make(0, &(struct con_node){ .label = "org.qemu.guest_agent-0" }),
			 HV_OK);
	assert_string_equal(fake_streams[0].name, "fake.org.qemu.guest_agent-0");
	wrong(1, &(struct con_node){ .label = "org.qemu.guest_agent-0" },
	      "label = \"org.qemu.guest_agent-0\": must be unique in the VM");
}

static void a_size_has_columns_and_rows(void **state)
{
	(void)state;
	wrong(0, &(struct con_node){ .size = { 80 }, .cells = 1 }, "size");
	wrong(0, &(struct con_node){ .size = { 80, 24, 1 }, .cells = 3 }, "size");
	wrong(0, &(struct con_node){ .size = { 0, 24 }, .cells = 2 }, "size");
	wrong(0, &(struct con_node){ .size = { 80, 0 }, .cells = 2 }, "size");
	wrong(0, &(struct con_node){ .size = { 65536, 24 }, .cells = 2 }, "size");
	wrong(0, &(struct con_node){ .size = { 80, 65536 }, .cells = 2 }, "size");
	assert_int_equal(con_make(0, &(struct con_node){ .size = { 65535, 1 }, .cells = 2 }),
			 HV_OK);
	assert_int_equal(guest_read(VDEV(0) + VIRTIO_MMIO_CONFIG, 2), 65535);
	assert_int_equal(guest_read(VDEV(0) + VIRTIO_MMIO_CONFIG + 2, 2), 1);
}

static void a_type_is_one_of_two(void **state)
{
	(void)state;
	wrong(0, &(struct con_node){ .type = "tty" }, "\"console\" or \"port\"");
	assert_int_equal(con_make(0, &(struct con_node){ .type = "console" }), HV_OK);
	assert_int_equal(con_make(1, &(struct con_node){ .type = "port" }), HV_OK);
}

static void all_ports_are_of_one_device(void **state)
{
	(void)state;
	assert_int_equal(con_make(0, &(struct con_node){ .slot = 3 }), HV_OK);
	wrong(1, &(struct con_node){ .slot = 4 }, "slot");
	assert_non_null(strstr(fake_log_last, "must be 3 or left out"));
	assert_int_equal(con_make(1, &(struct con_node){ .slot = 3 }), HV_OK);
	assert_int_equal(con_make(2, &(struct con_node){ .label = NULL }), HV_OK);
	assert_int_equal(vdev_get(VDEV(2), VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_CONSOLE);
	assert_int_equal(vdev_get(VDEV(2), VIRTIO_MMIO_CONFIG + 4), 3);
	for (unsigned int i = 0; i < VIRTIO_SLOTS; i++)
		if (i != 2)
			assert_null(fake_vm.virtio->dev[i]);
}

static void there_are_eight_ports_at_most(void **state)
{
	(void)state;
	con_ports(VCONSOLE_PORTS);
	wrong(VCONSOLE_PORTS, &(struct con_node){ .label = NULL }, "at most");
	assert_int_equal(nr_fake_streams, VCONSOLE_PORTS);
	con_driver(CON_ALL, VCONSOLE_PORTS);
	assert_false(con_print(virtio_console_tx(7), "last"));
	assert_memory_equal(fake_streams[7].out, "last", 4);
	con_give_ctrl(2);
	con_send(VCONSOLE_PORTS, VIRTIO_CONSOLE_PORT_READY, 1);
	assert_string_equal(con_told(), "nothing");
	con_send(7, VIRTIO_CONSOLE_PORT_READY, 1);
	assert_string_equal(con_told(), "CONSOLE 7");
}

/* The VM's streams are where the operator, the end of a life and the end of the VM look for them. */
static void each_port_is_a_console_of_the_vm(void **state)
{
	const struct vm_console *c;
	unsigned int n = 0;

	(void)state;
	con_ports(3);
	for (c = fake_vm.consoles; c; c = c->next)
		assert_ptr_equal(c->stream, &fake_streams[n++]);
	assert_int_equal(n, 3);
}

static void without_memory_there_is_no_port(void **state)
{
	unsigned int enough;

	(void)state;
	for (enough = 0;; enough++) {
		(void)con_teardown(NULL);
		(void)con_setup(NULL);
		fake_arena_left = enough;
		if (con_make(0, &(struct con_node){ .label = NULL }) == HV_OK)
			break;
		assert_int_equal(fake_log_count, 0);
	}
	assert_true(enough > 2 * VCONSOLE_PORTS); /* its queues, and more */
	fake_arena_left = UINT_MAX;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CON_TEST(labels_are_names_of_files),
		CON_TEST(a_size_has_columns_and_rows),
		CON_TEST(a_type_is_one_of_two),
		CON_TEST(all_ports_are_of_one_device),
		CON_TEST(there_are_eight_ports_at_most),
		CON_TEST(each_port_is_a_console_of_the_vm),
		CON_TEST(without_memory_there_is_no_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
