/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world of the tests of the console device: the guest of fake/vring.h, and a terminal of streams that take and give as
 * much as the test says. A program that is LIKE this file, and LIKE fake/vring.h, is made of
 *
 * SOURCES: hyp/dev/virtio/console.c hyp/dev/virtio/console_ctrl.c hyp/dev/virtio/console_part.c
 * SOURCES: hyp/vcpu/console.c hyp/vcpu/vm_console.c tests/unit/fake/tree.c tests/unit/fake/consoles.c
 */
#ifndef FAKE_CONSOLES_H
#define FAKE_CONSOLES_H

#include "dev/virtio/console.h"
#include "fake/vring.h"

#define CON_ALL                                                                    \
	(VIRTIO_F_VERSION_1 | VIRTIO_CONSOLE_F_SIZE | VIRTIO_CONSOLE_F_MULTIPORT | \
	 VIRTIO_CONSOLE_F_EMERG_WRITE)
#define CON_PLAIN VIRTIO_F_VERSION_1 /* one port, as drivers without MULTIPORT have it */

#define CON_QUEUE 8 /* entries of each ring */

/* The terminal's end of port @i, in the order of their making. */
struct fake_stream {
	char name[80];
	char out[8192];
	size_t printed, room; /* bytes that it has taken, and takes at most from now on */
	char in[512];
	size_t given, typed; /* bytes that were read, of those typed */
	size_t comes;	     /* not 0: the room that the next look for it finds */
	bool wants_room;
	unsigned int asked; /* how often it was to take some */
};
extern struct fake_stream fake_streams[VCONSOLE_PORTS + 1];
extern unsigned int nr_fake_streams;

/* con_setup - a guest without a console. con_teardown - no memory is lost. */
int con_setup(void **state);
int con_teardown(void **state);

/*
 * con_make - the node console@@unit with these properties, each of which may be NULL or, @size, of 0 cells; what making it
 * returns. con_ports - @n of them, all consoles, without properties.
 */
struct con_node {
	const char *label, *type;
	uint32_t size[3], cells; /* of size */
	uint32_t slot;
};
int con_make(unsigned int unit, const struct con_node *n);
void con_ports(unsigned int n);

/* The state of each part, as con_make() got it. */
extern void *con_parts[VCONSOLE_PORTS + 1];

/* con_driver - a driver takes @features, and has the rings of the first @n ports and those for control. Then DRIVER_OK. */
extern struct vring con_rings[2 + 2 * VCONSOLE_PORTS];
void con_driver(uint64_t features, unsigned int n);

/* con_begin - @n consoles without properties, and a driver of all of them that has them open. */
void con_begin(unsigned int n);

/* con_send - the driver's message. con_message - @nr bytes of any content as a message. */
void con_send(uint32_t id, uint16_t event, uint16_t value);
void con_message(const void *bytes, uint32_t nr);

/* con_give - a buffer of @len bytes for queue @q; where it is. con_give_ctrl - @n of them for messages. */
uint64_t con_give(unsigned int q, uint32_t len);
void con_give_ctrl(unsigned int n);

/* con_told - the next message that the driver has got, or "nothing": "ADD 0", "CONSOLE 1 1", "NAME 0 mux", "RESIZE 0 132x50". */
const char *con_told(void);

/* con_print - the driver transmits @text on queue @q, and notifies once. True: the store is executed again. */
bool con_print(unsigned int q, const char *text);

/* con_printed - the terminal has got @text of port @i, and no more. */
void con_printed(unsigned int i, const char *text);

/* con_used - how many chains of queue @q have been used since the last time; *@len: the last one's length. */
unsigned int con_used(unsigned int q, uint32_t *len);

/* con_type - what the operator types to port @i. con_room - the terminal takes @n more bytes of port @i, and tells. */
void con_type(unsigned int i, const char *text);
void con_room(unsigned int i, size_t n);

/* con_broken - does the device want a reset? */
bool con_broken(void);

#define CON_TEST(fn) cmocka_unit_test_setup_teardown(fn, con_setup, con_teardown)

#endif
