// SPDX-License-Identifier: BSD-2-Clause
/*
 * Looks for what another VM, or an earlier life of this one, left: in memory, which must be zero outside the image, the device tree and
 * the ramdisk; in the registers at start; in the CSRs that the hardware has no copy of for guests. Then
 * it says "LEAK clean", fouls all of that, and is rebooted by the line "reboot"; the line "quit" ends it.
 */
#include "csr.h"
#include "fdt.h"
#include "smp.h"
#include "string.h"
#include "test.h"
#include "trap.h"
#include "uart.h"

GUEST("leak");

#define MARKER 0x4c45414b4c45414bUL

extern char _image_start[], _image_end[];

struct range {
	unsigned long start, end;
};

static struct range known[3];

static void learn_ranges(void)
{
	known[0] = (struct range){ (unsigned long)_image_start, (unsigned long)_image_end };
	known[1] = (struct range){ (unsigned long)machine.fdt,
				   (unsigned long)machine.fdt + machine.fdt_size };
	known[2] = (struct range){ machine.initrd_start, machine.initrd_end };
}

/* skip_known - the first 8 bytes at or after @addr that are in no known range. */
static unsigned long skip_known(unsigned long addr)
{
	for (int i = 0; i < 3; i++)
		if (addr + 8 > known[i].start && addr < known[i].end)
			return skip_known((known[i].end + 7) & ~7UL);
	return addr;
}

static unsigned long next_known(unsigned long addr, unsigned long end)
{
	for (int i = 0; i < 3; i++)
		if (known[i].start > addr && known[i].start < end)
			end = known[i].start & ~7UL;
	return end;
}

static void look_through_memory(bool foul)
{
	unsigned long end = machine.ram_base + machine.ram_size;
	/* Below the image is firmware, unless there is none. */
	unsigned long start = guest_is_virtual() ? machine.ram_base : (unsigned long)_image_start;

	for (unsigned long at = skip_known(start); at < end; at = skip_known(at)) {
		unsigned long stop = next_known(at, end);

		for (; at < stop; at += 8) {
			volatile unsigned long *p = (volatile unsigned long *)at;

			if (!foul && *p)
				test_fail("%lx holds %lx at start", at, *p);
			if (foul)
				*p = MARKER;
		}
	}
}

static void look_at_registers(void)
{
	for (int i = 1; i < 32; i++)
		if (i != 10 && i != 11 && boot_regs[i])
			test_fail("x%d holds %lx at start", i, boot_regs[i]);
	CHECK_EQ(boot_regs[11], machine.fdt);
}

static void look_at_csrs(void)
{
	/* Closed, or as OpenSBI leaves it: TM, or TM and what reads as zero here. */
	CHECK((csr_read(scounteren) & ~7UL) == 0);
	CHECK_EQ(csr_read(CSR_SENVCFG), 0);
	CHECK_EQ(csr_read(sip) & 1UL << IRQ_SOFT, 0);
	CHECK_EQ(csr_read(sstatus) & (SSTATUS_SIE | SSTATUS_SUM | SSTATUS_VS), 0);
}

static void foul_csrs(void)
{
	csr_write(scounteren, ~0UL);
	csr_write(CSR_SENVCFG, ~0UL);
	csr_write(stvec, 0xdeadbee0);
	csr_write(sepc, MARKER);
	csr_write(scause, MARKER);
	csr_write(stval, MARKER);
	csr_set(sip, 1UL << IRQ_SOFT);
}

static void obey(void)
{
	static char line[16];
	size_t len = 0;

	for (;;) {
		int c = uart_getc();

		if (c == '\r' || c == '\n') {
			line[len] = '\0';
			len = 0;
			if (!strcmp(line, "quit"))
				test_pass();
			if (!strcmp(line, "reboot"))
				guest_reboot();
		} else if (c >= 0 && len + 1 < sizeof(line)) {
			line[len++] = (char)c;
		}
	}
}

void guest_main(void)
{
	learn_ranges();
	if (guest_is_virtual()) {
		look_at_registers();
		look_at_csrs();
		look_through_memory(false);
	}
	look_through_memory(guest_is_virtual());
	foul_csrs();
	print("LEAK clean\n");
	obey();
}
