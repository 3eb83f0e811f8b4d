/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of locks. Each lock has a rank, which spin_init() or SPINLOCK_INIT() gives it. LOCK_RANKS() is the order,
 * outermost first: a hart takes a lock only when each lock that it holds has a rank further up. So it never holds two of
 * one rank. What needs the locks of two queues takes one after the other.
 *
 * A trylock may be of any rank, since it does not wait. What is taken while it is held obeys the order. Locks are given
 * up in any order.
 *
 * The order is checked in unit, explorer and thread tests, and in build/hartvisor-checked.bin: a lock that is taken out
 * of order, or has no rank, fails the test, or panics, with the names of both. build/hartvisor.bin has no ranks.
 */
#ifndef LIB_LOCK_RANK_H
#define LIB_LOCK_RANK_H

#include "lib/types.h"

#define LOCK_RANKS(X)                                            \
	X(LOCK_VM, "a VM's lock (its G-stage)")                  \
	X(LOCK_VM_TRANSITION, "a VM's transition")               \
	X(LOCK_VIRTQ, "a virtqueue of a guest's device")         \
	X(LOCK_VIRTQ_RX, "a network device's receive queue")     \
	X(LOCK_SWITCH, "a switch")                               \
	X(LOCK_NET_FILTER, "what a network device receives")     \
	X(LOCK_VDEV, "a guest's device")                         \
	X(LOCK_OVERLAY, "the overlay of a guest's disk")         \
	X(LOCK_HOST_DISK, "a disk of the machine")               \
	X(LOCK_HOST_NET, "a network device of the machine")      \
	X(LOCK_HOST_PORT, "a port of the machine's console")     \
	X(LOCK_SHARED, "memory that VMs share")                  \
	X(LOCK_VIRQCHIP, "a guest's interrupt controller")       \
	X(LOCK_RUNQ, "a run queue")                              \
	X(LOCK_SCHED_GROUP, "a scheduling group")                \
	X(LOCK_FENCES, "a vcpu's list of fences")                \
	X(LOCK_REGISTRY, "the registry of VMs")                  \
	X(LOCK_BOOT_ORDER, "the boot order")                     \
	X(LOCK_DYING, "the list of VMs that are destroyed")      \
	X(LOCK_DISK_SOURCES, "the parts of the machine's disks") \
	X(LOCK_IMAGES, "the images that VMs share")              \
	X(LOCK_HOST_STACKS, "the list of stacks")                \
	X(LOCK_PAGES, "the page allocator")                      \
	X(LOCK_LOG, "the log")                                   \
	X(LOCK_TERM, "the terminal")                             \
	X(LOCK_EVENTS, "the control channel's events")           \
	X(LOCK_WORK, "the list of work")                         \
	X(LOCK_TIMERS, "a timer queue")                          \
	X(LOCK_HOST_PLIC, "the host's PLIC")                     \
	X(LOCK_HOST_RTC, "the host's clock")                     \
	X(LOCK_RANDOM, "the random pool")

#define LOCK_RANK_ENUM(rank, name) rank,

enum lock_rank {
	LOCK_UNRANKED, /* of a lock that was not initialised */
	LOCK_RANKS(LOCK_RANK_ENUM) NR_LOCK_RANKS
};

#if defined(HARTVISOR_CHECKED) || defined(HARTVISOR_UNIT_TEST)
#define LOCK_RANKS_CHECKED

static_assert(NR_LOCK_RANKS <= 32, "held_locks.ranks");

/* What one hart holds. */
struct held_locks {
	uint32_t ranks; /* bit n: of rank n */
	uint8_t nr[NR_LOCK_RANKS];
};

/* lock_rank_take - the hart waits for a lock of @rank, and has it then. lock_rank_took - it has it by a trylock. */
void lock_rank_take(enum lock_rank rank);
void lock_rank_took(enum lock_rank rank);

/* lock_rank_leave - the hart gives up a lock of @rank. */
void lock_rank_leave(enum lock_rank rank);

/*
 * What differs by build (arch/checked.c; tests/unit/fake/lock_rank.c, the explorer and the threads have their own):
 * lock_rank_held - what this hart holds.
 * lock_rank_wrong - the lock @taken was about to be taken while @held was held; NULL: it has no rank.
 */
struct held_locks *lock_rank_held(void);
void lock_rank_wrong(const char *taken, const char *held);
#else
#define lock_rank_take(rank)  ((void)0)
#define lock_rank_took(rank)  ((void)0)
#define lock_rank_leave(rank) ((void)0)
#endif

#endif
