/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine on which hyp/main.c boots, with the real sources of all that it sets up on a hart: tables, timers, the
 * interrupt controller, the UART's driver, features, VMIDs. Fakes are the firmware, the harts' CSRs, the devices'
 * registers, the terminal, and what makes VMs.
 *
 * Boot happens once in a process, so each boot has a process of its own. What came of it is in `boot`, which both
 * processes see.
 *
 * A program of such tests is LIKE this file:
 *
 * SOURCES: hyp/main.c hyp/lib/options.c hyp/lib/word.c hyp/lib/fdt.c hyp/lib/log.c platform/machine.c platform/driver.c
 * SOURCES: platform/host.c platform/hart_intc.c platform/plic.c platform/ns16550.c hyp/arch/timer.c hyp/arch/guest.c
 * SOURCES: hyp/arch/features.c hyp/arch/isa.c hyp/arch/smp.c hyp/mm/hostmap.c hyp/mm/pgtable.c hyp/mm/page.c
 * SOURCES: hyp/mm/gstage.c hyp/mm/gstage_leaf.c hyp/mm/vmid.c tests/unit/fake/fence.c tests/unit/fake/tree.c
 * SOURCES: tests/unit/fake/boot_world.c tests/unit/fake/boot_hart.c tests/unit/fake/boot_parts.c
 * CFLAGS: -include tests/unit/fake/main_headers.h -fno-pie -no-pie -mcmodel=large
 * CFLAGS: -Wl,-Ttests/unit/fake/drivers.lds -Wl,--no-warn-rwx-segments
 */
#ifndef FAKE_BOOT_WORLD_H
#define FAKE_BOOT_WORLD_H

#include "arch/pcpu.h"
#include "vm/config.h"

/* Below what ASan has for itself on the build machine. */
#define BOOT_RAM     UINT64_C(0x40000000)
#define BOOT_IMAGE   UINT64_C(0x40200000) /* where the image was loaded; 0x9000 bytes */
#define BOOT_FDT     UINT64_C(0x41000000)
#define BOOT_MODULES UINT64_C(0x42000000)
#define BOOT_HARTS   8

/* A hart of the machine, by hart id. */
struct boot_hart {
	bool online; /* it reached pcpu_loop() */
	uint32_t index;
	uint64_t sie, stimecmp, satp, stack_top, emergency_sp;
	uint64_t hedeleg;
	unsigned int runq; /* calls of sched_init_pcpu() */
	char undone[64];   /* what a later step took back of what an earlier one had armed */
};

struct boot {
	/* --- the machine, by the test ---------------------------------------------------------------- */
	unsigned int cpus;
	uint64_t memory;
	const char *bootargs; /* NULL: none */
	unsigned int boot_hart;
	uint64_t fdt; /* in a1; BOOT_FDT */
	bool no_h, no_d, no_hsm, no_ipi, broken_tree, tree_outside, no_uart;
	uint64_t absent; /* hart ids that the firmware cannot start */
	uint64_t odd_csrs,
		odd_hgatp; /* hart ids that have no vstimecmp; whose hgatp takes nothing */
	uint64_t no_h_in_tree, no_d_in_tree; /* hart ids */
	bool no_hgatp;			     /* it takes no mode at all */
	const char *isa;		     /* of all harts; NULL: TREE_ISA */
	uint32_t vlenb;			     /* 0: no hart has vectors that work */
	const char *seed;		     /* /chosen/rng-seed */
	const char *rng;		     /* what the random device gives; NULL: there is none */
	bool rng_stays;			     /* it does not stop */
	uint64_t initrd, initrd_end;
	uint64_t bundle_offset; /* behind the image, 0: none; its size stands before it */
	int modules;		/* under /chosen, of 4 KiB each, from BOOT_MODULES on */
	int runqs_err;
	uint64_t leave;	      /* the allocator gets so many bytes, the last of the memory; 0: all */
	uint64_t leave_later; /* the same when the run queues have been made */
	int bundle_vms, host_vms; /* what the configurations come to; negative: an error */
	enum vm_state vms[4];
	uint64_t vm_missing; /* bit n: there is no memory at all for the nth VM */

	/* --- what came of it ----------------------------------------------------------------------------- */
	bool runs, power_is_off;
	char wrong[200];     /* what a fake was asked that it should not be */
	char console[16384]; /* all lines of the log */
	char early[8192];    /* those that went to the firmware's console */
	char order[2048];    /* calls: "term_init " ... */
	struct boot_hart hart[BOOT_HARTS];
	uint64_t switched_to; /* the stack on which the second half ran */
	uint64_t satp_there;  /* satp by then */
	unsigned int nr_pcpus, runqs;
	uint32_t plic_priority, plic_enable, plic_threshold[2 * BOOT_HARTS];
	uint8_t uart_ier;
	char selected[300]; /* configuration */
	char made[40];	    /* the VMs' names */
	bool selects;
	unsigned int room_for_host_vms;
	uint64_t parsed_at, parsed_size;
	uint64_t colour;
	bool guest_v, guest_svpbmt;
	uint32_t cboz, cbom; /* blocks of the cache operations; 0: none are used */
	bool stay, prefix, traces;
	int focus; /* the VM; -1: none has it */
	uint64_t entropy_len;
	uint64_t rng_len;   /* of it, from the random device */
	bool rng_in_memory; /* its bytes are still where it put them */
	int64_t rng_pages_lost;
	bool seed_in_tree;
	uint64_t ids[3];
	uint64_t free_bytes;
	bool free_is_free;    /* nothing that is in use was in the allocator */
	unsigned int vmids;   /* in a generation, on the boot hart */
	char last_words[400]; /* of a panic */
	uint64_t fires_at;    /* the watch's timer */
};

extern struct boot *boot;

/* boot_setup - a machine of two harts and 64 MiB, on which a bundle has one VM that starts. */
int boot_setup(void **state);

/* boot_machine - what OpenSBI does then, and what came of it. */
void boot_machine(void);

/* --- between the parts of the world ----------------------------------------------------------------------- */

void boot_called(const char *what);
void boot_wrong(const char *what) __attribute__((noreturn));
void boot_print(char *text, size_t size, const char *what, size_t len);
void boot_build_tree(void *at);

/* boot_end - the boot hart is done, or the machine is off: nothing of the process runs on. */
void boot_end(void) __attribute__((noreturn));

/* boot_collect - write down the harts' and devices' state. */
void boot_collect_harts(void);

/* boot_secondary_loop - a started hart has come to its loop: back to the boot hart. */
void boot_secondary_loop(void) __attribute__((noreturn));

#endif
