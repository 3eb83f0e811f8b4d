/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port of the machine's console device: a stream of bytes in each direction; at its other end is a program of the host's. The port
 * is found by its name, whenever the device has one of that name.
 *
 * What comes is kept in the device's buffers until it is read, so the other side has to wait and nothing is lost. What is written
 * takes as many bytes as there is room for. No call waits.
 *
 * The device is not trusted. One that answers what it was not asked, asks for a reset, interrupts without end or renames its ports
 * without end is reset, and is not used any more.
 */
#ifndef PLATFORM_PORT_H
#define PLATFORM_PORT_H

#include "lib/types.h"

#define HOST_PORT_MEMORY KIB(56) /* of host_port_open() */

struct host_port;

/* What is told of a port. Called without locks, on any hart, and on several at once. */
struct host_port_user {
	/* ready - there is input or room again, or the other side has come or gone. */
	void (*ready)(struct host_port_user *u);
};

/* host_port_present - does the machine have a console device that nothing uses? Boot hart. */
bool host_port_present(void);

/*
 * host_port_open - look for the port @name in the first console device of the machine, and use it for @user, in HOST_PORT_MEMORY bytes
 * of zeroed pages at @memory, which are the device's from then on. NULL: the device has no ports with names, or refuses to be set
 * up, which is logged; *@stopped: @memory is not used any more. Does not wait for the device's answers. Boot hart, once.
 */
struct host_port *host_port_open(const char *name, void *memory, struct host_port_user *user,
				 bool *stopped);

/*
 * host_port_connection - 0: no program has the other end open, or there is no such port. Else a number that is another one for each
 * time it is opened. Any hart.
 */
uint32_t host_port_connection(const struct host_port *p);

/*
 * host_port_read - up to @size bytes of what has come, while host_port_connection() is @connection; with 0, of what a connection that
 * has ended has left. 0: there is nothing, or there is another connection now; ready() is called when that changes. Any hart.
 */
size_t host_port_read(struct host_port *p, uint32_t connection, char *buf, size_t size);

/* host_port_write - returns how many of @size bytes it took. Fewer than all: ready() is called when there is room. Any hart. */
size_t host_port_write(struct host_port *p, const char *buf, size_t size);

#endif
