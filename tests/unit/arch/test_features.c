// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/arch/features.c
/* What a hart has beyond the base: it is found, compared with the boot hart's, and closed to guests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/csr.h"
#include "arch/features.h"
#include "arch/trap.h"

/* --- a hart with some of the optional CSRs ------------------------------------------------------------ */

#define MARK UINT64_C(0x5a5a5a5a5a5a5a5a) /* what firmware or a guest has left in a CSR */

enum probe {
	SENVCFG,
	SSTATEEN0,
	HENVCFG,
	HSTATEEN0,
	VSTIMECMP,
	INSTRET,
	VLENB,
	HSTATEEN1,
	HSTATEEN2,
	HSTATEEN3,
	HVICTL,
	VSISELECT,
	VSCTRCTL,
	SCONTEXT,
	JVT,
	NR_PROBES
};

/* What a probe stands for: the CSRs that are there if it says so. */
static const unsigned int csrs_of_probe[NR_PROBES][4] = {
	[HSTATEEN1] = { CSR_HSTATEEN1 }, [HSTATEEN2] = { CSR_HSTATEEN2 },
	[HSTATEEN3] = { CSR_HSTATEEN3 }, [HVICTL] = { CSR_HVIEN, CSR_HVICTL },
	[VSISELECT] = { CSR_VSISELECT }, [VSCTRCTL] = { CSR_VSCTRCTL, CSR_SCTRCTL, CSR_SCTRSTATUS },
	[SCONTEXT] = { CSR_SCONTEXT },	 [JVT] = { CSR_JVT },
};

static struct {
	bool has[NR_PROBES], has_d, has_v;
	uint64_t csrs[4096];
	unsigned int records_cleared;
} hart;

#define PROBE(name, csr)               \
	bool csr_probe_##csr(void)     \
	{                              \
		return hart.has[name]; \
	}
PROBE(SENVCFG, senvcfg)
PROBE(SSTATEEN0, sstateen0)
PROBE(HENVCFG, henvcfg)
PROBE(HSTATEEN0, hstateen0)
PROBE(VSTIMECMP, vstimecmp)
PROBE(INSTRET, instret)
PROBE(HSTATEEN1, hstateen1)
PROBE(HSTATEEN2, hstateen2)
PROBE(HSTATEEN3, hstateen3)
PROBE(HVICTL, hvictl)
PROBE(VSISELECT, vsiselect)
PROBE(VSCTRCTL, vsctrctl)
PROBE(SCONTEXT, scontext)
PROBE(JVT, jvt)

/* It traps while VS is Off, whatever the hart has. */
bool csr_probe_vlenb(void)
{
	return hart.has[VLENB] && (hart.csrs[CSR_SSTATUS] & SSTATUS_VS);
}

bool arch_fp_probe(void)
{
	assert_int_equal(hart.csrs[CSR_SSTATUS] & SSTATUS_FS, SSTATUS_FS);
	return hart.has_d;
}

void arch_sctrclr(void)
{
	assert_true(hart.has[VSCTRCTL]);
	hart.records_cleared++;
}

static bool exists(unsigned int csr)
{
	for (unsigned int i = 0; i < NR_PROBES; i++)
		for (unsigned int k = 0; k < 4; k++)
			if (csr && csrs_of_probe[i][k] == csr)
				return hart.has[i];
	return csr == CSR_SSTATUS || (csr == CSR_VLENB && hart.has[VLENB]);
}

uint64_t fake_csr_read(unsigned int csr)
{
	assert_true(exists(csr));
	return hart.csrs[csr & 4095];
}

/* VS is read-only zero without vectors. */
void fake_csr_write(unsigned int csr, uint64_t val)
{
	assert_true(exists(csr));
	if (csr == CSR_SSTATUS && !hart.has_v)
		val &= ~(uint64_t)SSTATUS_VS;
	hart.csrs[csr & 4095] = val;
}

