// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/arch/guest.c
/* A guest's processor state: what a hart is set up with, what is reset, saved and loaded, and how a guest takes an
 * exception. Every CSR that is written is checked bit by bit, and no other CSR may be touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/guest_state.h"

/* --- a hart ------------------------------------------------------------------------------------------- */

#define NR_CSRS 4096
#define OTHERS	UINT64_C(0x9a9a9a9a9a9a9a9a) /* some bits of sstatus: FS is Off, VS Initial */

struct hart_features hart_features;

static struct {
	uint64_t csrs[NR_CSRS];
	bool written[NR_CSRS], is_read[NR_CSRS];
	unsigned int closed;
	unsigned int fp_saved, fp_restored, vector_saved, vector_restored, fp_csr_saved,
		vector_csrs_saved;
	const void *state; /* what the last of these was given */
} hart;

static uint64_t left_in(unsigned int csr)
{
	return UINT64_C(0x5a5a000000000000) + csr;
}

uint64_t fake_csr_read(unsigned int csr)
{
	hart.is_read[csr] = true;
	return hart.csrs[csr];
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	hart.written[csr] = true;
	hart.csrs[csr] = val;
}

void features_close(void)
{
	hart.closed++;
}

/* With FS, or VS, off each of them would trap. */
static void uses(uint64_t field, unsigned int *count, const void *state)
{
	assert_int_equal(hart.csrs[CSR_SSTATUS] & field, field);
	hart.state = state;
	++*count;
}

void arch_fp_save(struct guest_fp *fp)
{
	uses(SSTATUS_FS, &hart.fp_saved, fp);
}

void arch_fp_restore(const struct guest_fp *fp)
{
	uses(SSTATUS_FS, &hart.fp_restored, fp);
}

void arch_vector_save(struct guest_vector *v)
{
	uses(SSTATUS_VS, &hart.vector_saved, v);
}

void arch_vector_restore(const struct guest_vector *v)
{
	uses(SSTATUS_VS, &hart.vector_restored, v);
}

void arch_fp_csr_save(struct guest_fp *fp)
{
	hart.state = fp;
	hart.fp_csr_saved++;
}

void arch_vector_csrs_save(struct guest_vector *v)
{
	hart.state = v;
	hart.vector_csrs_saved++;
}

static int setup(void **state)
{
	(void)state;
	memset(&hart, 0, sizeof(hart));
	for (unsigned int i = 0; i < NR_CSRS; i++)
		hart.csrs[i] = left_in(i);
	hart.csrs[CSR_SSTATUS] = 0;
	hart_features = (struct hart_features){ 0 };
	return 0;
}

struct csr_value {
	unsigned int csr;
	uint64_t val;
};

/* The @n CSRs of @list, and no others, have been written, and hold what it says. */
static void only_written(const struct csr_value *list, size_t n)
{
	size_t written = 0;

	for (unsigned int i = 0; i < NR_CSRS; i++)
		written += hart.written[i];
	assert_int_equal(written, n);
	for (size_t i = 0; i < n; i++) {
		assert_true(hart.written[list[i].csr]);
		assert_int_equal(hart.csrs[list[i].csr], list[i].val);
	}
}

static void no_csr_written(void)
{
	only_written(NULL, 0);
}

/* sstatus.FS or VS, whichever is in @field, has been turned on, and nothing else. */
static void only_turned_on(uint64_t field)
{
	const struct csr_value on = { CSR_SSTATUS, field };

	only_written(&on, 1);
}

/* --- setup of a hart ---------------------------------------------------------------------------------- */

/* Causes and interrupts by number: privileged specification, scause and the tables of hedeleg and hideleg. */
static const struct csr_value at_setup[] = {
	{ CSR_HEDELEG, 0x4b1ff }, /* 0 to 8, 12, 13, 15, 18: not ecalls but U's, nor guest page faults */
	{ CSR_HIDELEG, 0x444 }, /* 2, 6, 10 */
	{ CSR_HGEIE, 0 },	  { CSR_HVIP, 0 },  { CSR_VSIE, 0 },
	{ CSR_VSATP, 0 },	  { CSR_HGATP, 0 }, { CSR_SIE, 0x222 }, /* 1, 5, 9 */
	{ CSR_SSTATUS, 0x6600 },
};

