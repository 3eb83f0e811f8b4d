/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/config_vm.h"

#include <inttypes.h>
#include <string.h>

#include "lib/bits.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "lib/text.h"
#include "vm/config_ram.h"
#include "vm/config_sched.h"
#include "vm/parts.h"

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
	*n = (struct vm_node){ .at = { .fdt = fdt, .node = node, .path = vm->path }, .vm = vm };
	*vm = (struct vm_config){
		.cpus = 1,
		.memory = VM_MEMORY_DEFAULT,
		.affinity = UINT64_MAX,
		.bootargs = "",
		.on_crash = ON_CRASH_STOP,
		.on_poweroff = ON_POWEROFF_STOP,
		.autostart = true,
		.sched = { .class = SCHED_CLASS_FAIR, .weight = SCHED_WEIGHT_DEFAULT },
		.fdt = fdt,
		.node = node,
	};
	fdtx_path(fdt, node, vm->path, sizeof(vm->path));
	set_name(vm, fdtx_name(fdt, node));
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

/* Into the whole of a VM's configuration; also without a label. */
static void read_label(struct config_node *n, const struct property *p, void *value)
{
	const char *label = fdtx_prop_string(n->fdt, n->node, p->name);
	bool given = fdtx_prop_bool(n->fdt, n->node, p->name);
	struct vm_config *vm = value;

	if (given && (label == NULL || !name_is_good(label)))
		config_error(n, p->name, "must be 1 to %d characters of A-Z a-z 0-9 . _ -",
			     VM_NAME_MAX);
	else if (given)
		set_name(vm, label);
	else if (!name_is_good(fdtx_name(n->fdt, n->node)))
		config_error(n, NULL,
			     "the node's name is the VM's: must be 1 to %d characters of "
			     "A-Z a-z 0-9 . _ - (or give it a label)",
			     VM_NAME_MAX);
	/* On the terminal the VM's lines would look like the log's. */
	if (is_our_name(vm->name))
		config_error(n, given ? p->name : NULL,
			     "the VM's name must not be \"hartvisor\": lines of the log begin with "
			     "[hartvisor]");
}

static void set_memory(struct config_node *n, const char *prop, uint64_t bytes, uint64_t *out)
{
	if (bytes < VM_MEMORY_MIN || bytes > VM_MEMORY_MAX || !is_aligned(bytes, VM_MEMORY_UNIT))
		config_error(n, prop,
			     "0x%" PRIx64 " bytes: must be a multiple of 2 MiB (0x200000), from "
			     "16 MiB (0x1000000) to 1 TiB (0x10000000000)",
			     bytes);
	else
		*out = bytes;
}

/* Bytes; Xen's dom0less counts in KiB. */
static void read_memory(struct config_node *n, const struct property *p, void *value)
{
	bool kib = !fdtx_is_compatible(n->fdt, n->node, "hartvisor,vm");
	uint64_t memory;
	int err = fdtx_prop_u64(n->fdt, n->node, p->name, &memory);

	/* "32M" has the size of a cell. No size that is allowed can be taken for a string. */
	if (err != HV_OK || fdtx_prop_string(n->fdt, n->node, p->name) != NULL)
		config_error(n, p->name, "must be a number of %s in one or two cells",
			     kib ? "KiB" : "bytes");
	else if (kib && memory > UINT64_MAX >> 10)
		set_memory(n, p->name, UINT64_MAX, value);
	else
		set_memory(n, p->name, kib ? memory << 10 : memory, value);
}

void config_read_cpus(struct config_node *n, const struct property *p, void *value)
{
	const char *prop = p->name;
	uint64_t mask = 0, twice = 0;
	int len;
	const fdt32_t *cell = fdt_getprop(n->fdt, n->node, prop, &len);

	for (int i = 0; cell != NULL && len % 4 == 0 && i < len / 4; i++) {
		uint32_t pcpu = fdt32_ld(cell + i);

		if (pcpu > 63) {
			mask = 0;
			break;
		}
		twice |= mask & BIT(pcpu);
		mask |= BIT(pcpu);
	}
	if (mask == 0) {
		config_error(n, prop, "must be a list of host cpus, each 0 to 63 (a cell)");
		return;
	}
	if (twice != 0)
		config_warn(n, prop, "names host cpu %u twice", bit_first(twice));
	*(uint64_t *)value = mask;
}

