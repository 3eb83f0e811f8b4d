/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CSR access, and the bits that hartvisor uses. Numbers and fields: privileged specification 1.13,
 * chapters "Supervisor-Level ISA" and "Hypervisor Extension". CSRs that old assemblers do not know are
 * given by number.
 */
#ifndef ARCH_CSR_H
#define ARCH_CSR_H

#define CSR_SSTATUS    0x100
#define CSR_SIE	       0x104
#define CSR_STVEC      0x105
#define CSR_SCOUNTEREN 0x106
#define CSR_SENVCFG    0x10a
#define CSR_SSTATEEN0  0x10c
#define CSR_SCTRCTL    0x14e
#define CSR_SCTRSTATUS 0x14f
#define CSR_SSCRATCH   0x140
#define CSR_SEPC       0x141
#define CSR_SCAUSE     0x142
#define CSR_STVAL      0x143
#define CSR_SIP	       0x144
#define CSR_STIMECMP   0x14d
#define CSR_SATP       0x180
#define CSR_SCONTEXT   0x5a8
#define CSR_VSSTATUS   0x200
#define CSR_VSIE       0x204
#define CSR_VSTVEC     0x205
#define CSR_VSSCRATCH  0x240
#define CSR_VSEPC      0x241
#define CSR_VSCAUSE    0x242
#define CSR_VSTVAL     0x243
#define CSR_VSIP       0x244
#define CSR_VSTIMECMP  0x24d
#define CSR_VSCTRCTL   0x24e
#define CSR_VSISELECT  0x250
#define CSR_VSATP      0x280
#define CSR_HSTATUS    0x600
#define CSR_HEDELEG    0x602
#define CSR_HIDELEG    0x603
#define CSR_HIE	       0x604
#define CSR_HTIMEDELTA 0x605
#define CSR_HCOUNTEREN 0x606
#define CSR_HGEIE      0x607
#define CSR_HVIEN      0x608
#define CSR_HVICTL     0x609
#define CSR_HENVCFG    0x60a
#define CSR_HSTATEEN0  0x60c
#define CSR_HSTATEEN1  0x60d
#define CSR_HSTATEEN2  0x60e
#define CSR_HSTATEEN3  0x60f
#define CSR_HTVAL      0x643
#define CSR_HIP	       0x644
#define CSR_HVIP       0x645
#define CSR_HTINST     0x64a
#define CSR_HGATP      0x680
#define CSR_VL	       0xc20
#define CSR_VTYPE      0xc21
#define CSR_VLENB      0xc22
#define CSR_TIME       0xc01
#define CSR_CYCLE      0xc00
#define CSR_INSTRET    0xc02
#define CSR_FCSR       0x003
#define CSR_VSTART     0x008
#define CSR_VCSR       0x00f
#define CSR_JVT	       0x017

#define SSTATUS_SIE	 (1UL << 1)
#define SSTATUS_SPIE	 (1UL << 5)
#define SSTATUS_UBE	 (1UL << 6)
#define SSTATUS_SPP	 (1UL << 8)
#define SSTATUS_VS_SHIFT 9
#define SSTATUS_VS	 (3UL << 9)
#define SSTATUS_FS_SHIFT 13
#define SSTATUS_FS	 (3UL << 13)
#define SSTATUS_SUM	 (1UL << 18)
#define SSTATUS_MXR	 (1UL << 19)
#define SSTATUS_UXL_64	 (2UL << 32)

/* The FS and VS fields: off, initial, clean, dirty. */
#define XS_OFF	   0UL
#define XS_INITIAL 1UL
#define XS_CLEAN   2UL
#define XS_DIRTY   3UL

#define HSTATUS_VSBE	(1UL << 5)
#define HSTATUS_GVA	(1UL << 6)
#define HSTATUS_SPV	(1UL << 7)
#define HSTATUS_SPVP	(1UL << 8)
#define HSTATUS_HU	(1UL << 9)
#define HSTATUS_VTVM	(1UL << 20)
#define HSTATUS_VTW	(1UL << 21)
#define HSTATUS_VTSR	(1UL << 22)
#define HSTATUS_VSXL_64 (2UL << 32)