static void a_hart_is_set_up_by_what_it_has(void **state)
{
	(void)state;
	for (unsigned int has = 0; has < 4; has++) {
		struct csr_value expected[ARRAY_SIZE(at_setup) + 2];
		size_t n = ARRAY_SIZE(at_setup);

		setup(state);
		memcpy(expected, at_setup, sizeof(at_setup));
		hart_features.sstc = has & 1;
		hart_features.hstateen0 = has & 2;
		if (has & 1)
			expected[n++] = (struct csr_value){ CSR_VSTIMECMP, UINT64_MAX };
		if (has & 2) /* bit 62: senvcfg; not bit 63: sstateen0 */
			expected[n++] = (struct csr_value){ CSR_HSTATEEN0, UINT64_C(1) << 62 };
		guest_hart_setup();
		only_written(expected, n);
		assert_int_equal(hart.closed, 1);
	}
}

static void setup_leaves_the_rest_of_sstatus(void **state)
{
	(void)state;
	hart.csrs[CSR_SSTATUS] = OTHERS & ~UINT64_C(0x6600);
	guest_hart_setup();
	assert_int_equal(hart.csrs[CSR_SSTATUS], OTHERS | 0x6600);
}

/* --- reset -------------------------------------------------------------------------------------------- */

/* SBI specification, "Hart Start": sepc, a0, a1, VS-mode with interrupts off. FS and VS are Clean. */
static void a_started_hart_finds_what_sbi_promises(void **state)
{
	struct guest_regs r, expected = { .sepc = 0x80200000,
					  .sstatus = UINT64_C(0x200004120),
					  .hstatus = UINT64_C(0x200200180) };

	(void)state;
	expected.x[10] = 5;
	expected.x[11] = 0x1234;
	memset(&r, 0xff, sizeof(r));
	guest_regs_reset(&r, 0x80200000, 5, 0x1234);
	assert_memory_equal(&r, &expected, sizeof(r));

	hart_features.vlenb = 16;
	expected.sstatus |= 0x400;
	guest_regs_reset(&r, 0x80200000, 5, 0x1234);
	assert_memory_equal(&r, &expected, sizeof(r));
	no_csr_written();
}

static void the_vs_csrs_are_as_after_reset(void **state)
{
	struct guest_vs_csrs s, expected = { .vsstatus = UINT64_C(2) << 32,
					     .vstimecmp = UINT64_MAX,
					     .scounteren = 7 };

	(void)state;
	memset(&s, 0xff, sizeof(s));
	guest_vs_reset(&s);
	assert_memory_equal(&s, &expected, sizeof(s));
	no_csr_written();
}

/* --- VS-level CSRs ------------------------------------------------------------------------------------ */

/* Field by field. vstimecmp is not among them: hyp/vcpu/vtimer.c switches it. */
static const struct {
	unsigned int csr;
	size_t field;
} switched[] = {
	{ CSR_VSSTATUS, offsetof(struct guest_vs_csrs, vsstatus) },
	{ CSR_VSIE, offsetof(struct guest_vs_csrs, vsie) },
	{ CSR_VSTVEC, offsetof(struct guest_vs_csrs, vstvec) },
	{ CSR_VSSCRATCH, offsetof(struct guest_vs_csrs, vsscratch) },
	{ CSR_VSEPC, offsetof(struct guest_vs_csrs, vsepc) },
	{ CSR_VSCAUSE, offsetof(struct guest_vs_csrs, vscause) },
	{ CSR_VSTVAL, offsetof(struct guest_vs_csrs, vstval) },
	{ CSR_VSATP, offsetof(struct guest_vs_csrs, vsatp) },
	{ CSR_SCOUNTEREN, offsetof(struct guest_vs_csrs, scounteren) },
	{ CSR_SENVCFG, offsetof(struct guest_vs_csrs, senvcfg) },
	{ CSR_SSTATEEN0, offsetof(struct guest_vs_csrs, sstateen0) },
};

