// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/dev/vrtc.c hyp/dev/mmio.c hyp/vm/parts.c hyp/vcpu/vm_part.c hyp/lib/property.c hyp/lib/config_node.c hyp/lib/word.c hyp/lib/text.c hyp/lib/fdt.c hyp/lib/fdt_writer.c tests/unit/fake/devvm.c tests/unit/fake/timer.c tests/unit/fake/pcpu.c
/* The clock, on a simulated host time of 10 MHz. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dev/vdev.h"
#include "fake/devvm.h"
#include "fake/timer.h"
#include "irqchip/virqchip.h"
#include "platform/driver.h"

#define SECOND UINT64_C(1000000000)
#define BASE   (UINT64_C(1795000000) * SECOND)

enum {
	TIME_LOW = 0x00,
	TIME_HIGH = 0x04,
	ALARM_LOW = 0x08,
	ALARM_HIGH = 0x0c,
	IRQ_ENABLED = 0x10,
	CLEAR_ALARM = 0x14,
	ALARM_STATUS = 0x18,
	CLEAR_INTERRUPT = 0x1c,
};

static struct vrtc *rtc;
static uint64_t host_clock;
static bool line;

static void set_level(struct virqchip *c, unsigned int source, bool high)
{
	(void)c;
	assert_int_equal(source, VRTC_IRQ);
	assert_int_not_equal(high, line);
	line = high;
}

static struct virqchip chip = { .ops = &(const struct virqchip_ops){ .set_level = set_level } };

uint64_t host_rtc_now(void)
{
	return host_clock;
}

static void pass(uint64_t ns)
{
	fake_timer_pass(ns / FAKE_NS_PER_TICK);
}

static uint32_t rd(uint64_t off)
{
	return (uint32_t)guest_read(VRTC_BASE + off, 4);
}

static void wr(uint64_t off, uint32_t val)
{
	guest_write(VRTC_BASE + off, 4, val);
}

static uint64_t now(void)
{
	uint64_t low = rd(TIME_LOW);

	return (uint64_t)rd(TIME_HIGH) << 32 | low;
}

static void set_alarm(uint64_t ns)
{
	wr(ALARM_HIGH, (uint32_t)(ns >> 32));
	wr(ALARM_LOW, (uint32_t)ns);
	wr(IRQ_ENABLED, 1);
}

static int setup(void **state)
{
	(void)state;
	fake_timer_setup(123456789);
	host_clock = BASE;
	line = false;
	fake_vm_setup(1);
	fake_vm.irqchip = &chip;
	rtc = vrtc_new(&fake_vm);
	return rtc ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	fake_vm_teardown();
	return 0;
}

static void time_is_the_hosts_and_goes_on(void **state)
{
	(void)state;
	assert_int_equal(now(), BASE);
	pass(5 * SECOND);
	assert_int_equal(now(), BASE + 5 * SECOND);
}

static void without_a_host_clock_time_begins_at_zero(void **state)
{
	(void)state;
	fake_vm_teardown();
	fake_vm_setup(1);
	fake_vm.irqchip = &chip;
	host_clock = 0;
	rtc = vrtc_new(&fake_vm);
	pass(SECOND);
	assert_int_equal(now(), SECOND);
}

static void reading_the_low_half_latches_the_high_one(void **state)
{
	uint32_t low, high;

	(void)state;
	low = rd(TIME_LOW);
	pass(UINT64_C(5) << 32);
	high = rd(TIME_HIGH);
	assert_int_equal((uint64_t)high << 32 | low, BASE);
	assert_int_equal(guest_read(VRTC_BASE, 8), now());
}

static void time_can_be_set_and_survives_reset(void **state)
{
	uint64_t t = 42 * SECOND;

	(void)state;
	wr(TIME_HIGH, (uint32_t)(t >> 32));
	wr(TIME_LOW, (uint32_t)t);
	assert_int_equal(now(), t);
	vrtc_reset(rtc);
	pass(SECOND);
	assert_int_equal(now(), 43 * SECOND);
}

static void alarm_fires_at_its_time_and_not_before(void **state)
{
	(void)state;
	set_alarm(BASE + 2 * SECOND);
	assert_int_equal(rd(ALARM_STATUS), 1);
	assert_int_equal(rd(ALARM_HIGH), (BASE + 2 * SECOND) >> 32);
	assert_int_equal(rd(ALARM_LOW), (uint32_t)(BASE + 2 * SECOND));
	pass(2 * SECOND - 1000);
	assert_false(line);
	pass(2000);
	assert_true(line);
	assert_int_equal(rd(ALARM_STATUS), 0);
	wr(CLEAR_INTERRUPT, 1);
	assert_false(line);
	pass(100 * SECOND);
	assert_false(line);
}

static void alarm_in_the_past_fires_at_once(void **state)
{
	(void)state;
	set_alarm(BASE - SECOND);
	assert_true(line);
	assert_null(fake_armed);
	assert_int_equal(rd(ALARM_STATUS), 0);
}

static void disabled_interrupt_waits_for_its_enabling(void **state)
{
	(void)state;
	set_alarm(BASE + SECOND);
	wr(IRQ_ENABLED, 0);
	pass(2 * SECOND);
	assert_false(line);
	wr(IRQ_ENABLED, 1);
	assert_true(line);
	wr(IRQ_ENABLED, 0);
	assert_false(line);
}

static void cleared_alarm_does_not_fire(void **state)
{
	(void)state;
	set_alarm(BASE + SECOND);
	wr(CLEAR_ALARM, 1);
	assert_int_equal(rd(ALARM_STATUS), 0);
	pass(2 * SECOND);
	assert_false(line);
	fake_known->fn(fake_known); /* it was on its way on another pcpu already */
	assert_false(line);
}

