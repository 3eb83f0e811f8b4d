// SPDX-License-Identifier: BSD-2-Clause
#include "fake/timer.h"

#include <stdlib.h>

uint64_t fake_ticks;
struct timer *fake_armed, *fake_known;
unsigned int fake_arms, fake_cancels;

uint64_t timer_now(void)
{
	return fake_ticks;
}

__attribute__((weak)) uint64_t timer_frequency(void)
{
	return 1000000000 / FAKE_NS_PER_TICK;
}

uint64_t timer_ticks_to_ns(uint64_t ticks)
{
	return ticks * FAKE_NS_PER_TICK;
}

uint64_t timer_ns_to_ticks(uint64_t ns)
{
	return ns / FAKE_NS_PER_TICK;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){ .fn = fn };
	fake_known = t;
}

void timer_arm(struct timer *t, uint64_t deadline)
{
	if (deadline <= fake_ticks)
		abort();
	t->deadline = deadline;
	fake_armed = t;
	fake_arms++;
}

void timer_cancel(struct timer *t)
{
	(void)t;
	fake_armed = NULL;
	fake_cancels++;
}

void fake_timer_setup(uint64_t ticks)
{
	fake_ticks = ticks;
	fake_armed = fake_known = NULL;
	fake_arms = fake_cancels = 0;
}

void fake_timer_pass(uint64_t ticks)
{
	uint64_t end = fake_ticks + ticks;

	for (unsigned int fired = 0; fake_armed && fake_armed->deadline <= end; fired++) {
		struct timer *t = fake_armed;

		if (fired == 1000)
			abort();
		fake_ticks = t->deadline;
		fake_armed = NULL;
		t->fn(t);
	}
	fake_ticks = end;
}
