/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For the tests of hyp/control: the test is the other side of a port, and of VMs the state alone is real. A program that is
 * LIKE this file is made of
 *
 * SOURCES: hyp/control/channel.c hyp/control/request.c hyp/control/commands.c hyp/control/json.c hyp/control/event.c
 * SOURCES: hyp/control/cmd_vm.c hyp/control/cmd_list.c hyp/control/cmd_stats.c hyp/control/cmd_host.c hyp/vm/operator.c
 * SOURCES: hyp/vcpu/stats.c hyp/vm/config_ram.c hyp/lib/config_node.c hyp/lib/text.c hyp/lib/word.c hyp/lib/fdt.c hyp/lib/work.c
 * SOURCES: hyp/control/cmd_image.c hyp/control/cmd_console.c hyp/control/data.c hyp/vm/bundle_store.c
 * SOURCES: hyp/control/cmd_debug.c hyp/control/cmd_memory.c tests/unit/fake/control_debug.c
 * SOURCES: tests/unit/fake/control_images.c tests/unit/fake/control_console.c
 * SOURCES: hyp/control/trace.c hyp/control/cmd_trace.c hyp/arch/trace.c tests/unit/fake/pcpu.c
 * SOURCES: tests/unit/fake/counts.c tests/unit/fake/control.c tests/unit/fake/registry.c tests/unit/fake/no_net.c
 * CFLAGS: -DFAKE_TRACE
 */
#ifndef FAKE_CONTROL_H
#define FAKE_CONTROL_H

#include "arch/timer.h"
#include "fake/registry.h"
#include "vcpu/vm.h"
#include "vm/config.h"

/* What has come from hartvisor and was not looked at yet; how many bytes more the port takes. */
extern char said[1 << 20];
extern size_t said_len, room;

/* The connection, as host_port_connection() has it. */
extern uint32_t connection;

/* Host time, 10 MHz. */
extern uint64_t now;

/* Steps that the channel has taken, by its timer. */
extern unsigned int steps;

extern bool has_device;
extern const struct vm *stopped, *destroyed;
extern enum vm_stop stopped_how;
extern uint32_t weight_set, cap_set_to; /* UINT32_MAX: not at all */
extern unsigned int weights_set, affinities_set;

/* The lines that log_read() finds. */
extern const char *const *log_lines;
extern unsigned int nr_log_lines;

extern struct vm machines[VM_MAX];
extern struct vm_config vm_configs[VM_MAX];

/* Harts that do not take their interrupt; there are two. */
extern unsigned int deaf_harts;

/* Memory of images and of the timeline: bytes that are taken, and how many more can be. */
extern uint64_t image_memory, image_room;

/* The creation of VMs: its steps, of which the last one is an error unless creation_error is NULL; and how many are going on. */
extern unsigned int creation_steps, creations;
extern const char *creation_error;
extern char creation_select[32]; /* "": the default */
struct stored_bundle;
extern struct stored_bundle *creation_of;

/* prints - VM @i does, on its console, if that is tapped. What was typed for it; how much more it takes. */
void prints(unsigned int i, const char *bytes, size_t len);
extern char typed[1024];
extern size_t nr_typed, type_room;

/* control_setup - for each test: a connection, three VMs "vm-1" and so on of two vcpus; the second can never be started. */
int control_setup(void **state);
void make_vms(unsigned int n, unsigned int nr_vcpus);

/* become - the VM's state changes, and it is told. */
void become(struct vm *vm, enum vm_state to);

/* send - @len bytes of the other side's. run_channel - all that is to be done, or so many steps. ask - send @line, run, and return all that came. */
void send_bytes(const char *bytes, size_t len);
void run_channel(void);
bool run_channel_once(void); /* a step; false: there is nothing to be done */
void run_channel_steps(unsigned int n);
char *ask(const char *line);

/* connect_anew - the other side has gone, and another one has come. */
void connect_anew(void);

#define CONTROL_TEST(name) cmocka_unit_test_setup(name, control_setup)

#endif
