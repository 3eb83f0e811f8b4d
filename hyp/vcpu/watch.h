/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The watch: which guests use their harts and show no sign of life?
 *
 * A panicked Linux spins in supervisor mode for ever. A kernel that was copied to another address than it is linked to
 * often faults in its own trap handler, again and again, inside of the guest. Neither prints, and neither ends.
 *
 * A timer looks at all VMs about once a second, and only reads: what each vcpu did with its time, and whether its VM
 * printed or used a device. A VM lives if any vcpu slept and woke. Where nothing shows life for some seconds, each vcpu
 * that ran and did not sleep is asked, by REQUEST_WATCH, for a sample: its pc, its mode, and its last trap. User mode
 * is a sign of life, too. It is asked eight times a second, since a guest that lives may spend nearly all of its time
 * in one system call that it makes again and again: what tells it from one that has stopped is short. So a healthy
 * guest costs one timer interrupt a second on one hart, and one that computes in user mode a request every few seconds.
 *
 * The watch cannot tell a kernel that has stopped from one that has much to do without output, so what it says is what it
 * saw: once in the log, as an event, and in the list as long as it lasts. It acts where it is asked to: a VM with a
 * watchdog is reset after so long without a sign of life.
 */
#ifndef VCPU_WATCH_H
#define VCPU_WATCH_H

#include "lib/types.h"
#include "vcpu/vcpu_set.h"

struct vm;

/* What a vcpu says of itself. Its own pcpu writes while `fresh` is 0, the watch reads while it is not. */
struct vcpu_sample {
	uint64_t pc;
	uint64_t tval;	/* vstval */
	uint32_t trap;	/* of vsepc and vscause, to tell whether both are as before */
	uint8_t cause;	/* vscause's code */
	uint8_t what;	/* SAMPLE_*, a set */
	uint16_t fresh; /* atomic */
};

#define SAMPLE_USER    1 /* in VU-mode */
#define SAMPLE_PAGED   2 /* vsatp translates */
#define SAMPLE_SYSCALL 4 /* the last trap was an ecall from VU-mode */
#define SAMPLE_TRAP_LOOP \
	8 /* the last trap was one of its trap handler's, and the next one is near */

/* What the watch remembers of a vcpu; the watch's alone. */
struct vcpu_watch {
	uint32_t used, slept; /* ticks at the last look, cut off; compared only */
	uint64_t place;	      /* the pc that samples are compared with */
	uint32_t trap;	      /* of the last sample */
	uint8_t near,
		far;   /* samples near that place, and others; each stops at its largest value */
	uint8_t loops; /* the last so many samples were SAMPLE_TRAP_LOOP */
	bool counted;  /* a sample since the last look is among these */
};

enum vm_watch_found {
	WATCH_NOTHING,
	WATCH_SPINS, /* all time in supervisor mode, near one pc */
	WATCH_TRAPS, /* its trap handler traps */
};

/* The same of a VM. The console reads what follows `found`. */
struct vm_watch {
	uint64_t since;		 /* host time of the last sign of life */
	uint64_t mmio;		 /* its accesses to devices, at the last look */
	struct vcpu_set doubted; /* ran and did not sleep before the last look, if it shows no life */
	bool told;		 /* the log has it, of this life */
	uint32_t found;		 /* enum vm_watch_found, atomic; written last */
	unsigned int vcpu, cause;
	uint64_t pc, tval;
};

/* vm_watch_event - is told when the watch sees that @vm has stopped; NULL: none. No locks are held. Set by the boot hart. */
extern void (*vm_watch_event)(const struct vm *vm);

/* watch_start - begin to look, on this hart. After the VMs were made. */
void watch_start(void);

/*
 * vm_watch_hint - what the watch sees in @vm now, as words for people, into the @size bytes of @out; false:
 * nothing. Any hart, no locks.
 */
bool vm_watch_hint(const struct vm *vm, char *out, size_t size);

#endif
