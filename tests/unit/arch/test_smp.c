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
	struct {
		uint64_t mask, base;
	} ipis[4]; /* the IPI calls; bit n of mask is hart base + n */
	unsigned int nr_ipis, fences;
	volatile uint32_t *registers[2]; /* not yet written when the fence comes */
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
	assert_int_equal(arg3 | arg4 | arg5, 0);
	if (eid == SBI_EXT_IPI) {
		assert_int_equal(fid, SBI_IPI_SEND_IPI);
		assert_int_equal(arg2, 0);
		assert_true(fw.nr_ipis < ARRAY_SIZE(fw.ipis));
		fw.ipis[fw.nr_ipis].mask = arg0;
		fw.ipis[fw.nr_ipis++].base = arg1;
		return (struct sbi_call_ret){ SBI_SUCCESS, 0 };
	}
	assert_int_equal(eid, SBI_EXT_HSM);
	if (fid == SBI_HSM_HART_STOP) {
		assert_int_equal(arg0 | arg1 | arg2, 0);
		fw.stop_calls++;
		return (struct sbi_call_ret){ SBI_ERR_FAILED, 0 };
	}
	assert_int_equal(arg0, HART);
	if (fid == SBI_HSM_HART_GET_STATUS) {
		assert_int_equal(arg1 | arg2, 0);
		return hart_get_status();
	}
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

/* What was written to memory comes before the stores that kick. */
void fake_fence(enum fake_fence kind, uint64_t gva, uint64_t asid)
{
	(void)gva, (void)asid;
	assert_int_equal(kind, FAKE_FENCE_W_O);
	fw.fences++;
	for (unsigned int i = 0; i < ARRAY_SIZE(fw.registers); i++)
		assert_true(!fw.registers[i] || *fw.registers[i] == 0);
}

/* --- the tests -------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	(void)state;
	memset(&fw, 0, sizeof(fw));
	fw.status = SBI_HSM_STATE_START_PENDING;
	fw.comes_at = NEVER;
	main_runs = 0;
	have_kick_registers = false;
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
	assert_int_equal(fw.status_calls, STATUS_CALLS_MAX);
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

/* --- kicks -------------------------------------------------------------------------------------------- */

static void ipi_to(unsigned int call, uint64_t base, uint64_t mask)
{
	assert_true(call < fw.nr_ipis);
	assert_int_equal(fw.ipis[call].base, base);
	assert_int_equal(fw.ipis[call].mask, mask);
}

/* Five pcpus, their hart ids in no order and far apart. */
static void five_harts(void)
{
	static const uint64_t ids[] = { 70, 3, 66, 67, 200 };

	fake_pcpu_setup(ARRAY_SIZE(ids));
	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++)
		pcpus[i]->hartid = ids[i];
}

static void one_call_kicks_all_harts_within_64_ids(void **state)
{
	(void)state;
	five_harts();
	smp_kick(pcpu_set_from_mask(0x1f));
	assert_int_equal(fw.nr_ipis, 3);
	ipi_to(0, 3, BIT(0) | BIT(63));
	ipi_to(1, 67, BIT(0) | BIT(3));
	ipi_to(2, 200, BIT(0));
	assert_int_equal(this_pcpu()->ipis_sent, 3);
	smp_kick(pcpu_set_from_mask(BIT(2)));
	ipi_to(3, 66, BIT(0));
	smp_kick(pcpu_set_from_mask(0));
	assert_int_equal(fw.nr_ipis, 4);
	assert_int_equal(fw.fences, 0);
}