/* What a hart has, as a number from 0 to 3; every hart has the other CSRs. */
static bool has_csr(unsigned int csr, unsigned int has)
{
	return csr == CSR_SENVCFG ? has & 1 : csr == CSR_SSTATEEN0 ? has & 2 : true;
}

static void hart_has(unsigned int has)
{
	setup(NULL);
	hart_features.senvcfg = has & 1;
	hart_features.sstateen0 = has & 2;
}

static uint64_t *field_of(struct guest_vs_csrs *s, size_t i)
{
	return (uint64_t *)((char *)s + switched[i].field);
}

static void each_vs_csr_is_saved_to_its_field(void **state)
{
	(void)state;
	for (unsigned int has = 0; has < 4; has++) {
		struct guest_vs_csrs s = { 0 }, expected = { 0 };

		hart_has(has);
		for (size_t i = 0; i < ARRAY_SIZE(switched); i++)
			if (has_csr(switched[i].csr, has))
				*field_of(&expected, i) = left_in(switched[i].csr);
		guest_vs_save(&s);
		assert_memory_equal(&s, &expected, sizeof(s));
		no_csr_written();
		assert_int_equal(hart.is_read[CSR_SENVCFG], has & 1);
		assert_int_equal(hart.is_read[CSR_SSTATEEN0], (has & 2) != 0);
	}
}

static void each_vs_csr_is_loaded_from_its_field(void **state)
{
	(void)state;
	for (unsigned int has = 0; has < 4; has++) {
		struct csr_value expected[ARRAY_SIZE(switched)];
		struct guest_vs_csrs s = { .vstimecmp = 99 };
		size_t n = 0;

		hart_has(has);
		for (size_t i = 0; i < ARRAY_SIZE(switched); i++) {
			*field_of(&s, i) = 100 + i;
			if (has_csr(switched[i].csr, has))
				expected[n++] = (struct csr_value){ switched[i].csr, 100 + i };
		}
		guest_vs_restore(&s);
		only_written(expected, n);
	}
}

/* --- FP and vector registers -------------------------------------------------------------------------- */

static void fp_registers_are_saved_and_marked_clean(void **state)
{
	struct guest_regs r = { .sstatus = OTHERS | SSTATUS_FS };
	struct guest_fp fp;

	(void)state;
	guest_fp_save_dirty(&r, &fp);
	assert_int_equal(hart.fp_saved, 1);
	assert_ptr_equal(hart.state, &fp);
	assert_int_equal(r.sstatus, (OTHERS & ~SSTATUS_FS) | 0x4000);
	only_turned_on(0x6000);
}

static void fp_registers_are_restored(void **state)
{
	struct guest_fp fp = { 0 };

	(void)state;
	guest_fp_restore(&fp);
	assert_int_equal(hart.fp_restored, 1);
	assert_ptr_equal(hart.state, &fp);
	only_turned_on(0x6000);
}

static void vector_registers_are_saved_and_marked_clean(void **state)
{
	struct guest_regs r = { .sstatus = OTHERS | SSTATUS_VS };
	struct guest_vector v;

	(void)state;
	guest_vector_save_dirty(&r, &v);
	assert_int_equal(hart.vector_saved, 1);
	assert_ptr_equal(hart.state, &v);
	assert_int_equal(r.sstatus, (OTHERS & ~SSTATUS_VS) | 0x400);
	only_turned_on(0x600);
}

static void vector_registers_are_restored(void **state)
{
	struct guest_vector v = { 0 };

	(void)state;
	guest_vector_restore(&v);
	assert_int_equal(hart.vector_restored, 1);
	assert_ptr_equal(hart.state, &v);
	only_turned_on(0x600);
}

/* Off, Initial and Clean: the registers are as they were last saved. Their CSRs may have changed. */
static void a_put_saves_fp_registers_only_when_they_are_dirty(void **state)
{
	(void)state;
	for (uint64_t fs = XS_OFF; fs <= XS_DIRTY; fs++) {
		uint64_t sstatus = (OTHERS & ~SSTATUS_FS) | SSTATUS_VS | fs << 13;
		bool dirty = fs == XS_DIRTY;
		struct guest_regs r = { .sstatus = sstatus };
		struct guest_fp fp;

		setup(state);
		assert_int_equal(guest_fp_save(&r, &fp), dirty);
		assert_int_equal(hart.fp_saved, dirty);
		assert_int_equal(hart.fp_csr_saved, !dirty);
		assert_ptr_equal(hart.state, &fp);
		assert_int_equal(r.sstatus, dirty ? (sstatus & ~SSTATUS_FS) | 0x4000 : sstatus);
	}
}

