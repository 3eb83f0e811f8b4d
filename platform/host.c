/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform/host.h"

#include "platform/driver.h"

static const struct host_irqchip *irqchip;
static const struct host_uart *uart;
static const struct host_rtc *rtc;

int host_bind_irqchip(const struct host_irqchip *chip)
{
	if (irqchip)
		return HV_EBUSY;
	irqchip = chip;
	return HV_OK;
}

int host_bind_uart(const struct host_uart *u)
{
	if (uart)
		return HV_EBUSY;
	uart = u;
	return HV_OK;
}

int host_bind_rtc(const struct host_rtc *r)
{
	if (rtc)
		return HV_EBUSY;
	rtc = r;
	return HV_OK;
}

int host_irq_request(const void *fdt, int node, void (*fn)(void *arg), void *arg)
{
	return irqchip ? irqchip->request(fdt, node, fn, arg) : HV_ENXIO;
}

void host_irq_off(const void *arg)
{
	if (irqchip)
		irqchip->off(arg);
}

void host_irq_handle(void)
{
	if (irqchip)
		irqchip->handle();
}

void host_irq_init_pcpu(void)
{
	if (irqchip)
		irqchip->init_pcpu();
}

void host_irq_balance(void)
{
	if (irqchip)
		irqchip->balance();
}

bool host_uart_present(void)
{
	return uart != NULL;
}

unsigned int host_uart_write(const char *buf, unsigned int len)
{
	return uart ? uart->write(buf, len) : 0;
}

int host_uart_getc(void)
{
	return uart ? uart->getc() : -1;
}

bool host_uart_interrupts(void (*fn)(void))
{
	return uart && uart->interrupts(fn);
}

void host_uart_tx_interrupt(bool on)
{
	if (uart)
		uart->tx_interrupt(on);
}

void host_uart_rx_interrupt(bool on)
{
	if (uart)
		uart->rx_interrupt(on);
}

uint64_t host_rtc_now(void)
{
	return rtc ? rtc->now() : 0;
}
