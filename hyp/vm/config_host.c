/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMs from the host's device tree, for boot loaders and QEMU: nodes under /chosen that are compatible
 * with "hartvisor,vm" or "xen,domain" and whose children are modules (multiboot,kernel, ...), and the
 * modules that QEMU's guest-loader puts right under /chosen, which make one VM.
 */
#include "vm/config.h"

#include <inttypes.h>
#include <string.h>

#include "arch/memmap.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "lib/options.h"
#include "platform/machine.h"
#include "vm/config_sched.h"
#include "vm/config_vm.h"
#include "vm/parts.h"
#include "lib/text.h"

#define OPTION_CPUS   "hartvisor.guest-cpus"
#define OPTION_MEMORY "hartvisor.guest-memory"
#define OPTION_MAX    40 /* characters of a value that are looked at */

/* Of a VM in the host's tree: its modules have addresses. */
static const struct property host_rows[] = {
	PROPERTY_NAME("#address-cells"),
	PROPERTY_NAME("#size-cells"),
};

const struct property_table host_properties = PROPERTY_TABLE(host_rows);

static bool is_module(const void *fdt, int node)
{
	return fdtx_is_compatible(fdt, node, "multiboot,module") ||
	       fdtx_is_compatible(fdt, node, "multiboot,kernel") ||
	       fdtx_is_compatible(fdt, node, "multiboot,ramdisk") ||
	       fdtx_is_compatible(fdt, node, "multiboot,device-tree");
}

static bool is_vm(const void *fdt, int node)
{
	return fdtx_is_compatible(fdt, node, "hartvisor,vm") ||
	       fdtx_is_compatible(fdt, node, "xen,domain");
}

/* Where a module is; NULL, or what is wrong with its reg: a bad one must never be read from. */
static const char *find_module(const void *fdt, int node, struct vm_image *out)
{
	uint64_t base, size, more;
	const char *closed;

	if (fdtx_reg(fdt, node, 0, &base, &size) != 0 || fdtx_reg(fdt, node, 1, &more, NULL) == 0)
		return "must be an address and a size in the parent's #address-cells, #size-cells";
	if (size == 0)
		return "must have a size above 0";
	if (!machine_is_memory(hpa(base), size))
		return "must lie inside /memory";
	closed = machine_closed(hpa(base), size);
	if (closed != NULL)
		return closed;
	*out = (struct vm_image){
		.name = fdtx_name(fdt, node),
		.data = hpa_to_ptr(hpa(base)),
		.size = size,
		.load = IMAGE_LOAD_DEFAULT,
	};
	return NULL;
}

/* @prop of @module is wrong; which does not always fail the VM. */
static void module_error(const struct vm_node *n, int module, const char *prop, const char *what)
{
	char path[VM_PATH_MAX];
	struct config_node m = { .fdt = n->at.fdt, .node = module, .path = path };

	fdtx_path(m.fdt, module, path, sizeof(path));
	config_error(&m, prop, "%s", what);
}

/* One module of a VM; returns false when its place is taken already. */
static bool take_module(struct vm_node *n, int module)
{
	bool kernel = fdtx_is_compatible(n->at.fdt, module, "multiboot,kernel");
	const char *problem;
	struct vm_image *image;

	if (!fdtx_is_available(n->at.fdt, module)) {
		module_error(n, module, "status", "must be \"okay\" or \"disabled\"");
		n->at.failed = true;
		return true;
	}
	if (kernel) {
		image = &n->vm->kernel;
	} else if (fdtx_is_compatible(n->at.fdt, module, "multiboot,ramdisk")) {
		image = &n->vm->ramdisk;
	} else if (fdtx_is_compatible(n->at.fdt, module, "multiboot,device-tree")) {
		image = &n->vm->overlay;
	} else {
		module_error(n, module, "compatible",
			     "must also have multiboot,kernel, multiboot,ramdisk or "
			     "multiboot,device-tree");
		n->at.failed = true;
		return true;
	}
	if (image->data != NULL)
		return false;
	problem = find_module(n->at.fdt, module, image);
	if (problem != NULL) {
		module_error(n, module, "reg", problem);
		n->at.failed = true;
	}
	if (kernel && fdtx_prop_bool(n->at.fdt, module, "bootargs"))
		vm_node_module_bootargs(n, module);
	return true;
}

