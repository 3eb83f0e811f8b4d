// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/arch/isa.c hyp/lib/fdt.c tests/unit/fake/tree.c
/* ISA strings and lists, and what of them guests get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/csr.h"
#include "arch/isa.h"
#include "fake/tree.h"

static uint64_t tree[1024];

static const char *text(const struct isa_set *s)
{
	static char buf[ISA_STRING_MAX];

	assert_int_equal(isa_format(s, buf, sizeof(buf)), HV_OK);
	return buf;
}

static const char *parsed(const char *isa)
{
	struct isa_set s;

	assert_int_equal(isa_parse_string(isa, &s), HV_OK);
	return text(&s);
}

/* The guests' ISA on a machine of one kind of hart. */
static const char *guest_of(const char *isa)
{
	struct isa_cpu cpu = { .cbom_block = 64, .cbop_block = 64, .cboz_block = 64 };
	struct isa_set s;

	assert_int_equal(isa_parse_string(isa, &cpu.set), HV_OK);
	isa_machine_reset();
	isa_machine_add(&cpu);
	s = isa_guest();
	return text(&s);
}

/* A cpu node with the given properties; NULL leaves one out. */
static int parse_node(const char *base, const char *list, size_t list_size, const char *isa,
		      uint32_t block, struct isa_cpu *out)
{
	tree_begin(tree, sizeof(tree));
	if (base)
		tree_string(tree, "riscv,isa-base", base);
	if (list)
		tree_bytes(tree, "riscv,isa-extensions", list, list_size);
	if (isa)
		tree_string(tree, "riscv,isa", isa);
	if (block) {
		tree_cells(tree, "riscv,cbom-block-size", 1, block);
		tree_cells(tree, "riscv,cbop-block-size", 1, block);
		tree_cells(tree, "riscv,cboz-block-size", 1, block);
	}
	tree_finish(tree);
	return isa_parse_cpu(tree, 0, out);
}

/* --- parsing --------------------------------------------------------------------------------------- */

static void single_letters_and_named_ones_are_read(void **state)
{
	(void)state;
	assert_string_equal(parsed("rv64imac"), "rv64imac_zicntr_zicsr_zifencei");
	assert_string_equal(parsed("rv64imafdch_zba_sstc"),
			    "rv64imafdch_zicntr_zicsr_zifencei_zba_sstc");
	/* As the mode letters of old: no extension that we know, and none that we take for one. */
	assert_string_equal(parsed("rv64imafdcsu"), "rv64imafdc_zicntr_zicsr_zifencei");
	assert_string_equal(parsed("RV64IMAC_Zba"), "rv64imac_zicntr_zicsr_zifencei_zba");
	assert_string_equal(parsed("rv64imac__zba_"), "rv64imac_zicntr_zicsr_zifencei_zba");
}

static void versions_are_passed_over(void **state)
{
	(void)state;
	assert_string_equal(parsed("rv64i2p1m2p0a2c2p0_zba1p0_zvl128b1p0_zic64b1p0_zve32x1"),
			    "rv64imac_zic64b_zicntr_zicsr_zifencei_zba_zve32x_zvl128b");
	assert_string_equal(parsed("rv64i2p1_m2p0_a2p1"), "rv64ima_zicntr_zicsr_zifencei");
	assert_string_equal(parsed("rv64i9p9m9_zba9p9_zbb12p34_zbs10"),
			    "rv64im_zicntr_zicsr_zifencei_zba_zbb_zbs");
	/* These end with no version. */
	assert_string_equal(parsed("rv64i_zba1p_zbap1_zba1x2"), parsed("rv64i"));
}

static void unknown_extensions_change_nothing(void **state)
{
	(void)state;
	assert_string_equal(parsed("rv64ima_zbax_zb_zzz9p9_xvendor_svnew_s_z"), parsed("rv64ima"));
	assert_string_equal(parsed("rv64imajkln"), parsed("rv64ima"));
}

static void what_stands_for_several_brings_its_parts(void **state)
{
	(void)state;
	assert_string_equal(parsed("rv64gc"), "rv64imafdc_zicntr_zicsr_zifencei");
	assert_string_equal(parsed("rv64imab"), "rv64imab_zicntr_zicsr_zifencei_zba_zbb_zbs");
	assert_string_equal(parsed("rv64ima_zk1p0"),
			    "rv64ima_zicntr_zicsr_zifencei_zbkb_zbkc_zbkx_zk_zkn_zknd_zkne_zknh"
			    "_zkr_zkt");
}