static void a_register_kicks_its_hart_and_sbi_the_others(void **state)
{
	volatile uint32_t regs[2] = { 0, 0 };

	(void)state;
	five_harts();
	for (unsigned int i = 0; i < 2; i++) {
		smp_set_kick_register(pcpus[2 + i], &regs[i]);
		fw.registers[i] = &regs[i];
	}
	smp_kick(pcpu_set_from_mask(BIT(1) | BIT(2) | BIT(3)));
	assert_true(regs[0] == 1 && regs[1] == 1);
	assert_int_equal(fw.fences, 1);
	assert_int_equal(fw.nr_ipis, 1);
	ipi_to(0, 3, BIT(0));
	assert_int_equal(this_pcpu()->ipis_sent, 2);

	regs[0] = regs[1] = 0;
	smp_kick(pcpu_set_from_mask(BIT(3)));
	assert_true(regs[0] == 0 && regs[1] == 1);
	assert_int_equal(fw.nr_ipis, 1);
	assert_int_equal(this_pcpu()->ipis_sent, 3);

	regs[1] = 0;
	smp_kick(pcpu_set_from_mask(BIT(4)));
	assert_true(regs[0] == 0 && regs[1] == 0);
	ipi_to(1, 200, BIT(0));
	assert_int_equal(this_pcpu()->ipis_sent, 4);
}

static void a_pcpu_is_asked_once_to_look_at_its_queue(void **state)
{
	(void)state;
	smp_resched(1);
	assert_int_equal(pcpus[1]->need_resched, 1);
	assert_int_equal(fw.nr_ipis, 1);
	ipi_to(0, HART, BIT(0));
	smp_resched(1);
	assert_int_equal(fw.nr_ipis, 1);
	smp_resched(0); /* itself: no IPI is needed */
	assert_int_equal(pcpus[0]->need_resched, 1);
	assert_int_equal(fw.nr_ipis, 1);
}

static void one_idle_pcpu_is_woken_but_not_the_caller(void **state)
{
	(void)state;
	five_harts();
	assert_false(smp_wake_one_idle());
	pcpus[1]->idle = 1;
	fake_pcpu_become(1);
	assert_false(smp_wake_one_idle());
	assert_int_equal(fw.nr_ipis, 0);
	pcpus[0]->idle = pcpus[4]->idle = 1;
	assert_true(smp_wake_one_idle());
	assert_int_equal(fw.nr_ipis, 1);
	ipi_to(0, 70, BIT(0));
	pcpus[0]->idle = 0;
	assert_true(smp_wake_one_idle());
	assert_int_equal(fw.nr_ipis, 2);
	ipi_to(1, 200, BIT(0));
}

/* --- grace periods ----------------------------------------------------------------------------------- */

static void a_grace_period_is_over_when_each_hart_has_been_interrupted(void **state)
{
	struct smp_grace g;

	(void)state;
	pcpus[0]->hartid = 3;
	memset(&g, 0xff, sizeof(g));
	smp_grace_begin(&g);
	ipi_to(0, 3, BIT(0) | BIT(HART - 3));
	assert_false(smp_grace_is_over(&g));
	fake_pcpu_become(1);
	smp_ipi_taken();
	assert_false(smp_grace_is_over(&g));
	smp_ipi_taken(); /* twice is not for both */
	assert_false(smp_grace_is_over(&g));
	assert_int_equal(pcpus[1]->ipis_taken, 2);
	assert_int_equal(pcpus[0]->ipis_taken, 0);
	fake_pcpu_become(0);
	smp_ipi_taken();
	assert_true(smp_grace_is_over(&g));
	smp_grace_begin(&g);
	assert_false(smp_grace_is_over(&g));
}

static void a_grace_period_of_64_harts_asks_all(void **state)
{
	struct smp_grace g;

	(void)state;
	fake_pcpu_setup(64);
	smp_grace_begin(&g);
	assert_int_equal(fw.nr_ipis, 1);
	ipi_to(0, 0, UINT64_MAX);
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_grace_period_is_over_when_each_hart_has_been_interrupted),
		T(a_grace_period_of_64_harts_asks_all),
		T(one_call_kicks_all_harts_within_64_ids),
		T(a_register_kicks_its_hart_and_sbi_the_others),
		T(a_pcpu_is_asked_once_to_look_at_its_queue),
		T(one_idle_pcpu_is_woken_but_not_the_caller),
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
