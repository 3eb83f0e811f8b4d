// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/arch/insn.c
/*
 * Decoding, three ways: against encodings written out from the manual's formats; against a table of
 * mask and match over every 16-bit pattern and many 32-bit ones; and against the cross objdump, when
 * it is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "arch/insn.h"

static bool same(const struct insn_mem *a, const struct insn_mem *b)
{
	return a->store == b->store && a->sign_extend == b->sign_extend && a->len == b->len &&
	       a->reg == b->reg && a->insn_len == b->insn_len;
}

/* --- written out -------------------------------------------------------------------------------- */

struct sample {
	uint32_t insn;
	struct insn_mem mem; /* store, sign_extend, len, reg, insn_len */
};

static const struct sample samples[] = {
	{ 0x00050503, { false, true, 1, 10, 4 } }, /* lb a0, 0(a0) */
	{ 0xfff51583, { false, true, 2, 11, 4 } }, /* lh a1, -1(a0) */
	{ 0x7ff52f83, { false, true, 4, 31, 4 } }, /* lw t6, 2047(a0) */
	{ 0x80053003, { false, false, 8, 0, 4 } }, /* ld zero, -2048(a0) */
	{ 0x00054283, { false, false, 1, 5, 4 } }, /* lbu t0, 0(a0) */
	{ 0x00055083, { false, false, 2, 1, 4 } }, /* lhu ra, 0(a0) */
	{ 0x00056103, { false, false, 4, 2, 4 } }, /* lwu sp, 0(a0) */
	{ 0x00a50023, { true, false, 1, 10, 4 } }, /* sb a0, 0(a0) */
	{ 0xfeb51fa3, { true, false, 2, 11, 4 } }, /* sh a1, -1(a0) */
	{ 0x7fff2fa3, { true, false, 4, 31, 4 } }, /* sw t6, 2047(t5) */
	{ 0x80053023, { true, false, 8, 0, 4 } },  /* sd zero, -2048(a0) */
	{ 0x4108, { false, true, 4, 10, 2 } },	   /* c.lw a0, 0(a0) */
	{ 0x6504, { false, false, 8, 9, 2 } },	   /* c.ld s1, 8(a0) */
	{ 0xc11c, { true, false, 4, 15, 2 } },	   /* c.sw a5, 0(a0) */
	{ 0xe100, { true, false, 8, 8, 2 } },	   /* c.sd s0, 0(a0) */
	{ 0x4512, { false, true, 4, 10, 2 } },	   /* c.lwsp a0, 4(sp) */
	{ 0x60a2, { false, false, 8, 1, 2 } },	   /* c.ldsp ra, 8(sp) */
	{ 0xc22a, { true, false, 4, 10, 2 } },	   /* c.swsp a0, 4(sp) */
	{ 0xe406, { true, false, 8, 1, 2 } },	   /* c.sdsp ra, 8(sp) */
	{ 0xe402, { true, false, 8, 0, 2 } },	   /* c.sdsp zero, 8(sp) */
	{ 0x8108, { false, false, 1, 10, 2 } },	   /* c.lbu a0, 0(a0) */
	{ 0x8508, { false, false, 2, 10, 2 } },	   /* c.lhu a0, 0(a0) */
	{ 0x8548, { false, true, 2, 10, 2 } },	   /* c.lh a0, 0(a0) */
	{ 0x8968, { true, false, 1, 10, 2 } },	   /* c.sb a0, 3(a0) */
	{ 0x8d08, { true, false, 2, 10, 2 } },	   /* c.sh a0, 0(a0) */
};

static void samples_of_each_form_are_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		struct insn_mem m;

		assert_true(insn_decode_mem(samples[i].insn, &m));
		if (!same(&m, &samples[i].mem))
			fail_msg("%#x", samples[i].insn);
	}
}

static void what_devices_do_not_serve_is_refused(void **state)
{
	static const uint32_t others[] = {
		0x00052507, 0x00053507, /* flw, fld */
		0x00a52027, 0x00a53027, /* fsw, fsd */
		0x1005252f, 0x18a5252f, /* lr.w, sc.w */
		0x00a5252f, 0x00a5352f, /* amoadd.w, amoadd.d */
		0x0045200f, 0x0015200f, /* cbo.zero, cbo.clean */
		0x02050007, 0x02050027, /* vle8.v, vse8.v */
		0x60054573, 0x6aa54073, /* hlv.b, hsv.w */
		0x00057503, 0x00a54023, /* reserved widths */
		0x00000013, 0x00000000, 0xffffffff, 0x0000ffff, 0x0000006f, 0x2100, /* c.fld */
		0xa100,								    /* c.fsd */
		0x2502,	    0xa02a, /* c.fldsp, c.fsdsp */
		0x4002,	    0x6002, /* c.lwsp, c.ldsp into x0: reserved */
		0x8d48,		    /* beside c.sh: reserved */
		0x9108,		    /* beside Zcb: reserved */
	};
	struct insn_mem m;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (insn_decode_mem(others[i], &m))
			fail_msg("%#x", others[i]);
}

