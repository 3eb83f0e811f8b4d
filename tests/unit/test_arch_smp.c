// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/arch/features.c tests/unit/fake/pcpu.c tests/unit/fake/csr.c tests/unit/fake/probe.c
/* A hart comes, or is left out with its reason; and one that comes after that stops itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* The source itself: what a started hart is to run is static. */
#include "arch/smp.c"

#include "fake/log.h"
#include "fake/pcpu.h"

#define HART  7
#define SATP  0x8000000000012345
#define NEVER UINT64_MAX

/* --- the firmware, and the hart that it starts ------------------------------------------------------ */

static struct {
	int64_t start;	   /* what hart_start returns */
	int64_t status;	   /* the HSM state; negative: an error */
	uint64_t comes_at; /* the hart says that it is online in the status call of this number */
	uint64_t status_calls, start_calls, stop_calls;
	uint64_t start_pc, start_arg;
	uint64_t ipis_to; /* bit = hart id */
} fw;

static struct pcpu *hart;
static struct hart_misfit misfit; /* what the hart finds about itself */
static unsigned int main_runs;

static struct hart_misfit hart_check(void)
{
	return misfit;
}

static void hart_main(void)
{
	main_runs++;
}

/* What the started hart does from its first instruction in C. */
static void hart_runs(void)
{
	fake_pcpu_become(1);
	smp_secondary_main();
	fake_pcpu_become(0);
}

static struct sbi_call_ret hart_get_status(void)
{
	if (fw.status_calls++ == fw.comes_at)
		hart_runs();
	if (fw.status < 0)
		return (struct sbi_call_ret){ fw.status, 0 };
	return (struct sbi_call_ret){ SBI_SUCCESS, (uint64_t)fw.status };
}

struct sbi_call_ret sbi_call_host(uint64_t eid, uint64_t fid, uint64_t arg0, uint64_t arg1,
				  uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
	(void)arg3, (void)arg4, (void)arg5;
	if (eid == SBI_EXT_IPI) {
		fw.ipis_to = arg0 << arg1;
		return (struct sbi_call_ret){ SBI_SUCCESS, 0 };
	}
	assert_int_equal(eid, SBI_EXT_HSM);
	if (fid == SBI_HSM_HART_STOP) {
		fw.stop_calls++;
		return (struct sbi_call_ret){ SBI_ERR_FAILED, 0 };
	}
	assert_int_equal(arg0, HART);
	if (fid == SBI_HSM_HART_GET_STATUS)
		return hart_get_status();
	assert_int_equal(fid, SBI_HSM_HART_START);
	fw.start_calls++;
	fw.start_pc = arg1;
	fw.start_arg = arg2;
	return (struct sbi_call_ret){ fw.start, 0 };
}

/* A hart for which there is no stop waits, and tries again. Here it has done so often enough. */
static jmp_buf waited;

void cpu_wait_for_interrupt(void)
{
	if (fw.stop_calls == 3)
		longjmp(waited, 1);
}

hpa_t image_hpa(const void *sym)
{
	return ptr_to_hpa(sym);
}

void secondary_entry(void)
{
}

/* No hart of these tests is kicked. */
void fake_fence_w_o(void)
{
	fail_msg("no register to be kicked by");
}

/* --- the tests -------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	(void)state;
	memset(&fw, 0, sizeof(fw));
	fw.status = SBI_HSM_STATE_START_PENDING;
	fw.comes_at = NEVER;
	main_runs = 0;
	misfit = (struct hart_misfit){ NULL, 0, 0 };
	fake_log_reset();
	fake_pcpu_setup(2);
	hart = pcpus[1];
	hart->hartid = HART;
	hart->online = PCPU_AWAITED;
	return 0;
}

static int start(void)
{
	int err = smp_start(hart, SATP, hart_check, hart_main);

	assert_int_equal(fw.start_calls, 1);
	assert_int_equal(fw.start_pc, ptr_to_hpa((const void *)secondary_entry).hpa);
	assert_int_equal(fw.start_arg, ptr_to_hpa(hart).hpa);
	assert_int_equal(secondary_satp, SATP);
	return err;
}

static void assert_left_out(const char *why)
{
	assert_int_equal(start(), HV_EIO);
	assert_int_equal(fake_log_count, 1);
	assert_non_null(strstr(fake_log_last, "hart 7: left out: "));
	assert_non_null(strstr(fake_log_last, why));
	assert_int_equal(main_runs, 0);
}

static void a_hart_that_comes_runs_what_it_was_started_for(void **state)
{
	(void)state;
	fw.comes_at = 5;
	assert_int_equal(start(), HV_OK);
	assert_int_equal(hart->online, PCPU_ONLINE);
	assert_int_equal(main_runs, 1);
	assert_int_equal(fake_log_count, 0);
	assert_int_equal(fw.stop_calls, 0);
}

/* Between the last look at it and the decision to leave it out. */
static void a_hart_that_comes_at_the_last_moment_is_taken(void **state)
{
	(void)state;
	fw.comes_at = STATUS_CALLS_MAX - 1;
	assert_int_equal(start(), HV_OK);
	assert_int_equal(hart->online, PCPU_ONLINE);
	assert_int_equal(main_runs, 1);
	assert_int_equal(fake_log_count, 0);
}

