/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is measured of harts and vcpus, and what queues have counted, as the test says. A program that shows it is made of
 *
 * SOURCES: tests/unit/fake/counts.c
 */
#ifndef FAKE_COUNTS_H
#define FAKE_COUNTS_H

#include "dev/virtio/look.h"
#include "run/times.h"
#include "vcpu/timed.h"

extern bool fake_timed_wanted, fake_timed_memory; /* and whether there is memory for it */
extern bool fake_timed_there;			  /* vcpus have the memory */
extern unsigned int fake_timed_made;		  /* VMs that were given it */
extern unsigned int fake_settles;		  /* calls until harts have followed */
extern struct vcpu_timed_counts fake_timed;	  /* of each vcpu */
extern uint64_t fake_timed_worst;
extern struct times fake_times; /* of each hart */

/* Of slot 2 of the VM with id 0, which is called "rng": two queues. */
extern struct virtq_counts fake_queues[2];

/* Vcpus, VMs with their queues, and harts that were zeroed. */
extern unsigned int fake_zeroed_vcpus, fake_zeroed_vms, fake_zeroed_harts;

/* fake_counts_setup - nothing is measured or counted, and no VM has queues. */
void fake_counts_setup(void);
extern bool fake_has_queues;

#endif
