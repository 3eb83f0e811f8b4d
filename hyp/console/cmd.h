/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands of the menu that have a file of their own; their keys are in menu.c's table. */
#ifndef CONSOLE_CMD_H
#define CONSOLE_CMD_H

#include "lib/types.h"

/* cmd_list - every VM: number, name, state, memory, where its vcpus are. */
void cmd_list(void);

/* cmd_stats - every vcpu: what the scheduler, kicks and exits have come to. */
void cmd_stats(void);

struct vcpu;
struct vm;

/* vcpu_state_name - "stopped", "running", "ready" or "blocked". */
const char *vcpu_state_name(const struct vcpu *v);

/* The VM whose console is in focus: start, pause or resume; reset and destroy, which ask. */
void cmd_start(void);
void cmd_pause(void);
void cmd_reset(void);
void cmd_destroy(void);

/* cmd_quit - end the machine; asks. */
void cmd_quit(void);

/*
 * ask - ask whether to do @what to @name; the answer yes calls @yes with @vm. ask_answer - @key was typed: true: it was
 * for a question. ask_check_time - is it too late for an answer?
 */
void ask_init(void);
void ask(char key, const char *what, struct vm *vm, const char *name, void (*yes)(struct vm *vm));
bool ask_answer(int key, bool plain);
void ask_check_time(void);

/* cmd_goto - the console of a VM that is typed. goto_key - @key was typed: true: it was for that. */
void cmd_goto(void);
bool goto_key(int key, bool plain);

/* menu_focus - the console of VM @number, from 1 on, or a word on why not. */
void menu_focus(unsigned int number);

/* menu_wake - run the menu's work item, which looks at the time. */
void menu_wake(void);

#endif
