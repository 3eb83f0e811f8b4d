/* SPDX-License-Identifier: BSD-2-Clause */
/* The explorer: threads are coroutines, which go on one step at a time. */
#include "explorer/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#include "fake/pcpu.h"
#include "lib/lock_rank.h"

struct model model = { .self = -1 };

uint8_t *thread_stack_top(unsigned int i)
{
	return search->stacks + (size_t)(i + 1) * STACK_SIZE;
}

static uintptr_t stack_pointer(void)
{
#if defined(__x86_64__)
	uintptr_t sp;

	__asm__ volatile("mov %%rsp, %0" : "=r"(sp));
	return sp;
#elif defined(__aarch64__) || defined(__riscv)
	uintptr_t sp;

	__asm__ volatile("mov %0, sp" : "=r"(sp));
	return sp;
#else
	return (uintptr_t)__builtin_frame_address(0) - 512;
#endif
}

noinline void thread_switch_out(void)
{
	struct thread *t = &model.threads[model.self];

	t->sp = stack_pointer();
	if (_setjmp(t->ctx) == 0)
		_longjmp(search->ctx, 1);
}

noinline void thread_switch_in(int i)
{
	model.self = i;
	fake_this_pcpu = model.threads[i].pcpu;
	if (_setjmp(search->ctx) == 0)
		_longjmp(model.threads[i].ctx, 1);
	model.self = -1;
}

static void thread_main(void)
{
	thread_switch_out();
	model.threads[model.self].fn(model.threads[model.self].arg);
	model.threads[model.self].state = DONE;
	thread_switch_out();
	abort();
}

void explorer_step(void)
{
	if (!thread_runs())
		return;
	model.threads[model.self].spins = 0;
	thread_switch_out();
}

unsigned int thread_choose(unsigned int n, bool costs)
{
	if (n < 2)
		return 0;
	model.choices = n;
	model.choice_costs = costs;
	thread_switch_out();
	return model.chosen;
}

unsigned int explorer_choose(unsigned int n)
{
	return thread_choose(n, false);
}

void explorer_wait(bool (*ready)(void *arg), void *arg)
{
	struct thread *t = &model.threads[model.self];

	t->spins = 0;
	t->ready = ready;
	t->ready_arg = arg;
	t->state = WAITING;
	thread_switch_out();
	t->state = READY;
	t->ready = NULL;
	t->ready_arg = NULL;
}

void explorer_fail(const char *fmt, ...)
{
	va_list ap;

	if (!search->failed) {
		search->failed = true;
		va_start(ap, fmt);
		vsnprintf(search->why, sizeof(search->why), fmt, ap);
		va_end(ap);
	}
	while (thread_runs())
		thread_switch_out();
}

/* Each thread is a hart; the last one is the scene's set-up. Part of the state, as the locks are. */
static struct held_locks held[MAX_THREADS + 1];

struct held_locks *lock_rank_held(void)
{
	return &held[thread_runs() ? model.self : MAX_THREADS];
}

void lock_rank_wrong(const char *taken, const char *outer)
{
	const char *held_too = outer ? outer : "nothing";

	if (thread_runs())
		explorer_fail("%s is taken while this is held: %s", taken, held_too);
	fprintf(stderr, "%s is taken while this is held: %s\n", taken, held_too);
	abort();
}

bool explorer_in_thread(void)
{
	return thread_runs();
}

bool explorer_done(unsigned int i)
{
	return model.threads[i].state == DONE;
}

noinline void thread_begin(unsigned int i)
{
	ucontext_t there;

	getcontext(&there);
	there.uc_stack.ss_sp = search->stacks + (size_t)i * STACK_SIZE;
	there.uc_stack.ss_size = STACK_SIZE;
	there.uc_link = NULL;
	makecontext(&there, thread_main, 0);
	model.self = (int)i;
	if (_setjmp(search->ctx) == 0)
		setcontext(&there);
	model.self = -1;
}

void explorer_thread(const char *name, struct pcpu *p, void (*fn)(void *), void *arg)
{
	struct thread *t = &model.threads[model.nr_threads++];

	if (model.nr_threads > MAX_THREADS)
		abort();
	t->name = name;
	t->pcpu = p;
	t->fn = fn;
	t->arg = arg;
}
