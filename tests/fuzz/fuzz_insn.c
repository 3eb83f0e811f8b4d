// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/arch/insn.c
/* Instructions that trap: a guest chooses each bit of them, and the machine those of htinst. */
#include "common/fuzz.h"

#include "arch/insn.h"

static bool same(const struct insn_mem *a, const struct insn_mem *b)
{
	return a->store == b->store && a->sign_extend == b->sign_extend && a->len == b->len &&
	       a->reg == b->reg && a->insn_len == b->insn_len;
}

static void check_access(const struct insn_mem *m)
{
	fuzz_must(m->len == 1 || m->len == 2 || m->len == 4 || m->len == 8);
	fuzz_must(m->reg < 32);
	fuzz_must(m->insn_len == 2 || m->insn_len == 4);
	fuzz_must(!m->sign_extend || !m->store);
}

/* The transformed form: the standard 32-bit instruction with no immediate; rs1 says nothing here. */
static uint64_t transform(const struct insn_mem *m)
{
	unsigned int log2 = m->len == 1 ? 0 : m->len == 2 ? 1 : m->len == 4 ? 2 : 3;
	uint32_t insn;

	if (m->store)
		insn = 0x23u | log2 << 12 | (uint32_t)m->reg << 20;
	else
		insn = 0x03u | (log2 | (m->sign_extend || m->len == 8 ? 0 : 4u)) << 12 |
		       (uint32_t)m->reg << 7;
	return m->insn_len == 2 ? insn & ~2u : insn;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };

	while (in.left > 0) {
		uint64_t bits = fuzz_u64(&in);
		uint32_t insn = (uint32_t)bits;
		struct insn_mem m, again;

		if (insn_decode_mem(insn, &m)) {
			check_access(&m);
			fuzz_must(m.insn_len == insn_length(insn));
			fuzz_must(insn_decode_virtual(insn) == INSN_OTHER);
			fuzz_must(insn_decode_htinst(transform(&m), &again));
			fuzz_must(same(&m, &again));
		}
		if (insn_decode_htinst(bits, &m)) {
			check_access(&m);
			fuzz_must(!insn_htinst_is_pseudo(bits));
		}
	}
	return 0;
}
