/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instruction set: what a hart has, what all harts have, what guests get.
 *
 * A cpu node of the device tree is parsed into a struct isa_cpu. The harts that run guests are added
 * up by isa_machine_add(), while the machine is parsed (platform/machine.c), and not later;
 * isa_machine() is what all of them have. isa_guest() is that, less what is closed: an extension
 * whose state hartvisor does not switch is closed to guests, and isa_list.h says for each which it is.
 */
#ifndef ARCH_ISA_H
#define ARCH_ISA_H

#include "lib/errno.h"
#include "lib/types.h"

enum isa_ext {
#define X(id, name, class, why) ISA_##id,
#include "arch/isa_list.h"
#undef X
	NR_ISA_EXTS,
};

#define ISA_WORDS ((NR_ISA_EXTS + 63) / 64)

struct isa_set {
	uint64_t bits[ISA_WORDS]; /* bit n: enum isa_ext n */
};

/* What one cpu node tells. A block size is 0 when the extension that it belongs to is not had. */
struct isa_cpu {
	struct isa_set set;
	uint32_t cbom_block; /* bytes; powers of two */
	uint32_t cbop_block;
	uint32_t cboz_block;
};

static inline bool isa_has(const struct isa_set *s, enum isa_ext ext)
{
	return s->bits[ext / 64] & BIT(ext % 64);
}

static inline void isa_add(struct isa_set *s, enum isa_ext ext)
{
	s->bits[ext / 64] |= BIT(ext % 64);
}

static inline void isa_remove(struct isa_set *s, enum isa_ext ext)
{
	s->bits[ext / 64] &= ~BIT(ext % 64);
}

/* isa_name - as the device tree spells it. */
const char *isa_name(enum isa_ext ext);

/* isa_why_closed - why no guest gets @ext at present; NULL: guests get it where the machine has it. */
const char *isa_why_closed(enum isa_ext ext);

/*
 * isa_parse_cpu - read `riscv,isa-extensions`, or else `riscv,isa`, and the block sizes of a cpu node.
 * Extensions unknown to hartvisor are passed over, versions ignored; `g`, `b` and `zk` bring their
 * parts. A cache-block extension without a usable block size is left out.
 * HV_ENOENT: neither property; HV_EINVAL: malformed, or not rv64i.
 */
int isa_parse_cpu(const void *fdt, int node, struct isa_cpu *out);

/* isa_parse_string - the same from the text of a `riscv,isa`. */
int isa_parse_string(const char *isa, struct isa_set *out);

/* isa_machine_reset - no cpu has been added yet. isa_machine_add - @cpu will run guests. */
void isa_machine_reset(void);
void isa_machine_add(const struct isa_cpu *cpu);

/* isa_has_vector - does @s have vector registers, of V or one of its parts for embedded processors? */
static inline bool isa_has_vector(const struct isa_set *s)
{
	return isa_has(s, ISA_V) || isa_has(s, ISA_ZVE32X) || isa_has(s, ISA_ZVE32F) ||
	       isa_has(s, ISA_ZVE64X) || isa_has(s, ISA_ZVE64F) || isa_has(s, ISA_ZVE64D);
}

/* isa_machine - what all added cpus have in common; empty when there is none. */
const struct isa_cpu *isa_machine(void);

/* isa_allow_vector - are the vector registers switched? Off until the boot code says so. */
void isa_allow_vector(bool on);

/*
 * isa_guest - what guests get. Of svade and svadu at most one: on a machine with both, guests start
 * with hardware A/D updates off and lack the SBI call (FWFT) that would turn them on, so they have
 * svade. Svpbmt only where there is Zicbom, by which hartvisor writes cleared memory back.
 */
struct isa_set isa_guest(void);

/*
 * isa_guest_sees_past_caches - have guests Svpbmt? Then memory that they get must be written back after it was
 * cleared (arch/cache.h).
 */
bool isa_guest_sees_past_caches(void);

/* isa_guest_henvcfg - henvcfg for guests that have isa_guest(). */
uint64_t isa_guest_henvcfg(void);

/*
 * isa_format - @s as a `riscv,isa` string: "rv64", the single letters, then the others each after a
 * '_'. HV_EOVERFLOW when it does not fit. ISA_STRING_MAX is enough for any set.
 */
#define ISA_STRING_MAX 1280
int isa_format(const struct isa_set *s, char *buf, size_t len);

#endif
