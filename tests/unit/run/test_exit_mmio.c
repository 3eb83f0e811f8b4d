// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/exit_world.h
/* Exits by a guest page fault: an access to a device, with every htinst there is, or to nothing. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include "fake/exit_world.h"

#define UNMAPPED UINT64_C(0x20000000) /* guest-physical: neither RAM nor a device */

/* A load of x[rd] or store of x[rs2] in the form that htinst has, with the address offset in rs1's place. */
static uint64_t htinst_load(uint32_t funct3, uint32_t rd, bool compressed)
{
	return (rd << 7 | funct3 << 12 | 0x03) & (compressed ? ~2u : ~0u);
}

static uint64_t htinst_store(uint32_t funct3, uint32_t rs2, bool compressed)
{
	return (rs2 << 20 | funct3 << 12 | 0x23) & (compressed ? ~2u : ~0u);
}

#define WITH_OFFSET(htinst, offset) ((htinst) | (uint64_t)(offset) << 15)

/* The guest accessed guest-physical @a by guest-virtual EXIT_DEV_GVA + the same low bits. */
static struct exit_why fault(uint64_t cause, uint64_t a, uint64_t htinst)
{
	return (struct exit_why){ .cause = cause,
				  .stval = EXIT_DEV_GVA | (a & (PAGE_SIZE - 1)),
				  .htval = a >> 2,
				  .htinst = htinst };
}

static uint64_t access_fault(uint64_t cause)
{
	return cause == EXC_INSN_GUEST_FAULT ? EXC_INSN_ACCESS :
	       cause == EXC_LOAD_GUEST_FAULT ? EXC_LOAD_ACCESS :
					       EXC_STORE_ACCESS;
}

/* The guest gets an access fault, and no device was touched. */
static void refused(struct exit_why why)
{
	assert_int_equal(exits(why), NEXT_GUEST);
	takes(access_fault(why.cause), why.stval);
	counted(EXIT_GUEST_FAULT);
	no_device();
}

/* --- accesses to a device ------------------------------------------------------------------------------- */

/* What a load of @funct3 makes of @val. */
static uint64_t loaded(uint32_t funct3, uint64_t val)
{
	switch (funct3) {
	case 0:
		return (uint64_t)(int8_t)val;
	case 1:
		return (uint64_t)(int16_t)val;
	case 2:
		return (uint64_t)(int32_t)val;
	case 3:
		return val;
	case 4:
		return (uint8_t)val;
	case 5:
		return (uint16_t)val;
	default:
		return (uint32_t)val;
	}
}

static void a_load_gets_what_the_device_says_in_its_width(void **state)
{
	static const uint64_t values[] = { 0x8182838485868788, 0x0102030405060708, UINT64_MAX };

	for (unsigned int i = 0; i < 7 * 32 * 2 * ARRAY_SIZE(values); i++) {
		uint32_t rd = i & 31, funct3 = i / 64 % 7;
		bool compressed = i & 32;
		unsigned int len = 1u << (funct3 & 3);
		uint64_t at = EXIT_DEVICE + PAGE_SIZE - 8 + len % 8;

		(void)exit_setup(state);
		w.answers = values[i / 64 / 7];
		assert_int_equal(
			exits(fault(EXC_LOAD_GUEST_FAULT, at, htinst_load(funct3, rd, compressed))),
			NEXT_GUEST);
		goes_on(compressed ? 2 : 4);
		only_reg(rd, loaded(funct3, w.answers));
		counted(EXIT_MMIO);
		assert_int_equal(w.reads, 1); /* into x0, too: a device may mind being read */
		assert_int_equal(w.writes, 0);
		assert_int_equal(w.offset, at - EXIT_DEVICE);
		assert_int_equal(w.len, len);
	}
}

static void a_store_tells_the_device_its_width_of_the_register(void **state)
{
	for (unsigned int i = 0; i < 4 * 32 * 2; i++) {
		uint32_t rs2 = i & 31, funct3 = i / 64;
		bool compressed = i & 32;
		unsigned int len = 1u << funct3;
		uint64_t at = EXIT_DEVICE + len, reg;

		(void)exit_setup(state);
		reg = rs2 ? w.v.regs.x[rs2] : 0;
		assert_int_equal(exits(fault(EXC_STORE_GUEST_FAULT, at,
					     htinst_store(funct3, rs2, compressed))),
				 NEXT_GUEST);
		goes_on(compressed ? 2 : 4);
		only_reg(0, 0);
		counted(EXIT_MMIO);
		assert_int_equal(w.writes, 1);
		assert_int_equal(w.reads, 0);
		assert_int_equal(w.offset, len);
		assert_int_equal(w.len, len);
		assert_int_equal(w.val, len == 8 ? reg : reg & (BIT(8 * len) - 1));
	}
}

