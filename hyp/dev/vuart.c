/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 16550A whose wire is as fast as the terminal: what is written is gone at once, so THR is empty, unless the VM's
 * queue there is full; and what is typed waits in the terminal's ring until there is room in the receive FIFO.
 * Register and interrupt rules are those of the PC16550D data sheet.
 */
#include <string.h>

#include "dev/mmio.h"
#include "dev/vdev.h"
#include "dev/vuart_regs.h"
#include "irqchip/virqchip.h"
#include "term/term.h"
#include "vcpu/console.h"
#include "vcpu/vm_part.h"

#define RX_FIFO 16
#define TX_FIFO 16

struct vuart {
	struct spinlock lock; /* LOCK_VDEV; guards all that follows */
	struct vm *vm;
	struct virq irq;
	uint32_t phandle;
	uint8_t ier, lcr, mcr, scr; /* atomic: vuart_peek() has no lock */
	uint8_t fcr, msr, dll, dlm;
	bool overrun;	   /* LSR.OE */
	bool thre_pending; /* THR became empty, and IIR has not told yet */
	bool thre_waits;   /* it is not empty: the terminal tells when it is */
	bool line;	   /* what the interrupt controller sees */
	uint8_t break_in; /* BREAK is so many bytes ahead in the FIFO, 1: the next; 0: it is not, or has been told */
	uint8_t rx_head;
	uint8_t rx_count;
	char rx[RX_FIFO];
};

/* --- interrupts --------------------------------------------------------------------------------- */

static unsigned int vuart_rx_trigger(const struct vuart *u)
{
	static const uint8_t levels[] = { 1, 4, 8, 14 };

	return u->fcr & FCR_ENABLE ? levels[u->fcr >> FCR_TRIGGER_SHIFT] : 1;
}

/*
 * The cause of highest priority. The character timeout has no time here: typed input will not reach
 * the trigger level soon, so a delay would serve nothing.
 */
static uint8_t vuart_cause(const struct vuart *u)
{
	if ((u->ier & IER_RLS) && (u->overrun || u->break_in == 1))
		return IIR_RLS;
	if ((u->ier & IER_RDA) && u->rx_count)
		return u->rx_count >= vuart_rx_trigger(u) ? IIR_RDA : IIR_TIMEOUT;
	if ((u->ier & IER_THRE) && u->thre_pending)
		return IIR_THRE;
	if ((u->ier & IER_MSI) && (u->msr & MSR_DELTA))
		return IIR_MSI;
	return IIR_NONE;
}

static void vuart_update_line(struct vuart *u)
{
	bool line = vuart_cause(u) != IIR_NONE;

	if (line == u->line)
		return;
	u->line = line;
	virq_set_level(u->irq, line);
}

/* --- receiver ----------------------------------------------------------------------------------- */

static unsigned int vuart_rx_size(const struct vuart *u)
{
	return u->fcr & FCR_ENABLE ? RX_FIFO : 1;
}

static void vuart_rx_clear(struct vuart *u)
{
	u->rx_head = 0;
	u->rx_count = 0;
	u->break_in = 0;
	memset(u->rx, 0, sizeof(u->rx));
}

static void vuart_rx_push(struct vuart *u, char c)
{
	u->rx[(u->rx_head + u->rx_count) % RX_FIFO] = c;
	u->rx_count++;
}

/*
 * Fill the FIFO from the terminal's ring. It asks until there is no room or the ring was found empty:
 * only then the terminal calls vuart_input_ready() again. In loopback the wire is not connected.
 */
static void vuart_rx_refill(struct vuart *u)
{
	char buf[RX_FIFO];
	size_t room = vuart_rx_size(u) - u->rx_count;
	bool is_break;
	size_t got;

	if ((u->mcr & MCR_LOOP) || room == 0)
		return;
	got = term_stream_read_break(u->vm->stream, buf, room, &is_break);
	for (size_t i = 0; i < got; i++)
		vuart_rx_push(u, buf[i]);
	if (is_break && !u->break_in)
		u->break_in = u->rx_count;
}

/* A byte from our own transmitter. Without FIFO a new one takes the old one's place. */
static void vuart_rx_loop(struct vuart *u, char c)
{
	if (u->rx_count == vuart_rx_size(u)) {
		u->overrun = true;
		if (u->fcr & FCR_ENABLE)
			return;
		vuart_rx_clear(u);
	}
	vuart_rx_push(u, c);
}

static uint8_t vuart_read_rbr(struct vuart *u)
{
	uint8_t c;

	if (u->rx_count == 0)
		return 0;
	c = (uint8_t)u->rx[u->rx_head % RX_FIFO];
	u->rx_head = (uint8_t)((u->rx_head + 1) % RX_FIFO);
	u->rx_count--;
	if (u->break_in)
		u->break_in--;
	if (u->rx_count == 0)
		vuart_rx_refill(u);
	vuart_update_line(u);
	return c;
}

/* --- transmitter -------------------------------------------------------------------------------- */

