/* SPDX-License-Identifier: BSD-2-Clause */
	.text
/*
 * void bench_switch_wait(volatile struct moment *now, struct moment *back)
 *
 * A turn of the first loop takes five instructions. So many ticks without having seen the clock are an
 * absence: more than what the caller does meanwhile, much less than a slice.
 */
	.globl	bench_switch_wait
bench_switch_wait:
	ld	t0, 0(a1)
	li	t1, 0
	li	t4, 20
1:	csrr	t2, time
	bne	t2, t0, 2f
	addi	t1, t1, 1
	sd	t1, 8(a0)
	j	1b
2:	sub	t3, t2, t0
	bgeu	t3, t4, 3f
	mv	t0, t2
	li	t1, 0
	sd	t0, 0(a0)
	sd	zero, 8(a0)
	j	1b
3:	li	t1, 0
4:	addi	t1, t1, 1
	csrr	t3, time
	beq	t3, t2, 4b
	sd	t3, 0(a1)
	sd	t1, 8(a1)
	ret