static void timer_on_its_way_does_not_fire_a_moved_alarm(void **state)
{
	(void)state;
	set_alarm(BASE + SECOND);
	set_alarm(BASE + 10 * SECOND);
	pass(2 * SECOND);
	fake_known->fn(fake_known);
	assert_false(line);
	assert_non_null(fake_armed);
	pass(9 * SECOND);
	assert_true(line);
}

static void set_time(uint64_t ns)
{
	wr(TIME_HIGH, (uint32_t)(ns >> 32));
	wr(TIME_LOW, (uint32_t)ns);
	pass(SECOND / 100);
}

static void setting_the_time_moves_the_alarm(void **state)
{
	(void)state;
	set_alarm(BASE + 1000 * SECOND);
	set_time(BASE + 2000 * SECOND);
	assert_true(line);
}

static void half_set_time_fires_no_alarm(void **state)
{
	uint64_t alarm = ((BASE >> 32) + 2) << 32 | 2000000000;

	(void)state;
	pass((UINT64_C(4000000000) - (uint32_t)BASE) & UINT32_MAX);
	set_alarm(alarm);
	/* The new high half over the old low one is past the alarm. */
	set_time(alarm - SECOND);
	assert_false(line);
	pass(SECOND);
	assert_true(line);
}

static void wild_alarms_cost_one_host_timer_an_hour(void **state)
{
	(void)state;
	set_alarm(UINT64_MAX);
	assert_int_equal(fake_arms, 1);
	assert_int_equal(fake_armed->deadline - fake_ticks, 3600 * SECOND / FAKE_NS_PER_TICK + 1);
	pass(36000 * SECOND);
	assert_false(line);
	assert_int_equal(fake_arms, 10);
	set_alarm(0);
	assert_true(line);
}

static void far_alarm_still_fires_on_time(void **state)
{
	(void)state;
	set_alarm(BASE + 100000 * SECOND);
	pass(100000 * SECOND - 1000);
	assert_false(line);
	pass(2000);
	assert_true(line);
}

static void reset_cancels_alarm_and_interrupt(void **state)
{
	(void)state;
	set_alarm(BASE);
	assert_true(line);
	vrtc_reset(rtc);
	assert_false(line);
	set_alarm(BASE + SECOND);
	(void)rd(TIME_LOW); /* latches the other half */
	vrtc_reset(rtc);
	assert_int_equal(rd(TIME_HIGH), 0);
	pass(2 * SECOND);
	wr(IRQ_ENABLED, 1);
	assert_false(line);
	assert_int_equal(rd(ALARM_LOW) | rd(ALARM_HIGH) | rd(ALARM_STATUS), 0);
}