static const char *const ends[] = { [ON_CRASH_STOP] = "stop", [ON_CRASH_RESTART] = "restart", NULL };

static_assert((int)ON_CRASH_STOP == ON_POWEROFF_STOP &&
		      (int)ON_CRASH_RESTART == ON_POWEROFF_RESTART,
	      "one list of words");

static const struct property common_rows[] = {
	PROPERTY_NAME("compatible"),
	PROPERTY_NAME("description"),
	PROPERTY_NAME("status"),
	{ .name = "label", .read = read_label, .required = true },
	PROPERTY_U32("cpus", struct vm_config, cpus, 1, VM_MAX_VCPUS),
	PROPERTY("memory", read_memory, struct vm_config, memory),
	{ .name = "extra-memory", .read = config_read_extra_ram },
	PROPERTY_STRING("bootargs", struct vm_config, bootargs, VM_BOOTARGS_MAX),
	PROPERTY("affinity", config_read_cpus, struct vm_config, affinity),
	PROPERTY_U32("autostart", struct vm_config, autostart, 0, 1),
	PROPERTY_U32("boot-priority", struct vm_config, boot_priority, 0, 255),
	PROPERTY_U32("watchdog-s", struct vm_config, watchdog_s, 0, VM_WATCHDOG_S_MAX),
	PROPERTY_WORD("on-crash", struct vm_config, on_crash, ends),
	PROPERTY_WORD("on-poweroff", struct vm_config, on_poweroff, ends),
};

const struct property_table vm_common_properties = PROPERTY_TABLE(common_rows);

void vm_node_names(struct vm_node *n, const struct property_table *form)
{
	struct property_table tables[4 + PARTS_MAX] = { vm_common_properties, *form,
							sched_params_properties,
							sched_group_properties };
	unsigned int nr = 4 + parts_properties(tables + 4, PARTS_MAX);

	property_check_names(&n->at, tables, nr);
}

void vm_node_unknown_child(struct vm_node *n, int child, const char *known)
{
	char path[FDTX_PATH_MAX], list[120];
	struct config_node at = { .fdt = n->at.fdt, .node = child, .path = path };
	struct text t;

	fdtx_path(at.fdt, child, path, sizeof(path));
	text_begin(&t, list, sizeof(list));
	parts_add_children(&t);
	config_error(&at, NULL, "unknown, allowed as a VM's child nodes: %s%s", known, list);
	n->at.failed = true;
}

void vm_node_common(struct vm_node *n)
{
	if (!fdtx_is_available(n->at.fdt, n->at.node))
		config_error(&n->at, "status", "must be \"okay\" or \"disabled\"");
	property_read_all(&n->at, &vm_common_properties, n->vm);
}

void vm_node_module_bootargs(struct vm_node *n, int module)
{
	static const struct property bootargs =
		PROPERTY_STRING("bootargs", struct vm_config, bootargs, VM_BOOTARGS_MAX);
	struct config_node at = { .fdt = n->at.fdt, .node = module, .path = n->at.path };

	property_string(&at, &bootargs, &n->vm->bootargs);
	n->at.failed |= at.failed;
}

void vm_node_end(struct vm_node *n)
{
	n->vm->failed |= n->at.failed;
}

void vm_node_unique(struct vm_node *n, const struct vm_config *all, unsigned int nr)
{
	for (unsigned int i = 0; i + 1 < nr; i++) {
		if (strcmp(all[i].name, n->vm->name) != 0)
			continue;
		config_error(&n->at,
			     fdtx_prop_bool(n->at.fdt, n->at.node, "label") ? "label" : NULL,
			     "the name %s is taken by %s: must be unique", n->vm->name,
			     all[i].path);
		return;
	}
}
