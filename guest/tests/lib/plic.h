/* SPDX-License-Identifier: BSD-2-Clause */
/* virt's PLIC: context 2h is hart h's M-mode, 2h + 1 its S-mode. */
#ifndef GUEST_PLIC_H
#define GUEST_PLIC_H

#include <stdint.h>

#define PLIC_BASE 0x0c000000UL

static inline volatile uint32_t *plic_reg(unsigned long offset)
{
	return (volatile uint32_t *)(PLIC_BASE + offset);
}

static inline unsigned long plic_context(unsigned long hartid)
{
	return 2 * hartid + 1;
}

#define plic_priority(source)	     plic_reg(4UL * (source))
#define plic_pending(source)	     plic_reg(0x1000 + (source) / 32 * 4UL)
#define plic_enable(context, source) plic_reg(0x2000 + 0x80UL * (context) + (source) / 32 * 4UL)
#define plic_threshold(context)	     plic_reg(0x200000 + 0x1000UL * (context))
#define plic_claim(context)	     plic_reg(0x200004 + 0x1000UL * (context))

#endif
