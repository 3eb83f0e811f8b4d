/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/config_vm.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/fdt.h"
#include "lib/log.h"
#include "lib/word.h"
#include "vm/pv.h"
#include "vm/text.h"

/* Errors of one node beyond this many would only push the first ones off the screen. */
#define MAX_UNKNOWN 4

static_assert(VM_MAX_VCPUS == 64, "the message about cpus says 64");

static bool name_is_good(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > VM_NAME_MAX)
		return false;
	for (; *s != '\0'; s++) {
		bool good = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
			    (*s >= '0' && *s <= '9') || *s == '.' || *s == '_' || *s == '-';

		if (!good)
			return false;
	}
	return true;
}

/* Is @s "hartvisor", in letters of either case? */
static bool is_our_name(const char *s)
{
	static const char ours[] = "hartvisor";
	size_t i = 0;

	while (ours[i] != '\0' && (s[i] | 0x20) == ours[i])
		i++;
	return ours[i] == '\0' && s[i] == '\0';
}

static void set_name(struct vm_config *vm, const char *name)
{
	struct text t;

	text_begin(&t, vm->name, sizeof(vm->name));
	text_add_plain(&t, name, VM_NAME_MAX);
}

void vm_node_begin(struct vm_node *n, const void *fdt, int node, struct vm_config *vm)
{
	*n = (struct vm_node){ .fdt = fdt, .node = node, .vm = vm };
	*vm = (struct vm_config){
		.cpus = 1,
		.memory = VM_MEMORY_DEFAULT,
		.affinity = UINT64_MAX,
		.bootargs = "",
		.on_crash = ON_CRASH_STOP,
		.on_poweroff = ON_POWEROFF_STOP,
		.autostart = true,
		.sched = { .class = SCHED_CLASS_FAIR, .weight = SCHED_WEIGHT_DEFAULT },
		.pv = pv_all(),
		.fdt = fdt,
		.node = node,
	};
	fdtx_path(fdt, node, vm->path, sizeof(vm->path));
	set_name(vm, fdtx_name(fdt, node));
}

static void say(const struct vm_node *n, enum log_level level, const char *prop, const char *fmt,
		va_list ap)
{
	char line[400];
	struct text t;

	text_begin(&t, line, sizeof(line));
	if (prop != NULL) {
		text_add_plain(&t, prop, 40);
		if (fdtx_prop_bool(n->fdt, n->node, prop)) {
			text_add(&t, " = ");
			text_add_property(&t, n->fdt, n->node, prop);
		} else {
			text_add(&t, " is missing");
		}
		text_add(&t, ": ");
	}
	vsnprintf(line + t.len, sizeof(line) - t.len, fmt, ap);
	log_at(level, "config: %s: %s", n->path != NULL ? n->path : n->vm->path, line);
}

void vm_node_error(struct vm_node *n, const char *prop, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(n, LOG_ERROR, prop, fmt, ap);
	va_end(ap);
	n->vm->failed = true;
}

void vm_node_warn(struct vm_node *n, const char *prop, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(n, LOG_WARN, prop, fmt, ap);
	va_end(ap);
}

bool vm_node_is_disabled(const void *fdt, int node)
{
	char path[VM_PATH_MAX];

	if (!fdtx_is_disabled(fdt, node))
		return false;
	log_info("config: %s: status = \"disabled\": left out",
		 fdtx_path(fdt, node, path, sizeof(path)));
	return true;
}

static void parse_label(struct vm_node *n)
{
	const char *label = fdtx_prop_string(n->fdt, n->node, "label");
	bool given = fdtx_prop_bool(n->fdt, n->node, "label");

	if (given && (label == NULL || !name_is_good(label)))
		vm_node_error(n, "label", "must be 1 to %d characters of A-Z a-z 0-9 . _ -",
			      VM_NAME_MAX);
	else if (given)
		set_name(n->vm, label);
	else if (!name_is_good(fdtx_name(n->fdt, n->node)))
		vm_node_error(n, NULL,
			      "the node's name is the VM's: must be 1 to %d characters of "
			      "A-Z a-z 0-9 . _ - (or give it a label)",
			      VM_NAME_MAX);
	/* On the terminal the VM's lines would look like the log's. */
	if (is_our_name(n->vm->name))
		vm_node_error(
			n, given ? "label" : NULL,
			"the VM's name must not be \"hartvisor\": lines of the log begin with "
			"[hartvisor]");
}

