// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/exit_world.h
/* Exits of every cause: interrupts of the host, SBI calls, and exceptions that are the guest's own. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include "arch/smp.h"
#include "fake/exit_world.h"
#include "vcpu/irq.h"

static struct exit_why interrupt(uint64_t irq)
{
	return (struct exit_why){ .cause = SCAUSE_INTERRUPT | irq };
}

static void an_interrupt_changes_nothing_of_the_guest(void **state)
{
	for (uint64_t irq = 0; irq < 64; irq++) {
		(void)exit_setup(state);
		assert_int_equal(exits(interrupt(irq)), NEXT_GUEST);
		goes_on(0);
		only_reg(0, 0);
		assert_int_equal(w.timer_runs, irq == IRQ_S_TIMER);
		assert_int_equal(w.host_irqs, irq == IRQ_S_EXT);
		counted(irq == IRQ_S_SOFT  ? EXIT_IRQ_SOFT :
			irq == IRQ_S_TIMER ? EXIT_IRQ_TIMER :
			irq == IRQ_S_EXT   ? EXIT_IRQ_EXTERNAL :
					     EXIT_OTHER);
		assert_int_equal(this_pcpu()->ipis_taken, irq == IRQ_S_SOFT);
	}
}

/* One that hartvisor has no handler for would come again at once, for ever. */
static void an_interrupt_without_a_handler_is_disabled(void **state)
{
	for (uint64_t irq = 0; irq < 64; irq++) {
		bool known = irq == IRQ_S_SOFT || irq == IRQ_S_TIMER || irq == IRQ_S_EXT;

		(void)exit_setup(state);
		(void)exits(interrupt(irq));
		assert_int_equal(csr_read(CSR_SIE), known ? UINT64_MAX : ~BIT(irq));
	}
}

/* The others stay pending: what they are for has not been seen to yet. */
static void taking_an_ipi_clears_it_alone(void **state)
{
	(void)state;
	csr_write(CSR_SIP, UINT64_MAX);
	(void)exits(interrupt(IRQ_S_SOFT));
	assert_int_equal(csr_read(CSR_SIP), ~BIT(IRQ_S_SOFT));
	(void)exits(interrupt(IRQ_S_TIMER));
	(void)exits(interrupt(IRQ_S_EXT));
	assert_int_equal(csr_read(CSR_SIP), ~BIT(IRQ_S_SOFT));
	assert_int_equal(this_pcpu()->ipis_taken, 1);
}

/* An IPI that took a guest out for nothing is what the operator's table calls spurious. */
static void an_ipi_is_spurious_when_there_is_nothing_to_be_done(void **state)
{
	(void)state;
	(void)exits(interrupt(IRQ_S_SOFT));
	assert_int_equal(w.v.stats.spurious_exits, 1);
	w.v.requests = 1;
	(void)exits(interrupt(IRQ_S_SOFT));
	w.v.requests = 0;
	w.v.irq.inject = BIT(IRQ_VS_SOFT); /* not enabled: nothing that the guest would take */
	(void)exits(interrupt(IRQ_S_SOFT));
	assert_int_equal(w.v.stats.spurious_exits, 2);
	csr_write(CSR_HIE, BIT(IRQ_VS_SOFT));
	(void)exits(interrupt(IRQ_S_SOFT));
	w.v.irq.inject = 0;
	this_pcpu()->need_resched = 1;
	(void)exits(interrupt(IRQ_S_SOFT));
	this_pcpu()->need_resched = 0;
	(void)exits(interrupt(IRQ_S_TIMER));
	assert_int_equal(w.v.stats.spurious_exits, 2);
	(void)exits(interrupt(IRQ_S_SOFT));
	assert_int_equal(w.v.stats.spurious_exits, 3);
}

static void an_sbi_call_may_name_a_vcpu_that_is_to_run_instead(void **state)
{
	static struct vcpu other;

	(void)state;
	assert_int_equal(exits((struct exit_why){ .cause = EXC_ECALL_VS }), NEXT_GUEST);
	goes_on(4);
	counted(EXIT_SBI);
	w.yields_to = &other;
	assert_int_equal(exits((struct exit_why){ .cause = EXC_ECALL_VS }), NEXT_YIELD);
	assert_ptr_equal(next_to(exit_next), &other);
	assert_int_equal(w.sbi_calls, 2);
}

/* Whatever a machine's hedeleg does not delegate: the guest takes it as if it had been. */
static void exceptions_that_are_not_delegated_are_the_guests_own(void **state)
{
	for (uint64_t cause = 0; cause < 64; cause++) {
		if (cause == EXC_ECALL_VS ||
		    (cause >= EXC_INSN_GUEST_FAULT && cause <= EXC_STORE_GUEST_FAULT))
			continue;
		for (int user = 0; user < 2; user++) {
			(void)exit_setup(state);
			if (user)
				exit_user();
			assert_int_equal(exits((struct exit_why){ .cause = cause,
								  .stval = 0xabcdef12345,
								  .htval = 0x777,
								  .htinst = 0x2503 }),
					 NEXT_GUEST);
			takes(cause, 0xabcdef12345);
			counted(EXIT_OTHER);
			no_device();
			assert_int_equal(w.fetches, 0);
		}
	}
}

/* Interrupts were off in the guest: they were off before the trap, too. */
static void an_exception_remembers_that_interrupts_were_off(void **state)
{
	(void)state;
	csr_write(CSR_VSSTATUS, SSTATUS_SPIE | SSTATUS_SUM);
	(void)exits((struct exit_why){ .cause = EXC_BREAKPOINT });
	assert_int_equal(csr_read(CSR_VSSTATUS), SSTATUS_SPP | SSTATUS_SUM);
}

/* The guest meets it again when it goes on, unless the debugger has taken it out. */
static void a_breakpoint_is_a_debugger_s_if_that_says_so(void **state)
{
	(void)state;
	w.debugger = true;
	assert_int_equal(exits((struct exit_why){ .cause = EXC_BREAKPOINT, .stval = EXIT_PC }),
			 NEXT_GUEST);
	assert_int_equal(w.breaks, 1);
	assert_int_equal(w.v.regs.sepc, EXIT_PC);
	counted(EXIT_OTHER);
	w.debugger = false;
	assert_int_equal(exits((struct exit_why){ .cause = EXC_BREAKPOINT, .stval = EXIT_PC }),
			 NEXT_GUEST);
	takes(EXC_BREAKPOINT, EXIT_PC);
}

#define test(fn) cmocka_unit_test_setup(fn, exit_setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_interrupt_changes_nothing_of_the_guest),
		test(a_breakpoint_is_a_debugger_s_if_that_says_so),
		test(an_interrupt_without_a_handler_is_disabled),
		test(taking_an_ipi_clears_it_alone),
		test(an_ipi_is_spurious_when_there_is_nothing_to_be_done),
		test(an_sbi_call_may_name_a_vcpu_that_is_to_run_instead),
		test(exceptions_that_are_not_delegated_are_the_guests_own),
		test(an_exception_remembers_that_interrupts_were_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