/*
 * THR is empty when the terminal takes as much as a driver writes for one interrupt. If not, the terminal tells when
 * it does (vuart_output_ready()). A driver that does not wait for that sleeps in its write (vcpu/console.h).
 */
static bool vuart_thr_empty(const struct vuart *u)
{
	return (u->mcr & MCR_LOOP) || term_stream_room(u->vm->stream) >= TX_FIFO;
}

static void vuart_thr_empties(struct vuart *u)
{
	u->thre_pending = vuart_thr_empty(u) || term_stream_want_room(u->vm->stream, TX_FIFO);
	u->thre_waits = !u->thre_pending;
}

/* Filling THR takes the interrupt away, emptying it gives it back: mostly at once, so its line stays. */
static void vuart_write_thr(struct vuart *u, uint8_t val)
{
	char c = (char)val;

	if (u->mcr & MCR_LOOP)
		vuart_rx_loop(u, c);
	else
		(void)vcpu_console_write(this_vcpu(), &c, 1);
	vuart_thr_empties(u);
	vuart_update_line(u);
}

/* --- modem lines -------------------------------------------------------------------------------- */

/* In loopback our outputs are our inputs; else the other end is always there and ready. */
static uint8_t vuart_modem_lines(const struct vuart *u)
{
	uint8_t lines = 0;

	if (!(u->mcr & MCR_LOOP))
		return MSR_DCD | MSR_DSR | MSR_CTS;
	if (u->mcr & MCR_DTR)
		lines |= MSR_DSR;
	if (u->mcr & MCR_RTS)
		lines |= MSR_CTS;
	if (u->mcr & MCR_OUT1)
		lines |= MSR_RI;
	if (u->mcr & MCR_OUT2)
		lines |= MSR_DCD;
	return lines;
}

static void vuart_write_mcr(struct vuart *u, uint8_t val)
{
	uint8_t lines;
	uint8_t changed;

	atomic_set(&u->mcr, (uint8_t)(val & MCR_MASK));
	lines = vuart_modem_lines(u);
	changed = (uint8_t)((lines ^ u->msr) & MSR_LINES) >> 4;
	if (lines & MSR_RI)
		changed &= (uint8_t)~MSR_TERI; /* only the ring indicator's end counts */
	u->msr = lines | (u->msr & MSR_DELTA) | changed;
	vuart_rx_refill(u);
	vuart_update_line(u);
}

/* --- registers ---------------------------------------------------------------------------------- */

static void vuart_write_ier(struct vuart *u, uint8_t val)
{
	if ((val & IER_THRE) && !(u->ier & IER_THRE))
		vuart_thr_empties(u);
	atomic_set(&u->ier, (uint8_t)(val & IER_MASK));
	vuart_update_line(u);
}

static uint8_t vuart_read_iir(struct vuart *u)
{
	uint8_t cause = vuart_cause(u);

	if (cause == IIR_THRE) {
		u->thre_pending = false;
		vuart_update_line(u);
	}
	return u->fcr & FCR_ENABLE ? cause | IIR_FIFO : cause;
}

/* Turning the FIFOs on or off empties them; the other bits count only with FIFOs on. */
static void vuart_write_fcr(struct vuart *u, uint8_t val)
{
	if (((val ^ u->fcr) & FCR_ENABLE) || ((val & FCR_ENABLE) && (val & FCR_CLEAR_RX)))
		vuart_rx_clear(u);
	u->fcr = val & FCR_ENABLE ? val : 0;
	vuart_rx_refill(u);
	vuart_update_line(u);
}

static uint8_t vuart_read_lsr(struct vuart *u)
{
	uint8_t lsr = vuart_thr_empty(u) ? LSR_THRE | LSR_TEMT : 0;

	if (u->rx_count)
		lsr |= LSR_DR;
	if (u->break_in == 1) {
		lsr |= LSR_BI;
		u->break_in = 0;
		vuart_update_line(u);
	}
	if (u->overrun) {
		lsr |= LSR_OE;
		u->overrun = false;
		vuart_update_line(u);
	}
	return lsr;
}

static uint8_t vuart_read_msr(struct vuart *u)
{
	uint8_t msr = u->msr;

	u->msr &= MSR_LINES;
	vuart_update_line(u);
	return msr;
}

static uint8_t vuart_read_reg(struct vuart *u, uint64_t reg)
{
	switch (reg) {
	case UART_RBR:
		return u->lcr & LCR_DLAB ? u->dll : vuart_read_rbr(u);
	case UART_IER:
		return u->lcr & LCR_DLAB ? u->dlm : u->ier;
	case UART_IIR:
		return vuart_read_iir(u);
	case UART_LCR:
		return u->lcr;
	case UART_MCR:
		return u->mcr;
	case UART_LSR:
		return vuart_read_lsr(u);
	case UART_MSR:
		return vuart_read_msr(u);
	case UART_SCR:
		return u->scr;
	default:
		return 0;
	}
}

