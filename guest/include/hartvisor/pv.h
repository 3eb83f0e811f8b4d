/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * hartvisor's own calls: one vendor extension of the SBI, and what it shares with a guest. docs/abi.md
 * says what each call does; the device tree's /hypervisor node says which EID it has and what is on.
 */
#ifndef HARTVISOR_PV_H
#define HARTVISOR_PV_H

/* The EID: HARTVISOR_SBI_EXT_VENDOR_BASE | (mvendorid & HARTVISOR_SBI_EXT_VENDOR_MASK), see sbi.h. */
#define HARTVISOR_SBI_EXT_VENDOR_MASK 0xffffff

#define HARTVISOR_POLL_IRQ	    0x01
#define HARTVISOR_MMU_OP	    0x02 /* deprecated: always SBI_ERR_NOT_SUPPORTED */
#define HARTVISOR_FEATURES	    0x03 /* returns a bitmap: bit n = FID n */
#define HARTVISOR_MAP_MAGIC_PAGE    0x04
#define HARTVISOR_KICK_CPU	    0x05
#define HARTVISOR_PV_WAIT	    0x06
#define HARTVISOR_PV_LOCK_FEATURES  0x20
#define HARTVISOR_PV_LOCK_PREEMPTED 0x21
#define HARTVISOR_YIELD_TO	    0x22

/* PV_WAIT's flags. */
#define HARTVISOR_PV_WAIT_IRQ (1UL << 0) /* or until an interrupt that sie enables is pending */

/* An alias of KICK_CPU without flags, a0 = hartid, for Linux kernels with the RISC-V pvqspinlock RFC.
 * Not ratified, off unless the VM's configuration says "pvlk". */
#define HARTVISOR_SBI_EXT_PVLK	0x50564C4B
#define HARTVISOR_PVLK_KICK_CPU 0

/* PV_LOCK_PREEMPTED: one for each vcpu, little endian. */
#define HARTVISOR_PV_LOCK_SIZE 64

/* MAP_MAGIC_PAGE. */
#define HARTVISOR_MAGIC_UNMAP	(~0UL) /* instead of an address */
#define HARTVISOR_MAGIC_VERSION 1

/* struct hartvisor_magic, state */
#define HARTVISOR_MAGIC_RUNS	  0
#define HARTVISOR_MAGIC_PREEMPTED 1 /* it could run, and does not */
#define HARTVISOR_MAGIC_HALTED	  2 /* halted, stopped or paused */

#ifndef __ASSEMBLY__

struct hartvisor_pv_lock {
	unsigned long long preempted; /* not 0: preempted while it could run */
	unsigned char reserved[56];   /* 0 */
};

/*
 * The magic page: read `sequence` until it is even, then the rest, then `sequence` again (each in this
 * order, by fences). If it has changed, begin again. A later version only adds fields behind these.
 */
struct hartvisor_magic {
	unsigned int sequence; /* odd while it is written */
	unsigned int version;
	unsigned int hartid;	/* the vcpu whose page it is */
	unsigned int host_hart; /* where it runs, or ran last, as hartvisor numbers harts */
	unsigned int state;	/* HARTVISOR_MAGIC_* */
	unsigned int reserved;
	unsigned long long since; /* guest's time when all this was so */
	unsigned long long run; /* ns that the vcpu has run until then; it goes on while it runs */
	unsigned long long steal; /* ns that it could have run and did not, until then */
	unsigned long long exits; /* times that it left the guest */
};

#endif
#endif