/* Another hypervisor's node may say what only that one understands: told, and passed over. */
static void warn_of_xen(const struct vm_node *n)
{
	log_info("config: %s: a xen,domain: only cpus, memory (KiB), label, bootargs, affinity, "
		 "autostart, boot-priority, on-crash, on-poweroff and modules are looked at",
		 n->vm->path);
}

static void parse_vm(const void *fdt, int node, struct vm_config *all, unsigned int nr)
{
	struct vm_node n;
	bool has_kernel = false, ours;
	int child;

	vm_node_begin(&n, fdt, node, &all[nr - 1]);
	ours = fdtx_is_compatible(fdt, node, "hartvisor,vm");
	if (ours)
		vm_node_names(&n, &host_properties);
	else
		warn_of_xen(&n);
	vm_node_common(&n);
	if (ours) {
		vm_node_sched(&n);
		parts_check(&n.at);
		vm_node_vcpus(&n);
	} else {
		n.vm->fdt = NULL; /* nothing else of it is looked at, also when the VM is made */
	}
	vm_node_unique(&n, all, nr);
	fdtx_for_each_child(fdt, node, child) {
		if (is_module(fdt, child) && vm_node_is_disabled(fdt, child))
			continue;
		if (!is_module(fdt, child)) {
			if (ours && !vm_node_is_vcpu(fdt, child) &&
			    !parts_check_child(&n.at, child))
				vm_node_unknown_child(&n, child, "modules, vcpu@N");
			continue;
		}
		has_kernel |= fdtx_is_compatible(fdt, child, "multiboot,kernel");
		if (!take_module(&n, child)) {
			module_error(&n, child, "compatible", "must be the only one in its VM");
			n.at.failed = true;
		}
	}
	if (!has_kernel)
		config_error(&n.at, NULL,
			     "no kernel: must have a child compatible with multiboot,kernel");
	vm_node_end(&n);
}

