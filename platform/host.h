/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What drivers give to driver.h's host_* functions: the machine has one interrupt controller, one
 * console and one clock for us, and the first driver that offers one is taken.
 */
#ifndef PLATFORM_HOST_H
#define PLATFORM_HOST_H

#include "lib/types.h"

struct host_irqchip {
	int (*request)(const void *fdt, int node, void (*fn)(void *arg), void *arg);
	void (*off)(const void *arg);
	void (*handle)(void);
	void (*init_pcpu)(void);
	void (*balance)(void);
};

struct host_uart {
	unsigned int (*write)(const char *buf, unsigned int len);
	int (*getc)(void);
	bool (*interrupts)(void (*fn)(void));
	void (*tx_interrupt)(bool on);
	void (*rx_interrupt)(bool on);
};

struct host_rtc {
	uint64_t (*now)(void);
};

/* Boot hart, from a probe. HV_EBUSY: there is one already. */
int host_bind_irqchip(const struct host_irqchip *chip);
int host_bind_uart(const struct host_uart *uart);
int host_bind_rtc(const struct host_rtc *rtc);

#endif