/* Interrupt numbers. */
#define IRQ_S_SOFT   1
#define IRQ_VS_SOFT  2
#define IRQ_S_TIMER  5
#define IRQ_VS_TIMER 6
#define IRQ_S_EXT    9
#define IRQ_VS_EXT   10
#define IRQ_S_GEXT   12
#define IRQ_LCOF     13

#define SCAUSE_INTERRUPT (1UL << 63)

/* Exception causes. */
#define EXC_INSN_MISALIGNED   0
#define EXC_INSN_ACCESS	      1
#define EXC_ILLEGAL_INSN      2
#define EXC_BREAKPOINT	      3
#define EXC_LOAD_MISALIGNED   4
#define EXC_LOAD_ACCESS	      5
#define EXC_STORE_MISALIGNED  6
#define EXC_STORE_ACCESS      7
#define EXC_ECALL_U	      8
#define EXC_ECALL_S	      9
#define EXC_ECALL_VS	      10
#define EXC_INSN_PAGE_FAULT   12
#define EXC_LOAD_PAGE_FAULT   13
#define EXC_STORE_PAGE_FAULT  15
#define EXC_SOFTWARE_CHECK    18
#define EXC_INSN_GUEST_FAULT  20
#define EXC_LOAD_GUEST_FAULT  21
#define EXC_VIRTUAL_INSN      22
#define EXC_STORE_GUEST_FAULT 23

#define HENVCFG_FIOM  (1UL << 0)
#define HENVCFG_CBIE  (3UL << 4)
#define HENVCFG_CBCFE (1UL << 6)
#define HENVCFG_CBZE  (1UL << 7)
#define HENVCFG_ADUE  (1UL << 61)
#define HENVCFG_PBMTE (1UL << 62)
#define HENVCFG_STCE  (1UL << 63)

#define HCOUNTEREN_CY (1UL << 0)
#define HCOUNTEREN_TM (1UL << 1)
#define HCOUNTEREN_IR (1UL << 2)

#define HSTATEEN0_ENVCFG (1UL << 62)
#define HSTATEEN0_SE0	 (1UL << 63)

#define SATP_MODE_SHIFT	  60
#define SATP_MODE_SV39	  8UL
#define HGATP_MODE_SHIFT  60
#define HGATP_MODE_BARE	  0UL
#define HGATP_MODE_SV39X4 8UL
#define HGATP_MODE_SV48X4 9UL
#define HGATP_MODE_SV57X4 10UL
#define HGATP_VMID_SHIFT  44
#define HGATP_VMID_MASK	  0x3fffUL

#ifndef __ASSEMBLER__
#include <stdint.h>

#define CSR_STR_(x) #x
#define CSR_STR(x)  CSR_STR_(x)

#define csr_read(csr)                                                                   \
	({                                                                              \
		uint64_t csr_v_;                                                        \
		__asm__ volatile("csrr %0, " CSR_STR(csr) : "=r"(csr_v_) : : "memory"); \
		csr_v_;                                                                 \
	})
#define csr_write(csr, val)                                                                \
	do {                                                                               \
		uint64_t csr_v_ = (val);                                                   \
		__asm__ volatile("csrw " CSR_STR(csr) ", %0" : : "rK"(csr_v_) : "memory"); \
	} while (0)
#define csr_swap(csr, val)                                        \
	({                                                        \
		uint64_t csr_v_ = (val);                          \
		__asm__ volatile("csrrw %0, " CSR_STR(csr) ", %1" \
				 : "=r"(csr_v_)                   \
				 : "rK"(csr_v_)                   \
				 : "memory");                     \
		csr_v_;                                           \
	})
#define csr_set(csr, val)                                                                  \
	do {                                                                               \
		uint64_t csr_v_ = (val);                                                   \
		__asm__ volatile("csrs " CSR_STR(csr) ", %0" : : "rK"(csr_v_) : "memory"); \
	} while (0)
#define csr_clear(csr, val)                                                                \
	do {                                                                               \
		uint64_t csr_v_ = (val);                                                   \
		__asm__ volatile("csrc " CSR_STR(csr) ", %0" : : "rK"(csr_v_) : "memory"); \
	} while (0)
#endif

#endif