static void parse_cpus(struct vm_node *n)
{
	uint32_t cpus = n->vm->cpus;
	int err = fdtx_prop_u32(n->fdt, n->node, "cpus", &cpus);

	if (err == HV_EINVAL || cpus < 1 || cpus > VM_MAX_VCPUS)
		vm_node_error(n, "cpus", "must be 1 to %d (one cell)", VM_MAX_VCPUS);
	else
		n->vm->cpus = cpus;
}

void vm_node_set_memory(struct vm_node *n, const char *prop, uint64_t bytes)
{
	if (bytes < VM_MEMORY_MIN || bytes > VM_MEMORY_MAX || !is_aligned(bytes, VM_MEMORY_UNIT))
		vm_node_error(n, prop,
			      "0x%" PRIx64 " bytes: must be a multiple of 2 MiB (0x200000), from "
			      "16 MiB (0x1000000) to 1 TiB (0x10000000000)",
			      bytes);
	else
		n->vm->memory = bytes;
}

/* Bytes; Xen's dom0less counts in KiB. */
static void parse_memory(struct vm_node *n)
{
	bool kib = !fdtx_is_compatible(n->fdt, n->node, "hartvisor,vm");
	uint64_t memory;
	int err = fdtx_prop_u64(n->fdt, n->node, "memory", &memory);

	/* "32M" has the size of a cell. No size that is allowed can be taken for a string. */
	if (err == HV_EINVAL || fdtx_prop_string(n->fdt, n->node, "memory") != NULL)
		vm_node_error(n, "memory", "must be a number of %s in one or two cells",
			      kib ? "KiB" : "bytes");
	else if (err == 0 && kib && memory > UINT64_MAX >> 10)
		vm_node_set_memory(n, "memory", UINT64_MAX);
	else if (err == 0)
		vm_node_set_memory(n, "memory", kib ? memory << 10 : memory);
}

void vm_node_bootargs(struct vm_node *n)
{
	const char *s = fdtx_prop_string(n->fdt, n->node, "bootargs");

	if (s != NULL ? strlen(s) > VM_BOOTARGS_MAX : fdtx_prop_bool(n->fdt, n->node, "bootargs"))
		vm_node_error(n, "bootargs", "must be one string of at most %d characters",
			      VM_BOOTARGS_MAX);
	else if (s != NULL)
		n->vm->bootargs = s;
}

void vm_node_affinity(struct vm_node *n, uint64_t *out)
{
	int len;
	const fdt32_t *p = fdt_getprop(n->fdt, n->node, "affinity", &len);
	uint64_t mask = 0;

	if (p == NULL)
		return;
	for (int i = 0; len % 4 == 0 && i < len / 4; i++) {
		uint32_t pcpu = fdt32_ld(p + i);

		if (pcpu > 63) {
			mask = 0;
			break;
		}
		mask |= BIT(pcpu);
	}
	if (mask == 0)
		vm_node_error(n, "affinity", "must be a list of host cpus, each 0 to 63 (a cell)");
	else
		*out = mask;
}

void vm_node_check_affinity(struct vm_node *n)
{
	int len;
	const fdt32_t *p = fdt_getprop(n->fdt, n->node, "affinity", &len);
	uint64_t seen = 0;

	for (int i = 0; p != NULL && i < len / 4; i++) {
		uint32_t pcpu = fdt32_ld(p + i);

		if (pcpu > 63)
			return; /* an error has been reported */
		if (seen & BIT(pcpu)) {
			vm_node_warn(n, "affinity", "names host cpu %u twice", (unsigned int)pcpu);
			return;
		}
		seen |= BIT(pcpu);
	}
}

