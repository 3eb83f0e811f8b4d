// SPDX-License-Identifier: BSD-2-Clause

#include <stddef.h>

#include "csr.h"
#include "test.h"
#include "trap.h"

_Static_assert(offsetof(struct cpu, trap_sp) == CPU_TRAP_SP, "vector.S");
_Static_assert(offsetof(struct cpu, stack_sp) == CPU_STACK_SP, "start.S");
_Static_assert(offsetof(struct cpu, user_sp) == CPU_USER_SP, "vector.S");
_Static_assert(offsetof(struct cpu, frame) == CPU_FRAME, "vector.S");
_Static_assert(offsetof(struct frame, sepc) == FRAME_SEPC, "vector.S");
_Static_assert(offsetof(struct frame, sstatus) == FRAME_SSTATUS, "vector.S");

enum { REG_RA = 1, REG_SP = 2, REG_TP = 4 };

extern char user_exit[], user_return[];

void (*trap_on_external)(struct cpu *cpu);

void trap_expect(void)
{
	struct cpu *cpu = this_cpu();

	cpu->trap = (struct trap){ 0 };
	cpu->expecting = true;
	__asm__ volatile("" : : : "memory");
}

struct trap trap_taken(void)
{
	struct cpu *cpu = this_cpu();

	__asm__ volatile("" : : : "memory");
	cpu->expecting = false;
	return cpu->trap;
}

static void handle_irq(struct cpu *cpu, unsigned long cause)
{
	cpu->irqs[cause & 15]++;
	switch (cause) {
	case IRQ_SOFT:
		csr_clear(sip, 1UL << IRQ_SOFT);
		break;
	case IRQ_EXT:
		if (trap_on_external) {
			trap_on_external(cpu);
			break;
		}
		csr_clear(sie, 1UL << IRQ_EXT);
		break;
	default:
		csr_clear(sie, 1UL << cause);
		break;
	}
}

static void skip(struct cpu *cpu, unsigned long cause)
{
	struct frame *f = &cpu->frame;

	if (cause == CAUSE_FETCH_ACCESS || cause == CAUSE_FETCH_PAGE ||
	    cause == CAUSE_FETCH_MISALIGNED)
		f->sepc = f->x[REG_RA];
	else
		f->sepc += (*(const uint16_t *)f->sepc & 3) == 3 ? 4 : 2;
}

static void die(struct cpu *cpu, unsigned long cause, bool in_handler)
{
	unsigned long stval = csr_read(stval);

	for (int i = 1; i < 32; i += 4)
		print("x%d: %016lx %016lx %016lx %016lx\n", i, cpu->frame.x[i], cpu->frame.x[i + 1],
		      cpu->frame.x[i + 2], i + 3 < 32 ? cpu->frame.x[i + 3] : 0);
	test_fail("hart %lu: unexpected trap %lu at %lx, stval %lx%s", cpu->hartid, cause,
		  cpu->frame.sepc, stval, in_handler ? ", in a trap handler" : "");
}

void trap_handle(struct cpu *cpu)
{
	unsigned long cause = csr_read(scause);
	struct frame *f = &cpu->frame;

	if (cpu->in_trap)
		die(cpu, cause, true);
	cpu->in_trap = true;

	if ((long)cause < 0) {
		handle_irq(cpu, cause & ~(1UL << 63));
	} else if (cause == CAUSE_USER_ECALL && f->sepc == (unsigned long)user_exit) {
		f->sepc = (unsigned long)user_return;
		f->x[REG_SP] = cpu->user_sp;
		f->x[REG_TP] = (unsigned long)cpu;
		f->sstatus |= SSTATUS_SPP;
		f->sstatus &= ~SSTATUS_SPIE;
		cpu->user_sp = 0;
	} else if (cpu->expecting) {
		if (cpu->trap.count++ == 0) {
			cpu->trap.cause = cause;
			cpu->trap.stval = csr_read(stval);
			cpu->trap.sepc = f->sepc;
		}
		skip(cpu, cause);
	} else {
		die(cpu, cause, false);
	}

	cpu->in_trap = false;
}
