/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands of the menu that have a file of their own; their keys are in menu.c's table. */
#ifndef CONSOLE_CMD_H
#define CONSOLE_CMD_H

#include "lib/types.h"

/* cmd_list - every VM: number, name, state, memory, where its vcpus are. */
void cmd_list(void);

/* cmd_stats - every vcpu: what the scheduler, kicks and exits have come to. cmd_zero - from now on. */
void cmd_stats(void);
void cmd_zero(void);

/* As table_begin() wants them. net_row - a row for each port of a network. times_row - for each hart, if times have been measured. queue_row - for
 * each queue of a virtio device. */
bool net_row(bool first);
bool times_row(bool first);
bool queue_row(bool first);

/* net_zero - networks count from now on. */
void net_zero(void);

struct vm;

/* The VM whose console is in focus: start, pause or resume; reset and destroy, which ask. */
void cmd_start(void);
void cmd_pause(void);
void cmd_reset(void);
void cmd_destroy(void);

/* cmd_attach - give that VM the terminal, raw, or end that. */
void cmd_attach(void);

/* cmd_quit - end the machine; asks. */
void cmd_quit(void);

/*
 * ask - ask whether to do @what to @name; the answer yes calls @yes with @vm. The reference to @vm, which may be NULL, is
 * ask()'s from then on; @name is the VM's or fixed. ask_answer - @key was typed: true: it was
 * for a question. ask_check_time - is it too late for an answer?
 */
void ask_init(void);
void ask(char key, const char *what, struct vm *vm, const char *name, void (*yes)(struct vm *vm));
bool ask_answer(int key, bool plain);
void ask_check_time(void);

/*
 * table_begin - print what @row prints, one row a call, until it returns false. table_step - the next one, if it is time;
 * false: nothing is being printed. Else @w, or menu_wake(), goes on. table_cancel_typed - ^] c was typed, which ends it;
 * the term lock may be held. cmd_cancel - its turn among the keys has come.
 */
struct work;
void table_init(void);
void table_begin(bool (*row)(bool first));
bool table_step(struct work *w);
void table_cancel_typed(void);
void cmd_cancel(void);

/*
 * line_begin - show @what and take a line, which @fn gets unless it is empty. line_key - @key was typed: true: it was for
 * that.
 */
#define LINE_MAX_LEN 31
void line_begin(const char *what, void (*fn)(const char *line));
bool line_key(int key, bool plain);

/* cmd_goto - the console of a VM that is typed. cmd_balloon - how much memory the VM in focus is to keep. */
void cmd_goto(void);
void cmd_balloon(void);

/* cmd_wire - the link of a VM's network port goes down, or up again; the port is typed. */
void cmd_wire(void);

/* menu_focus - the console of VM @number, from 1 on, or a word on why not. */
void menu_focus(unsigned int number);

/* menu_wake - run the menu's work item, which looks at the time. */
void menu_wake(void);

#endif
