/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions before what cannot be taken back. The same key again or y, with or without ^], within 5 s does it. Any other
 * key cancels: it is not the guest's, and is carried out if it came with ^]. Run by the menu's work item alone.
 */
#include "arch/timer.h"
#include "console/cmd.h"
#include "term/term.h"
#include "vcpu/registry.h"

#define ASK_SECONDS 5
#define ASK_NS	    UINT64_C(5000000000)

static struct {
	int key; /* 0: nothing is asked */
	const char *what;
	const char *name;
	struct vm *vm;
	void (*yes)(struct vm *vm);
	uint64_t until;
} asked;

static struct timer timer;

/* Nothing is asked any more. */
static void forget(void)
{
	if (asked.vm)
		vm_put(asked.vm);
	asked.key = 0;
	asked.vm = NULL;
}

static void timer_fired(struct timer *t)
{
	(void)t;
	menu_wake();
}

void ask_init(void)
{
	asked.key = 0;
	asked.vm = NULL;
	timer_init(&timer, timer_fired);
}

void ask(char key, const char *what, struct vm *vm, const char *name, void (*yes)(struct vm *vm))
{
	forget();
	asked.key = key;
	asked.what = what;
	asked.name = name;
	asked.vm = vm;
	asked.yes = yes;
	asked.until = timer_now() + timer_ns_to_ticks(ASK_NS);
	timer_arm(&timer, asked.until);
	term_printf("%s %s? %c or y within %d s does it, any other key does not", what, name, key,
		    ASK_SECONDS);
}

bool ask_answer(int key, bool plain)
{
	bool yes = key == asked.key || key == 'y' || key == 'Y';

	if (!asked.key)
		return false;
	/* A y with ^] is a key of the menu as any other. */
	if (yes && !(key != asked.key && !plain)) {
		asked.yes(asked.vm);
		forget();
		return true;
	}
	term_printf("%s %s: no", asked.what, asked.name);
	forget();
	return plain;
}

void ask_check_time(void)
{
	if (!asked.key || timer_now() < asked.until)
		return;
	term_menu_release();
	term_printf("%s %s: no, not answered within %d s", asked.what, asked.name, ASK_SECONDS);
	forget();
}