static void a_hart_that_the_firmware_does_not_start_is_left_out(void **state)
{
	(void)state;
	fw.start = SBI_ERR_INVALID_PARAM;
	assert_left_out("hart_start returned -3");
	assert_int_equal(fw.status_calls, 0);
}

static void a_hart_that_falls_back_is_left_out_at_once(void **state)
{
	(void)state;
	fw.status = SBI_HSM_STATE_STOPPED;
	assert_left_out("HSM state 1 after hart_start");
	assert_int_equal(fw.status_calls, 1);
}

static void a_hart_whose_status_is_an_error_is_left_out(void **state)
{
	(void)state;
	fw.status = SBI_ERR_FAILED;
	assert_left_out("HSM state -1 after hart_start");
}

static void a_hart_that_stays_silent_is_left_out(void **state)
{
	(void)state;
	assert_left_out("calls it START_PENDING, but it never reached");
	setup(state);
	fw.status = SBI_HSM_STATE_STARTED;
	assert_left_out("calls it STARTED, but it never reached");
}

static struct hart_features probed;

/* As features_misfit(), of a hart that has what @probed says. */
static struct hart_misfit compared(void)
{
	return features_compare(&probed);
}

static void a_hart_of_another_vector_length_is_told_by_both(void **state)
{
	(void)state;
	hart_features = (struct hart_features){ .senvcfg = true, .vlenb = 16 };
	probed = hart_features;
	assert_null(compared().what);
	probed.vlenb = 32;
	assert_string_equal(compared().what, "vlenb");
	assert_int_equal(compared().here, 32);
	assert_int_equal(compared().boot, 16);
	hart_features.vlenb = 0; /* no guest has vectors */
	assert_null(compared().what);
}

static void a_hart_with_other_csrs_is_told(void **state)
{
	static const struct hart_features others[] = {
		{ .senvcfg = false },
		{ .senvcfg = true, .henvcfg = true },
		{ .senvcfg = true, .sstateen0 = true },
		{ .senvcfg = true, .hstateen0 = true },
		{ .senvcfg = true, .sstc = true },
		{ .senvcfg = true, .loose = LOOSE_SISELECT },
		{ .senvcfg = true, .loose = LOOSE_JVT },
	};

	(void)state;
	hart_features = (struct hart_features){ .senvcfg = true };
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		probed = others[i];
		assert_string_equal(compared().what, "the set of optional CSRs");
		assert_int_not_equal(compared().here, compared().boot);
	}
}

static void a_hart_that_differs_is_left_out_and_stops(void **state)
{
	(void)state;
	misfit = (struct hart_misfit){ "vlenb", 32, 16 };
	secondary_check = hart_check;
	secondary_main = hart_main;
	if (!setjmp(waited)) {
		hart_runs();
		fail_msg("the hart went on");
	}
	fake_pcpu_become(0);
	assert_int_equal(hart->online, PCPU_UNFIT);
	assert_int_equal(fw.stop_calls, 3);
	assert_int_equal(main_runs, 0);
	assert_left_out("vlenb has to be as on the boot hart: it is 0x10 there, 0x20 here");
	assert_int_equal(fw.status_calls, 0);
}

static void a_hart_that_comes_after_that_stops_itself(void **state)
{
	(void)state;
	assert_left_out("START_PENDING");
	if (!setjmp(waited)) {
		hart_runs();
		fail_msg("the hart went on");
	}
	assert_int_equal(fw.stop_calls, 3);
	assert_int_equal(main_runs, 0);
	assert_int_equal(hart->online, PCPU_LEFT_OUT);
}

/* --- grace periods ----------------------------------------------------------------------------------- */

static void a_grace_period_is_over_when_each_hart_has_been_interrupted(void **state)
{
	struct smp_grace g;

	(void)state;
	nr_pcpus = 2;
	pcpus[0]->hartid = 3;
	smp_grace_begin(&g);
	assert_int_equal(fw.ipis_to, BIT(HART) | BIT(3));
	assert_false(smp_grace_is_over(&g));
	fake_pcpu_become(1);
	smp_ipi_taken();
	assert_false(smp_grace_is_over(&g));
	smp_ipi_taken(); /* twice is not for both */
	assert_false(smp_grace_is_over(&g));
	fake_pcpu_become(0);
	smp_ipi_taken();
	assert_true(smp_grace_is_over(&g));
	smp_grace_begin(&g);
	assert_false(smp_grace_is_over(&g));
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_grace_period_is_over_when_each_hart_has_been_interrupted),
		T(a_hart_that_comes_runs_what_it_was_started_for),
		T(a_hart_that_comes_at_the_last_moment_is_taken),
		T(a_hart_that_the_firmware_does_not_start_is_left_out),
		T(a_hart_that_falls_back_is_left_out_at_once),
		T(a_hart_whose_status_is_an_error_is_left_out),
		T(a_hart_that_stays_silent_is_left_out),
		T(a_hart_of_another_vector_length_is_told_by_both),
		T(a_hart_with_other_csrs_is_told),
		T(a_hart_that_differs_is_left_out_and_stops),
		T(a_hart_that_comes_after_that_stops_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