static void what_is_no_rv64i_is_refused(void **state)
{
	static const char *const wrong[] = { "",	  "r",	     "rv64",	    "rv32ima",
					     "rv64mac",	  "rv64i-m", "rv64ima zba", "rv128i",
					     "rv64ima_1", "rv64e" };
	struct isa_set s;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(isa_parse_string(wrong[i], &s), HV_EINVAL);
}

static void any_text_is_parsed_without_harm(void **state)
{
	static const char alphabet[] = "rv64imafdczsxp_0129gbkh\377 ";
	uint32_t seed = 99;

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		size_t n = tree_random(&seed) % 24;
		char *s = malloc(n + 5);
		struct isa_set set;

		memcpy(s, "rv64", 4);
		for (size_t k = 0; k < n; k++)
			s[4 + k] = alphabet[tree_random(&seed) % (sizeof(alphabet) - 1)];
		s[4 + n] = '\0';
		if (isa_parse_string(s + tree_random(&seed) % 5, &set) == HV_OK)
			text(&set);
		free(s);
	}
}

static void the_list_goes_before_the_string(void **state)
{
	struct isa_cpu cpu;
	static const char list[] = "i\0m\0a\0zba";

	(void)state;
	assert_int_equal(parse_node("rv64i", list, sizeof(list), "rv64imafdc", 0, &cpu), HV_OK);
	assert_string_equal(text(&cpu.set), "rv64ima_zba");
	assert_int_equal(parse_node(NULL, NULL, 0, "rv64imac", 0, &cpu), HV_OK);
	assert_true(isa_has(&cpu.set, ISA_C));
	assert_int_equal(parse_node(NULL, NULL, 0, NULL, 0, &cpu), HV_ENOENT);
	/* A broken list is not made good by the string. */
	assert_int_equal(parse_node("rv64i", "i\0m", 3, "rv64imac", 0, &cpu), HV_EINVAL);
	assert_int_equal(parse_node("rv32i", list, sizeof(list), NULL, 0, &cpu), HV_EINVAL);
	assert_int_equal(parse_node("rv64i", "m\0a", 4, NULL, 0, &cpu), HV_EINVAL);
	assert_false(isa_has(&cpu.set, ISA_M));
}

static void of_a_node_that_is_refused_nothing_is_left(void **state)
{
	static const struct isa_cpu nothing;
	struct isa_cpu cpu;

	(void)state;
	memset(&cpu, 0xff, sizeof(cpu));
	assert_int_equal(parse_node("rv64i", "i\0m", 3, NULL, 64, &cpu), HV_EINVAL);
	assert_memory_equal(&cpu, &nothing, sizeof(cpu));
	memset(&cpu, 0xff, sizeof(cpu));
	assert_int_equal(parse_node(NULL, NULL, 0, NULL, 64, &cpu), HV_ENOENT);
	assert_memory_equal(&cpu, &nothing, sizeof(cpu));
}

/* @block for each of the three; 0: none of the extensions is left. */
static void expect_blocks(const struct isa_cpu *cpu, uint32_t block)
{
	assert_int_equal(cpu->cbom_block, block);
	assert_int_equal(cpu->cbop_block, block);
	assert_int_equal(cpu->cboz_block, block);
	assert_int_equal(isa_has(&cpu->set, ISA_ZICBOM), block != 0);
	assert_int_equal(isa_has(&cpu->set, ISA_ZICBOP), block != 0);
	assert_int_equal(isa_has(&cpu->set, ISA_ZICBOZ), block != 0);
}

static void cache_block_extensions_need_a_usable_block_size(void **state)
{
	static const uint32_t right[] = { 8, 16, 128, 4096 }; /* up to a page */
	static const uint32_t wrong[] = { 0, 1, 4, 9, 12, 48, 4095, 8192, 0x80000000 };
	const char *isa = "rv64ima_zicbom_zicbop_zicboz";
	struct isa_cpu cpu;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(right); i++) {
		assert_int_equal(parse_node(NULL, NULL, 0, isa, right[i], &cpu), HV_OK);
		expect_blocks(&cpu, right[i]);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(parse_node(NULL, NULL, 0, isa, wrong[i], &cpu), HV_OK);
		expect_blocks(&cpu, 0);
	}
	/* Without the extension a size means nothing. */
	assert_int_equal(parse_node(NULL, NULL, 0, "rv64ima", 128, &cpu), HV_OK);
	expect_blocks(&cpu, 0);
	/* Zic64b says the size itself; it makes a wrong one no better. */
	isa = "rv64ima_zic64b_zicbom_zicbop_zicboz";
	assert_int_equal(parse_node(NULL, NULL, 0, isa, 0, &cpu), HV_OK);
	expect_blocks(&cpu, 64);
	assert_int_equal(parse_node(NULL, NULL, 0, isa, 48, &cpu), HV_OK);
	expect_blocks(&cpu, 0);
}

