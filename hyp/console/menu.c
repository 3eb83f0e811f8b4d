/* SPDX-License-Identifier: BSD-2-Clause */
#include "console/menu.h"

#include "console/cmd.h"
#include "term/term.h"
#include "vcpu/vm.h"
#include "vm/lifecycle.h"

static void cmd_help(void);
static void cmd_next(void);

static const struct menu_cmd {
	char key;
	const char *what;
	void (*fn)(void);
} menu_cmds[] = {
	{ 'h', "this help", cmd_help },
	{ 'l', "list of VMs", cmd_list },
	{ 'n', "next console", cmd_next },
	{ 's', "statistics of every vcpu", cmd_stats },
	{ 'o', "start this VM, which is off", cmd_start },
	{ 'p', "pause this VM, or let it go on", cmd_pause },
	{ 'r', "reset this VM", cmd_reset },
	{ 'k', "destroy this VM", cmd_destroy },
	{ 'q', "stop all VMs and the machine", lifecycle_shutdown_machine },
};

static void cmd_help(void)
{
	term_printf("^] and then:");
	for (unsigned int i = 0; i < ARRAY_SIZE(menu_cmds); i++)
		term_printf("  %c    %s", menu_cmds[i].key, menu_cmds[i].what);
	term_printf("  1-9  console of the VM with this number in the list");
	term_printf("  ^]   ^] itself, to the guest");
}

static void cmd_focus(unsigned int number)
{
	if (number == 0 || number > nr_vms)
		term_printf("there is no VM %u: ^] l lists them", number);
	else if (!vms[number - 1]->stream)
		term_printf("VM %u (%s) has no console", number, vms[number - 1]->name);
	else
		term_focus(vms[number - 1]->stream);
}

static void cmd_next(void)
{
	struct term_stream *now = term_focused();
	unsigned int from = nr_vms - 1;

	for (unsigned int i = 0; i < nr_vms; i++) {
		if (now && vms[i]->stream == now)
			from = i;
	}
	for (unsigned int i = 1; i <= nr_vms; i++) {
		struct term_stream *s = vms[(from + i) % nr_vms]->stream;

		if (s) {
			term_focus(s);
			return;
		}
	}
	term_printf("there is no console");
}

static void menu_run_key(int key)
{
	if (key >= '0' && key <= '9') {
		cmd_focus((unsigned int)(key - '0'));
		return;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(menu_cmds); i++) {
		if (menu_cmds[i].key == key) {
			menu_cmds[i].fn();
			return;
		}
	}
	term_printf("no such command: ^] h lists them");
}

/* One key a run: what a guest's vcpu on this hart waits for is one table at most. */
static void menu_work_run(struct work *w)
{
	int key = term_menu_key();

	if (key < 0)
		return;
	term_hold(true);
	menu_run_key(key);
	term_hold(false);
	work_queue(w);
}

void menu_init(void)
{
	static struct work menu_work;

	work_init(&menu_work, menu_work_run);
	term_on_escape(&menu_work);
}
