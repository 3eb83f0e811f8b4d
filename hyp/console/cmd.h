/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands of the menu that have a file of their own; their keys are in menu.c's table. */
#ifndef CONSOLE_CMD_H
#define CONSOLE_CMD_H

/* cmd_list - every VM: number, name, state, memory, where its vcpus are. */
void cmd_list(void);

/* cmd_stats - every vcpu: what the scheduler, kicks and exits have come to. */
void cmd_stats(void);

struct vcpu;

/* vcpu_state_name - "stopped", "running", "ready" or "blocked". */
const char *vcpu_state_name(const struct vcpu *v);

/* The VM whose console is in focus: start, pause or resume, reset, destroy. */
void cmd_start(void);
void cmd_pause(void);
void cmd_reset(void);
void cmd_destroy(void);

#endif
