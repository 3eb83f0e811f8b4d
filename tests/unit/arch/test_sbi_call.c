// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calls to the firmware: which register holds what (SBI specification, "Binary Encoding"). The real header is under
 * test here. Its `ecall` becomes a call of firmware(), which sees the registers by the names of the variables.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <hartvisor/sbi.h>

#include "lib/types.h"

struct registers {
	uint64_t a[8];
};

static struct registers firmware(struct registers in);

/* `__asm__("a0")` behind a variable goes, and so do the operands of `__asm__ volatile("ecall" : ...)`. */
#define __asm__(reg)
#define volatile(...)                                                                       \
	("");                                                                               \
	{                                                                                   \
		struct registers out_ =                                                     \
			firmware((struct registers){ { a0, a1, a2, a3, a4, a5, a6, a7 } }); \
		a0 = out_.a[0];                                                             \
		a1 = out_.a[1];                                                             \
	}

#include "hyp/arch/sbi_call.h"

#undef volatile
#undef __asm__

static struct registers calls[4];
static unsigned int nr_calls;
static int64_t error;
static uint64_t value;

static struct registers firmware(struct registers in)
{
	assert_true(nr_calls < ARRAY_SIZE(calls));
	calls[nr_calls++] = in;
	in.a[0] = (uint64_t)error;
	in.a[1] = value;
	return in;
}

static int setup(void **state)
{
	(void)state;
	memset(calls, 0xff, sizeof(calls));
	nr_calls = 0;
	error = SBI_SUCCESS;
	value = 0;
	return 0;
}

static void called(unsigned int which, struct registers expected)
{
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(calls[which].a[i], expected.a[i]);
}

static void each_argument_is_in_its_register(void **state)
{
	struct sbi_call_ret r;

	(void)state;
	error = -5;
	value = 0x1234567890;
	r = sbi_call_host(0x777, 0x666, 10, 11, 12, 13, 14, 15);
	assert_int_equal(nr_calls, 1);
	called(0, (struct registers){ { 10, 11, 12, 13, 14, 15, 0x666, 0x777 } });
	assert_true(r.error == -5);
	assert_int_equal(r.value, 0x1234567890);
}

/* By number: what is 1 where it should be 0 is another call, or asks for another thing. */
static void an_extension_is_there_if_the_probe_says_so(void **state)
{
	(void)state;
	assert_false(sbi_host_has(0x735049));
	called(0, (struct registers){ { 0x735049, 0, 0, 0, 0, 0, 3, 0x10 } });
	value = 1;
	assert_true(sbi_host_has(1));
	value = 2; /* anything but 0 */
	assert_true(sbi_host_has(1));
	error = SBI_ERR_FAILED;
	assert_false(sbi_host_has(1));
	assert_int_equal(nr_calls, 4);
}

/* SRST, no reason; and the legacy call for a firmware that has come back from that. */
static void shutdown_tries_both_calls(void **state)
{
	(void)state;
	error = SBI_ERR_NOT_SUPPORTED;
	sbi_host_shutdown(2);
	assert_int_equal(nr_calls, 2);
	called(0, (struct registers){ { 2, 0, 0, 0, 0, 0, 0, 0x53525354 } });
	called(1, (struct registers){ { 0, 0, 0, 0, 0, 0, 0, 8 } });
}

#define TEST(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_argument_is_in_its_register),
		TEST(an_extension_is_there_if_the_probe_says_so),
		TEST(shutdown_tries_both_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
