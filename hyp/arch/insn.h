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

#include "arch/csr.h"
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

#define OPCODE_LOAD  0x03u
#define OPCODE_STORE 0x23u

/* What may be set of a transformed load or store: funct3, rd or rs2, and bit 1. */
#define HTINST_LOAD_FREE  UINT64_C(0x00007f82)
#define HTINST_STORE_FREE UINT64_C(0x01f07002)

/* insn_decode_htinst_as - insn_decode_htinst(), when it must be a store (@store), or a load. */
static always_inline bool insn_decode_htinst_as(uint64_t htinst, bool store, struct insn_mem *out)
{
	uint32_t insn = (uint32_t)htinst, funct3 = (insn >> 12) & 7;

	*out = (struct insn_mem){
		.store = store,
		.sign_extend = !store && funct3 < 3,
		.len = (uint8_t)(1u << (funct3 & 3)),
		.reg = (store ? insn >> 20 : insn >> 7) & 31,
		.insn_len = (uint8_t)(2 + (insn & 2)),
	};
	return store ? (htinst & ~HTINST_STORE_FREE) == (OPCODE_STORE & ~2u) && funct3 <= 3 :
		       (htinst & ~HTINST_LOAD_FREE) == (OPCODE_LOAD & ~2u) && funct3 != 7;
}

/*
 * insn_decode_htinst - the same from htinst. False also for 0, for pseudoinstructions, and for an access that faulted
 * behind its beginning: it has crossed into that page from another one.
 *
 * A transformed load or store is the 32-bit form with its immediate zero, the address offset in place of rs1, and bit 1
 * clear when the original was compressed. What has other bits set is not in that form (hardware may give anything else
 * there), and no access that hartvisor does for the guest. An offset says that the fault is not where the access begins.
 */
static inline bool insn_decode_htinst(uint64_t htinst, struct insn_mem *out)
{
	bool store = (htinst & (OPCODE_STORE ^ OPCODE_LOAD)) != 0;

	return insn_decode_htinst_as(htinst, store, out);
}

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

/*
 * insn_may_be_counter - does a virtual instruction with funct3 other than 0 name cycle or instret? All others that
 * trap so are the guest's own fault.
 */
static inline bool insn_may_be_counter(uint64_t insn)
{
	return ((insn >> 20) & ~UINT64_C(2)) == CSR_CYCLE;
}

static inline unsigned int insn_length(uint32_t insn)
{
	return (insn & 3) == 3 ? 4 : 2;
}

#endif
