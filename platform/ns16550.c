/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 16550 UART and its relatives. The firmware has set speed and format; they stay. Which of several
 * UARTs is ours is what /chosen/stdout-path says, or the first one without it.
 */
#include <string.h>

#include "arch/mmu.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "platform/driver.h"
#include "platform/host.h"
#include "platform/io.h"

/* Registers, in units of 1 << reg-shift. */
#define UART_DATA 0
#define UART_IER  1
#define UART_IIR  2 /* read */
#define UART_FCR  2 /* write */
#define UART_LCR  3
#define UART_MCR  4
#define UART_LSR  5
#define UART_USR  31 /* DesignWare only */
#define UART_REGS 8

#define IER_RX BIT(0)
#define IER_TX BIT(1)

#define IIR_ID	       0x0f
#define IIR_DW_BUSY    0x07 /* DesignWare: LCR was written while it was busy; reading USR ends it */
#define IIR_RX_TIMEOUT 0x0c
#define IIR_FIFO       0xc0 /* both bits: there is a FIFO and it is on */

#define FCR_ENABLE 0x01 /* interrupt from the first byte on; not cleared: input may have come */

#define LCR_DLAB 0x80

#define MCR_READY 0x0b /* DTR, RTS, and OUT2, which lets interrupts out on PC-like boards */

#define LSR_RX_READY 0x01
#define LSR_BREAK    0x10 /* with a zero byte; forgotten when it has been read */
#define LSR_TX_EMPTY 0x20

#define FIFO_SIZE 16

static struct {
	volatile uint8_t *regs;
	unsigned int shift;
	unsigned int width; /* bytes of a register access */
	bool designware;
	bool broken;	      /* BREAK was received, and its zero byte has not been read yet */
	uint8_t ier;	      /* guarded by the terminal's lock */
	unsigned int fifo;    /* bytes that may follow when the transmitter is empty */
	unsigned int tx_room; /* of these, not used yet; guarded by the terminal's lock */
	const void *fdt;
	int node;
	void (*fn)(void);
} uart;

static uint8_t uart_read(unsigned int reg)
{
	volatile uint8_t *at = uart.regs + (reg << uart.shift);

	switch (uart.width) {
	case 4:
		return (uint8_t)io_read32(at);
	case 2:
		return (uint8_t)io_read16(at);
	default:
		return io_read8(at);
	}
}

static void uart_write(unsigned int reg, uint8_t val)
{
	volatile uint8_t *at = uart.regs + (reg << uart.shift);

	switch (uart.width) {
	case 4:
		io_write32(val, at);
		break;
	case 2:
		io_write16(val, at);
		break;
	default:
		io_write8(val, at);
		break;
	}
}

static uint8_t read_lsr(void)
{
	uint8_t lsr = uart_read(UART_LSR);

	if (lsr & LSR_BREAK)
		uart.broken = true;
	return lsr;
}

/* Once the transmitter is empty the whole FIFO is free, so one look at LSR serves for 16 bytes. */
static unsigned int ns16550_write(const char *buf, unsigned int len)
{
	unsigned int n;

	for (n = 0; n < len; n++) {
		if (!uart.tx_room) {
			if (!(read_lsr() & LSR_TX_EMPTY))
				break;
			uart.tx_room = uart.fifo;
		}
		uart.tx_room--;
		uart_write(UART_DATA, (uint8_t)buf[n]);
	}
	return n;
}

static int ns16550_getc(void)
{
	uint8_t c;

	if (!(read_lsr() & LSR_RX_READY))
		return -1;
	c = uart_read(UART_DATA);
	/* QEMU says it when the zero byte is not yet the next one to be read. */
	if (c != 0 || !uart.broken)
		return c;
	uart.broken = false;
	return HOST_UART_BREAK;
}

static void interrupt_enable(uint8_t which, bool on)
{
	uart.ier = (uint8_t)(on ? uart.ier | which : uart.ier & ~which);
	uart_write(UART_IER, uart.ier);
}

static void ns16550_tx_interrupt(bool on)
{
	interrupt_enable(IER_TX, on);
}

static void ns16550_rx_interrupt(bool on)
{
	interrupt_enable(IER_RX, on);
}

