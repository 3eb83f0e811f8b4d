/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMs from a bundle: /configurations/NAME, compatible "hartvisor,config", with one child per VM.
 */
#include "vm/config.h"

#include <inttypes.h>
#include <string.h>

#include "lib/fdt.h"
#include "lib/log.h"
#include "vm/bundle.h"
#include "vm/config_bundle.h"
#include "vm/config_sched.h"
#include "vm/config_vm.h"
#include "vm/disks.h"
#include "vm/networks.h"
#include "vm/parts.h"
#include "vm/shared_memory.h"

/* Of a VM in a bundle. */
static const struct property bundle_rows[] = {
	PROPERTY_NAME("kernel"),
	PROPERTY_NAME("ramdisk"),
	PROPERTY_NAME("fdt"),
};

const struct property_table bundle_properties = PROPERTY_TABLE(bundle_rows);

/* "/configurations: WHAT: must name a configuration; ..." and those that there are. */
static int no_configuration(const void *fit, int configs, const char *what, const char *value)
{
	char line[200];
	struct text t;

	text_begin(&t, line, sizeof(line));
	text_add(&t, "%s", what);
	if (value != NULL) {
		text_add(&t, " \"");
		text_add_plain(&t, value, 48);
		text_add(&t, "\"");
	}
	text_add(&t, ": must name a configuration; ");
	text_add_candidates(&t, fit, configs, value != NULL ? value : "");
	log_error("config: /configurations: %s", line);
	return HV_ENOENT;
}

/* The node that @select or `default` names, or the only one there is. */
static int find_configuration(const void *fit, const char *select)
{
	int configs = fdt_path_offset(fit, "/configurations");
	const char *name = select;
	int node;

	if (configs < 0) {
		log_error("config: the bundle has no /configurations node");
		return HV_ENOENT;
	}
	if (name == NULL)
		name = fdtx_prop_string(fit, configs, "default");
	if (name == NULL) {
		node = fdt_first_subnode(fit, configs);
		if (node >= 0 && fdt_next_subnode(fit, node) < 0)
			return node;
		return no_configuration(fit, configs, "default is missing or not a string", NULL);
	}
	node = fdt_subnode_offset(fit, configs, name);
	if (node < 0)
		return no_configuration(fit, configs,
					select != NULL ? "selected" : "default =", name);
	return node;
}

static void parse_image(struct vm_node *n, const struct bundle *b, const char *prop,
			enum bundle_use use, struct vm_image *out, uint8_t *packing)
{
	const char *name = fdtx_prop_string(n->at.fdt, n->at.node, prop);
	char line[200];
	struct text why;

	if (name == NULL) {
		if (use == BUNDLE_KERNEL || fdtx_prop_bool(n->at.fdt, n->at.node, prop))
			config_error(&n->at, prop, "must be the name of an image below /images");
		return;
	}
	text_begin(&why, line, sizeof(line));
	if (bundle_find_image(b, name, use, out, packing, &why) != 0)
		config_error(&n->at, prop, "%s", line);
}

/* Looks at the header alone: the data may lie at an address that libfdt does not take. The whole is
 * checked when the overlay is applied to a copy. */
static void check_overlay(struct vm_node *n, const struct vm_image *overlay)
{
	static const uint8_t magic[] = { 0xd0, 0x0d, 0xfe, 0xed };
	const uint8_t *p = overlay->data;

	if (p == NULL)
		return;
	if (overlay->size < 40 || memcmp(p, magic, sizeof(magic)) != 0)
		config_error(&n->at, "fdt",
			     "not a flattened device tree: must be a .dtbo made by dtc");
	else if (fdt32_ld((const fdt32_t *)(const void *)(p + 4)) > overlay->size)
		config_error(&n->at, "fdt", "cut short: the tree has %u bytes, the image %" PRIu64,
			     (unsigned int)fdt32_ld((const fdt32_t *)(const void *)(p + 4)),
			     overlay->size);
}

/* The children of a VM's node: vcpus, and parts. One line about others is enough. */
static void parse_children(struct vm_node *n)
{
	bool told = false;
	int child;

	vm_node_vcpus(n);
	fdtx_for_each_child(n->at.fdt, n->at.node, child) {
		if (vm_node_is_vcpu(n->at.fdt, child) || parts_check_child(&n->at, child) || told)
			continue;
		vm_node_unknown_child(n, child, "vcpu@N");
		told = true;
	}
}

static void parse_vm(const struct bundle *b, int node, struct vm_config *all, unsigned int nr)
{
	struct vm_config *vm = &all[nr - 1];
	struct bundle_images images;
	struct vm_node n;
	uint8_t none;

	vm_node_begin(&n, b->fit, node, vm);
	vm->bundle = b->start;
	vm->bundle_size = b->size;
	n.at.images = bundle_images_of(&images, vm);
	if (!fdtx_is_compatible(b->fit, node, "hartvisor,vm")) {
		config_error(&n.at, "compatible", "must be \"hartvisor,vm\"");
		vm_node_end(&n);
		return;
	}
	vm_node_names(&n, &bundle_properties);
	vm_node_common(&n);
	vm_node_unique(&n, all, nr);
	parse_image(&n, b, "kernel", BUNDLE_KERNEL, &vm->kernel, &vm->kernel_packing);
	parse_image(&n, b, "ramdisk", BUNDLE_RAMDISK, &vm->ramdisk, &vm->ramdisk_packing);
	parse_image(&n, b, "fdt", BUNDLE_FDT, &vm->overlay, &none);
	check_overlay(&n, &vm->overlay);
	vm_node_sched(&n);
	parts_check(&n.at);
	parse_children(&n);
	vm_node_end(&n);
}

