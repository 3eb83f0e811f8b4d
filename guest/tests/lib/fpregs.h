/* SPDX-License-Identifier: BSD-2-Clause */
/* All FP and all vector registers at once. FS, or VS, is on. */
#ifndef GUEST_FPREGS_H
#define GUEST_FPREGS_H

#include "csr.h"

#define VLEN_MAX 1024

struct fp {
	unsigned long f[32];
	unsigned long fcsr;
};

struct vec {
	unsigned long v[32 * VLEN_MAX / 64];
	unsigned long vl, vtype;
};

#define FP_ALL                                                                                    \
	"op 0\n op 1\n op 2\n op 3\n op 4\n op 5\n op 6\n op 7\n op 8\n op 9\n op 10\n op 11\n"   \
	"op 12\n op 13\n op 14\n op 15\n op 16\n op 17\n op 18\n op 19\n op 20\n op 21\n op 22\n" \
	"op 23\n op 24\n op 25\n op 26\n op 27\n op 28\n op 29\n op 30\n op 31\n.purgem op\n"

/* Not by c.fld and c.fsd: a hart with Zcmt has not those. */
#define FP_LONG ".option push\n.option norvc\n"

static inline void fp_load(const struct fp *fp)
{
	__asm__ volatile(FP_LONG ".macro op n\n fld f\\n, \\n*8(%0)\n .endm\n" FP_ALL
				 "fscsr %1\n.option pop"
			 :
			 : "r"(fp->f), "r"(fp->fcsr)
			 : "memory");
}

static inline void fp_store(struct fp *fp)
{
	__asm__ volatile(FP_LONG ".macro op n\n fsd f\\n, \\n*8(%1)\n .endm\n" FP_ALL
				 "frcsr %0\n.option pop"
			 : "=&r"(fp->fcsr)
			 : "r"(fp->f)
			 : "memory");
}

static inline void vec_load(const struct vec *vec, unsigned long vlenb)
{
	const char *p = (const char *)vec->v;

	__asm__ volatile(".option push\n.option arch, +v\n"
			 "vl8re8.v v0, (%0)\n add %0, %0, %1\n vl8re8.v v8, (%0)\n add %0, %0, %1\n"
			 "vl8re8.v v16, (%0)\n add %0, %0, %1\n vl8re8.v v24, (%0)\n"
			 "vsetvl zero, %2, %3\n"
			 ".option pop"
			 : "+&r"(p)
			 : "r"(8 * vlenb), "r"(vec->vl), "r"(vec->vtype)
			 : "memory");
}

static inline void vec_store(struct vec *vec, unsigned long vlenb)
{
	char *p = (char *)vec->v;

	vec->vl = csr_read(0xc20);
	vec->vtype = csr_read(0xc21);
	__asm__ volatile(".option push\n.option arch, +v\n"
			 "vs8r.v v0, (%0)\n add %0, %0, %1\n vs8r.v v8, (%0)\n add %0, %0, %1\n"
			 "vs8r.v v16, (%0)\n add %0, %0, %1\n vs8r.v v24, (%0)\n"
			 ".option pop"
			 : "+&r"(p)
			 : "r"(8 * vlenb)
			 : "memory");
}

#endif