/* --- machine and guests ---------------------------------------------------------------------------- */

static void the_machine_has_what_all_harts_have(void **state)
{
	struct isa_cpu a = { .cbom_block = 64, .cbop_block = 64, .cboz_block = 64 };
	struct isa_cpu b = { .cbom_block = 64, .cbop_block = 64, .cboz_block = 128 };

	(void)state;
	isa_parse_string("rv64imafdch_zba_zicbom_zicbop_zicboz_sstc", &a.set);
	isa_parse_string("rv64imach_zbb_zicbom_zicbop_zicboz_sstc", &b.set);
	isa_machine_reset();
	assert_false(isa_has(&isa_machine()->set, ISA_I));
	isa_machine_add(&a);
	isa_machine_add(&b);
	assert_string_equal(text(&isa_machine()->set),
			    "rv64imach_zicbom_zicbop_zicntr_zicsr_zifencei_sstc");
	assert_int_equal(isa_machine()->cbom_block, 64);
	assert_int_equal(isa_machine()->cbop_block, 64);
	assert_int_equal(isa_machine()->cboz_block, 0);
}

/* Each size by itself: where the harts differ in one, its extension goes, and the others stay. */
static void harts_that_differ_in_a_block_size_do_not_have_it(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct isa_cpu a = { .cbom_block = 32, .cbop_block = 64, .cboz_block = 128 };
		struct isa_cpu b = { .cbom_block = i == 0 ? 8 : 32,
				     .cbop_block = i == 1 ? 8 : 64,
				     .cboz_block = i == 2 ? 8 : 128 };
		const struct isa_cpu *both = isa_machine();

		isa_parse_string("rv64i_zicbom_zicbop_zicboz", &a.set);
		b.set = a.set;
		isa_machine_reset();
		assert_int_equal(both->cbom_block | both->cbop_block | both->cboz_block, 0);
		isa_machine_add(&a);
		isa_machine_add(&b);
		assert_int_equal(both->cbom_block, i == 0 ? 0 : 32);
		assert_int_equal(both->cbop_block, i == 1 ? 0 : 64);
		assert_int_equal(both->cboz_block, i == 2 ? 0 : 128);
		assert_int_equal(isa_has(&both->set, ISA_ZICBOM), i != 0);
		assert_int_equal(isa_has(&both->set, ISA_ZICBOP), i != 1);
		assert_int_equal(isa_has(&both->set, ISA_ZICBOZ), i != 2);
	}
}

static void guests_get_nothing_that_is_closed(void **state)
{
	(void)state;
	assert_string_equal(guest_of("rv64imafdch_zawrs_ziccrse_zicfilp_zicfiss_zihpm_zcmt_zkr_sha_"
				     "shgatpa_smaia_ssaia_smstateen_sscofpmf_ssnpm_sdtrig_sstc"),
			    "rv64imafdc_ziccrse_zicntr_zicsr_zifencei_zawrs_sstc");
	/* zk would promise zkr. */
	assert_string_equal(guest_of("rv64ima_zk"),
			    "rv64ima_zicntr_zicsr_zifencei_zbkb_zbkc_zbkx_zkn_zknd_zkne_zknh_zkt");
}

static void every_closed_extension_says_why(void **state)
{
	unsigned int closed = 0;

	(void)state;
	for (unsigned int i = 0; i < NR_ISA_EXTS; i++) {
		const char *why = isa_why_closed((enum isa_ext)i);

		closed += why != NULL;
		assert_true(!why || strlen(why) > 5);
	}
	assert_true(closed > 30);
	assert_non_null(isa_why_closed(ISA_H));
	assert_null(isa_why_closed(ISA_ZICCRSE));
}

static void vector_is_open_only_while_its_state_is_switched(void **state)
{
	(void)state;
	assert_string_equal(guest_of("rv64imafdcv_zvbb_zvl128b"),
			    "rv64imafdc_zicntr_zicsr_zifencei");
	isa_allow_vector(true);
	assert_string_equal(guest_of("rv64imafdcv_zvbb_zvl128b"),
			    "rv64imafdcv_zicntr_zicsr_zifencei_zvbb_zvl128b");
	isa_allow_vector(false);
}

