// SPDX-License-Identifier: BSD-2-Clause
/*
 * Counts what it gets done, in instructions of one loop: settle= ms after its start it counts for ms= of
 * its own clock and says how much of a hart that was; then, or with n= after so many thousand
 * instructions, it says that it is done. quit=1: it ends then; else it goes on counting, so that the
 * others on its hart keep their neighbour.
 *
 * A share is right where one instruction is one nanosecond (-icount shift=0). All vcpus but the boot
 * one, if there are any, count as well and say the same of themselves.
 */
#include "csr.h"
#include "fdt.h"
#include "smp.h"
#include "test.h"
#include "time.h"

GUEST("share");

struct count {
	unsigned long thousands; /* of instructions */
	unsigned long last;	 /* when the last of them was over */
	unsigned long longest;	 /* from one to the next: in ticks */
};

/* Count up to the first turn that is over at @until or later; each turn is 1000 instructions. */
static void count_until(struct count *c, unsigned long until)
{
	unsigned long turns, now, gap;

	__asm__ volatile(
		".option push\n"
		".option norvc\n"
		"1:	li %[turns], 495\n"
		"2:	addi %[turns], %[turns], -1\n"
		"	bnez %[turns], 2b\n"
		"	rdtime %[now]\n"
		"	sub %[gap], %[now], %[last]\n"
		"	mv %[last], %[now]\n"
		"	bgeu %[longest], %[gap], 3f\n"
		"	mv %[longest], %[gap]\n"
		"3:	addi %[count], %[count], 1\n"
		"	nop\n"
		"	nop\n"
		"	nop\n"
		"	bltu %[now], %[until], 1b\n"
		".option pop"
		: [turns] "=&r"(turns), [now] "=&r"(now), [gap] "=&r"(gap), [last] "+r"(c->last),
		  [longest] "+r"(c->longest), [count] "+r"(c->thousands)
		: [until] "r"(until));
}

static void measure(const struct cpu *cpu, unsigned long settle, unsigned long ms)
{
	unsigned long per_us = machine.timebase / 1000000, us;
	struct count c = { .last = time_now() };

	count_until(&c, time_in_ms(settle));
	c.thousands = c.longest = 0;
	us = c.last;
	count_until(&c, us + ms * 1000 * per_us);
	us = (c.last - us) / per_us;
	print("SHARE %lu: %lu thousand in %lu us: %lu ppm, away for %lu us at most\n", cpu->index,
	      c.thousands, us, c.thousands * 1000000 / us, c.longest / per_us);
}

static void go_on(unsigned long thousands)
{
	struct count c = { 0 };

	while (c.thousands < thousands)
		count_until(&c, 0);
}

static void work(struct cpu *cpu)
{
	unsigned long n = machine_arg("n", 0);

	if (n) {
		go_on(n);
		print("SHARE %lu done\n", cpu->index);
	} else {
		measure(cpu, machine_arg("settle", 200), machine_arg("ms", 1000));
	}
	if (!machine_arg("quit", 0))
		go_on(~0UL);
}

void guest_main(void)
{
	smp_start_others(work);
	work(this_cpu());
	smp_wait_others_stopped();
}
