/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/insn.h"

#define OPCODE_SYSTEM 0x73u

#define INSN_CODE_WRS_NTO 0x00d00073u
#define INSN_CODE_WRS_STO 0x01d00073u

/*
 * Pseudoinstructions for implicit accesses of VS-stage translation: read or write of a page-table
 * entry, of 32 or 64 bits (privileged specification, "Transformed Instruction or Pseudoinstruction").
 */
#define PSEUDO_READ_32	0x2000u
#define PSEUDO_WRITE_32 0x2020u
#define PSEUDO_READ_64	0x3000u
#define PSEUDO_WRITE_64 0x3020u

static uint32_t insn_field(uint32_t insn, unsigned int hi, unsigned int lo)
{
	return (insn >> lo) & ((1u << (hi - lo + 1)) - 1);
}

static bool insn_set_mem(struct insn_mem *out, bool store, bool sign_extend, unsigned int len,
			 uint32_t reg, unsigned int insn_len)
{
	*out = (struct insn_mem){
		.store = store,
		.sign_extend = sign_extend,
		.len = (uint8_t)len,
		.reg = (uint8_t)reg,
		.insn_len = (uint8_t)insn_len,
	};
	return true;
}

/* LB LH LW LD LBU LHU LWU and SB SH SW SD: funct3 is log2 of the size, bit 2 of it means unsigned. */
static bool insn_decode_mem32(uint32_t insn, struct insn_mem *out)
{
	uint32_t funct3 = insn_field(insn, 14, 12);

	switch (insn_field(insn, 6, 0)) {
	case OPCODE_LOAD:
		if (funct3 == 7)
			return false;
		/* Nothing is wider than LD, which has no bits left to extend into. */
		return insn_set_mem(out, false, funct3 < 3, 1u << (funct3 & 3),
				    insn_field(insn, 11, 7), 4);
	case OPCODE_STORE:
		if (funct3 > 3)
			return false;
		return insn_set_mem(out, true, false, 1u << funct3, insn_field(insn, 24, 20), 4);
	default:
		return false;
	}
}

/* Zcb, in the quarter of quadrant 0 that C left reserved: C.LBU C.LHU C.LH C.SB C.SH. */
static bool insn_decode_zcb(uint32_t insn, uint32_t reg, struct insn_mem *out)
{
	bool bit6 = insn_field(insn, 6, 6) != 0;

	switch (insn_field(insn, 12, 10)) {
	case 0:
		return insn_set_mem(out, false, false, 1, reg, 2);
	case 1:
		return insn_set_mem(out, false, bit6, 2, reg, 2);
	case 2:
		return insn_set_mem(out, true, false, 1, reg, 2);
	case 3:
		return !bit6 && insn_set_mem(out, true, false, 2, reg, 2);
	default:
		return false;
	}
}

/* Quadrant 0: the base register and the other one are both among x8 to x15. */
static bool insn_decode_c0(uint32_t insn, struct insn_mem *out)
{
	uint32_t reg = 8 + insn_field(insn, 4, 2);

	switch (insn_field(insn, 15, 13)) {
	case 2: /* C.LW */
		return insn_set_mem(out, false, true, 4, reg, 2);
	case 3: /* C.LD */
		return insn_set_mem(out, false, false, 8, reg, 2);
	case 4:
		return insn_decode_zcb(insn, reg, out);
	case 6: /* C.SW */
		return insn_set_mem(out, true, false, 4, reg, 2);
	case 7: /* C.SD */
		return insn_set_mem(out, true, false, 8, reg, 2);
	default:
		return false;
	}
}

/* Quadrant 2: relative to sp. A load into x0 is a reserved encoding. */
static bool insn_decode_c2(uint32_t insn, struct insn_mem *out)
{
	uint32_t rd = insn_field(insn, 11, 7);
	uint32_t rs2 = insn_field(insn, 6, 2);

	switch (insn_field(insn, 15, 13)) {
	case 2: /* C.LWSP */
		return rd != 0 && insn_set_mem(out, false, true, 4, rd, 2);
	case 3: /* C.LDSP */
		return rd != 0 && insn_set_mem(out, false, false, 8, rd, 2);
	case 6: /* C.SWSP */
		return insn_set_mem(out, true, false, 4, rs2, 2);
	case 7: /* C.SDSP */
		return insn_set_mem(out, true, false, 8, rs2, 2);
	default:
		return false;
	}
}

bool insn_decode_mem(uint32_t insn, struct insn_mem *out)
{
	switch (insn & 3) {
	case 0:
		return insn_decode_c0(insn, out);
	case 2:
		return insn_decode_c2(insn, out);
	case 3:
		return insn_decode_mem32(insn, out);
	default:
		return false;
	}
}

/* The immediates of compressed ones are multiples of their width. */
unsigned int insn_mem_low(uint32_t insn, const uint64_t x[32])
{
	uint32_t base = 2, imm = 0; /* sp: quadrant 2 */

	if ((insn & 3) == 3) {
		base = insn_field(insn, 19, 15);
		imm = insn_field(insn, 6, 0) == OPCODE_STORE ? insn_field(insn, 9, 7) :
							       insn_field(insn, 22, 20);
	} else if ((insn & 3) == 0) {
		base = 8 + insn_field(insn, 9, 7);
	}
	return (unsigned int)((base ? x[base & 31] : 0) + imm) & 7;
}

bool insn_htinst_is_pseudo(uint64_t htinst)
{
	return htinst == PSEUDO_READ_64 || htinst == PSEUDO_WRITE_64 || htinst == PSEUDO_READ_32 ||
	       htinst == PSEUDO_WRITE_32;
}

enum insn_virtual insn_decode_virtual(uint32_t insn)
{
	if (insn_field(insn, 6, 0) != OPCODE_SYSTEM)
		return INSN_OTHER;
	/* funct3: 0 are ECALL and its like, 4 the HLV and HSV group; the rest CSRRW to CSRRCI. */
	if (insn_field(insn, 14, 12) % 4 != 0)
		return INSN_CSR;
	switch (insn) {
	case INSN_CODE_WFI:
		return INSN_WFI;
	case INSN_CODE_WRS_NTO:
		return INSN_WRS_NTO;
	case INSN_CODE_WRS_STO:
		return INSN_WRS_STO;
	default:
		return INSN_OTHER;
	}
}