static void has_all(bool all)
{
	for (unsigned int i = 0; i < NR_PROBES; i++)
		hart.has[i] = all;
	hart.has_d = hart.has_v = all;
	for (unsigned int i = 0; i < 4096; i++)
		hart.csrs[i] = MARK;
	hart.csrs[CSR_SSTATUS] = 0;
	hart.csrs[CSR_VLENB] = 32;
	hart.records_cleared = 0;
}

static int setup(void **state)
{
	(void)state;
	has_all(true);
	return 0;
}

/* The CSRs of @probe are zero, and those of all others are as they were. */
static void only_zero(uint64_t probes)
{
	for (unsigned int i = 0; i < NR_PROBES; i++)
		for (unsigned int k = 0; k < 4 && csrs_of_probe[i][k]; k++)
			assert_int_equal(hart.csrs[csrs_of_probe[i][k]],
					 probes & BIT(i) ? 0 : MARK);
	assert_int_equal(hart.records_cleared, (probes & BIT(VSCTRCTL)) != 0);
}

/* --- the promises ------------------------------------------------------------------------------------- */

static void a_plain_hart_has_nothing(void **state)
{
	struct hart_features f;

	(void)state;
	has_all(false);
	f = features_probe();
	assert_false(f.senvcfg || f.sstateen0 || f.henvcfg || f.hstateen0 || f.sstc || f.instret);
	assert_int_equal(f.vlenb, 0);
	assert_int_equal(f.loose, 0);
	assert_false(features_has_d());
	hart.has_d = true;
	assert_true(features_has_d());
}

static void each_is_found_by_its_own_probe(void **state)
{
	(void)state;
	for (unsigned int i = 0; i <= INSTRET; i++) {
		struct hart_features f;

		has_all(false);
		hart.has[i] = true;
		f = features_probe();
		assert_int_equal(f.senvcfg, i == SENVCFG);
		assert_int_equal(f.sstateen0, i == SSTATEEN0);
		assert_int_equal(f.henvcfg, i == HENVCFG);
		assert_int_equal(f.hstateen0, i == HSTATEEN0);
		assert_int_equal(f.sstc, i == VSTIMECMP);
		assert_int_equal(f.instret, i == INSTRET);
	}
}

/* With Smstateen hstateen0 closes them; without it they are cleared. */
static void what_no_state_enable_bit_closes_is_loose(void **state)
{
	static const uint32_t loose[] = { LOOSE_SISELECT, LOOSE_CTR, LOOSE_SCONTEXT, LOOSE_JVT };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(loose); i++) {
		has_all(false);
		hart.has[VSISELECT + i] = true;
		assert_int_equal(features_probe().loose, loose[i]);
		hart.has[HSTATEEN0] = true;
		assert_int_equal(features_probe().loose, 0);
		has_all(true);
		hart.has[HSTATEEN0] = hart.has[VSISELECT + i] = false;
		assert_int_equal(features_probe().loose, 15 & ~loose[i]);
	}
}

static void the_vector_length_is_read_where_there_are_vectors(void **state)
{
	(void)state;
	assert_int_equal(features_probe().vlenb, 32);
	assert_int_equal(hart.csrs[CSR_SSTATUS] & SSTATUS_VS, 0);
	hart.has[VLENB] = false; /* firmware has closed it */
	assert_int_equal(features_probe().vlenb, 0);
	hart.has[VLENB] = true;
	hart.has_v = false;
	assert_int_equal(features_probe().vlenb, 0);
}

static void the_boot_hart_decides_and_vectors_only_if_guests_get_them(void **state)
{
	(void)state;
	features_probe_boot(true);
	assert_int_equal(hart_features.vlenb, 32);
	assert_true(hart_features.sstc && hart_features.hstateen0);
	features_probe_boot(false);
	assert_int_equal(hart_features.vlenb, 0);
	assert_true(hart_features.sstc && hart_features.hstateen0);
}

