// SPDX-License-Identifier: BSD-2-Clause
#include "arch/coroutine.h"

#include "arch/checked.h"
#include "arch/csr.h"
#include "arch/fence.h"
#include "arch/pcpu.h"
#include "arch/trap.h"
#include "lib/erase.h"

#define NO_PCPU UINT32_MAX

/* switch.S. Runs @c until it is done (true) or an interrupt comes. */
bool coroutine_switch(struct coroutine *c);
/* switch.S: where it begins, with its function in s0 and the argument in a0. */
void coroutine_entry(void);

#define REG_S0	8
#define REG_ARG 10

void coroutine_init(struct coroutine *c, uint64_t stack_top, uint64_t size)
{
	*c = (struct coroutine){ .stack_top = stack_top, .stack_size = size, .pcpu = NO_PCPU };
}

void coroutine_begin(struct coroutine *c, void (*fn)(void *arg), void *arg)
{
	struct host_frame *f = (struct host_frame *)(uintptr_t)(c->stack_top - sizeof(*f));

	arch_sfence_vma_all(); /* a hart may have found the stack unmapped before it was made */
	f->x[REG_S0] = (uint64_t)(uintptr_t)fn;
	f->x[REG_ARG] = (uint64_t)(uintptr_t)arg;
	f->sepc = (uint64_t)(uintptr_t)coroutine_entry;
	c->sp = (uint64_t)(uintptr_t)f;
	c->pcpu = this_pcpu()->index;
}

bool coroutine_run(struct coroutine *c)
{
	struct pcpu *p = this_pcpu();
	bool done;

	if (c->pcpu != p->index)
		arch_sfence_vma_all();
	c->pcpu = p->index;
	p->coroutine = c;
	stretch_end();
	done = coroutine_switch(c);
	stretch_begin();
	p->coroutine = NULL;
	if (done)
		coroutine_forget(c);
	return done;
}

void coroutine_forget(struct coroutine *c)
{
	/* Registers, and what a function left behind: a guest's random seed, say. */
	erase((void *)(uintptr_t)(c->stack_top - c->stack_size), c->stack_size);
}