/* What the guest of one life wrote is not there in the next: each register, and what only shows later. */
static void a_life_leaves_nothing_but_the_time_behind(void **state)
{
	(void)state;
	set_alarm(UINT64_C(7) << 32 | 9);
	wr(CLEAR_INTERRUPT, 1);
	vrtc_reset(rtc);
	assert_int_equal(rd(IRQ_ENABLED), 0);
	assert_int_equal(rd(ALARM_STATUS), 0);
	assert_int_equal(rd(ALARM_LOW), 0);
	/* ALARM_LOW alone: the other half is the one that this life wrote, 0. */
	wr(ALARM_LOW, 6);
	wr(ALARM_LOW, 5);
	assert_int_equal(rd(ALARM_HIGH), 0);
	/* It is past, and its interrupt is off. */
	assert_false(line);
	wr(IRQ_ENABLED, 1);
	assert_true(line);
}

/* A register's write changes that register alone. */
static void each_write_changes_what_it_names(void **state)
{
	uint64_t before;

	(void)state;
	wr(ALARM_HIGH, UINT32_MAX);
	assert_int_equal(rd(ALARM_STATUS), 0);
	assert_int_equal(rd(IRQ_ENABLED), 0);
	wr(TIME_LOW, 1);
	assert_int_equal(now() >> 32, BASE >> 32);
	assert_int_equal((uint32_t)now(), 1);
	wr(TIME_HIGH, 3);
	assert_int_equal(now(), UINT64_C(3) << 32 | 1);
	assert_int_equal(rd(ALARM_STATUS), 0);
	before = now();
	wr(IRQ_ENABLED, 1);
	wr(CLEAR_ALARM, 1);
	wr(CLEAR_INTERRUPT, 1);
	assert_int_equal(now(), before);
	assert_int_equal(rd(IRQ_ENABLED), 1);
	assert_false(line);
	wr(ALARM_LOW, 0);
	wr(IRQ_ENABLED, 1);
	assert_int_equal(rd(ALARM_STATUS), 1);
	wr(CLEAR_ALARM, 1);
	assert_null(fake_armed);
	wr(ALARM_HIGH, 0);
	wr(ALARM_LOW, 0);
	assert_true(line);
	wr(CLEAR_ALARM, 1);
	assert_true(line);
}

/* A guest may load one byte of a register. */
static void bytes_of_a_register_are_in_their_places(void **state)
{
	(void)state;
	wr(ALARM_HIGH, 0x7fffffff);
	wr(ALARM_LOW, 0x44332211);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(guest_read(VRTC_BASE + ALARM_LOW + i, 1), 0x11 * (i + 1));
	assert_int_equal(guest_read(VRTC_BASE + ALARM_LOW + 2, 2), 0x4433);
}

static void without_memory_there_is_no_clock(void **state)
{
	(void)state;
	fake_vm_teardown();
	fake_vm_setup(1);
	fake_vm.irqchip = &chip;
	fake_arena_left = 0;
	assert_null(vrtc_new(&fake_vm));
	fake_arena_left = UINT_MAX;
}

static void other_registers_and_sizes_are_answered(void **state)
{
	(void)state;
	for (uint64_t off = 0x20; off < VRTC_SIZE; off += 4) {
		wr(off, UINT32_MAX);
		assert_int_equal(rd(off), 0);
	}
	guest_write(VRTC_BASE + IRQ_ENABLED, 1, 1);
	assert_int_equal(rd(IRQ_ENABLED), 0);
	wr(IRQ_ENABLED, 0xff);
	assert_int_equal(rd(IRQ_ENABLED), 1);
	assert_int_equal(guest_read(VRTC_BASE + IRQ_ENABLED, 1), 1);
	assert_int_equal(guest_read(VRTC_BASE + IRQ_ENABLED + 2, 2), 0);
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(time_is_the_hosts_and_goes_on),
		test(without_a_host_clock_time_begins_at_zero),
		test(reading_the_low_half_latches_the_high_one),
		test(time_can_be_set_and_survives_reset),
		test(a_life_leaves_nothing_but_the_time_behind),
		test(each_write_changes_what_it_names),
		test(bytes_of_a_register_are_in_their_places),
		test(without_memory_there_is_no_clock),
		test(alarm_fires_at_its_time_and_not_before),
		test(alarm_in_the_past_fires_at_once),
		test(disabled_interrupt_waits_for_its_enabling),
		test(cleared_alarm_does_not_fire),
		test(timer_on_its_way_does_not_fire_a_moved_alarm),
		test(setting_the_time_moves_the_alarm),
		test(half_set_time_fires_no_alarm),
		test(wild_alarms_cost_one_host_timer_an_hour),
		test(far_alarm_still_fires_on_time),
		test(reset_cancels_alarm_and_interrupt),
		test(other_registers_and_sizes_are_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
