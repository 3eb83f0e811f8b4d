/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Until another vcpu has had this hart: all general registers hold marks but for four, in S-mode or in U-mode. Two
 * versions, so that every register is marked by one of them.
 */
#include "cpu.h"
#include "csr.h"
#include "test.h"
#include "time.h"
#include "trap.h"
#include "state.h"

#define HOLD_SHARED __attribute__((used)) static volatile unsigned long

HOLD_SHARED hold_saved[32], hold_want[32], hold_got[32];
/* Ticks that nothing of this guest takes: another vcpu ran. And when to give up, where there is none. */
HOLD_SHARED hold_hole, hold_end;
static char hold_stack[4096] __attribute__((aligned(16)));

/*
 * now, before, hole, end: what the loop works with. Returns how long it was away; 0: it has given up. The pointers are
 * asked for by name in the assembler.
 */
__asm__(".macro HOLD name, now, before, hole, end\n"
	".balign 4\n"
	"\\name:\n"
	"la t0, hold_saved\n"
	".irp r, 1,2,3,4,8,9,18,19,20,21,22,23,24,25,26,27\n sd x\\r, \\r*8(t0)\n .endr\n"
	"la t0, hold_want\n"
	".irp r, 1,2,3,4,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
	" ld x\\r, \\r*8(t0)\n .endr\n"
	"ld x5, 5*8(t0)\n"
	"la \\now, hold_hole\n ld \\hole, 0(\\now)\n"
	"la \\now, hold_end\n ld \\end, 0(\\now)\n"
	"csrr \\before, time\n"
	"1: csrr \\now, time\n"
	"sub \\before, \\now, \\before\n"
	"bgeu \\before, \\hole, 2f\n"
	"mv \\before, \\now\n"
	"bltu \\now, \\end, 1b\n"
	"li \\before, 0\n"
	"2: la \\now, hold_got\n"
	".irp r, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
	" sd x\\r, \\r*8(\\now)\n .endr\n"
	"mv a0, \\before\n"
	"la t0, hold_saved\n"
	".irp r, 1,2,3,4,8,9,18,19,20,21,22,23,24,25,26,27\n ld x\\r, \\r*8(t0)\n .endr\n"
	"ret\n"
	".endm\n"
	".text\n"
	"HOLD hold_a, x5, x6, x7, x28\n"
	"HOLD hold_b, x8, x9, x18, x19\n");

unsigned long hold_a(unsigned long unused);
unsigned long hold_b(unsigned long unused);

static bool is_working_register(unsigned int n, bool a)
{
	return a ? n == 5 || n == 6 || n == 7 || n == 28 : n == 8 || n == 9 || n == 18 || n == 19;
}

/* @round: in which mode, with FP and vectors on or off. Returns whether another vcpu ran here. */
static bool hold(unsigned long round)
{
	bool user = round & 1, off = round & 2, a = !((round ^ round >> 1) & 1);
	unsigned long old = csr_read(sstatus), away;

	for (unsigned int n = 1; n < 32; n++)
		hold_want[n] = state_pattern(n, round);
	hold_hole = time_in_us(100) - time_now();
	if (off)
		csr_clear(sstatus, SSTATUS_FS | SSTATUS_VS);
	hold_end = time_in_ms(30);
	if (user)
		away = user_call(a ? hold_a : hold_b, 0, hold_stack + sizeof(hold_stack));
	else
		away = (a ? hold_a : hold_b)(0);
	csr_set(sstatus, old & (SSTATUS_FS | SSTATUS_VS));
	for (unsigned int n = 1; n < 32; n++)
		if (!is_working_register(n, a) && hold_got[n] != hold_want[n])
			state_is_bad("a general register", hold_got[n], hold_want[n]);
	return away != 0;
}
