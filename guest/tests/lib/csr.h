/* SPDX-License-Identifier: BSD-2-Clause */
/* CSRs, fences and time, as S-mode sees them. */
#ifndef GUEST_CSR_H
#define GUEST_CSR_H

#define SSTATUS_SIE	   (1UL << 1)
#define SSTATUS_SPIE	   (1UL << 5)
#define SSTATUS_SPP	   (1UL << 8)
#define SSTATUS_VS	   (3UL << 9)
#define SSTATUS_FS	   (3UL << 13)
#define SSTATUS_FS_INITIAL (1UL << 13)
#define SSTATUS_SUM	   (1UL << 18)

#define IRQ_SOFT  1
#define IRQ_TIMER 5
#define IRQ_EXT	  9

#define CAUSE_FETCH_MISALIGNED 0
#define CAUSE_FETCH_ACCESS     1
#define CAUSE_ILLEGAL	       2
#define CAUSE_BREAKPOINT       3
#define CAUSE_LOAD_MISALIGNED  4
#define CAUSE_LOAD_ACCESS      5
#define CAUSE_STORE_MISALIGNED 6
#define CAUSE_STORE_ACCESS     7
#define CAUSE_USER_ECALL       8
#define CAUSE_FETCH_PAGE       12
#define CAUSE_LOAD_PAGE	       13
#define CAUSE_STORE_PAGE       15

#define SATP_SV39 (8UL << 60)

/* By number: the assembler is told of no extension, and stimecmp would need one. */
#define CSR_STIMECMP 0x14d
#define CSR_SENVCFG  0x10a

#define CSR_STR_(x) #x
#define CSR_STR(x)  CSR_STR_(x)

#define csr_read(csr)                                                               \
	({                                                                          \
		unsigned long v_;                                                   \
		__asm__ volatile("csrr %0, " CSR_STR(csr) : "=r"(v_) : : "memory"); \
		v_;                                                                 \
	})
#define csr_write(csr, v) __asm__ volatile("csrw " CSR_STR(csr) ", %0" : : "rK"(v) : "memory")
#define csr_set(csr, v)	  __asm__ volatile("csrs " CSR_STR(csr) ", %0" : : "rK"(v) : "memory")
#define csr_clear(csr, v) __asm__ volatile("csrc " CSR_STR(csr) ", %0" : : "rK"(v) : "memory")

#define irq_on()     csr_set(sstatus, SSTATUS_SIE)
#define irq_off()    csr_clear(sstatus, SSTATUS_SIE)
#define wfi()	     __asm__ volatile(".balign 8\n\twfi" : : : "memory") /* see below */
#define fence_i()    __asm__ volatile("fence.i" : : : "memory")
#define mb()	     __asm__ volatile("fence rw, rw" : : : "memory")
#define cpu_relax()  __asm__ volatile(".word 0x0100000f" : : : "memory") /* pause */
#define sfence_vma() __asm__ volatile("sfence.vma" : : : "memory")

/*
 * QEMU 10.0 has already stepped pc over a WFI when that traps, and takes only the offset in the page back:
 * for one that ends its page, sepc is a page too far. An aligned one is never the last of a page.
 */

static inline unsigned long time_now(void)
{
	return csr_read(time);
}

#endif