static void a_put_saves_vector_registers_only_when_they_are_dirty(void **state)
{
	(void)state;
	for (uint64_t vs = XS_OFF; vs <= XS_DIRTY; vs++) {
		uint64_t sstatus = (OTHERS & ~SSTATUS_VS) | SSTATUS_FS | vs << 9;
		bool dirty = vs == XS_DIRTY;
		struct guest_regs r = { .sstatus = sstatus };
		struct guest_vector v;

		setup(state);
		guest_vector_save(&r, &v);
		assert_int_equal(hart.vector_saved, dirty);
		assert_int_equal(hart.vector_csrs_saved, !dirty);
		assert_ptr_equal(hart.state, &v);
		assert_int_equal(r.sstatus, dirty ? (sstatus & ~SSTATUS_VS) | 0x400 : sstatus);
	}
}

/* A guest without vectors has no place for them, whatever VS says. */
static void a_put_without_vectors_touches_nothing(void **state)
{
	(void)state;
	for (uint64_t vs = XS_OFF; vs <= XS_DIRTY; vs++) {
		struct guest_regs r = { .sstatus = vs << 9 };

		guest_vector_save(&r, NULL);
		assert_int_equal(r.sstatus, vs << 9);
	}
	assert_int_equal(hart.vector_saved + hart.vector_csrs_saved, 0);
	no_csr_written();
}

/* --- exceptions --------------------------------------------------------------------------------------- */

/* From VU or VS (SPP), with interrupts on or off (SIE), whatever an earlier trap has left in SPP and SPIE. */
static void an_exception_is_taken_as_hardware_takes_it(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 16; i++) {
		uint64_t from = i & 1 ? SSTATUS_SPP : 0, sie = i & 2 ? SSTATUS_SIE : 0;
		uint64_t others = OTHERS & ~(SSTATUS_SPP | SSTATUS_SPIE | SSTATUS_SIE);
		struct guest_regs r = { .sepc = 0x1002, .hstatus = 3, .sstatus = others | from };
		struct guest_regs expected = r;
		const struct csr_value written[] = {
			{ CSR_VSEPC, 0x1002 },
			{ CSR_VSCAUSE, 13 },
			{ CSR_VSTVAL, 0x4567 },
			{ CSR_VSSTATUS, others | from | (sie ? SSTATUS_SPIE : 0) },
		};

		setup(state);
		hart.csrs[CSR_VSSTATUS] = others | sie | (i & 4 ? SSTATUS_SPP : 0) |
					  (i & 8 ? SSTATUS_SPIE : 0);
		hart.csrs[CSR_VSTVEC] = 0xffff1000 + i % 4; /* the mode does not count */
		guest_take_exception(&r, 13, 0x4567);
		expected.sstatus |= SSTATUS_SPP;
		expected.sepc = 0xffff1000;
		assert_memory_equal(&r, &expected, sizeof(r));
		only_written(written, ARRAY_SIZE(written));
	}
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_hart_is_set_up_by_what_it_has),
		TEST(setup_leaves_the_rest_of_sstatus),
		TEST(a_started_hart_finds_what_sbi_promises),
		TEST(the_vs_csrs_are_as_after_reset),
		TEST(each_vs_csr_is_saved_to_its_field),
		TEST(each_vs_csr_is_loaded_from_its_field),
		TEST(fp_registers_are_saved_and_marked_clean),
		TEST(fp_registers_are_restored),
		TEST(vector_registers_are_saved_and_marked_clean),
		TEST(vector_registers_are_restored),
		TEST(a_put_saves_fp_registers_only_when_they_are_dirty),
		TEST(a_put_saves_vector_registers_only_when_they_are_dirty),
		TEST(a_put_without_vectors_touches_nothing),
		TEST(an_exception_is_taken_as_hardware_takes_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
