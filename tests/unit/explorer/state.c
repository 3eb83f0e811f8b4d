/* SPDX-License-Identifier: BSD-2-Clause */
/* The explorer: the whole state, copied, put back and hashed. */
#include "explorer/engine.h"

#include <stdlib.h>
#include <string.h>

#include "fake/log.h"

extern char __data_start[], _end[];

/* .data and .bss without the log's text, which no code reads and which is large. */
static void for_each_region(void (*fn)(uint8_t *p, size_t size, void *arg), void *arg)
{
	uint8_t *from = (uint8_t *)__data_start, *to = (uint8_t *)_end;
	uint8_t *log = (uint8_t *)fake_log_text;

	fn(from, (size_t)(log - from), arg);
	log += sizeof(fake_log_text);
	fn(log, (size_t)(to - log), arg);
	for (unsigned int i = 0; i < model.nr_threads; i++)
		if (model.threads[i].state != DONE)
			fn((uint8_t *)model.threads[i].sp,
			   (size_t)(thread_stack_top(i) - (uint8_t *)model.threads[i].sp), arg);
}

static void count_region(uint8_t *p, size_t size, void *arg)
{
	(void)p;
	*(size_t *)arg += size;
}

static void save_region(uint8_t *p, size_t size, void *arg)
{
	uint8_t **to = arg;

	memcpy(*to, p, size);
	*to += size;
}

static void load_region(uint8_t *p, size_t size, void *arg)
{
	uint8_t **from = arg;

	memcpy(p, *from, size);
	*from += size;
}

static void hash_region(uint8_t *p, size_t size, void *arg)
{
	uint64_t h = *(uint64_t *)arg, g = ~h, w;
	size_t i = 0;

	for (; i + 16 <= size; i += 16) {
		memcpy(&w, p + i, 8);
		h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
		memcpy(&w, p + i + 8, 8);
		g = (g ^ w) * UINT64_C(0xc2b2ae3d27d4eb4f);
		g ^= g >> 31;
	}
	for (; i < size; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	h ^= g * UINT64_C(0xff51afd7ed558ccd);
	*(uint64_t *)arg = h ^ h >> 32;
}

struct snapshot *state_save(void)
{
	size_t size = 0;
	struct snapshot *n;
	uint8_t *to;

	for_each_region(count_region, &size);
	n = malloc(sizeof(*n) + size);
	if (!n)
		abort();
	n->trace_len = search->trace_len;
	to = n->bytes;
	for_each_region(save_region, &to);
	return n;
}

/* The globals come first and say where the stacks lie. */
void state_restore(const struct snapshot *n)
{
	uint8_t *from = (uint8_t *)(uintptr_t)n->bytes;

	for_each_region(load_region, &from);
	search->trace_len = n->trace_len;
}

uint64_t state_key(void)
{
	uint64_t h = UINT64_C(0x243f6a8885a308d3);

	for_each_region(hash_region, &h);
	return h ? h : 1;
}
