/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every CSR of S-mode and below that some extension brings, and what keeps it from one guest to the next. Not part of
 * the image: tests/unit/arch/test_csr_list.c holds it against isa_list.h, and guest/tests/marks.c fails for each CSR
 * that a guest can write and that is not here, or is not kept as it says here.
 *
 *   SWITCHED  saved and loaded with the vcpu, or its VS copy is
 *   CLEARED   zero after another vcpu was loaded, on a hart without Smstateen (features_clear_loose()); with
 *             Smstateen, hstateen0 closes it
 *   INDIRECT  a window on other registers: those of CTR are CLEARED, all others trap
 *   CLOSED    traps in every guest; the text says by what, on a hart without Smstateen, too
 *
 * Numbers with bits 11:10 set are read-only and left out, and so is what exists on RV32 only. Custom CSRs are left
 * out as well: only hstateen0 closes those (docs/porting.md).
 *
 * Included with X(number, name, extension, kept, text) defined; extensions as in isa_list.h. A CSR of two extensions
 * has two lines.
 */

X(0x001, "fflags", F, SWITCHED, "with f0 to f31; saved whatever FS says")
X(0x002, "frm", F, SWITCHED, "")
X(0x003, "fcsr", F, SWITCHED, "")
X(0x008, "vstart", V, SWITCHED, "with v0 to v31; saved whatever VS says")
X(0x009, "vxsat", V, SWITCHED, "")
X(0x00a, "vxrm", V, SWITCHED, "")
X(0x00f, "vcsr", V, SWITCHED, "")
X(0x011, "ssp", ZICFISS, CLOSED, "henvcfg.SSE = 0")
X(0x015, "seed", ZKR, CLOSED, "V = 1")
X(0x017, "jvt", ZCMT, CLEARED, "")

X(0x100, "sstatus", ZICSR, SWITCHED, "vsstatus")
X(0x104, "sie", ZICSR, SWITCHED, "vsie")
X(0x105, "stvec", ZICSR, SWITCHED, "vstvec")
X(0x106, "scounteren", ZICSR, SWITCHED, "")
X(0x10a, "senvcfg", ZICSR, SWITCHED, "")
X(0x10c, "sstateen0", SSSTATEEN, CLOSED, "hstateen0.SE0 = 0")
X(0x10d, "sstateen1", SSSTATEEN, CLOSED, "hstateen1 = 0")
X(0x10e, "sstateen2", SSSTATEEN, CLOSED, "hstateen2 = 0")
X(0x10f, "sstateen3", SSSTATEEN, CLOSED, "hstateen3 = 0")
X(0x120, "scountinhibit", SSCCFG, CLOSED, "V = 1")
X(0x140, "sscratch", ZICSR, SWITCHED, "vsscratch")
X(0x141, "sepc", ZICSR, SWITCHED, "vsepc")
X(0x142, "scause", ZICSR, SWITCHED, "vscause")
X(0x143, "stval", ZICSR, SWITCHED, "vstval")
X(0x144, "sip", ZICSR, SWITCHED, "hvip")
X(0x14d, "stimecmp", SSTC, SWITCHED, "vstimecmp")
X(0x14e, "sctrctl", SSCTR, CLEARED, "vsctrctl")
X(0x14f, "sctrstatus", SSCTR, CLEARED, "")
X(0x15f, "sctrdepth", SSCTR, CLOSED, "V = 1")
X(0x150, "siselect", SSCSRIND, CLEARED, "vsiselect")
X(0x150, "siselect", SSAIA, CLEARED, "vsiselect")
X(0x151, "sireg", SSCSRIND, INDIRECT, "")
X(0x151, "sireg", SSAIA, INDIRECT, "")
X(0x152, "sireg2", SSCSRIND, INDIRECT, "")
X(0x153, "sireg3", SSCSRIND, INDIRECT, "")
X(0x155, "sireg4", SSCSRIND, INDIRECT, "")
X(0x156, "sireg5", SSCSRIND, INDIRECT, "")
X(0x157, "sireg6", SSCSRIND, INDIRECT, "")
X(0x15c, "stopei", SSAIA, CLOSED, "hstatus.VGEIN = 0")
X(0x180, "satp", ZICSR, SWITCHED, "vsatp")
X(0x181, "srmcfg", SSQOSID, CLOSED, "V = 1")
X(0x5a8, "scontext", SDTRIG, CLEARED, "")
