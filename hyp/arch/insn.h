/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decoding the instructions that trap: loads and stores to devices, and the few that raise a
 * virtual-instruction exception.
 *
 * A guest page fault may come with htinst: the instruction, transformed (privileged specification,
 * "Transformed Instruction or Pseudoinstruction for mtinst or htinst"): bit 1 clear means the original
 * was a 16-bit one, and rs1 is replaced by the address offset. htinst = 0 says nothing: the caller
 * fetches the instruction itself.
 */
#ifndef ARCH_INSN_H
#define ARCH_INSN_H

#include "lib/types.h"

struct insn_mem {
	bool store;
	bool sign_extend; /* loads */
	uint8_t len;	  /* bytes accessed: 1, 2, 4, 8 */
	uint8_t reg;	  /* rd of a load, rs2 of a store */
	uint8_t insn_len; /* 2 or 4 */
};

/*
 * insn_decode_mem - an integer load or store, from the untransformed instruction (16 or 32 bits, as
 * vcpu_fetch_insn gives it). False for anything else (AMO, LR/SC, FP, vector, CBO): those get an
 * access fault on a device.
 */
bool insn_decode_mem(uint32_t insn, struct insn_mem *out);

/*
 * insn_decode_htinst - the same from a non-zero htinst. False also for pseudoinstructions, and for an access that faulted
 * behind its beginning: it has crossed into that page from another one.
 */
bool insn_decode_htinst(uint64_t htinst, struct insn_mem *out);

/*
 * insn_mem_low - the lowest three bits of the address where @insn, which insn_decode_mem() knows, begins its access with
 * registers @x; of a compressed one only those below its width.
 */
unsigned int insn_mem_low(uint32_t insn, const uint64_t x[32]);

/* insn_htinst_is_pseudo - the fault came from the guest's own page-table walk. */
bool insn_htinst_is_pseudo(uint64_t htinst);

#define INSN_CODE_WFI 0x10500073u

enum insn_virtual {
	INSN_OTHER,
	INSN_WFI,
	INSN_WRS_NTO,
	INSN_WRS_STO,
	INSN_CSR,
};

/* insn_decode_virtual - which of the instructions that hartvisor answers itself. */
enum insn_virtual insn_decode_virtual(uint32_t insn);

static inline unsigned int insn_length(uint32_t insn)
{
	return (insn & 3) == 3 ? 4 : 2;
}

#endif
