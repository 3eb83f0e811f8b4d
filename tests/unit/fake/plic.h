/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual PLIC of three vcpus, and accesses to its registers as a guest has them; include after cmocka.h. A program
 * that is LIKE this file is made of
 *
 * SOURCES: hyp/irqchip/vplic.c hyp/irqchip/vplic_part.c hyp/dev/mmio.c hyp/vm/parts.c hyp/vcpu/vm_part.c hyp/lib/property.c hyp/lib/config_node.c hyp/lib/word.c hyp/lib/text.c hyp/lib/fdt.c hyp/lib/fdt_writer.c tests/unit/fake/devvm.c tests/unit/fake/pcpu.c tests/unit/fake/no_magic_page.c
 */
#ifndef FAKE_PLIC_H
#define FAKE_PLIC_H

#include "fake/devvm.h"
#include "irqchip/vplic.h"

#define VCPUS 3
#define M(h)  (2 * (h))
#define S(h)  (2 * (h) + 1)

static struct virqchip *plic;

static inline uint32_t rd(uint64_t off)
{
	return (uint32_t)guest_read(VPLIC_BASE + off, 4);
}

static inline void wr(uint64_t off, uint32_t val)
{
	guest_write(VPLIC_BASE + off, 4, val);
}

static inline uint64_t enable_reg(unsigned int ctx, unsigned int source)
{
	return 0x2000 + 0x80 * ctx + source / 32 * 4;
}

static inline void enable(unsigned int ctx, unsigned int source)
{
	wr(enable_reg(ctx, source), rd(enable_reg(ctx, source)) | 1u << (source % 32));
}

static inline void disable(unsigned int ctx, unsigned int source)
{
	wr(enable_reg(ctx, source), rd(enable_reg(ctx, source)) & ~(1u << (source % 32)));
}

static inline void priority(unsigned int source, uint32_t prio)
{
	wr(4 * source, prio);
}

static inline void threshold(unsigned int ctx, uint32_t prio)
{
	wr(0x200000 + 0x1000 * ctx, prio);
}

static inline uint32_t claim(unsigned int ctx)
{
	return rd(0x200004 + 0x1000 * ctx);
}

static inline void complete(unsigned int ctx, uint32_t source)
{
	wr(0x200004 + 0x1000 * ctx, source);
}

static inline bool pending(unsigned int source)
{
	return rd(0x1000 + source / 32 * 4) >> (source % 32) & 1;
}

static inline int setup(void **state)
{
	(void)state;
	fake_vm_setup(VCPUS);
	plic = vplic_new(&fake_vm);
	return plic ? 0 : -1;
}

static inline int teardown(void **state)
{
	(void)state;
	fake_vm_teardown();
	return 0;
}

#define PLIC_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
