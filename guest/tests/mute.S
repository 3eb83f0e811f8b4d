/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that prints nothing, and sleeps. */
	.globl	guest_main
guest_main:
1:	wfi
	j	1b

	.section .rodata
	.globl	guest_name
guest_name:
	.asciz	"mute"
