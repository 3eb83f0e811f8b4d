/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest for tests of hyp/sbi: one VM with vcpus, RAM and a console, and fakes of all that SBI
 * calls reach. The fakes remember what was asked, and fail the test when they are asked what no
 * guest may cause: a vcpu that does not exist, an empty set, memory outside of RAM.
 */
#ifndef FAKE_SBI_WORLD_H
#define FAKE_SBI_WORLD_H

#include "sbi/sbi.h"
#include "vcpu/fence.h"

#define WORLD_RAM      UINT64_C(0x80000000)
#define WORLD_RAM_SIZE KIB(64)
#define WORLD_DEVICE   UINT64_C(0x10000000) /* a page */

/* What the guest finds in a0 and a1. */
struct sbi_ret {
	int64_t error;
	uint64_t value;
};

struct world {
	struct vm vm;
	struct vcpu vcpus[VM_MAX_VCPUS];
	uint8_t ram[WORLD_RAM_SIZE];

	struct next next;  /* what the last call came to */
	uint64_t calls;	   /* of any fake that changes something */
	uint64_t injected; /* the vcpus that got VSSIP */
	uint64_t fence_i_set, vvma_set;
	unsigned int fence_is, vvmas;
	struct vcpu_fence vvma;
	unsigned int timers;
	uint64_t timer;
	unsigned int starts, stops, suspends;
	const struct vcpu *started;
	unsigned int unhalts;
	const struct vcpu *unhalted;
	uint64_t lock_at;
	uint64_t magic_at; /* 0: unmapped */
	bool no_memory;
	uint64_t start_pc, start_arg;
	uint64_t running; /* vcpus that are not STOPPED */
	enum vm_stop stop;
	char stop_why[80];
	char out[1024]; /* console output, and how much */
	size_t out_len;
	bool console_full; /* a vcpu that prints sleeps */
	bool slept;	   /* in the last call */
	char in[1024];	   /* console input that is left */
	size_t in_len;
	uint64_t virt_addr, virt_value; /* the one guest-virtual u64 that can be read */
};

extern struct world w;

/* world_setup - a fresh VM of @vcpus, all running. world_me - vcpu 0, which makes the calls. */
void world_setup(unsigned int vcpus);
struct vcpu *world_me(void);

/* world_call - vcpu 0's ecall, with a0 to a5 given; checks the rules that hold for every call. */
struct sbi_ret world_call(uint64_t eid, uint64_t fid, uint64_t a0, uint64_t a1, uint64_t a2,
			  uint64_t a3, uint64_t a4, uint64_t a5);

#define call0(eid, fid)		       world_call(eid, fid, 0, 0, 0, 0, 0, 0)
#define call1(eid, fid, a)	       world_call(eid, fid, a, 0, 0, 0, 0, 0)
#define call2(eid, fid, a, b)	       world_call(eid, fid, a, b, 0, 0, 0, 0)
#define call3(eid, fid, a, b, c)       world_call(eid, fid, a, b, c, 0, 0, 0)
#define call5(eid, fid, a, b, c, d, e) world_call(eid, fid, a, b, c, d, e, 0)

#define assert_error(ret, want) assert_int_equal((ret).error, (want))
#define assert_value(ret, want)                       \
	do {                                          \
		struct sbi_ret ret_ = (ret);          \
		assert_int_equal(ret_.error, 0);      \
		assert_int_equal(ret_.value, (want)); \
	} while (0)

#endif