static void ns16550_interrupt(void *arg)
{
	uint8_t id = uart_read(UART_IIR) & IIR_ID;

	(void)arg;
	if (id == IIR_DW_BUSY && uart.designware)
		(void)uart_read(UART_USR);
	/* A DesignWare UART may report a timeout with nothing received; only a read ends it. */
	if (id == IIR_RX_TIMEOUT && !(read_lsr() & LSR_RX_READY))
		(void)uart_read(UART_DATA);
	uart.fn();
}

static bool ns16550_interrupts(void (*fn)(void))
{
	uart.fn = fn;
	if (host_irq_request(uart.fdt, uart.node, ns16550_interrupt, NULL))
		return false;
	uart.ier = 0;
	ns16550_rx_interrupt(true);
	return true;
}

static const struct host_uart ns16550 = {
	.write = ns16550_write,
	.getc = ns16550_getc,
	.interrupts = ns16550_interrupts,
	.tx_interrupt = ns16550_tx_interrupt,
	.rx_interrupt = ns16550_rx_interrupt,
};

/* The node that /chosen/stdout-path names ("serial0:115200n8" or a path), or -1 without one. */
static cold int stdout_node(const void *fdt)
{
	int chosen = fdt_path_offset(fdt, "/chosen");
	const char *path = chosen < 0 ? NULL : fdtx_prop_string(fdt, chosen, "stdout-path");

	if (!path)
		return -1;
	return fdt_path_offset_namelen(fdt, path, (int)strcspn(path, ":"));
}

static cold int ns16550_wrong(const void *fdt, int node, const char *what)
{
	char path[FDTX_PATH_MAX];

	log_warn("%s: %s", fdtx_path(fdt, node, path, sizeof(path)), what);
	return HV_EINVAL;
}

static cold int ns16550_map(const void *fdt, int node, const struct driver_reg *reg)
{
	uint32_t shift = 0, width = 1, offset = 0;
	uint64_t need;

	if (fdtx_prop_u32(fdt, node, "reg-shift", &shift) == HV_EINVAL || shift > 4)
		return ns16550_wrong(fdt, node, "reg-shift has to be 0 to 4");
	if (fdtx_prop_u32(fdt, node, "reg-io-width", &width) == HV_EINVAL ||
	    (width != 1 && width != 2 && width != 4))
		return ns16550_wrong(fdt, node, "reg-io-width has to be 1, 2 or 4");
	if (width > UINT32_C(1) << shift)
		return ns16550_wrong(fdt, node,
				     "reg-io-width is more than reg-shift leaves room for");
	if (fdtx_prop_u32(fdt, node, "reg-offset", &offset) == HV_EINVAL || offset % width)
		return ns16550_wrong(fdt, node, "reg-offset has to be a multiple of reg-io-width");
	uart.designware = fdtx_is_compatible(fdt, node, "snps,dw-apb-uart");
	need = offset + ((uint64_t)(uart.designware ? UART_USR + 1 : UART_REGS) << shift);
	if (reg->err || reg->size < need)
		return ns16550_wrong(fdt, node, "reg is missing or too small");
	uart.shift = shift;
	uart.width = width;
	uart.regs = device_map(hpa(reg->base), reg->size);
	if (!uart.regs)
		return HV_ENOMEM;
	uart.regs += offset;
	return HV_OK;
}

static cold int ns16550_probe(const void *fdt, int node, const struct driver_reg *reg)
{
	int wanted = stdout_node(fdt), err;

	if (host_uart_present() || (wanted >= 0 && wanted != node))
		return HV_EBUSY;
	err = ns16550_map(fdt, node, reg);
	if (err)
		return err;
	uart.fdt = fdt;
	uart.node = node;
	/* First of all: with DLAB set, IER would be half of the divisor, that is the speed. */
	uart_write(UART_LCR, uart_read(UART_LCR) & (uint8_t)~LCR_DLAB);
	uart_write(UART_IER, 0);
	uart_write(UART_FCR, FCR_ENABLE);
	uart_write(UART_MCR, uart_read(UART_MCR) | MCR_READY);
	uart.fifo = (uart_read(UART_IIR) & IIR_FIFO) == IIR_FIFO ? FIFO_SIZE : 1;
	return host_bind_uart(&ns16550);
}

static const char *const ns16550_compatible[] = { "ns16550a", "ns16550", "snps,dw-apb-uart", NULL };

DRIVER(ns16550) = {
	.compatible = ns16550_compatible,
	.order = DRIVER_DEVICE,
	.probe = ns16550_probe,
};
