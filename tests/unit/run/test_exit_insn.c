// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/exit_world.h
/* Exits by a virtual-instruction exception: what the guest executed, and what it finds. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include "fake/exit_world.h"
#include "vcpu/sleep.h"

#define WFI	    0x10500073u
#define WRS_NTO	    0x00d00073u
#define WRS_STO	    0x01d00073u
#define SRET	    0x10200073u
#define HFENCE_GVMA 0x62000073u
#define CBO_ZERO    0x0045200fu
#define CYCLE	    0xc00u
#define TIME	    0xc01u
#define INSTRET	    0xc02u

#define PAGE_LAST \
	(EXIT_PC / PAGE_SIZE * PAGE_SIZE + PAGE_SIZE - 4) /* the last whole instruction of a page */

/* csrrX rd, csr, rs1: funct3 1 to 3, and 5 to 7 with an immediate in rs1's place. */
static uint32_t csr_insn(uint32_t csr, uint32_t funct3, uint32_t rd, uint32_t rs1)
{
	return csr << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | 0x73;
}

static enum next_why virtual_insn(uint64_t stval)
{
	return exits((struct exit_why){ .cause = EXC_VIRTUAL_INSN, .stval = stval });
}

/* It halts behind the WFI, with all that ends a WFI. */
static void halts(void)
{
	assert_int_equal(w.v.halt.ends, sleep_ends(SLEEP_WFI));
	counted(EXIT_WFI);
}

/* --- WFI and WRS ---------------------------------------------------------------------------------------- */

static void wfi_halts_the_vcpu_wherever_it_stands(void **state)
{
	static const uint64_t offsets[] = {
		0, 2, 0x800, PAGE_SIZE - 6, PAGE_SIZE - 4, PAGE_SIZE - 2
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(offsets); i++) {
		for (int told = 0; told < 2; told++) { /* stval says which instruction, or is 0 */
			(void)exit_setup(state);
			w.v.regs.sepc = align_down(EXIT_PC, PAGE_SIZE) + offsets[i];
			exit_code(w.v.regs.sepc, WFI);
			assert_int_equal(virtual_insn(told ? WFI : 0), NEXT_GUEST);
			goes_on(4);
			only_reg(0, 0);
			halts();
		}
	}
}

static void wfi_of_user_mode_is_illegal(void **state)
{
	static const uint64_t pcs[] = { EXIT_PC, PAGE_LAST };

	for (unsigned int i = 0; i < ARRAY_SIZE(pcs); i++) {
		(void)exit_setup(state);
		exit_user();
		w.v.regs.sepc = pcs[i];
		exit_code(pcs[i], WFI);
		assert_int_equal(virtual_insn(WFI), NEXT_GUEST);
		takes(EXC_ILLEGAL_INSN, WFI);
		counted(EXIT_CSR);
	}
}

/* The common case needs no look into the guest's memory. */
static void wfi_is_not_fetched_again_when_stval_says_it(void **state)
{
	(void)state;
	(void)virtual_insn(WFI);
	assert_int_equal(w.fetches, 0);
	halts();
}

static void wrs_nto_spins_and_does_not_halt(void **state)
{
	for (int user = 0; user < 2; user++) {
		for (int told = 0; told < 2; told++) {
			(void)exit_setup(state);
			if (user)
				exit_user();
			exit_code(EXIT_PC, WRS_NTO);
			assert_int_equal(virtual_insn(told ? WRS_NTO : 0), NEXT_SPIN);
			goes_on(4);
			only_reg(0, 0);
			counted(EXIT_WRS);
			assert_false(vcpu_is_halted(&w.v));
		}
	}
}

/* --- QEMU's sepc, a page too far ------------------------------------------------------------------------ */

