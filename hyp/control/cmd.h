/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of the control channel; their names are in commands.c's table. */
#ifndef CONTROL_CMD_H
#define CONTROL_CMD_H

#include "control/request.h"

extern const struct control_command control_commands[];
extern const unsigned int nr_control_commands;

/* Of the machine and hartvisor (cmd_host.c). */
bool cmd_control_version(struct control_request *r);
bool cmd_control_machine(struct control_request *r);
bool cmd_control_log(struct control_request *r);
bool cmd_control_help(struct control_request *r);

/* Of all VMs and their vcpus (cmd_list.c, cmd_stats.c). */
bool cmd_control_list(struct control_request *r);
bool cmd_control_stats(struct control_request *r);
bool cmd_control_times(struct control_request *r);

/* Of one VM (cmd_vm.c). cmd_control_later - what there will be. */
bool cmd_control_operate(struct control_request *r);
bool cmd_control_set(struct control_request *r);
bool cmd_control_link(struct control_request *r);
bool cmd_control_later(struct control_request *r);

/* Of the timeline (cmd_trace.c). */
bool cmd_control_trace_on(struct control_request *r);
bool cmd_control_trace_read(struct control_request *r);
bool cmd_control_trace_stop(struct control_request *r);
bool cmd_control_trace_off(struct control_request *r);

/* Of bundles that come by the channel (cmd_image.c). control_images_abandon - the connection is over: what is not complete goes. */
bool cmd_control_image_put(struct control_request *r);
bool cmd_control_image_data(struct control_request *r);
bool cmd_control_image_list(struct control_request *r);
bool cmd_control_image_drop(struct control_request *r);
bool cmd_control_create(struct control_request *r);
void control_images_abandon(void);

/* Of consoles (cmd_console.c). */
bool cmd_control_attach(struct control_request *r);
bool cmd_control_detach(struct control_request *r);
bool cmd_control_type(struct control_request *r);

/* Of a debugger (cmd_debug.c, cmd_memory.c; control/debug.h). */
bool cmd_control_debug_state(struct control_request *r);
bool cmd_control_debug_read(struct control_request *r);
bool cmd_control_debug_sample(struct control_request *r);
bool cmd_control_debug_regs(struct control_request *r);
bool cmd_control_debug_attach(struct control_request *r);
bool cmd_control_debug_detach(struct control_request *r);
bool cmd_control_debug_stop(struct control_request *r);
bool cmd_control_debug_go(struct control_request *r);
bool cmd_control_debug_pass(struct control_request *r);
bool cmd_control_debug_set(struct control_request *r);
bool cmd_control_debug_write(struct control_request *r);
bool cmd_control_debug_break(struct control_request *r);
bool cmd_control_debug_clear(struct control_request *r);

/* control_parse_number - decimal digits alone, at most @max. False: it is no such number. */
bool control_parse_number(const char *s, uint64_t max, uint64_t *value);

/*
 * control_walk - "vms": an array with an object for each VM, in which @vm_fields writes, and in it "vcpus": an array with one for each
 * vcpu, in which @vcpu_fields does. It is called again, with @part one more, for as long as it returns true. One call of them a call; false:
 * that was all. From the first call on, with r->step 0; it is below CONTROL_WALKED.
 */
#define CONTROL_WALKED 3
bool control_walk(struct control_request *r, void (*vm_fields)(struct json *j, const struct vm *vm),
		  bool (*vcpu_fields)(struct json *j, const struct vcpu *v, unsigned int part));

#endif
