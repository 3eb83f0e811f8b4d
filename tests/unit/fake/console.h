/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For the tests of hyp/console: a terminal whose keys a test presses and whose rows it reads, and VMs of which nothing
 * but their state is real. A program that is LIKE this file is made of
 *
 * SOURCES: hyp/console/menu.c hyp/console/ask.c hyp/console/cmd_goto.c hyp/console/line.c hyp/console/table.c hyp/vcpu/stats.c
 * SOURCES: hyp/vm/operator.c hyp/console/cmd_vm.c hyp/console/cmd_list.c hyp/vm/config_ram.c hyp/lib/config_node.c hyp/lib/text.c hyp/lib/fdt.c hyp/console/cmd_stats.c hyp/console/cmd_counts.c hyp/console/cmd_net.c hyp/lib/work.c tests/unit/fake/counts.c tests/unit/fake/no_net.c tests/unit/fake/console.c tests/unit/fake/registry.c
 */
#ifndef FAKE_CONSOLE_H
#define FAKE_CONSOLE_H

#include "arch/timer.h"
#include "fake/registry.h"
#include "term/term.h"
#include "vcpu/vm.h"

/* What was printed; the menu's unfinished line. */
extern char text[131072];
extern char prompt[256];
extern unsigned int widest, holds, shutdowns, released, attached;
extern unsigned int room; /* rows that the wire takes */
extern const char *keys;  /* not taken yet */
extern struct term_stream *focused;

/* Host time, 10 MHz, and the timer that is armed. */
extern uint64_t now;
extern struct timer *armed;

/* Of all VMs: when they printed last, and what the watch says of them. */
extern uint64_t printed_at;
extern const char *hint;

/* The VM that was stopped last, and how. */
extern const struct vm *stopped;
extern enum vm_stop stopped_how;

/* VM n is machines[n - 1]; the second can never be started. */
extern struct vm machines[VM_MAX];
struct term_stream *stream(unsigned int i);

/* console_setup - for each test: three VMs of two vcpus, the first in focus. make_vms - others. */
int console_setup(void **state);
void make_vms(unsigned int n, unsigned int nr_vcpus);

/* add_consoles - VM @vm, from 0 on, gets the two in further[], "vm-N.con0" and "vm-N.con1". */
extern struct vm_console further[2];
void add_consoles(unsigned int vm);

#define CONSOLE_TEST(name) cmocka_unit_test_setup(name, console_setup)

/* press - type @what, each key behind ^] unless a dot is in front of it, and let the menu do what it does. */
void press(const char *what);

/* count - how often @what was printed. */
unsigned int count(const char *what);

/* assert_row - @line is one whole line of what was printed. */
void assert_row(const char *line);

#endif
