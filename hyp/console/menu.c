/* SPDX-License-Identifier: BSD-2-Clause */
#include "console/menu.h"

#include "console/cmd.h"
#include "term/term.h"
#include "vcpu/console.h"
#include "vcpu/registry.h"

static void cmd_help(void);
static void cmd_next(void);

static const struct menu_cmd {
	char key;
	uint8_t more; /* enum term_menu_more */
	const char *what;
	void (*fn)(void);
} menu_cmds[] = {
	{ 'h', TERM_MENU_ONE, "this help", cmd_help },
	{ 'l', TERM_MENU_ONE, "list of VMs", cmd_list },
	{ 'n', TERM_MENU_ONE, "next console", cmd_next },
	{ 'g', TERM_MENU_LINE, "console of the VM with a number, or of a name, that you type",
	  cmd_goto },
	{ 'a', TERM_MENU_ONE,
	  "attach to this VM, raw, for programs that use the screen; or end that", cmd_attach },
	{ 's', TERM_MENU_ONE, "statistics of every vcpu", cmd_stats },
	{ 'z', TERM_MENU_ONE, "zero the statistics", cmd_zero },
	{ 'c', TERM_MENU_ONE, "cut what is being printed short", cmd_cancel },
	{ 'o', TERM_MENU_ONE, "start this VM, which is off", cmd_start },
	{ 'p', TERM_MENU_ONE, "pause this VM, or let it go on", cmd_pause },
	{ 'b', TERM_MENU_LINE, "balloon: how many MiB of memory this VM is to keep, which you type",
	  cmd_balloon },
	{ 'w', TERM_MENU_LINE, "wire: unplug a VM's network port that you type, or plug it in",
	  cmd_wire },
	{ 'r', TERM_MENU_ANSWER, "reset this VM (asks)", cmd_reset },
	{ 'k', TERM_MENU_ANSWER, "destroy this VM (asks)", cmd_destroy },
	{ 'q', TERM_MENU_ANSWER, "stop all VMs and the machine (asks)", cmd_quit },
};

static const struct menu_cmd *find(int key)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(menu_cmds); i++)
		if (menu_cmds[i].key == key)
			return &menu_cmds[i];
	return NULL;
}

static enum term_menu_more menu_rule(char key)
{
	const struct menu_cmd *cmd = find(key);

	if (key == 'c')
		table_cancel_typed();
	return cmd ? (enum term_menu_more)cmd->more : TERM_MENU_ONE;
}

static bool help_row(bool first)
{
	static unsigned int row;

	if (first) {
		row = 0;
		term_printf("^] and then:");
	} else if (row < ARRAY_SIZE(menu_cmds)) {
		term_printf("  %c    %s", menu_cmds[row].key, menu_cmds[row].what);
		row++;
	} else if (row++ == ARRAY_SIZE(menu_cmds)) {
		term_printf("  1-9  console of the VM with this number in the list");
	} else {
		term_printf("  ^]   ^] itself, to the guest");
		return false;
	}
	return true;
}

static void cmd_help(void)
{
	table_begin(help_row);
}

void menu_focus(unsigned int number)
{
	struct vm *vm = number ? vm_get(number - 1) : NULL;

	if (!vm) {
		term_printf("there is no VM %u: ^] l lists them", number);
		return;
	}
	if (!vm->stream)
		term_printf("VM %u (%s) has no console", number, vm->name);
	else
		term_focus(vm->stream);
	vm_put(vm);
}

/* The next one of the VM that has the focus, which then has @from as its id. False: it has no more. */
static bool next_of_same(unsigned int *from)
{
	const struct term_stream *now = term_focused();

	for_each_vm(vm) {
		struct term_stream *s;

		if (!vm_has_stream(vm, now))
			continue;
		*from = vm->id;
		s = vm_stream_after(vm, now);
		if (s)
			term_focus(s);
		vm_put(vm);
		return s != NULL;
	}
	return false;
}

static void cmd_next(void)
{
	unsigned int from = VM_MAX - 1;

	if (next_of_same(&from))
		return;
	for (unsigned int i = 1; i <= VM_MAX; i++) {
		struct vm *vm = vm_get((from + i) % VM_MAX);
		struct term_stream *s = vm ? vm_stream_after(vm, NULL) : NULL;

		if (s)
			term_focus(s);
		if (vm)
			vm_put(vm);
		if (s)
			return;
	}
	term_printf("there is no console");
}

/* Typed with ^]. */
static void run_key(int key)
{
	const struct menu_cmd *cmd = find(key);

	if (key >= '0' && key <= '9')
		menu_focus((unsigned int)(key - '0'));
	else if (cmd)
		cmd->fn();
	else
		term_printf("no such command: ^] h lists them");
}

static void take_key(int key)
{
	bool plain = key & TERM_MENU_PLAIN;

	key &= 0xff;
	if (ask_answer(key, plain))
		return;
	if (line_key(key, plain) ||
	    plain) /* an answer that came too late is not a guest's either */
		return;
	run_key(key);
}

/* One key, or one row of a table, a run. */
static void menu_work_run(struct work *w)
{
	int key;

	if (table_step(w))
		return;
	key = term_menu_key();
	term_hold(true);
	if (key >= 0)
		take_key(key);
	else
		ask_check_time();
	term_hold(false);
	if (key >= 0)
		work_queue(w);
}

static struct work menu_work;

void menu_wake(void)
{
	work_queue(&menu_work);
}

void menu_init(void)
{
	work_init(&menu_work, menu_work_run);
	ask_init();
	table_init();
	term_on_escape(&menu_work, menu_rule);
}
