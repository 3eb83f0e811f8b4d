/* SPDX-License-Identifier: BSD-2-Clause */
/* For the tests of hyp/control: what a debugger did to a VM, which has 256 bytes of memory at MEMORY_AT. */
#ifndef FAKE_CONTROL_DEBUG_H
#define FAKE_CONTROL_DEBUG_H

#include "vm/debug.h"

#define MEMORY_AT 4096

struct fake_debug {
	const struct vm *vm; /* to which it is attached; NULL: to none */
	unsigned int detaches, stops, goes;
	const struct vcpu *only, *passed;
	unsigned int reg;
	uint64_t value;
	gpa_t break_at;
	unsigned int break_len, breaks;
	uint8_t memory[256];
	unsigned int asks;
	bool deaf; /* vcpus do not answer */
};

extern struct fake_debug debugged;

#endif