/* A configuration has nothing but its VMs to say, so anything else is a slip: said, but no VM's fault. */
static void check_configuration(const void *fit, int config, const char *path)
{
	static const char *const known[] = { "compatible", "description" };
	int prop;

	fdt_for_each_property_offset(prop, fit, config) {
		const char *name = NULL;
		char shown[48];
		struct text t;
		unsigned int i;

		if (fdt_getprop_by_offset(fit, prop, &name, NULL) == NULL || name == NULL)
			continue;
		for (i = 0; i < ARRAY_SIZE(known) && strcmp(name, known[i]) != 0; i++)
			;
		if (i < ARRAY_SIZE(known) || fdtx_is_bookkeeping(name))
			continue;
		text_begin(&t, shown, sizeof(shown));
		text_add_plain(&t, name, sizeof(shown) - 1);
		log_error(
			"config: %s: %s: unknown, allowed: compatible, description, disks, networks, shared-memory, and VM nodes",
			path, shown);
		return; /* one line is enough */
	}
}

/* Nodes beside the VMs, which name what is in them. */
static const struct {
	const char *name;
	void (*parse)(const void *fdt, int node, const char *path);
} shared[] = {
	{ "disks", disks_parse },
	{ "networks", networks_parse },
	{ "shared-memory", shared_memory_parse },
};

/* Before the VMs. */
static void parse_shared(const void *fit, int config)
{
	char path[VM_PATH_MAX];

	for (unsigned int i = 0; i < ARRAY_SIZE(shared); i++) {
		int node = fdt_subnode_offset(fit, config, shared[i].name);

		if (node >= 0 && !fdtx_prop_bool(fit, node, "compatible"))
			shared[i].parse(fit, node, fdtx_path(fit, node, path, sizeof(path)));
	}
}

static bool is_shared(const void *fit, int node)
{
	bool found = false;

	for (unsigned int i = 0; i < ARRAY_SIZE(shared); i++)
		found |= strcmp(fdtx_name(fit, node), shared[i].name) == 0;
	return found && !fdtx_prop_bool(fit, node, "compatible");
}

/* mkimage signs a configuration in nodes called signature-1, or so. */
static bool is_signature(const void *fit, int node)
{
	const char *name = fdtx_name(fit, node);

	return strncmp(name, "signature", 9) == 0 && strchr("-@", name[9]) != NULL &&
	       !fdtx_prop_bool(fit, node, "compatible");
}

/* What others may name is made at boot, and stays as it is. */
static int refuse_shared(struct config_bundle *c)
{
	int err = HV_OK;

	for (unsigned int i = 0; i < ARRAY_SIZE(shared); i++) {
		int node = fdt_subnode_offset(c->bundle.fit, c->config, shared[i].name);

		if (node < 0 || !is_shared(c->bundle.fit, node))
			continue;
		log_error(
			"config: %s/%s: must not be in a bundle that comes later: disks, networks and "
			"shared memory are those of the bundle at boot",
			c->path, shared[i].name);
		err = HV_EINVAL;
	}
	return err;
}

int config_bundle_begin(struct config_bundle *c, const void *at, uint64_t size, const char *select,
			bool later)
{
	const void *fit;

	*c = (struct config_bundle){ 0 };
	if (bundle_open(&c->bundle, at, size) != 0)
		return HV_EINVAL;
	fit = c->bundle.fit;
	c->config = find_configuration(fit, select);
	if (c->config < 0)
		return HV_ENOENT;
	fdtx_path(fit, c->config, c->path, sizeof(c->path));
	if (!fdtx_is_compatible(fit, c->config, "hartvisor,config")) {
		char line[120];
		struct text t;

		text_begin(&t, line, sizeof(line));
		text_add_property(&t, fit, c->config, "compatible");
		log_error("config: %s: compatible = %s: must be \"hartvisor,config\"", c->path,
			  line);
		return HV_EINVAL;
	}
	check_configuration(fit, c->config, c->path);
	c->node = fdt_first_subnode(fit, c->config);
	if (later)
		return refuse_shared(c);
	parse_shared(fit, c->config);
	return HV_OK;
}

/* A node that is no VM, or is left out. */
static bool passes_over(struct config_bundle *c)
{
	const void *fit = c->bundle.fit;

	if (is_signature(fit, c->node) || is_shared(fit, c->node))
		return true;
	if (!vm_node_is_disabled(fit, c->node))
		return false;
	c->disabled++;
	return true;
}

bool config_bundle_next(struct config_bundle *c, struct vm_config *out, unsigned int max)
{
	const void *fit = c->bundle.fit;

	while (c->node >= 0 && passes_over(c))
		c->node = fdt_next_subnode(fit, c->node);
	if (c->node >= 0 && c->nr < max) {
		parse_vm(&c->bundle, c->node, out, ++c->nr);
		c->node = fdt_next_subnode(fit, c->node);
		return true;
	}
	if (c->node >= 0)
		log_error("config: %s: more than %u VMs: must be at most %u, the rest is left out",
			  c->path, max, max);
	if (c->nr == 0)
		log_error("config: %s: no VM: must have at least one node with compatible = "
			  "\"hartvisor,vm\"%s",
			  c->path, c->disabled != 0 ? " that is not disabled" : "");
	return false;
}

int config_parse_bundle(const void *at, uint64_t size, const char *select, struct vm_config *out,
			unsigned int max)
{
	struct config_bundle c;
	int err = config_bundle_begin(&c, at, size, select, false);

	if (err != HV_OK)
		return err;
	while (config_bundle_next(&c, out, max))
		;
	return (int)c.nr;
}