static void guests_have_one_way_of_page_table_updates(void **state)
{
	(void)state;
	assert_string_equal(guest_of("rv64i_svadu"), "rv64i_zicntr_zicsr_zifencei_svadu");
	assert_true(isa_guest_henvcfg() == HENVCFG_ADUE);
	assert_string_equal(guest_of("rv64i_svadu_svade"), "rv64i_zicntr_zicsr_zifencei_svade");
	assert_true(isa_guest_henvcfg() == 0);
	guest_of("rv64i_svade");
	assert_true(isa_guest_henvcfg() == 0);
}

static void henvcfg_opens_what_is_listed_and_nothing_else(void **state)
{
	(void)state;
	guest_of("rv64imafdch");
	assert_true(isa_guest_henvcfg() == 0);
	guest_of("rv64i_sstc");
	assert_true(isa_guest_henvcfg() == HENVCFG_STCE);
	/* Only where cleared memory can be written back: a guest looks past the caches by it. */
	assert_string_equal(guest_of("rv64i_svpbmt"), "rv64i_zicntr_zicsr_zifencei");
	assert_true(isa_guest_henvcfg() == 0);
	assert_false(isa_guest_sees_past_caches());
	guest_of("rv64i_zicbom_svpbmt");
	assert_true(isa_guest_henvcfg() == (HENVCFG_PBMTE | HENVCFG_CBCFE | 0x10));
	assert_true(isa_guest_sees_past_caches());
	guest_of("rv64i_zicboz");
	assert_true(isa_guest_henvcfg() == HENVCFG_CBZE);
	/* cbo.inval must flush (01): invalidating would uncover another owner's data. */
	guest_of("rv64i_zicbom");
	assert_true(isa_guest_henvcfg() == (HENVCFG_CBCFE | 0x10));
}

static void any_set_can_be_formatted_and_read_back(void **state)
{
	struct isa_set all = { 0 }, back;
	char small[16];

	(void)state;
	for (unsigned int i = 0; i < NR_ISA_EXTS; i++)
		isa_add(&all, (enum isa_ext)i);
	assert_int_equal(isa_parse_string(text(&all), &back), HV_OK);
	assert_memory_equal(&all, &back, sizeof(all));
	for (size_t n = 0; n <= sizeof(small); n++) {
		char *exact = malloc(n + 1);

		assert_int_equal(isa_format(&all, exact, n), HV_EOVERFLOW);
		free(exact);
	}
}

/* With the byte that ends it, and not one more. */
static void a_buffer_of_the_exact_size_is_enough(void **state)
{
	static const char *const texts[] = { "rv64i_zicntr_zicsr_zifencei",
					     "rv64imac_zicntr_zicsr_zifencei" };
	struct isa_set none = { 0 }, s;
	char bare[5];

	(void)state;
	assert_int_equal(isa_format(&none, bare, sizeof(bare)), HV_OK);
	assert_string_equal(bare, "rv64");
	for (unsigned int i = 0; i < ARRAY_SIZE(texts); i++) {
		size_t n = strlen(texts[i]) + 1;
		char *exact = malloc(n);

		assert_int_equal(isa_parse_string(texts[i], &s), HV_OK);
		assert_int_equal(isa_format(&s, exact, n), HV_OK);
		assert_string_equal(exact, texts[i]);
		assert_int_equal(isa_format(&s, exact, n - 1), HV_EOVERFLOW);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single_letters_and_named_ones_are_read),
		cmocka_unit_test(versions_are_passed_over),
		cmocka_unit_test(unknown_extensions_change_nothing),
		cmocka_unit_test(what_stands_for_several_brings_its_parts),
		cmocka_unit_test(what_is_no_rv64i_is_refused),
		cmocka_unit_test(any_text_is_parsed_without_harm),
		cmocka_unit_test(the_list_goes_before_the_string),
		cmocka_unit_test(of_a_node_that_is_refused_nothing_is_left),
		cmocka_unit_test(cache_block_extensions_need_a_usable_block_size),
		cmocka_unit_test(the_machine_has_what_all_harts_have),
		cmocka_unit_test(harts_that_differ_in_a_block_size_do_not_have_it),
		cmocka_unit_test(guests_get_nothing_that_is_closed),
		cmocka_unit_test(every_closed_extension_says_why),
		cmocka_unit_test(vector_is_open_only_while_its_state_is_switched),
		cmocka_unit_test(guests_have_one_way_of_page_table_updates),
		cmocka_unit_test(henvcfg_opens_what_is_listed_and_nothing_else),
		cmocka_unit_test(any_set_can_be_formatted_and_read_back),
		cmocka_unit_test(a_buffer_of_the_exact_size_is_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