/* A decimal number, with K, M or G behind it when @suffix; false when there is anything else. */
static bool parse_number(const char *s, bool suffix, uint64_t *out)
{
	static const char units[] = "KMG";
	const char *start = s;
	unsigned int shift = 0;
	uint64_t v = 0;

	for (; *s >= '0' && *s <= '9'; s++) {
		if (v > (UINT64_MAX >> 34) / 10)
			return false;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	if (s == start)
		return false;
	for (unsigned int i = 0; suffix && units[i] != '\0'; i++)
		if (*s == units[i] || *s == units[i] + ('a' - 'A'))
			shift = 10 * (i + 1);
	s += shift != 0;
	*out = v << shift;
	return *s == '\0';
}

static void option_error(struct vm_config *vm, const char *option, const char *value,
			 const char *allowed)
{
	log_error("config: /chosen: bootargs: %s=%s: must be %s", option, value, allowed);
	vm->failed = true;
}

/* What guest-loader has no way to say comes from hartvisor's own command line. */
static void apply_options(const void *fdt, int chosen, struct vm_config *vm)
{
	const char *args = fdtx_prop_string(fdt, chosen, "bootargs");
	char value[OPTION_MAX];
	uint64_t v = 0;

	if (args == NULL)
		return;
	if (option_text(args, OPTION_CPUS, value, sizeof(value))) {
		if (parse_number(value, false, &v) && v >= 1 && v <= VM_MAX_VCPUS)
			vm->cpus = (unsigned int)v;
		else
			option_error(vm, OPTION_CPUS, value, "1 to 64");
	}
	if (option_text(args, OPTION_MEMORY, value, sizeof(value))) {
		if (parse_number(value, true, &v) && v >= VM_MEMORY_MIN && v <= VM_MEMORY_MAX &&
		    is_aligned(v, VM_MEMORY_UNIT))
			vm->memory = v;
		else
			option_error(vm, OPTION_MEMORY, value,
				     "a multiple of 2M from 16M to 1024G");
	}
}

/* Without such modules those words have no VM to be for. */
static void warn_of_options(const void *fdt, int chosen)
{
	static const char *const options[] = { OPTION_CPUS, OPTION_MEMORY };
	const char *args = fdtx_prop_string(fdt, chosen, "bootargs");
	char value[OPTION_MAX];

	for (unsigned int i = 0; args != NULL && i < ARRAY_SIZE(options); i++)
		if (option_text(args, options[i], value, sizeof(value)))
			log_warn(
				"config: /chosen: bootargs: %s=%s: has no effect: no module is right "
				"under /chosen",
				options[i], value);
}

/* All modules right under /chosen make one VM: nothing tells which would belong to another. */
static void parse_guest_loader(const void *fdt, int chosen, struct vm_config *all, unsigned int nr)
{
	struct vm_config *vm = &all[nr - 1];
	bool has_kernel = false;
	struct vm_node n;
	int node;

	vm_node_begin(&n, fdt, chosen, vm);
	memcpy(vm->name, "guest", sizeof("guest"));
	vm->fdt = NULL; /* /chosen is no VM's node */
	apply_options(fdt, chosen, vm);
	fdtx_for_each_child(fdt, chosen, node) {
		if (!is_module(fdt, node) || vm_node_is_disabled(fdt, node))
			continue;
		has_kernel |= fdtx_is_compatible(fdt, node, "multiboot,kernel");
		if (!take_module(&n, node))
			module_error(&n, node, "compatible",
				     "left out: modules under /chosen make one VM, with the first "
				     "kernel and ramdisk; use a bundle for more");
	}
	vm_node_unique(&n, all, nr);
	if (!has_kernel)
		config_error(&n.at, NULL, "modules without a kernel: one must be multiboot,kernel");
	vm_node_end(&n);
}

int config_parse_host_fdt(const void *fdt, struct vm_config *out, unsigned int max)
{
	int chosen = fdt_path_offset(fdt, "/chosen");
	bool modules = false;
	unsigned int nr = 0;
	int node;

	if (chosen < 0)
		return 0;
	fdtx_for_each_child(fdt, chosen, node) {
		modules |= is_module(fdt, node) && !fdtx_is_disabled(fdt, node);
		if (!is_vm(fdt, node) || vm_node_is_disabled(fdt, node))
			continue;
		if (nr == max) {
			log_error("config: /chosen: more than %u VMs: must be at most %u, the rest "
				  "is left out",
				  max, max);
			return (int)nr;
		}
		nr++;
		parse_vm(fdt, node, out, nr);
	}
	if (modules && nr < max) {
		nr++;
		parse_guest_loader(fdt, chosen, out, nr);
	}
	if (!modules)
		warn_of_options(fdt, chosen);
	return (int)nr;
}

/* The modules among @node's children; returns how many there are with the @nr before, be it more than @max. */
static unsigned int list_modules(const void *fdt, int node, struct vm_image *out, unsigned int nr,
				 unsigned int max)
{
	struct vm_image module;
	int child;

	fdtx_for_each_child(fdt, node, child) {
		if (!is_module(fdt, child) || fdtx_is_disabled(fdt, child) ||
		    find_module(fdt, child, &module) != NULL)
			continue;
		if (nr < max)
			out[nr] = module;
		nr++;
	}
	return nr;
}

int config_host_modules(const void *fdt, struct vm_image *out, unsigned int max)
{
	int chosen = fdt_path_offset(fdt, "/chosen");
	unsigned int nr;
	int node;

	if (chosen < 0)
		return 0;
	nr = list_modules(fdt, chosen, out, 0, max);
	fdtx_for_each_child(fdt, chosen, node)
		if (is_vm(fdt, node) && !fdtx_is_disabled(fdt, node))
			nr = list_modules(fdt, node, out, nr, max);
	return (int)nr;
}

/* Is one of @node's children a module with a byte in [base, base + size)? */
static bool has_module(const void *fdt, int node, uint64_t base, uint64_t size)
{
	struct vm_image m;
	int child;

	fdtx_for_each_child(fdt, node, child)
		if (is_module(fdt, child) && !fdtx_is_disabled(fdt, child) &&
		    find_module(fdt, child, &m) == NULL && base < ptr_to_hpa(m.data).hpa + m.size &&
		    ptr_to_hpa(m.data).hpa < base + size)
			return true;
	return false;
}

bool config_host_has_module(const void *fdt, hpa_t base, uint64_t size)
{
	int chosen = fdt_path_offset(fdt, "/chosen");
	bool found;
	int node;

	if (chosen < 0)
		return false;
	found = has_module(fdt, chosen, base.hpa, size);
	fdtx_for_each_child(fdt, chosen, node)
		found |= is_vm(fdt, node) && has_module(fdt, node, base.hpa, size);
	return found;
}