/* --- mask and match ----------------------------------------------------------------------------- */

struct form {
	uint32_t mask, match;
	bool store, sign_extend;
	uint8_t len;
	uint8_t reg_shift, reg_bits;
	bool reg_not_zero;
};

static const struct form forms[] = {
	{ 0x707f, 0x0003, false, true, 1, 7, 5, false },
	{ 0x707f, 0x1003, false, true, 2, 7, 5, false },
	{ 0x707f, 0x2003, false, true, 4, 7, 5, false },
	{ 0x707f, 0x3003, false, false, 8, 7, 5, false },
	{ 0x707f, 0x4003, false, false, 1, 7, 5, false },
	{ 0x707f, 0x5003, false, false, 2, 7, 5, false },
	{ 0x707f, 0x6003, false, false, 4, 7, 5, false },
	{ 0x707f, 0x0023, true, false, 1, 20, 5, false },
	{ 0x707f, 0x1023, true, false, 2, 20, 5, false },
	{ 0x707f, 0x2023, true, false, 4, 20, 5, false },
	{ 0x707f, 0x3023, true, false, 8, 20, 5, false },
	{ 0xe003, 0x4000, false, true, 4, 2, 3, false },
	{ 0xe003, 0x6000, false, false, 8, 2, 3, false },
	{ 0xe003, 0xc000, true, false, 4, 2, 3, false },
	{ 0xe003, 0xe000, true, false, 8, 2, 3, false },
	{ 0xe003, 0x4002, false, true, 4, 7, 5, true },
	{ 0xe003, 0x6002, false, false, 8, 7, 5, true },
	{ 0xe003, 0xc002, true, false, 4, 2, 5, false },
	{ 0xe003, 0xe002, true, false, 8, 2, 5, false },
	{ 0xfc03, 0x8000, false, false, 1, 2, 3, false },
	{ 0xfc43, 0x8400, false, false, 2, 2, 3, false },
	{ 0xfc43, 0x8440, false, true, 2, 2, 3, false },
	{ 0xfc03, 0x8800, true, false, 1, 2, 3, false },
	{ 0xfc43, 0x8c00, true, false, 2, 2, 3, false },
};

static bool expected(uint32_t insn, struct insn_mem *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		const struct form *f = &forms[i];
		uint32_t reg = (insn >> f->reg_shift) & ((1u << f->reg_bits) - 1);

		if ((insn & f->mask) != f->match || (f->reg_not_zero && reg == 0))
			continue;
		if (f->reg_bits == 3)
			reg += 8;
		*m = (struct insn_mem){ f->store, f->sign_extend, f->len, (uint8_t)reg,
					(uint8_t)insn_length(insn) };
		return true;
	}
	return false;
}

static void check(uint32_t insn)
{
	struct insn_mem got = { 0 };
	struct insn_mem want = { 0 };

	if (insn_decode_mem(insn, &got) != expected(insn, &want) || !same(&got, &want))
		fail_msg("%#x", insn);
}

static uint32_t random32(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 16);
}

static void nothing_but_loads_and_stores_is_accepted(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 0x10000; i++)
		if ((i & 3) != 3)
			check(i);
	for (uint32_t i = 0; i < 2000000; i++)
		check(random32() | 3);
	for (uint32_t low = 0; low < 0x8000; low++) /* every opcode, rd and funct3 */
		check((random32() & 0xffff8000u) | low | 3);
}

/* --- objdump ------------------------------------------------------------------------------------ */

static const char *const abi_names[32] = {
	"zero", "ra", "sp", "gp", "tp",	 "t0",	"t1", "t2", "s0", "s1", "a0",
	"a1",	"a2", "a3", "a4", "a5",	 "a6",	"a7", "s2", "s3", "s4", "s5",
	"s6",	"s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
};