/* htval has no lowest two bits, and no more of stval is to be taken than those. */
static void the_address_is_htvals_with_the_lowest_bits_of_stval(void **state)
{
	for (uint64_t low = 0; low < 16; low++) {
		struct exit_why why =
			fault(EXC_LOAD_GUEST_FAULT, EXIT_DEVICE + low, htinst_load(4, 10, false));

		(void)exit_setup(state);
		why.stval = UINT64_C(0xffffffc0deadbef0) | (low & 3) | (~low & 12);
		assert_int_equal(exits(why), NEXT_GUEST);
		assert_int_equal(w.offset, low);
	}
}

/* A full terminal: the same instruction is executed again, with the registers that it had. */
static void a_device_that_waits_makes_the_guest_try_again(void **state)
{
	(void)state;
	w.device_waits = true;
	(void)exits(fault(EXC_STORE_GUEST_FAULT, EXIT_DEVICE, htinst_store(0, 10, false)));
	goes_on(0);
	only_reg(0, 0);
	assert_int_equal(w.writes, 1);
	w.device_waits = false;
	(void)exits(fault(EXC_STORE_GUEST_FAULT, EXIT_DEVICE, htinst_store(0, 10, false)));
	goes_on(4);
	assert_int_equal(w.writes, 2);
}

/* --- htinst that says nothing ---------------------------------------------------------------------------------- */

static void without_htinst_the_instruction_is_fetched(void **state)
{
	static const struct {
		uint32_t insn;
		bool store;
		unsigned int bytes, reg, len;
	} rows[] = {
		{ 0x00852503, false, 4, 10, 4 }, /* lw a0, 8(a0) */
		{ 0x00b50423, true, 4, 11, 1 },	 /* sb a1, 8(a0) */
		{ 0x4508, false, 2, 10, 4 },	 /* c.lw a0, 8(a0) */
		{ 0xe50c, true, 2, 11, 8 },	 /* c.sd a1, 8(a0) */
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t cause = rows[i].store ? EXC_STORE_GUEST_FAULT : EXC_LOAD_GUEST_FAULT;

		(void)exit_setup(state);
		w.answers = 0x77;
		w.v.regs.x[10] = EXIT_DEV_GVA;
		exit_code(EXIT_PC, rows[i].insn);
		assert_int_equal(exits(fault(cause, EXIT_DEVICE + 8, 0)), NEXT_GUEST);
		goes_on(rows[i].bytes);
		only_reg(rows[i].store ? 0 : rows[i].reg, 0x77);
		assert_int_equal(w.len, rows[i].len);
		assert_int_equal(w.reads, !rows[i].store);
		assert_int_equal(w.writes, rows[i].store);
		assert_int_equal(w.fetches, rows[i].bytes / 2);
	}
}

static void what_cannot_be_fetched_is_executed_again(void **state)
{
	static const uint64_t causes[] = { EXC_LOAD_GUEST_FAULT, EXC_STORE_GUEST_FAULT };

	for (unsigned int i = 0; i < ARRAY_SIZE(causes); i++) {
		(void)exit_setup(state);
		assert_int_equal(exits(fault(causes[i], EXIT_DEVICE, 0)), NEXT_GUEST);
		goes_on(0);
		only_reg(0, 0);
		no_device();
	}
}

/* --- accesses that no device answers ------------------------------------------------------------------------------ */

static void an_address_without_anything_is_an_access_fault(void **state)
{
	static const uint64_t at[] = { UNMAPPED, EXIT_DEVICE - 8, EXIT_DEVICE + PAGE_SIZE, 0,
				       UINT64_C(0xfffffffffffff8) };

	for (unsigned int i = 0; i < ARRAY_SIZE(at); i++) {
		(void)exit_setup(state);
		refused(fault(EXC_LOAD_GUEST_FAULT, at[i], htinst_load(2, 10, false)));
		(void)exit_setup(state);
		refused(fault(EXC_STORE_GUEST_FAULT, at[i], htinst_store(2, 10, false)));
		(void)exit_setup(state);
		refused(fault(EXC_INSN_GUEST_FAULT, at[i], 0));
	}
}