/* Whichever it is, and whichever of the two harts has it. */
static void a_hart_with_other_csrs_is_a_misfit(void **state)
{
	static const struct {
		unsigned int probe;
		uint32_t bit;
	} bits[] = {
		{ SENVCFG, BIT(0) },   { HENVCFG, BIT(1) },   { SSTATEEN0, BIT(2) },
		{ VSTIMECMP, BIT(4) }, { VSISELECT, BIT(8) }, { VSCTRCTL, BIT(9) },
		{ SCONTEXT, BIT(10) }, { JVT, BIT(11) },
	};

	(void)state;
	hart.has[HSTATEEN0] = false;
	features_probe_boot(true);
	assert_null(features_misfit().what);
	for (unsigned int i = 0; i < ARRAY_SIZE(bits); i++) {
		struct hart_misfit m;

		hart.has[bits[i].probe] = false;
		m = features_misfit();
		assert_string_equal(m.what, "the set of optional CSRs");
		assert_int_equal(m.boot, 0xf17);
		assert_int_equal(m.here, 0xf17 & ~bits[i].bit);
		hart.has[bits[i].probe] = true;
	}
	hart.has[HSTATEEN0] = true;
	assert_int_equal(features_misfit().here, 0x1f);
	hart.has_d = false;
	assert_string_equal(features_misfit().what, "D");
	assert_int_equal(features_misfit().here, 0);
	assert_int_equal(features_misfit().boot, 1);
}

static void another_vector_length_is_a_misfit_if_guests_have_vectors(void **state)
{
	struct hart_misfit m;

	(void)state;
	features_probe_boot(true);
	hart.csrs[CSR_VLENB] = 16;
	m = features_misfit();
	assert_string_equal(m.what, "vlenb");
	assert_int_equal(m.here, 16);
	assert_int_equal(m.boot, 32);
	features_probe_boot(false);
	assert_null(features_misfit().what);
}

/* Counting is not for all where one hart does not; it is no reason to leave the hart out. */
static void instructions_are_counted_if_every_hart_counts_them(void **state)
{
	(void)state;
	features_probe_boot(true);
	assert_null(features_misfit().what);
	assert_true(hart_features.instret);
	hart.has[INSTRET] = hart.has[SENVCFG] = false;
	assert_non_null(features_misfit().what);
	assert_true(hart_features.instret); /* a hart that is left out has no say */
	hart.has[SENVCFG] = true;
	assert_null(features_misfit().what);
	assert_false(hart_features.instret);
}

static void all_that_a_guest_could_reach_is_closed(void **state)
{
	const uint64_t closed = BIT(HSTATEEN1) | BIT(HSTATEEN2) | BIT(HSTATEEN3) | BIT(HVICTL) |
				BIT(VSISELECT) | BIT(VSCTRCTL) | BIT(SCONTEXT) | BIT(JVT);

	(void)state;
	features_close();
	only_zero(closed);
	for (unsigned int i = HSTATEEN1; i < NR_PROBES; i++) {
		has_all(false);
		hart.has[i] = true;
		features_close();
		only_zero(BIT(i));
	}
}

static void what_is_loose_is_zero_for_the_next_guest(void **state)
{
	static const uint32_t loose[] = { LOOSE_SISELECT, LOOSE_CTR, LOOSE_SCONTEXT, LOOSE_JVT };

	(void)state;
	features_clear_loose(0);
	only_zero(0);
	for (unsigned int i = 0; i < ARRAY_SIZE(loose); i++) {
		has_all(true);
		features_clear_loose(loose[i]);
		only_zero(BIT(VSISELECT + i));
	}
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_plain_hart_has_nothing),
		TEST(each_is_found_by_its_own_probe),
		TEST(what_no_state_enable_bit_closes_is_loose),
		TEST(the_vector_length_is_read_where_there_are_vectors),
		TEST(the_boot_hart_decides_and_vectors_only_if_guests_get_them),
		TEST(a_hart_with_other_csrs_is_a_misfit),
		TEST(another_vector_length_is_a_misfit_if_guests_have_vectors),
		TEST(instructions_are_counted_if_every_hart_counts_them),
		TEST(all_that_a_guest_could_reach_is_closed),
		TEST(what_is_loose_is_zero_for_the_next_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