static bool from_objdump(const char *name, const char *operands, struct insn_mem *m)
{
	static const struct {
		const char *name;
		bool store, sign_extend;
		uint8_t len;
	} names[] = {
		{ "lb", false, true, 1 },      { "lh", false, true, 2 },
		{ "lw", false, true, 4 },      { "ld", false, false, 8 },
		{ "lbu", false, false, 1 },    { "lhu", false, false, 2 },
		{ "lwu", false, false, 4 },    { "sb", true, false, 1 },
		{ "sh", true, false, 2 },      { "sw", true, false, 4 },
		{ "sd", true, false, 8 },      { "c.lw", false, true, 4 },
		{ "c.ld", false, false, 8 },   { "c.sw", true, false, 4 },
		{ "c.sd", true, false, 8 },    { "c.lwsp", false, true, 4 },
		{ "c.ldsp", false, false, 8 }, { "c.swsp", true, false, 4 },
		{ "c.sdsp", true, false, 8 },  { "c.lbu", false, false, 1 },
		{ "c.lhu", false, false, 2 },  { "c.lh", false, true, 2 },
		{ "c.sb", true, false, 1 },    { "c.sh", true, false, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(name, names[i].name))
			continue;
		for (uint8_t r = 0; r < 32; r++) {
			size_t n = strlen(abi_names[r]);

			if (strncmp(operands, abi_names[r], n) || operands[n] != ',')
				continue;
			*m = (struct insn_mem){ names[i].store, names[i].sign_extend, names[i].len,
						r, name[1] == '.' ? 2 : 4 };
			return true;
		}
	}
	return false;
}

/* Old binutils do not know Zcb. */
static bool is_zcb(uint32_t insn)
{
	return (insn & 0xe003) == 0x8000;
}

static size_t compare_with_objdump(FILE *dump)
{
	char line[256];
	size_t compared = 0;

	while (fgets(line, sizeof(line), dump)) {
		struct insn_mem got = { 0 };
		struct insn_mem want = { 0 };
		char name[32] = "";
		char operands[96] = "";
		unsigned long at;
		uint32_t insn;

		if (sscanf(line, " %lx: %x %31s %95s", &at, &insn, name, operands) < 3 ||
		    is_zcb(insn))
			continue;
		compared++;
		if (insn_decode_mem(insn, &got) != from_objdump(name, operands, &want) ||
		    !same(&got, &want))
			fail_msg("%s", line);
	}
	return compared;
}

static void put_insn(FILE *f, uint32_t insn)
{
	uint8_t bytes[4] = { (uint8_t)insn, (uint8_t)(insn >> 8), (uint8_t)(insn >> 16),
			     (uint8_t)(insn >> 24) };

	fwrite(bytes, 1, insn_length(insn), f);
}

static void objdump_reads_the_same(void **state)
{
	char path[] = "/tmp/test_arch_insn.XXXXXX";
	char command[160];
	FILE *f;
	size_t compared;

	(void)state;
	if (system("riscv64-unknown-elf-objdump --version >/dev/null 2>&1"))
		skip();
	f = fdopen(mkstemp(path), "wb");
	assert_non_null(f);
	for (uint32_t i = 0; i < 0x10000; i++)
		if ((i & 3) != 3)
			put_insn(f, i);
	for (uint32_t i = 0; i < 30000; i++) {
		uint32_t insn = (random32() & ~0x7fu) | 3;

		/* Loads, stores, their FP and vector neighbours, AMO, SYSTEM. */
		put_insn(f, insn | (const uint32_t[]){ 0, 0x20, 0x04, 0x24, 0x2c, 0x70 }[i % 6]);
	}
	fclose(f);
	snprintf(command, sizeof(command),
		 "riscv64-unknown-elf-objdump -D -b binary -m riscv:rv64 -M no-aliases %s", path);
	f = popen(command, "r");
	assert_non_null(f);
	compared = compare_with_objdump(f);
	pclose(f);
	unlink(path);
	assert_true(compared > 60000);
}

/* --- htinst ------------------------------------------------------------------------------------- */

static void transformed_instructions_tell_all_but_the_address(void **state)
{
	static const struct {
		uint64_t htinst;
		struct insn_mem mem;
	} table[] = {
		{ 0x2503, { false, true, 4, 10, 4 } },	  /* as QEMU gives lw a0 */
		{ 0xa02023, { true, false, 4, 10, 4 } },  /* sw a0 */
		{ 0x2501, { false, true, 4, 10, 2 } },	  /* c.lw a0 */
		{ 0xa03021, { true, false, 8, 10, 2 } },  /* c.sd a0 */
		{ 0x1000023, { true, false, 1, 16, 4 } }, /* sb a6 */
		{ 0x4f81, { false, false, 1, 31, 2 } },
	};
	struct insn_mem m;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		assert_true(insn_decode_htinst(table[i].htinst, &m));
		if (!same(&m, &table[i].mem))
			fail_msg("%#lx", (unsigned long)table[i].htinst);
		assert_false(insn_htinst_is_pseudo(table[i].htinst));
	}
}