/* Instructions are not fetched from devices, whatever they are. */
static void a_device_is_not_executed(void **state)
{
	(void)state;
	exit_code(EXIT_PC, 0x00852503);
	refused(fault(EXC_INSN_GUEST_FAULT, EXIT_DEVICE, 0));
	assert_int_equal(w.fetches, 0);
	(void)exit_setup(state);
	refused(fault(EXC_INSN_GUEST_FAULT, EXIT_DEVICE, htinst_load(2, 10, false)));
}

/* The guest's own page tables are not where a device is. */
static void a_page_table_in_a_device_is_an_access_fault(void **state)
{
	static const uint64_t pseudo[] = { 0x2000, 0x2020, 0x3000, 0x3020 };
	static const uint64_t causes[] = { EXC_INSN_GUEST_FAULT, EXC_LOAD_GUEST_FAULT,
					   EXC_STORE_GUEST_FAULT };

	for (unsigned int i = 0; i < ARRAY_SIZE(pseudo) * ARRAY_SIZE(causes); i++) {
		(void)exit_setup(state);
		exit_code(EXIT_PC, 0x00852503);
		refused(fault(causes[i % 3], EXIT_DEVICE, pseudo[i / 3]));
		assert_int_equal(w.fetches, 0);
	}
}

static void accesses_that_are_no_loads_and_stores_are_refused(void **state)
{
	static const struct {
		uint64_t cause, htinst;
	} odd[] = {
		{ EXC_STORE_GUEST_FAULT, 0x0a5202f },  /* amoadd.w */
		{ EXC_LOAD_GUEST_FAULT, 0x1000252f },  /* lr.w */
		{ EXC_LOAD_GUEST_FAULT, 0x2507 },      /* flw */
		{ EXC_STORE_GUEST_FAULT, 0xa02027 },   /* fsw */
		{ EXC_STORE_GUEST_FAULT, 0x40200f },   /* cbo.zero */
		{ EXC_LOAD_GUEST_FAULT, 0x7503 },      /* no load has funct3 7 */
		{ EXC_STORE_GUEST_FAULT, 0xa04023 },   /* no store has funct3 4 */
		{ EXC_LOAD_GUEST_FAULT, 0x2502 },      /* bit 0 clear: custom, or reserved */
		{ EXC_LOAD_GUEST_FAULT, 0x100503 },    /* an immediate */
		{ EXC_LOAD_GUEST_FAULT, 0x100002503 }, /* more than 32 bits */
		{ EXC_LOAD_GUEST_FAULT, UINT64_MAX },
		{ EXC_LOAD_GUEST_FAULT, 0x1000 }, /* nearly a pseudoinstruction */
		{ EXC_STORE_GUEST_FAULT, 0x4020 },
		{ EXC_LOAD_GUEST_FAULT, 0xa02023 }, /* a store that faulted as a load */
		{ EXC_STORE_GUEST_FAULT, 0x2503 },  /* a load that faulted as a store */
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(odd); i++) {
		(void)exit_setup(state);
		refused(fault(odd[i].cause, EXIT_DEVICE, odd[i].htinst));
	}
}

/* The same, found by the fetch. */
static void odd_instructions_are_refused_without_htinst_too(void **state)
{
	static const struct {
		uint64_t cause;
		uint32_t insn;
	} odd[] = {
		{ EXC_STORE_GUEST_FAULT, 0x00a5202f }, { EXC_LOAD_GUEST_FAULT, 0x1005252f },
		{ EXC_LOAD_GUEST_FAULT, 0x00052507 },  { EXC_STORE_GUEST_FAULT, 0x0045200f },
		{ EXC_LOAD_GUEST_FAULT, 0x00b50423 },  { EXC_STORE_GUEST_FAULT, 0x00852503 },
		{ EXC_LOAD_GUEST_FAULT, 0x0001 }, /* c.nop: something else stands there now */
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(odd); i++) {
		(void)exit_setup(state);
		exit_code(EXIT_PC, odd[i].insn);
		refused(fault(odd[i].cause, EXIT_DEVICE, 0));
	}
}

static void a_misaligned_access_to_a_device_is_refused(void **state)
{
	for (unsigned int i = 1; i < 8; i++) {
		for (uint32_t funct3 = 1; funct3 < 4; funct3++) {
			if (i % (1u << funct3) == 0)
				continue;
			(void)exit_setup(state);
			refused(fault(EXC_LOAD_GUEST_FAULT, EXIT_DEVICE + i,
				      htinst_load(funct3, 10, false)));
			(void)exit_setup(state);
			refused(fault(EXC_STORE_GUEST_FAULT, EXIT_DEVICE + i,
				      htinst_store(funct3, 10, false)));
		}
	}
}

