// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/lib/fdt.c platform/machine.c hyp/arch/isa.c platform/hart_intc.c tests/unit/fake/pcpu.c
// SOURCES: tests/fuzz/common/tree_mutator.c
// LDFLAGS: -Wl,--defsym=__drivers_start=__start_drivers -Wl,--defsym=__drivers_end=__stop_drivers
/*
 * The drivers, probed by a host's tree: whatever it says, registers are accessed within the window that was asked for, at
 * their natural alignment, and never in memory.
 */
#include "common/fuzz.h"

#include "platform/driver.h"

/* The linker names the ends of a section only if it has a name of C's. */
#undef DRIVER
#define DRIVER(name)                             \
	static const struct driver driver_##name \
		__attribute__((used, section("drivers"), aligned(8)))

/* All in one: their state is put back for each input. */
#include "platform/aclint_sswi.c"
#include "platform/goldfish_rtc.c"
#include "platform/ns16550.c"
#include "platform/plic.c"
#define rtc  bound_rtc
#define uart bound_uart
#include "platform/host.c"
#undef rtc
#undef uart
#include "platform/driver.c"

#include "arch/memmap.h"
#include "fake/log.h"
#include "fake/pcpu.h"

#define CAP	    KIB(64)
#define MAX_WINDOWS 16
#define WINDOW_SIZE BIT(40)
#define WINDOWS	    BIT(44) /* where they are: nothing is mapped there */

static struct {
	hpa_t base;
	uint64_t size;
} windows[MAX_WINDOWS];
static unsigned int nr_windows;
static uint64_t noise; /* what registers hold */

void *device_map(hpa_t base, uint64_t size)
{
	uint64_t at = WINDOWS + nr_windows * WINDOW_SIZE;

	fuzz_must(size > 0 && base.hpa + size > base.hpa);
	fuzz_must(!machine_touches_memory(base, size));
	if (nr_windows == MAX_WINDOWS || size > WINDOW_SIZE - PAGE_SIZE)
		return NULL;
	windows[nr_windows].base = base;
	windows[nr_windows++].size = size;
	return (void *)(uintptr_t)(at + base.hpa % PAGE_SIZE);
}

static void check_access(const volatile void *reg, unsigned int width)
{
	uint64_t at = (uint64_t)(uintptr_t)reg - WINDOWS, i = at / WINDOW_SIZE;
	uint64_t off = at % WINDOW_SIZE - (i < nr_windows ? windows[i].base.hpa % PAGE_SIZE : 0);

	fuzz_must(i < nr_windows);
	fuzz_must(off < windows[i].size && width <= windows[i].size - off);
	fuzz_must((windows[i].base.hpa + off) % width == 0);
}

uint32_t fake_io_read(const volatile void *reg, unsigned int width)
{
	check_access(reg, width);
	noise = noise * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(noise >> 60 ? noise >> 40 & 0xff : 0);
}

void fake_io_write(volatile void *reg, unsigned int width, uint32_t val)
{
	(void)val;
	check_access(reg, width);
}

bool device_try_write32(volatile uint32_t *reg, uint32_t val)
{
	(void)val;
	check_access(reg, 4);
	return noise % 8 != 0;
}

void smp_set_kick_register(struct pcpu *p, volatile uint32_t *reg)
{
	fuzz_must(p != NULL);
	check_access(reg, 4);
}

uint64_t fake_csr_read(unsigned int csr)
{
	(void)csr;
	return noise % 2 ? UINT64_MAX : 0;
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	(void)csr, (void)val;
}

static void on_uart(void)
{
	(void)host_uart_getc();
}

static void use_devices(void)
{
	static const char text[] = "the quick brown fox";

	host_irq_init_pcpu();
	(void)host_uart_interrupts(on_uart);
	fuzz_must(host_uart_write(text, sizeof(text)) <= sizeof(text));
	host_uart_tx_interrupt(true);
	host_uart_rx_interrupt(false);
	for (unsigned int i = 0; i < 4; i++)
		host_irq_handle();
	fuzz_must(host_uart_getc() <= HOST_UART_BREAK);
	(void)host_rtc_now();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *tree;

	if (size > CAP / 2)
		return 0;
	tree = aligned_alloc(PAGE_SIZE, CAP);
	memset(tree, 0, CAP);
	memcpy(tree, data, size);
	memset(&plic, 0, sizeof(plic));
	memset(&uart, 0, sizeof(uart));
	rtc_regs = NULL;
	irqchip = NULL;
	bound_uart = NULL;
	bound_rtc = NULL;
	nr_windows = 0;
	noise = size;
	fake_pcpu_setup(2);
	fake_log_reset();
	if (machine_parse(tree) == HV_OK) {
		driver_probe_all(tree);
		use_devices();
	}
	fuzz_log_is_plain();
	free(tree);
	return 0;
}
