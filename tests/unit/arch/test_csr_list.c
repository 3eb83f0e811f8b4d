// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/arch/isa.c hyp/lib/fdt.c
/* hyp/arch/csr_list.h against isa_list.h: what every extension brings, and that no guest gets it unkept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/isa.h"

enum kept { SWITCHED, CLEARED, INDIRECT, CLOSED };

static const struct row {
	unsigned int csr;
	const char *name;
	enum isa_ext ext;
	enum kept kept;
	const char *text;
} rows[] = {
#define X(number, name, extension, kept, text) { number, name, ISA_##extension, kept, text },
#include "arch/csr_list.h"
#undef X
};

/*
 * Extensions that are closed or of S-mode and that bring no CSR which a guest could reach: bits of listed CSRs,
 * instructions, behaviour, registers of M-mode or of HS-mode. A new extension goes here or into csr_list.h.
 */
static const enum isa_ext without_csrs[] = {
	ISA_Q,	       ISA_H,	     ISA_ZICFILP,      ISA_ZIHPM,
	ISA_ZK,	       ISA_SHA,	     ISA_SHCOUNTERENW, ISA_SHGATPA,
	ISA_SHTVALA,   ISA_SHVSATPA, ISA_SHVSTVALA,    ISA_SHVSTVECD,
	ISA_SMAIA,     ISA_SMCDELEG, ISA_SMCNTRPMF,    ISA_SMCSRIND,
	ISA_SMCTR,     ISA_SMEPMP,   ISA_SMMPM,	       ISA_SMNPM,
	ISA_SMSTATEEN, ISA_SSCCPTR,  ISA_SSCOFPMF,     ISA_SSCOUNTERENW,
	ISA_SSDBLTRP,  ISA_SSNPM,    ISA_SSPM,	       ISA_SSTVALA,
	ISA_SSTVECD,   ISA_SSU64XL,  ISA_SUPM,	       ISA_SVADE,
	ISA_SVADU,     ISA_SVINVAL,  ISA_SVNAPOT,      ISA_SVPBMT,
	ISA_SVVPTC,
};

static bool has_row(enum isa_ext ext)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].ext == ext)
			return true;
	return false;
}

static bool is_without(enum isa_ext ext)
{
	for (size_t i = 0; i < ARRAY_SIZE(without_csrs); i++)
		if (without_csrs[i] == ext)
			return true;
	return false;
}

static void every_closed_and_every_supervisor_extension_is_accounted_for(void **state)
{
	(void)state;
	isa_allow_vector(true);
	for (unsigned int i = 0; i < NR_ISA_EXTS; i++) {
		enum isa_ext ext = (enum isa_ext)i;
		bool asked = isa_why_closed(ext) || isa_name(ext)[0] == 's';

		if (asked && has_row(ext) == is_without(ext))
			fail_msg("%s: %s", isa_name(ext),
				 has_row(ext) ?
					 "has CSRs, and is said to have none" :
					 "is neither in csr_list.h nor among those without CSRs");
	}
}

static void an_open_extension_has_its_csrs_switched(void **state)
{
	(void)state;
	isa_allow_vector(true);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!isa_why_closed(rows[i].ext) && rows[i].kept != SWITCHED)
			fail_msg("%s of %s is open and not switched", rows[i].name,
				 isa_name(rows[i].ext));
}

static void what_is_closed_says_by_what_without_smstateen(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].kept != CLOSED)
			continue;
		if (!isa_why_closed(rows[i].ext))
			fail_msg("%s is closed, and guests get %s", rows[i].name,
				 isa_name(rows[i].ext));
		if (rows[i].text[0] == '\0')
			fail_msg("%s: closed by what?", rows[i].name);
		/* A bit of hstateen may close only what comes with Smstateen itself. */
		if (strstr(rows[i].text, "hstateen") && rows[i].ext != ISA_SSSTATEEN)
			fail_msg("%s: hstateen closes nothing on a hart without Smstateen",
				 rows[i].name);
	}
}

static void numbers_are_of_user_and_supervisor_mode(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if ((rows[i].csr >> 8 & 3) > 1 || rows[i].csr >> 10 == 3)
			fail_msg("%s: %#x", rows[i].name, rows[i].csr);
}

static void one_number_has_one_name_and_one_keeping(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t j = 0; j < i; j++) {
			bool number = rows[i].csr == rows[j].csr;

			assert_int_equal(number, strcmp(rows[i].name, rows[j].name) == 0);
			if (number)
				assert_int_equal(rows[i].kept, rows[j].kept);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_closed_and_every_supervisor_extension_is_accounted_for),
		cmocka_unit_test(an_open_extension_has_its_csrs_switched),
		cmocka_unit_test(what_is_closed_says_by_what_without_smstateen),
		cmocka_unit_test(numbers_are_of_user_and_supervisor_mode),
		cmocka_unit_test(one_number_has_one_name_and_one_keeping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