/*
 * It began in the page before, which is RAM, and its second part faulted at the device's first byte: stval and htval
 * are aligned, and only the offset in htinst says that the access was not.
 */
static void the_second_half_of_an_access_is_none_of_its_own(void **state)
{
	for (unsigned int offset = 1; offset < 8; offset++) {
		for (uint32_t funct3 = 1; funct3 < 4; funct3++) {
			if (offset >= 1u << funct3)
				continue;
			(void)exit_setup(state);
			refused(fault(EXC_LOAD_GUEST_FAULT, EXIT_DEVICE,
				      WITH_OFFSET(htinst_load(funct3, 10, false), offset)));
			(void)exit_setup(state);
			refused(fault(EXC_STORE_GUEST_FAULT, EXIT_DEVICE,
				      WITH_OFFSET(htinst_store(funct3, 10, true), offset)));
		}
	}
}

/* The same without htinst: the registers say where it began. */
static void without_htinst_the_registers_say_where_an_access_begins(void **state)
{
	static const struct {
		uint32_t insn;
		bool store;
		unsigned int base, imm, len;
	} rows[] = {
		{ 0x00152503, false, 10, 1, 4 }, /* lw a0, 1(a0) */
		{ 0xfff5b503, false, 11, 7, 8 }, /* ld a0, -1(a1) */
		{ 0x00259503, false, 11, 2, 2 }, /* lh a0, 2(a1) */
		{ 0x00a5b1a3, true, 11, 3, 8 },	 /* sd a0, 3(a1) */
		{ 0x00a59ea3, true, 11, 5, 2 },	 /* sh a0, 29(a1) */
		{ 0x4508, false, 10, 0, 4 },	 /* c.lw a0, 8(a0) */
		{ 0xe50c, true, 10, 0, 8 },	 /* c.sd a1, 8(a0) */
		{ 0x4522, false, 2, 0, 4 },	 /* c.lwsp a0, 8(sp) */
		{ 0xe42e, true, 2, 0, 8 },	 /* c.sdsp a1, 8(sp) */
	};

	for (unsigned int i = 0; i < 8 * ARRAY_SIZE(rows); i++) {
		unsigned int n = i / 8, low = i % 8;
		bool aligned = (low + rows[n].imm) % rows[n].len == 0;
		struct exit_why why =
			fault(rows[n].store ? EXC_STORE_GUEST_FAULT : EXC_LOAD_GUEST_FAULT,
			      EXIT_DEVICE, 0);

		(void)exit_setup(state);
		w.v.regs.x[rows[n].base] = EXIT_DEV_GVA - 8 + low;
		exit_code(EXIT_PC, rows[n].insn);
		if (!aligned) {
			refused(why);
			continue;
		}
		assert_int_equal(exits(why), NEXT_GUEST);
		counted(EXIT_MMIO);
	}
	/* From the zero register nothing is added, whatever its place holds. */
	(void)exit_setup(state);
	w.v.regs.x[0] = 1;
	exit_code(EXIT_PC, 0x00802503); /* lw a0, 8(zero) */
	assert_int_equal(exits(fault(EXC_LOAD_GUEST_FAULT, EXIT_DEVICE, 0)), NEXT_GUEST);
	counted(EXIT_MMIO);
}

#define test(fn) cmocka_unit_test_setup(fn, exit_setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_load_gets_what_the_device_says_in_its_width),
		test(a_store_tells_the_device_its_width_of_the_register),
		test(the_address_is_htvals_with_the_lowest_bits_of_stval),
		test(a_device_that_waits_makes_the_guest_try_again),
		test(without_htinst_the_instruction_is_fetched),
		test(what_cannot_be_fetched_is_executed_again),
		test(an_address_without_anything_is_an_access_fault),
		test(a_device_is_not_executed),
		test(a_page_table_in_a_device_is_an_access_fault),
		test(accesses_that_are_no_loads_and_stores_are_refused),
		test(odd_instructions_are_refused_without_htinst_too),
		test(a_misaligned_access_to_a_device_is_refused),
		test(the_second_half_of_an_access_is_none_of_its_own),
		test(without_htinst_the_registers_say_where_an_access_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