/* The WFI is the last instruction of its page, and sepc says the last one of the next page. */
static void a_wait_at_the_end_of_a_page_is_found_a_page_back(void **state)
{
	static const uint64_t offsets[] = { PAGE_SIZE - 4, PAGE_SIZE - 2 };
	static const uint32_t waits[] = { WFI, WRS_NTO };

	for (unsigned int i = 0; i < 8; i++) {
		uint64_t there = align_down(EXIT_PC, PAGE_SIZE) + offsets[i % 2];
		uint32_t insn = waits[i / 2 % 2];

		(void)exit_setup(state);
		exit_code(there, insn);
		w.v.regs.sepc = there + PAGE_SIZE;
		(void)virtual_insn(i / 4 ? insn : 0);
		assert_int_equal(w.v.regs.sepc, there + 4);
		counted(insn == WFI ? EXIT_WFI : EXIT_WRS);
		assert_int_equal(csr_read(CSR_VSCAUSE), UINT64_MAX);
	}
}

static void sepc_is_believed_where_both_pages_have_a_wait(void **state)
{
	(void)state;
	w.v.regs.sepc = PAGE_LAST;
	exit_code(PAGE_LAST, WFI);
	exit_code(PAGE_LAST - PAGE_SIZE, WFI);
	(void)virtual_insn(WFI);
	goes_on(4);
	halts();
}

/* Not the one that stval says: it did not trap. */
static void another_wait_a_page_back_is_not_taken_for_it(void **state)
{
	(void)state;
	w.v.regs.sepc = PAGE_LAST;
	exit_code(PAGE_LAST - PAGE_SIZE, WRS_NTO);
	exit_code(PAGE_LAST, SRET);
	assert_int_equal(virtual_insn(SRET), NEXT_GUEST);
	takes(EXC_ILLEGAL_INSN, SRET);
}

/* Nor is one where the trap cannot have come from: not at the end of a page. */
static void no_wait_is_looked_for_in_the_midst_of_a_page(void **state)
{
	(void)state;
	w.v.regs.sepc = PAGE_LAST - 2;
	exit_code(PAGE_LAST - 2 - PAGE_SIZE, WFI);
	exit_code(PAGE_LAST - 2, SRET);
	assert_int_equal(virtual_insn(0), NEXT_GUEST);
	takes(EXC_ILLEGAL_INSN, SRET);
}

/* --- instructions that cannot be read any more ---------------------------------------------------------------- */

static void what_cannot_be_fetched_is_executed_again(void **state)
{
	static const uint64_t pcs[] = { EXIT_PC, PAGE_LAST, PAGE_LAST + 2 };

	for (unsigned int i = 0; i < ARRAY_SIZE(pcs); i++) {
		(void)exit_setup(state);
		w.v.regs.sepc = pcs[i];
		exit_code(pcs[i], WFI);
		exit_unmap(pcs[i]);
		assert_int_equal(virtual_insn(0), NEXT_GUEST);
		goes_on(0);
		only_reg(0, 0);
		counted(EXIT_OTHER);
		assert_false(vcpu_is_halted(&w.v));
	}
}

/* The page behind is gone, so half of the instruction is. */
static void half_an_instruction_is_none(void **state)
{
	(void)state;
	w.v.regs.sepc = PAGE_LAST + 2;
	exit_code(PAGE_LAST + 2, WFI);
	exit_unmap(PAGE_LAST + 4);
	assert_int_equal(virtual_insn(0), NEXT_GUEST);
	goes_on(0);
	counted(EXIT_OTHER);
}

/* --- all others ------------------------------------------------------------------------------------------------- */

static void what_needs_a_hypervisor_extension_is_illegal(void **state)
{
	static const uint32_t insns[] = {
		SRET, HFENCE_GVMA, CBO_ZERO, WRS_STO, 0x00000013, 0x00009002 /* c.ebreak */,
	};

	for (unsigned int i = 0; i < 4 * ARRAY_SIZE(insns); i++) {
		uint32_t insn = insns[i / 4];

		(void)exit_setup(state);
		if (i & 1)
			exit_user();
		exit_code(EXIT_PC, insn);
		assert_int_equal(virtual_insn(i & 2 ? insn : 0), NEXT_GUEST);
		takes(EXC_ILLEGAL_INSN, insn);
		counted(EXIT_CSR);
	}
}

