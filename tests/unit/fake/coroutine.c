// SPDX-License-Identifier: BSD-2-Clause
/* A coroutine that runs in one piece, with interrupts on. */
#include "fake/coroutine.h"

#include <stdlib.h>

#include "arch/coroutine.h"
#include "arch/interrupts.h"

unsigned int fake_coroutine_interrupts, fake_coroutines_forgotten;

static struct {
	void (*fn)(void *arg);
	void *arg;
} begun;
static unsigned int interrupts_left;

void coroutine_init(struct coroutine *c, uint64_t stack_top, uint64_t size)
{
	*c = (struct coroutine){ .stack_top = stack_top, .stack_size = size };
}

void coroutine_begin(struct coroutine *c, void (*fn)(void *arg), void *arg)
{
	if (!c->stack_top || !c->stack_size)
		abort(); /* what runs in it has no stack */
	begun.fn = fn;
	begun.arg = arg;
	interrupts_left = fake_coroutine_interrupts;
}

bool coroutine_run(struct coroutine *c)
{
	(void)c;
	if (!begun.fn)
		abort();
	if (interrupts_left > 0) {
		interrupts_left--;
		return false;
	}
	fake_interrupts_on = true;
	begun.fn(begun.arg);
	if (!fake_interrupts_on)
		abort();
	fake_interrupts_on = false;
	begun.fn = NULL;
	return true;
}

void coroutine_forget(struct coroutine *c)
{
	(void)c;
	begun.fn = NULL;
	fake_coroutines_forgotten++;
}