static void vuart_write_reg(struct vuart *u, uint64_t reg, uint8_t val)
{
	switch (reg) {
	case UART_RBR:
		if (u->lcr & LCR_DLAB)
			u->dll = val;
		else
			vuart_write_thr(u, val);
		break;
	case UART_IER:
		if (u->lcr & LCR_DLAB)
			u->dlm = val;
		else
			vuart_write_ier(u, val);
		break;
	case UART_IIR:
		vuart_write_fcr(u, val);
		break;
	case UART_LCR:
		atomic_set(&u->lcr, val);
		break;
	case UART_MCR:
		vuart_write_mcr(u, val);
		break;
	case UART_SCR:
		atomic_set(&u->scr, val);
		break;
	default: /* LSR and MSR are the chip's to write */
		break;
	}
}

/* The registers that only remember what was written. */
static uint64_t vuart_peek(void *dev, uint64_t off, unsigned int len)
{
	const struct vuart *u = dev;

	(void)len;
	switch (off) {
	case UART_SCR:
		return atomic_read(&u->scr);
	case UART_LCR:
		return atomic_read(&u->lcr);
	case UART_MCR:
		return atomic_read(&u->mcr);
	case UART_IER:
		return atomic_read(&u->lcr) & LCR_DLAB ? MMIO_NO_PEEK : atomic_read(&u->ier);
	default:
		return MMIO_NO_PEEK;
	}
}

/* Registers are bytes: a wider access is one of its first byte. */
static uint64_t vuart_read(void *dev, uint64_t off, unsigned int len)
{
	struct vuart *u = dev;
	uint8_t val;

	(void)len;
	spin_lock(&u->lock);
	val = vuart_read_reg(u, off);
	spin_unlock(&u->lock);
	return val;
}

static void vuart_write(void *dev, uint64_t off, unsigned int len, uint64_t val)
{
	struct vuart *u = dev;

	(void)len;
	spin_lock(&u->lock);
	vuart_write_reg(u, off, (uint8_t)val);
	spin_unlock(&u->lock);
}

static const struct mmio_ops vuart_ops = { vuart_read, vuart_write, vuart_peek };

/* --- the outside -------------------------------------------------------------------------------- */

void vuart_input_ready(void *dev)
{
	struct vuart *u = dev;

	spin_lock(&u->lock);
	vuart_rx_refill(u);
	vuart_update_line(u);
	spin_unlock(&u->lock);
}

void vuart_output_ready(void *dev)
{
	struct vuart *u = dev;

	spin_lock(&u->lock);
	if (u->thre_waits)
		vuart_thr_empties(u);
	vuart_update_line(u);
	spin_unlock(&u->lock);
}

cold void vuart_reset(void *dev)
{
	struct vuart *u = dev;

	spin_lock(&u->lock);
	u->ier = 0;
	u->fcr = 0;
	u->lcr = 0;
	u->mcr = 0;
	u->scr = 0;
	u->dll = 0;
	u->dlm = 0;
	u->msr = vuart_modem_lines(u);
	u->overrun = false;
	u->thre_pending = false;
	u->thre_waits = false;
	vuart_rx_clear(u);
	vuart_rx_refill(u);
	vuart_update_line(u);
	spin_unlock(&u->lock);
}

cold struct vuart *vuart_new(struct vm *vm)
{
	struct vuart *u = arena_new(&vm->arena, struct vuart);

	if (!u)
		return NULL;
	spin_init(&u->lock, LOCK_VDEV);
	u->vm = vm;
	u->irq = virq_of(vm, VUART_IRQ);
	if (mmio_add(vm->bus, gpa(VUART_BASE), VUART_SIZE, &vuart_ops, u, "uart"))
		return NULL;
	u->phandle = vm_new_phandle(vm);
	vuart_reset(u);
	return u;
}

/* --- as a part of a VM ---------------------------------------------------------------------------- */

#define UART_PATH "/soc/serial@10000000"

static_assert(VUART_BASE == 0x10000000, "UART_PATH");

static int vuart_create(struct vm *vm, const struct vm_part_args *args, void **state)
{
	struct vuart *u = vuart_new(vm);

	(void)args;
	if (!u)
		return HV_ENOMEM;
	vm->console = (struct vm_console_port){ vuart_input_ready, vuart_output_ready, u };
	*state = u;
	return HV_OK;
}

static cold void vuart_describe(const void *state, struct fdtw *w, enum vm_place place)
{
	const struct vuart *u = state;

	if (place == VM_PLACE_CHOSEN)
		fdtw_string(w, "stdout-path", UART_PATH);
	if (place == VM_PLACE_ALIASES)
		fdtw_string(w, "serial0", UART_PATH);
	if (place != VM_PLACE_SOC)
		return;
	fdtw_begin_device(w, "serial", "uart0", u->phandle, VUART_BASE, VUART_SIZE);
	fdtw_string(w, "compatible", "ns16550a");
	fdtw_u32(w, "clock-frequency", VUART_CLOCK);
	virq_describe(u->irq, w);
	fdtw_end(w);
}

VM_PART(vuart) = {
	.name = "uart",
	.order = VM_PART_DEVICE,
	.create = vuart_create,
	.reset = vuart_reset,
	.describe = vuart_describe,
};
