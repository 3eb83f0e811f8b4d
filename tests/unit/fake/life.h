/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world of the tests of a VM's life: the real vm/lifecycle.c and what makes and ends VMs, with memory, a scheduler
 * that runs one step of a task at a time, a clock that the test moves, and fakes of devices, vcpus and the loader.
 * What reaches those is remembered as a list of calls.
 *
 * A program of such tests is LIKE this file:
 *
 * SOURCES: hyp/vm/lifecycle.c hyp/vm/vm_make.c hyp/vcpu/timed.c hyp/vm/config_ram.c hyp/vm/parts.c hyp/vcpu/vm_part.c hyp/lib/property.c hyp/lib/config_node.c hyp/lib/word.c hyp/vm/shutdown.c hyp/vm/destroy.c hyp/vcpu/registry.c hyp/lib/work.c hyp/vcpu/vm.c hyp/lib/text.c hyp/lib/fdt.c
 * SOURCES: hyp/mm/gstage.c hyp/mm/gstage_leaf.c hyp/mm/pgtable.c hyp/mm/page.c hyp/mm/arena.c hyp/vm/boot_order.c hyp/vm/bundle_store.c
 * SOURCES: tests/unit/fake/page.c tests/unit/fake/life.c tests/unit/fake/life_parts.c tests/unit/fake/life_tasks.c
 */
#ifndef FAKE_LIFE_H
#define FAKE_LIFE_H

#include "arch/timer.h"
#include "vm/lifecycle.h"

#define LIFE_RAM     MIB(2)
#define LIFE_MACHINE MIB(16) /* all of its memory */
#define LIFE_PARTS   2	     /* uart and plic; their resets are a step each */
#define LIFE_SECRET  UINT64_C(0x5ec4e75ec4e75ec4)
#define LIFE_STEPS   (LIFE_RAM / KIB(32)) /* that clearing its RAM takes at least */

struct life {
	struct vm_config cfg,
		cfg2;	     /* of 2 MiB and one vcpu, "one" and "two"; both start by themselves */
	uint64_t now;	     /* host time, 1 tick a ns */
	struct timer *armed; /* the last one */
	bool power_is_off;
	unsigned int expedited; /* entities that got a hart at once for the end of their VM */

	/* What the loader does. */
	bool load_fails;
	bool begin_fails;	      /* from the next loader_begin() on */
	bool prepare_fails;	      /* no memory for the loader */
	unsigned int loaders;	      /* that have a stack */
	unsigned int load_steps;      /* that it wants before it is done */
	unsigned int to_abandon;      /* steps that giving up an unfinished load takes */
	struct vm *stopped_by_loader; /* an operator destroys it while its last step is taken */

	const char *cannot_make;    /* "vcpu", "bus", "plic", ...: there is no memory for it */
	const char *refuses;	    /* a part that says that the configuration is wrong */
	int map_error;		    /* of the UART's map() */
	unsigned int maps, resumes; /* calls of the UART's */
	struct term_stream *focus;

	bool grace_lasts;   /* some pcpu does not come to its loop */
	bool output_stays;  /* the terminal is slow */
	unsigned int grace; /* how many have begun */

	const struct vm *mem_waited_for; /* the states of this VM at the next vm_mem_wait() count */
	enum vm_state at_mem_wait;	 /* what it was */
};

extern struct life life;

/* life_setup - a fresh world without VMs. life_teardown - runs what is left, and takes the memory away. */
int life_setup(void **state);
int life_teardown(void **state);

/* The VMs that life_create() and life_create_alone() have made. */
extern struct vm *vms[VM_MAX];
extern unsigned int nr_vms;

/* life_takes_memory - the test itself takes memory, and keeps it. */
void life_takes_memory(void);

/* life_vms_go - all VMs are destroyed, and the reaper has done all that it had to do. */
void life_vms_go(void);

/* life_reap - the reaper works, and its timer fires, until it has nothing more to do. */
void life_reap(void);

/* life_create - VM "one", beside a VM that runs for ever, and the boot order has begun. */
struct vm *life_create(void);

/* The same with @cfg, and no other VM: so that the machine may end. */
struct vm *life_create_alone(const struct vm_config *cfg);

/* --- the scheduler ----------------------------------------------------------------------------------- */

bool life_task_pending(void);

/* life_step - one step of the task that waits longest. False: none waits. */
bool life_step_one(void);

/* A number of steps; all there are; those until @vm has @state. */
void life_steps(unsigned int n);
void life_run_all(void);
void life_run_until(struct vm *vm, enum vm_state state);

/* life_run_to_power_off - as life_run_all(), and the firmware may end the machine meanwhile. */
void life_run_to_power_off(void);

/* life_forget_tasks - none of them waits any more. */
void life_forget_tasks(void);

/* life_timer_fires - the clock is at the armed timer's time, and it fires. */
void life_timer_fires(void);

/* life_next_timer_fires - the first one of several VMs', if it is due by @until. False: none is. */
bool life_next_timer_fires(uint64_t until);

/* --- what guests and operators do ------------------------------------------------------------------------ */

/* life_last_vcpu_leaves - all vcpus of the VM, which is STOPPING, have seen VM_DEAD. */
void life_last_vcpu_leaves(struct vm *vm);

/* life_end - the running @vm is ended in this way, ten seconds after its start, and the last vcpu leaves. */
void life_end(struct vm *vm, enum vm_stop how);

/* life_write_secrets - the guest fills its memory. life_pool_is_clean - takes all free memory: none has a secret. */
void life_write_secrets(struct vm *vm);
void life_pool_is_clean(void);

/* --- the list of calls: "start vcpu 0", "uart reset" ----------------------------------------------------- */

void life_called(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
unsigned int life_count(const char *what);
void life_calls_forget(void);

/* life_calls_are - these and no others, in this order; the last is NULL. */
void life_calls_are(const char *const *what);

/* life_parts_reset - the fakes of life_parts.c. life_tasks_reset - those of life_tasks.c. */
void life_parts_reset(void);
void life_tasks_reset(void);

#endif
