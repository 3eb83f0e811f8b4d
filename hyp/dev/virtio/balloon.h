/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The balloon: a VM gives memory back, by leaves of GSTAGE_LEAF bytes, and gets it again when it is needed. balloon.c is the
 * device that the driver sees; balloon_ram.c takes leaves from the VM and brings them again.
 *
 * What is given back is first taken out of the G-stage tables. Every vcpu is flushed, and vm_mem_wait() waits for device code.
 * Then it is cleared and goes to the pool. What comes again is cleared before the guest sees it. Either way a leaf is cleared
 * in steps, in exits of vcpus that want it; the VM has one such job at a time, and the next exit goes on with it.
 *
 * The job, the holes and the timer are guarded by vm->lock. It is taken outside guest mode, as the flush waits with it. Code
 * that only needs a hole filled tries the lock, and comes again.
 */
#ifndef DEV_VIRTIO_BALLOON_H
#define DEV_VIRTIO_BALLOON_H

#include "arch/timer.h"
#include "dev/virtio/virtio.h"

/* Queues of the driver. Those from BALLOON_REPORT on: see balloon.c. */
enum { BALLOON_INFLATE, BALLOON_DEFLATE, BALLOON_REPORT, BALLOON_QUEUES = 5 };

#define BALLOON_NO_LEAF UINT64_MAX

struct balloon_job {
	gpa_t at;
	hpa_t host;
	uint64_t left;	 /* bytes that are not clear yet */
	bool fill;	 /* false: it goes to the pool */
	uint32_t active; /* atomic: there is a job */
};

struct vballoon {
	struct virtio_dev dev;
	struct vm_balloon port;
	uint64_t wants[BALLOON_QUEUES]; /* atomic; by queue: the leaf that it gives back now */
	uint16_t *inflated; /* pages of each leaf that the driver has put into the balloon; guarded by dev.lock */
	unsigned int nr_leaves;
	struct balloon_job job;
	struct vcpu_set waits; /* atomic: sleep until there may be memory */
	struct timer timer;
	uint64_t told_at; /* host time at which the log told of it; 0: never */
};

/* balloon_ram_init - while the VM is made. */
void balloon_ram_init(struct vballoon *b);

/* balloon_give_step - a vcpu's exit, no locks: go on with the job, or begin to take the leaf at @a. False: it cannot be taken. */
bool balloon_give_step(struct vballoon *b, struct vcpu *v, gpa_t a);

/* balloon_ram_reset - a life has ended, no vcpu runs: what the job has in hand is the VM's RAM again. */
void balloon_ram_reset(struct vballoon *b);

#endif
