// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/arch/isa.c hyp/lib/fdt.c tests/unit/fake/tree.c
/* ISA strings and lists of a machine's cpu nodes. */
#include "common/fuzz.h"

#include "arch/csr.h"
#include "arch/isa.h"
#include "fake/tree.h"

uint64_t fake_csr_read(unsigned int csr)
{
	(void)csr;
	return 0;
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	(void)csr, (void)val;
}

static uint64_t tree[1024];

/* What is written of a set is read as that set. A string brings more than a list may have said: Zicsr, say. */
static void check_set(const struct isa_set *s, bool of_list)
{
	char buf[ISA_STRING_MAX], small[16];
	struct isa_set again;

	fuzz_must(isa_format(s, buf, sizeof(buf)) == HV_OK);
	fuzz_must(strlen(buf) < sizeof(buf));
	fuzz_must(isa_parse_string(buf, &again) == HV_OK);
	for (unsigned int i = 0; i < NR_ISA_EXTS; i++)
		fuzz_must(isa_has(s, (enum isa_ext)i) == isa_has(&again, (enum isa_ext)i) ||
			  (of_list && !isa_has(s, (enum isa_ext)i)));
	if (isa_format(s, small, sizeof(small)) == HV_OK)
		fuzz_must(strcmp(small, buf) == 0);
}

static void check_cpu(const struct isa_cpu *cpu)
{
	struct isa_set guest, all;

	fuzz_must((cpu->cbom_block & (cpu->cbom_block - 1)) == 0);
	fuzz_must((cpu->cboz_block & (cpu->cboz_block - 1)) == 0);
	isa_machine_reset();
	isa_machine_add(cpu);
	all = isa_machine()->set;
	guest = isa_guest();
	for (unsigned int i = 0; i < NR_ISA_EXTS; i++)
		if (isa_why_closed((enum isa_ext)i))
			fuzz_must(!isa_has(&guest, (enum isa_ext)i));
	(void)isa_guest_henvcfg();
	(void)isa_guest_sees_past_caches();
	check_set(&all, true);
	check_set(&guest, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	size_t at = size ? data[0] % (size + 1) : 0;
	struct isa_cpu cpu = { 0 };
	struct isa_set s;

	if (size > 2048) {
		free(text);
		return 0;
	}
	memcpy(text, data, size);
	text[size] = '\0';
	if (isa_parse_string(text, &s) == HV_OK)
		check_set(&s, false);
	/* The same bytes as properties: a list, a string, and block sizes. */
	tree_begin(tree, sizeof(tree));
	if (at & 1)
		tree_string(tree, "riscv,isa-base", "rv64i");
	if (at & 2)
		tree_bytes(tree, "riscv,isa-extensions", data, at);
	tree_bytes(tree, "riscv,isa", data + at, size - at);
	tree_cells(tree, "riscv,cbom-block-size", 1, (uint32_t)at);
	tree_cells(tree, "riscv,cboz-block-size", 1, 64);
	tree_finish(tree);
	if (isa_parse_cpu(tree, 0, &cpu) == HV_OK)
		check_cpu(&cpu);
	free(text);
	return 0;
}
