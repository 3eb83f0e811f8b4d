/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The few types that every room shares.
 *
 * Addresses come in kinds that must not be mixed up, so each is a structure of its own: the compiler
 * refuses to pass one for another. A gpa_t that came from a guest becomes an hpa_t only in hyp/mm,
 * which checks it against the VM's own memory.
 */
#ifndef LIB_TYPES_H
#define LIB_TYPES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
	uint64_t hpa; /* what the machine calls a physical address */
} hpa_t;

typedef struct {
	uint64_t gpa; /* what a guest calls a physical address */
} gpa_t;

typedef struct {
	uint64_t gva; /* what a guest's program calls an address */
} gva_t;

static inline hpa_t hpa(uint64_t a)
{
	return (hpa_t){ a };
}

static inline gpa_t gpa(uint64_t a)
{
	return (gpa_t){ a };
}

/* gpa_add - the address @bytes behind @a. */
static inline gpa_t gpa_add(gpa_t a, uint64_t bytes)
{
	return (gpa_t){ a.gpa + bytes };
}

/* gpa_sub - the address @bytes before @a. */
static inline gpa_t gpa_sub(gpa_t a, uint64_t bytes)
{
	return (gpa_t){ a.gpa - bytes };
}

/* hpa_add - the address @bytes behind @a. */
static inline hpa_t hpa_add(hpa_t a, uint64_t bytes)
{
	return (hpa_t){ a.hpa + bytes };
}

/* hpa_sub - the address @bytes before @a. */
static inline hpa_t hpa_sub(hpa_t a, uint64_t bytes)
{
	return (hpa_t){ a.hpa - bytes };
}

static inline gva_t gva(uint64_t a)
{
	return (gva_t){ a };
}

/* gva_add - the address @bytes behind @a. */
static inline gva_t gva_add(gva_t a, uint64_t bytes)
{
	return (gva_t){ a.gva + bytes };
}

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

#define PAGE_SHIFT 12
#define PAGE_SIZE  KIB(4)

#define BIT(n) (UINT64_C(1) << (n))

/* Where the compiler's own choice would cost a hot path instructions. */
#define noinline      __attribute__((__noinline__))
#define always_inline inline __attribute__((__always_inline__))

/* Runs seldom, in a file that is built for speed: this function is built for size. */
#define cold __attribute__((__cold__))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define align_down(x, a) ((x) & ~((uint64_t)(a)-1))
#define align_up(x, a)	 align_down((x) + ((uint64_t)(a)-1), a)
#define is_aligned(x, a) (((x) & ((uint64_t)(a)-1)) == 0)

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif
