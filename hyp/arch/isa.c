/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/isa.h"

#include <string.h>

#include "arch/csr.h"
#include "lib/fdt.h"

enum isa_class { CLASS_OPEN, CLASS_VECTOR, CLASS_CLOSED };

/* Texts one behind the other, and where each begins: less than half of what pointers to them take. */
static const struct isa_names {
#define X(id, name_, class_, why_) char id[sizeof(name_)];
#include "arch/isa_list.h"
#undef X
} names = {
#define X(id, name_, class_, why_) .id = name_,
#include "arch/isa_list.h"
#undef X
};

static const struct isa_whys {
#define X(id, name_, class_, why_) char id[sizeof(why_)];
#include "arch/isa_list.h"
#undef X
} whys = {
#define X(id, name_, class_, why_) .id = why_,
#include "arch/isa_list.h"
#undef X
};

static const struct {
	uint16_t name, why; /* offsets in names and whys */
	uint8_t class;
} exts[NR_ISA_EXTS] = {
#define X(id, name_, class_, why_)                                                    \
	[ISA_##id] = { offsetof(struct isa_names, id), offsetof(struct isa_whys, id), \
		       CLASS_##class_ },
#include "arch/isa_list.h"
#undef X
};

static struct isa_cpu machine_isa;
static bool machine_isa_any;
static bool vector_allowed;

const char *isa_name(enum isa_ext ext)
{
	return (const char *)&names + exts[ext].name;
}

const char *isa_why_closed(enum isa_ext ext)
{
	switch (exts[ext].class) {
	case CLASS_OPEN:
		return NULL;
	case CLASS_VECTOR:
		return vector_allowed ? NULL : "vector registers are not switched";
	default:
		return (const char *)&whys + exts[ext].why;
	}
}

/* --- parsing -------------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* A version "2p1", "2" at @s: its length. The p counts only between digits. */
static size_t version_length(const char *s)
{
	size_t n = 0;

	while (is_digit(s[n]))
		n++;
	if (n == 0 || to_lower(s[n]) != 'p' || !is_digit(s[n + 1]))
		return n;
	n++;
	while (is_digit(s[n]))
		n++;
	return n;
}

/* The length of @s[0..len) without a version at its end. */
static size_t without_version(const char *s, size_t len)
{
	size_t end = len;

	while (end > 0 && is_digit(s[end - 1]))
		end--;
	if (end == len || end < 2 || to_lower(s[end - 1]) != 'p' || !is_digit(s[end - 2]))
		return end;
	end--;
	while (end > 0 && is_digit(s[end - 1]))
		end--;
	return end;
}

static bool name_is(const char *name, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (name[i] == '\0' || name[i] != to_lower(s[i]))
			return false;
	return name[len] == '\0';
}

static void add_all(struct isa_set *s, const enum isa_ext *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		isa_add(s, list[i]);
}

/* What stands for several: guests are told the parts, since they may not get all of them. */
static void add_parts(struct isa_set *s, char letter)
{
	static const enum isa_ext g[] = {
		ISA_I, ISA_M, ISA_A, ISA_F, ISA_D, ISA_ZICSR, ISA_ZIFENCEI
	};
	static const enum isa_ext b[] = { ISA_ZBA, ISA_ZBB, ISA_ZBS };
	static const enum isa_ext k[] = { ISA_ZKN,  ISA_ZKR,  ISA_ZKT,	ISA_ZBKB, ISA_ZBKC,
					  ISA_ZBKX, ISA_ZKND, ISA_ZKNE, ISA_ZKNH };

	if (letter == 'g')
		add_all(s, g, ARRAY_SIZE(g));
	else if (letter == 'b')
		add_all(s, b, ARRAY_SIZE(b));
	else if (letter == 'k')
		add_all(s, k, ARRAY_SIZE(k));
}

static bool add_exact(struct isa_set *s, const char *name, size_t len)
{
	for (unsigned int i = 0; i < NR_ISA_EXTS; i++) {
		if (name_is(isa_name((enum isa_ext)i), name, len)) {
			isa_add(s, (enum isa_ext)i);
			return true;
		}
	}
	return false;
}

/* One extension by name, with or without a version. */
static void add_named(struct isa_set *s, const char *name, size_t len)
{
	/* Exact first: the digits of zvl128b's kin are no version. */
	if (!add_exact(s, name, len)) {
		len = without_version(name, len);
		add_exact(s, name, len);
	}
	if (len == 1)
		add_parts(s, to_lower(name[0]));
	else if (name_is("zk", name, len))
		add_parts(s, 'k');
}

int isa_parse_string(const char *isa, struct isa_set *out)
{
	/* The base meant these three when `riscv,isa` was defined; lists of that time omit them. */
	static const enum isa_ext implied[] = { ISA_ZICSR, ISA_ZIFENCEI, ISA_ZICNTR };
	const char *p = isa + 4;

	*out = (struct isa_set){ 0 };
	if (strnlen(isa, 5) < 5 || !name_is("rv64", isa, 4))
		return HV_EINVAL;

	while (*p) {
		char c = to_lower(*p);
		size_t len = 1;

		if (c == '_') {
			p++;
			continue;
		}
		if (c == 'z' || c == 's' || c == 'x') {
			len = strcspn(p, "_");
			add_named(out, p, len);
		} else if (c >= 'a' && c <= 'z') {
			add_named(out, p, 1);
			len += version_length(p + 1);
		} else {
			return HV_EINVAL;
		}
		p += len;
	}
	if (!isa_has(out, ISA_I))
		return HV_EINVAL;
	add_all(out, implied, ARRAY_SIZE(implied));
	return HV_OK;
}

static int parse_list(const void *fdt, int node, struct isa_set *out)
{
	const char *base = fdtx_prop_string(fdt, node, "riscv,isa-base");
	struct fdtx_strings it;
	const char *s;
	int err = fdtx_prop_strings(fdt, node, "riscv,isa-extensions", &it);

	if (err)
		return err;
	if (fdtx_prop_bool(fdt, node, "riscv,isa-base") && (!base || strcmp(base, "rv64i") != 0))
		return HV_EINVAL;
	*out = (struct isa_set){ 0 };
	while ((s = fdtx_strings_next(&it)) != NULL)
		add_named(out, s, strlen(s));
	return isa_has(out, ISA_I) ? HV_OK : HV_EINVAL;
}

/* @name's block size; without a usable one the extension is of no use, and goes. */
static uint32_t parse_block_size(const void *fdt, int node, const char *name, struct isa_set *set,
				 enum isa_ext ext)
{
	uint32_t size = 0;

	if (!isa_has(set, ext))
		return 0;
	if (fdtx_prop_u32(fdt, node, name, &size) == HV_ENOENT && isa_has(set, ISA_ZIC64B))
		size = 64;
	if (size < 8 || size > PAGE_SIZE || (size & (size - 1)) != 0) {
		isa_remove(set, ext);
		return 0;
	}
	return size;
}

int isa_parse_cpu(const void *fdt, int node, struct isa_cpu *out)
{
	struct isa_set *set = &out->set;
	int err;

	*out = (struct isa_cpu){ 0 };
	err = parse_list(fdt, node, set);
	if (err == HV_ENOENT && fdtx_prop_bool(fdt, node, "riscv,isa")) {
		const char *isa = fdtx_prop_string(fdt, node, "riscv,isa");

		err = isa ? isa_parse_string(isa, set) : HV_EINVAL;
	}
	if (err) {
		*set = (struct isa_set){ 0 };
		return err;
	}
	out->cbom_block = parse_block_size(fdt, node, "riscv,cbom-block-size", set, ISA_ZICBOM);
	out->cbop_block = parse_block_size(fdt, node, "riscv,cbop-block-size", set, ISA_ZICBOP);
	out->cboz_block = parse_block_size(fdt, node, "riscv,cboz-block-size", set, ISA_ZICBOZ);
	return HV_OK;
}

/* --- the machine and its guests ------------------------------------------------------------------- */

void isa_machine_reset(void)
{
	machine_isa = (struct isa_cpu){ 0 };
	machine_isa_any = false;
}

/* Keep a block size that both know; another one would make a vcpu's code wrong where it moves to. */
static void common_block(uint32_t *mine, uint32_t other, enum isa_ext ext)
{
	if (*mine == other)
		return;
	*mine = 0;
	isa_remove(&machine_isa.set, ext);
}

void isa_machine_add(const struct isa_cpu *cpu)
{
	if (!machine_isa_any) {
		machine_isa = *cpu;
		machine_isa_any = true;
		return;
	}
	for (unsigned int i = 0; i < ISA_WORDS; i++)
		machine_isa.set.bits[i] &= cpu->set.bits[i];
	common_block(&machine_isa.cbom_block, cpu->cbom_block, ISA_ZICBOM);
	common_block(&machine_isa.cbop_block, cpu->cbop_block, ISA_ZICBOP);
	common_block(&machine_isa.cboz_block, cpu->cboz_block, ISA_ZICBOZ);
}

const struct isa_cpu *isa_machine(void)
{
	return &machine_isa;
}

void isa_allow_vector(bool on)
{
	vector_allowed = on;
}

struct isa_set isa_guest(void)
{
	struct isa_set s = machine_isa.set;

	for (unsigned int i = 0; i < NR_ISA_EXTS; i++)
		if (isa_why_closed((enum isa_ext)i))
			isa_remove(&s, (enum isa_ext)i);
	if (isa_has(&s, ISA_SVADE))
		isa_remove(&s, ISA_SVADU);
	if (!isa_has(&s, ISA_ZICBOM))
		isa_remove(&s, ISA_SVPBMT);
	return s;
}

bool isa_guest_sees_past_caches(void)
{
	struct isa_set s = isa_guest();

	return isa_has(&s, ISA_SVPBMT);
}

/* Privileged specification, "Hypervisor Environment Configuration Register (henvcfg)". */
uint64_t isa_guest_henvcfg(void)
{
	struct isa_set s = isa_guest();
	uint64_t v = 0;

	if (isa_has(&s, ISA_SSTC))
		v |= HENVCFG_STCE;
	if (isa_has(&s, ISA_SVPBMT))
		v |= HENVCFG_PBMTE;
	if (isa_has(&s, ISA_SVADU))
		v |= HENVCFG_ADUE;
	if (isa_has(&s, ISA_ZICBOZ))
		v |= HENVCFG_CBZE;
	/*
	 * CBIE = 01: a guest's cbo.inval flushes. A real invalidate would throw away what is in the
	 * cache only, such as the zeroes that cleared the guest's RAM, and show what the memory's
	 * owner before has left there. Svpbmt is the other way to look past a cache: isa_list.h.
	 */
	if (isa_has(&s, ISA_ZICBOM))
		v |= HENVCFG_CBCFE | (HENVCFG_CBIE & (1UL << 4));
	return v;
}

int isa_format(const struct isa_set *s, char *buf, size_t len)
{
	size_t at = 0;

	if (len < sizeof("rv64"))
		return HV_EOVERFLOW;
	memcpy(buf, "rv64", 4);
	at = 4;
	for (unsigned int i = 0; i < NR_ISA_EXTS; i++) {
		const char *name = isa_name((enum isa_ext)i);
		size_t n = strlen(name);

		if (!isa_has(s, (enum isa_ext)i))
			continue;
		if (at + n + 2 > len)
			return HV_EOVERFLOW;
		if (n > 1)
			buf[at++] = '_';
		memcpy(buf + at, name, n);
		at += n;
	}
	buf[at] = '\0';
	return HV_OK;
}
