// SPDX-License-Identifier: BSD-2-Clause
/*
 * A plugin of QEMU's TCG: for how many instructions does a hart of build/hartvisor-checked.bin look at no interrupt?
 *
 * hyp/arch/checked.h marks such a stretch: from stretch_begin() to stretch_end(). Arguments are the addresses of these
 * and of stretch_tell(), which ends one without a measure as it writes into the log; and the file for the result, a line
 * "hart longest" for each hart and below it the addresses it passed, every 100 instructions. What a hart spends in the
 * firmware is not counted, nor the repetitions of a spinlock's loop: they depend on how this machine runs QEMU's threads.
 *
 * Debian has no header for plugins; what is declared here is version 4 of their interface (QEMU 9.2 and later).
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
					   void (*cb)(plugin_id id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  void (*cb)(unsigned int hart, void *arg), int flags,
					  void *arg);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*cb)(plugin_id id, void *arg), void *arg);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *out, size_t len);

#define HARTS	     64
#define SAMPLES	     512
#define SAMPLE_EVERY 100
#define FENCE_RW \
	0x0ff0000f /* as compilers make of an acquiring load, and of nothing else that loops */
#define FENCE_R_RW 0x0230000f
#define SPIN_INSNS 4

/* The firmware's; hartvisor is at addresses of the upper half once it has tables. */
#define FIRMWARE_BEGIN 0x80000000
#define FIRMWARE_END   0x80200000

struct block {
	uint64_t pc;
	size_t insns;
	bool may_spin;
};

struct sample {
	uint64_t at, pc;
};

static struct hart {
	uint64_t insns, begin, longest, last_pc;
	bool open;
	unsigned int nr, nr_of_longest;
	struct sample now[SAMPLES], of_longest[SAMPLES];
} harts[HARTS];

static uint64_t begin_pc, end_pc, tell_pc;
static const char *out;

static void end_stretch(struct hart *h)
{
	uint64_t len = h->insns - h->begin;

	if (h->open && len > h->longest) {
		h->longest = len;
		h->nr_of_longest = h->nr;
		memcpy(h->of_longest, h->now, sizeof(h->now));
	}
	h->open = false;
}

static void executed(unsigned int hart, void *arg)
{
	const struct block *b = arg;
	struct hart *h = &harts[hart % HARTS];

	if (b->pc >= FIRMWARE_BEGIN && b->pc < FIRMWARE_END)
		return;
	if (b->pc == end_pc)
		end_stretch(h);
	if (b->pc == tell_pc)
		h->open = false;
	if (b->pc == begin_pc) {
		h->begin = h->insns;
		h->open = true;
		h->nr = 0;
	}
	if (b->may_spin && h->last_pc == b->pc)
		return;
	h->last_pc = b->pc;
	if (h->open && h->nr < SAMPLES && h->insns - h->begin >= h->nr * SAMPLE_EVERY)
		h->now[h->nr++] = (struct sample){ h->insns - h->begin, b->pc };
	h->insns += b->insns;
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
	struct block *b = calloc(1, sizeof(*b));

	(void)id;
	if (!b)
		abort();
	b->pc = qemu_plugin_tb_vaddr(tb);
	b->insns = qemu_plugin_tb_n_insns(tb);
	for (size_t i = 0; i < b->insns && b->insns <= SPIN_INSNS; i++) {
		uint32_t insn = 0;

		qemu_plugin_insn_data(qemu_plugin_tb_get_insn(tb, i), &insn, sizeof(insn));
		b->may_spin |= insn == FENCE_RW || insn == FENCE_R_RW;
	}
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, 0, b);
}

static void ended(plugin_id id, void *arg)
{
	FILE *f = fopen(out, "w");

	(void)id;
	(void)arg;
	if (!f)
		return;
	for (int i = 0; i < HARTS; i++) {
		const struct hart *h = &harts[i];

		if (h->insns)
			fprintf(f, "%d %lu\n", i, h->longest);
		for (unsigned int n = 0; n < h->nr_of_longest; n++)
			fprintf(f, " +%lu %lx\n", h->of_longest[n].at, h->of_longest[n].pc);
	}
	fclose(f);
}

extern int qemu_plugin_version;
int qemu_plugin_version = 4;

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (!value)
			return -1;
		*value++ = '\0';
		if (!strcmp(argv[i], "out"))
			out = strdup(value);
		else
			*(!strcmp(argv[i], "begin") ? &begin_pc :
			  !strcmp(argv[i], "end")   ? &end_pc :
						      &tell_pc) = strtoull(value, NULL, 16);
	}
	if (!out || !begin_pc || !end_pc || !tell_pc)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