static void cycle_and_instret_read_as_zero(void **state)
{
	static const uint32_t csrs[] = { CYCLE, INSTRET };
	static const uint32_t reads[] = { 2, 3, 6,
					  7 }; /* csrrs, csrrc and with an immediate, of 0 */

	for (unsigned int i = 0; i < 2 * 4 * 32; i++) {
		uint32_t rd = i & 31, insn = csr_insn(csrs[i / 128], reads[i / 32 % 4], rd, 0);

		(void)exit_setup(state);
		assert_int_equal(virtual_insn(insn), NEXT_GUEST);
		goes_on(4);
		only_reg(rd, 0);
		counted(EXIT_CSR);
	}
}

/* csrrw, and csrrs of a register that may hold ones, write: such a CSR cannot be written. */
static void a_write_to_a_counter_is_illegal(void **state)
{
	for (uint32_t funct3 = 1; funct3 < 8; funct3++) {
		for (uint32_t rs1 = 0; rs1 < 32; rs1++) {
			uint32_t insn = csr_insn(CYCLE, funct3, 10, rs1);

			if (funct3 == 4 || ((funct3 & 2) && rs1 == 0))
				continue;
			(void)exit_setup(state);
			assert_int_equal(virtual_insn(insn), NEXT_GUEST);
			takes(EXC_ILLEGAL_INSN, insn);
		}
	}
}

static void other_csrs_are_illegal(void **state)
{
	static const uint32_t csrs[] = {
		TIME, 0xc03, 0xc1f, 0xc80, 0x800, 0x600, 0x14d, 0x200, 0x000, 0xfff,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(csrs); i++) {
		uint32_t insn = csr_insn(csrs[i], 2, 10, 0);

		(void)exit_setup(state);
		csr_write(CSR_SCOUNTEREN, UINT64_MAX);
		assert_int_equal(virtual_insn(insn), NEXT_GUEST);
		takes(EXC_ILLEGAL_INSN, insn);
		counted(EXIT_CSR);
	}
}

/* In user mode each counter has its bit in scounteren, which is the guest kernel's. */
static void user_mode_reads_what_scounteren_opens(void **state)
{
	static const uint32_t csrs[] = { CYCLE, INSTRET };

	for (unsigned int i = 0; i < 16; i++) {
		uint32_t csr = csrs[i / 8], insn = csr_insn(csr, 2, 10, 0);
		bool open = (i & 7) >> (csr & 7) & 1;

		(void)exit_setup(state);
		exit_user();
		csr_write(CSR_SCOUNTEREN, i & 7);
		assert_int_equal(virtual_insn(insn), NEXT_GUEST);
		if (open) {
			goes_on(4);
			only_reg(10, 0);
		} else {
			takes(EXC_ILLEGAL_INSN, insn);
		}
		(void)exit_setup(state); /* the kernel itself needs no bit */
		csr_write(CSR_SCOUNTEREN, i & 7);
		assert_int_equal(virtual_insn(insn), NEXT_GUEST);
		goes_on(4);
	}
}

#define test(fn) cmocka_unit_test_setup(fn, exit_setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(wfi_halts_the_vcpu_wherever_it_stands),
		test(wfi_of_user_mode_is_illegal),
		test(wfi_is_not_fetched_again_when_stval_says_it),
		test(wrs_nto_spins_and_does_not_halt),
		test(a_wait_at_the_end_of_a_page_is_found_a_page_back),
		test(sepc_is_believed_where_both_pages_have_a_wait),
		test(another_wait_a_page_back_is_not_taken_for_it),
		test(no_wait_is_looked_for_in_the_midst_of_a_page),
		test(what_cannot_be_fetched_is_executed_again),
		test(half_an_instruction_is_none),
		test(what_needs_a_hypervisor_extension_is_illegal),
		test(cycle_and_instret_read_as_zero),
		test(a_write_to_a_counter_is_illegal),
		test(other_csrs_are_illegal),
		test(user_mode_reads_what_scounteren_opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