/* What is to be done when the guest has ended, by @prop. @restart is left alone when it is not given or wrong. */
static void parse_on_end(struct vm_node *n, const char *prop, bool *restart)
{
	const char *s = fdtx_prop_string(n->fdt, n->node, prop);

	if (s != NULL && strcmp(s, "stop") == 0)
		*restart = false;
	else if (s != NULL && strcmp(s, "restart") == 0)
		*restart = true;
	else if (fdtx_prop_bool(n->fdt, n->node, prop))
		vm_node_error(n, prop, "must be \"stop\" or \"restart\"");
}

static void parse_autostart(struct vm_node *n)
{
	uint32_t autostart = 1;

	if (fdtx_prop_u32(n->fdt, n->node, "autostart", &autostart) == HV_EINVAL || autostart > 1)
		vm_node_error(n, "autostart", "must be 0 or 1 (one cell)");
	n->vm->autostart = autostart != 0;
}

static void parse_boot_priority(struct vm_node *n)
{
	uint32_t priority = 0;

	if (fdtx_prop_u32(n->fdt, n->node, "boot-priority", &priority) == HV_EINVAL ||
	    priority > 255)
		vm_node_error(n, "boot-priority", "must be 0 to 255 (one cell)");
	n->vm->boot_priority = (uint8_t)priority;
}

static void parse_life(struct vm_node *n)
{
	bool crash = false, poweroff = false;

	parse_autostart(n);
	parse_boot_priority(n);
	parse_on_end(n, "on-crash", &crash);
	parse_on_end(n, "on-poweroff", &poweroff);
	n->vm->on_crash = crash ? ON_CRASH_RESTART : ON_CRASH_STOP;
	n->vm->on_poweroff = poweroff ? ON_POWEROFF_RESTART : ON_POWEROFF_STOP;
}

void vm_node_common(struct vm_node *n)
{
	if (!fdtx_is_available(n->fdt, n->node))
		vm_node_error(n, "status", "must be \"okay\" or \"disabled\"");
	parse_label(n);
	parse_cpus(n);
	parse_memory(n);
	vm_node_bootargs(n);
	vm_node_affinity(n, &n->vm->affinity);
	vm_node_check_affinity(n);
	parse_life(n);
}

static void unknown_property(struct vm_node *n, const char *name, const char *const *allowed,
			     unsigned int nr)
{
	const char *closest = word_closest(name, allowed, nr);
	char list[256];
	struct text t;

	text_begin(&t, list, sizeof(list));
	for (unsigned int i = 0; i < nr; i++)
		text_add(&t, "%s%s", i == 0 ? "" : ", ", allowed[i]);
	if (closest != NULL)
		vm_node_error(n, name, "unknown, did you mean %s?", closest);
	else
		vm_node_error(n, name, "unknown, allowed: %s", list);
}

void vm_node_properties(struct vm_node *n, const char *const *allowed, unsigned int nr)
{
	unsigned int unknown = 0;
	int prop;

	fdt_for_each_property_offset(prop, n->fdt, n->node) {
		const char *name = NULL;
		unsigned int i;

		if (fdt_getprop_by_offset(n->fdt, prop, &name, NULL) == NULL || name == NULL)
			continue;
		if (fdtx_is_bookkeeping(name))
			continue;
		for (i = 0; i < nr && strcmp(name, allowed[i]) != 0; i++)
			;
		if (i < nr)
			continue;
		if (++unknown > MAX_UNKNOWN) {
			vm_node_error(n, NULL, "more unknown properties are not shown");
			return;
		}
		unknown_property(n, name, allowed, nr);
	}
}

void vm_node_unique(struct vm_node *n, const struct vm_config *all, unsigned int nr)
{
	for (unsigned int i = 0; i + 1 < nr; i++) {
		if (strcmp(all[i].name, n->vm->name) != 0)
			continue;
		vm_node_error(n, fdtx_prop_bool(n->fdt, n->node, "label") ? "label" : NULL,
			      "the name %s is taken by %s: must be unique", n->vm->name,
			      all[i].path);
		return;
	}
}