static void htinst_of_other_kinds_is_no_load_or_store(void **state)
{
	static const uint64_t others[] = {
		0,	     0x2000,	 0x2020, 0x3000, 0x3020, 0x2502, /* custom: bit 0 clear */
		0x2507,	     0xa02027,					 /* FP */
		0x0a5202f,						 /* amoadd.w */
		0x100503,		 /* a load whose immediate is not zero: not transformed */
		0x2a02023,   0xa020a3,	 /* a store whose immediate is not zero */
		0x0fb503,    0xa503,	 /* ld and lw whose second part faulted, */
		0x1ff8023,   0xa0a021,	 /* sb and c.sw */
		0x100002503, UINT64_MAX, /* more than 32 bits */
	};
	struct insn_mem m;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (insn_decode_htinst(others[i], &m))
			fail_msg("%#lx", (unsigned long)others[i]);
}

static void every_sample_survives_its_transformation(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		struct insn_mem m = samples[i].mem;
		uint32_t funct3 = (uint32_t)__builtin_ctz(m.len);
		uint32_t htinst;

		if (m.store)
			htinst = 0x23u | (uint32_t)m.reg << 20 | funct3 << 12;
		else
			htinst = 0x03u | (uint32_t)m.reg << 7 |
				 (funct3 | (m.sign_extend || m.len == 8 ? 0u : 4u)) << 12;
		if (m.insn_len == 2)
			htinst &= ~2u;
		assert_true(insn_decode_htinst(htinst, &m));
		assert_true(same(&m, &samples[i].mem));
	}
}

static void pseudoinstructions_are_just_four(void **state)
{
	unsigned int n = 0;

	(void)state;
	for (uint64_t i = 0; i < 0x10000; i++)
		n += insn_htinst_is_pseudo(i);
	assert_int_equal(n, 4);
	assert_true(insn_htinst_is_pseudo(0x2000) && insn_htinst_is_pseudo(0x2020));
	assert_true(insn_htinst_is_pseudo(0x3000) && insn_htinst_is_pseudo(0x3020));
	assert_false(insn_htinst_is_pseudo(UINT64_C(0x100003000)));
}

/* --- virtual instructions ----------------------------------------------------------------------- */

static void virtual_instructions_are_told_apart(void **state)
{
	static const struct {
		uint32_t insn;
		enum insn_virtual kind;
	} table[] = {
		{ 0x10500073, INSN_WFI },
		{ 0x00d00073, INSN_WRS_NTO },
		{ 0x01d00073, INSN_WRS_STO },
		{ 0xc0102573, INSN_CSR },   /* rdtime a0 */
		{ 0x14d51073, INSN_CSR },   /* csrw stimecmp, a0 */
		{ 0x60052573, INSN_CSR },   /* csrrs a0, hstatus, a0 */
		{ 0x60053573, INSN_CSR },   /* csrrc */
		{ 0x6000d573, INSN_CSR },   /* csrrwi */
		{ 0x6000e573, INSN_CSR },   /* csrrsi */
		{ 0x6000f573, INSN_CSR },   /* csrrci */
		{ 0x00000073, INSN_OTHER }, /* ecall */
		{ 0x00100073, INSN_OTHER }, /* ebreak */
		{ 0x10200073, INSN_OTHER }, /* sret */
		{ 0x105000f3, INSN_OTHER }, /* wfi with rd not 0: reserved */
		{ 0x12000073, INSN_OTHER }, /* sfence.vma */
		{ 0x22000073, INSN_OTHER }, /* hfence.vvma */
		{ 0x60054573, INSN_OTHER }, /* hlv.b */
		{ 0x0045200f, INSN_OTHER }, /* cbo.zero */
		{ 0, INSN_OTHER },
		{ UINT32_MAX, INSN_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (insn_decode_virtual(table[i].insn) != table[i].kind)
			fail_msg("%#x", table[i].insn);
	for (uint32_t i = 0; i < 0x10000; i++)
		if ((i & 3) != 3)
			assert_int_equal(insn_decode_virtual(i), INSN_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_of_each_form_are_decoded),
		cmocka_unit_test(what_devices_do_not_serve_is_refused),
		cmocka_unit_test(nothing_but_loads_and_stores_is_accepted),
		cmocka_unit_test(objdump_reads_the_same),
		cmocka_unit_test(transformed_instructions_tell_all_but_the_address),
		cmocka_unit_test(htinst_of_other_kinds_is_no_load_or_store),
		cmocka_unit_test(every_sample_survives_its_transformation),
		cmocka_unit_test(pseudoinstructions_are_just_four),
		cmocka_unit_test(virtual_instructions_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
