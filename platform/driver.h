/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers of the real machine. A driver is one file that ends in one DRIVER() entry; the linker
 * collects the entries, and driver_probe_all() offers each node of the host's device tree to the driver
 * whose `compatible` it has. Adding a driver touches no other file.
 */
#ifndef PLATFORM_DRIVER_H
#define PLATFORM_DRIVER_H

#include "lib/errno.h"
#include "lib/types.h"

enum driver_order {
	DRIVER_IRQCHIP, /* probed first */
	DRIVER_DEVICE,
};

/* The first entry of a node's `reg`. */
struct driver_reg {
	int err; /* HV_OK, or fdtx_reg()'s; then the rest is 0 */
	uint64_t base, size;
};

struct driver {
	const char *const *compatible; /* NULL-terminated */
	enum driver_order order;
	/* 0 or HV_E*; says itself (log) what is wrong with the node. @reg, if it is there, can be that of a device. */
	int (*probe)(const void *fdt, int node, const struct driver_reg *reg);
};

#define DRIVER(name)                             \
	static const struct driver driver_##name \
		__attribute__((used, section(".drivers"), aligned(8)))

/* driver_probe_all - boot hart, once: interrupt controllers first. */
void driver_probe_all(const void *fdt);

/* --- host interrupts ---------------------------------------------------------------------------- */

/* host_irq_request - @fn(@arg) is called when the source that node @node's `interrupts` names fires; on one hart at a
 * time, the one that has the fewest sources, no locks held. HV_ENXIO: no controller. */
int host_irq_request(const void *fdt, int node, void (*fn)(void *arg), void *arg);

/* host_irq_off - the source that was requested with @arg never interrupts again: its device is broken. Any hart. */
void host_irq_off(const void *arg);

/* host_irq_handle - this pcpu took a supervisor external interrupt: claim and dispatch all. */
void host_irq_handle(void);

/* host_irq_init_pcpu - each pcpu once: its context of the controller. */
void host_irq_init_pcpu(void);

/* host_irq_balance - the other harts have been started: they get their part of the sources that drivers have requested
 * before. Boot hart, in no handler. */
void host_irq_balance(void);

/* --- host console: used by hyp/term only --------------------------------------------------------- */

/* host_uart_write - send what the FIFO has room for; returns how many bytes of @buf that was. */
unsigned int host_uart_write(const char *buf, unsigned int len);
/* host_uart_getc - the next received byte, HOST_UART_BREAK, or -1. */
#define HOST_UART_BREAK 0x100
int host_uart_getc(void);
/* host_uart_present - a driver has been bound. */
bool host_uart_present(void);
/*
 * host_uart_interrupts - @fn is called on receive and on transmit-ready; at first on receive alone. False: never.
 * While the one for receive is off, what comes waits in the UART and beyond.
 */
bool host_uart_interrupts(void (*fn)(void));
void host_uart_tx_interrupt(bool on);
void host_uart_rx_interrupt(bool on);

/* --- host wall clock ----------------------------------------------------------------------------- */

/* host_rtc_now - ns since 1970, or 0 when the machine has no clock that we know. */
uint64_t host_rtc_now(void);

#endif
