// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/vm/test_config.c
/*
 * Parts that child nodes of a VM make: read, refused and made, each child for itself, with images of the bundle. The two
 * kinds of part here, shelf and crate, are this program's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake/config.h"
#include "fake/devvm.h"
#include "vcpu/vm_part.h"
#include "vm/bundle.h"
#include "vm/parts.h"

#define GOOD "/configurations/two/good"

struct shelf_config {
	struct config_image image;
	uint32_t level, least;
};

static const struct property shelf_rows[] = {
	PROPERTY_IMAGE_REQUIRED("image", struct shelf_config, image),
	PROPERTY_U32("level", struct shelf_config, level, 1, 9),
	PROPERTY_U32("least", struct shelf_config, least, 1, 9),
};

static const struct shelf_config initial = { .level = 5, .least = 1 };

/* What has been made, in its order. */
static struct made {
	char what[96];
	struct shelf_config config;
} made[80];
static unsigned int nr_made;
static int refuse = -1; /* the unit that is not made */

static void shelf_check(struct config_node *n, const void *config)
{
	const struct shelf_config *c = config;

	if (c->level < c->least)
		config_error(n, "level", "must be at least %u, as \"least\" says",
			     (unsigned int)c->least);
}

static int make(const char *what, const struct vm_part_args *args, void **state)
{
	struct made *m = &made[nr_made++];

	snprintf(m->what, sizeof(m->what), "%s %u of %s", what, args->unit, args->node->path);
	if (args->config && strcmp(what, "shelf") == 0)
		m->config = *(const struct shelf_config *)args->config;
	*state = m;
	return HV_OK;
}

static int shelf_create(struct vm *vm, const struct vm_part_args *args, void **state)
{
	(void)vm;
	if ((int)args->unit == refuse) {
		config_error(args->node, "level", "cannot be");
		return HV_EINVAL;
	}
	return make("shelf", args, state);
}

static int shelf_map(void *state, struct vm *vm)
{
	const struct made *m = state;

	assert_ptr_equal(vm, &fake_vm);
	return m->config.level == 9 ? HV_EEXIST : HV_OK;
}

static int crate_create(struct vm *vm, const struct vm_part_args *args, void **state)
{
	(void)vm;
	return make("crate", args, state);
}

static int door_create(struct vm *vm, const struct vm_part_args *args, void **state)
{
	(void)vm;
	return make("door", args, state);
}

VM_PART(a_shelf) = {
	.name = "shelf of goods",
	.child = "shelf",
	.order = VM_PART_DEVICE,
	VM_PART_CONFIG(shelf_rows, initial),
	.check = shelf_check,
	.create = shelf_create,
	.map = shelf_map,
};

/* Without properties of its own, and made before the devices. */
VM_PART(a_crate) = {
	.name = "crate",
	.child = "crate",
	.order = VM_PART_IRQCHIP,
	.create = crate_create,
};

/* Each VM has one. The VM's own node has none of the properties of the others. */
VM_PART(a_door) = {
	.name = "door",
	.order = VM_PART_DEVICE,
	.create = door_create,
};

static void add_image(const char *name, const char *type, const char *arch, const void *data,
		      int len)
{
	int node = fit_add_node(fit, "/images", name);

	fit_ok(fdt_setprop(fit, node, "data", data, len));
	if (type)
		fit_ok(fdt_setprop_string(fit, node, "type", type));
	if (arch)
		fit_ok(fdt_setprop_string(fit, node, "arch", arch));
}

/* A bundle with images that a part may name, and some that it may not. */
static void begin_bundle(void)
{
	fit_make(fit);
	add_image("disk", "filesystem", "riscv", "0123456789", 10);
	add_image("any", NULL, NULL, "abc", 3);
	add_image("foreign", "firmware", "arm64", "abcd", 4);
}

static int setup(void **state)
{
	(void)state;
	begin_bundle();
	fake_vm_setup(1);
	nr_made = 0;
	refuse = -1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_vm_teardown();
	fake_vm.parts = fake_vm.last_part = NULL;
	return 0;
}

/* A child of VM @vm; @image NULL: it says nothing of one. */
static int add(const char *vm, const char *name, const char *image)
{
	int node = fit_add_node(fit, vm, name);

	if (image)
		fit_ok(fdt_setprop_string(fit, node, "image", image));
	return node;
}

static void put(const char *path, const char *name, uint32_t value)
{
	fit_ok(fdt_setprop_u32(fit, fit_node(fit, path), name, value));
}

/* The parts of the good VM, as its configuration says now. */
static int create(void)
{
	struct bundle_images images;
	struct config_node n = { .fdt = vmc[0].fdt,
				 .node = vmc[0].node,
				 .path = vmc[0].path,
				 .images = bundle_images_of(&images, &vmc[0]) };
	static const struct vm_ram_plan plan = {
		.spare = { "spare", { GUEST_RAM_BASE + MIB(4) }, MIB(1) },
	};

	fake_log_reset();
	fake_vm.config = &vmc[0];
	return parts_create(&fake_vm, &n, &plan);
}

static void assert_made(unsigned int i, const char *what)
{
	assert_true(i < nr_made);
	assert_string_equal(made[i].what, what);
}

static void each_child_makes_a_part_in_the_order_of_kind_and_number(void **state)
{
	(void)state;
	(void)add(GOOD, "shelf@1f", "disk");
	(void)add(GOOD, "shelf@a", "any");
	(void)add(GOOD, "shelf@0", "foreign");
	(void)add(GOOD, "crate@3", NULL);
	put(GOOD "/shelf@a", "level", 7);
	assert_int_equal(parse(), 2);
	assert_int_equal(fake_log_count, 0);
	assert_good(&vmc[0]);
	assert_int_equal(create(), HV_OK);
	assert_int_equal(fake_log_count, 0);
	assert_int_equal(nr_made, 5);
	assert_made(0, "crate 3 of " GOOD "/crate@3");
	/* A part is where the linker has put it: all shelves before the door, or behind it. */
	if (strncmp(made[1].what, "door", 4) == 0)
		memmove(&made[1], &made[2], 3 * sizeof(made[0]));
	assert_made(1, "shelf 0 of " GOOD "/shelf@0");
	assert_made(2, "shelf 10 of " GOOD "/shelf@a");
	assert_made(3, "shelf 31 of " GOOD "/shelf@1f");
	assert_int_equal(made[1].config.level, 5);
	assert_int_equal(made[2].config.level, 7);
	assert_int_equal(made[3].config.level, 5);
}

static void a_vm_without_such_children_has_no_such_part(void **state)
{
	(void)state;
	assert_int_equal(parse(), 2);
	assert_int_equal(create(), HV_OK);
	assert_int_equal(nr_made, 1);
	assert_made(0, "door 0 of " GOOD);
}

/* QEMU's guest-loader. */
static void a_vm_without_a_node_has_no_such_part(void **state)
{
	static const struct vm_ram_plan plan = {
		.spare = { "spare", { GUEST_RAM_BASE + MIB(4) }, MIB(1) },
	};
	struct config_node nothing = { .path = "/chosen" };

	(void)state;
	assert_int_equal(parse(), 2);
	fake_vm.config = &vmc[0];
	assert_int_equal(parts_create(&fake_vm, &nothing, &plan), HV_OK);
	assert_int_equal(nr_made, 1);
	assert_made(0, "door 0 of /chosen");
}

static void an_image_is_where_it_lies_in_the_bundle(void **state)
{
	const struct config_image *i = &made[0].config.image;

	(void)state;
	(void)add(GOOD, "shelf@0", "disk");
	assert_int_equal(parse(), 2);
	assert_int_equal(create(), HV_OK);
	if (strncmp(made[0].what, "door", 4) == 0)
		i = &made[1].config.image;
	assert_string_equal(i->name, "disk");
	assert_int_equal(i->size, 10);
	assert_memory_equal(i->data, "0123456789", 10);
	assert_true(i->data > fit && i->data < fit + sizeof(fit));
}

static void a_disabled_child_is_left_out(void **state)
{
	(void)state;
	(void)add(GOOD, "shelf@0", "no such image");
	fit_ok(fdt_setprop_string(fit, fit_node(fit, GOOD "/shelf@0"), "status", "disabled"));
	(void)add(GOOD, "shelf@1", "disk");
	fit_ok(fdt_setprop_string(fit, fit_node(fit, GOOD "/shelf@1"), "status", "okay"));
	fit_ok(fdt_setprop_string(fit, fit_node(fit, GOOD "/shelf@1"), "description", "for us"));
	assert_int_equal(parse(), 2);
	assert_logged("config: " GOOD "/shelf@0: status = \"disabled\": left out");
	assert_int_equal(fake_log_count, 1);
	assert_false(vmc[0].failed);
	assert_int_equal(create(), HV_OK);
	assert_int_equal(nr_made, 2);
}

/* The VM's second one has the child @name with @image and whatever @prop is; the line that this must say. */
static void assert_wrong(const char *name, const char *image, const char *prop, uint32_t value,
			 const char *says)
{
	char line[300];
	int node;

	fit_make(fit);
	add_image("disk", "filesystem", "riscv", "0123456789", 10);
	add_image("packed", "filesystem", "riscv", "0123456789", 10);
	fit_ok(fdt_setprop_string(fit, fit_node(fit, "/images/packed"), "compression", "gzip"));
	node = add(BAD, name, image);
	if (prop)
		fit_ok(fdt_setprop_u32(fit, node, prop, value));
	assert_int_equal(parse(), 2);
	assert_int_equal(fake_log_count, 1);
	snprintf(line, sizeof(line), "config: " BAD "/%s: %s", name, says);
	assert_logged(line);
	assert_true(vmc[1].failed);
	assert_false(vmc[0].failed);
}

#define CALLED "must be called shelf@N, N from 0 to 1f in hexadecimal, without leading zeros"

static void what_is_wrong_with_a_child_is_told_by_its_path(void **state)
{
	(void)state;
	assert_wrong("shelf", "disk", NULL, 0, CALLED);
	assert_wrong("shelf@", "disk", NULL, 0, CALLED);
	assert_wrong("shelf@20", "disk", NULL, 0, CALLED);
	assert_wrong("shelf@01", "disk", NULL, 0, CALLED);
	assert_wrong("shelf@A", "disk", NULL, 0, CALLED);
	assert_wrong("shelf@0", "disk", "level", 10, "level = <10>: must be 1 to 9 (one cell)");
	assert_wrong("shelf@0", "disk", "leve", 1, "leve = <1>: unknown, did you mean level?");
	assert_wrong("shelf@0", "disk", "reg", 0,
		     "reg = <0>: unknown, allowed: image, level, least, description, status");
	assert_wrong("shelf@0", "disk", "status", 1,
		     "status = <1>: must be \"okay\" or \"disabled\"");
	assert_wrong("shelf@0", NULL, NULL, 0,
		     "image is missing: must be the name of an image below /images");
	assert_wrong("shelf@0", NULL, "image", 7,
		     "image = <7>: must be the name of an image below /images");
	assert_wrong("shelf@0", "dusk", NULL, 0,
		     "image = \"dusk\": no such image; there are packed, disk, linux, busybox");
	assert_wrong("shelf@0", "linux", NULL, 0,
		     "image = \"linux\": /images/linux: type = \"kernel\": must be \"filesystem\" "
		     "here");
	assert_wrong("shelf@0", "busybox", NULL, 0,
		     "image = \"busybox\": /images/busybox: type = \"ramdisk\": must be "
		     "\"filesystem\" here");
	assert_wrong("shelf@0", "packed", NULL, 0,
		     "image = \"packed\": /images/packed: compression = \"gzip\": must be \"none\" "
		     "here");
}

/* Each kind once, in the linker's order. */
static void an_unknown_child_is_told_what_may_be_there(void **state)
{
	const char *line;

	(void)state;
	(void)add(BAD, "shelves@0", "disk");
	(void)add(BAD, "crates", NULL); /* the first one is enough */
	assert_int_equal(parse(), 2);
	assert_true(vmc[1].failed);
	assert_int_equal(fake_log_count, 1);
	line = strstr(fake_log_text, ": unknown, allowed as a VM's child nodes: vcpu@N, ");
	assert_non_null(line);
	assert_non_null(strstr(line, ", shelf@N"));
	assert_non_null(strstr(line, ", crate@N"));
}

/* Two properties that are right by themselves. Not asked while one of them is wrong. */
static void what_two_properties_say_together_is_checked(void **state)
{
	(void)state;
	assert_wrong("shelf@0", "disk", "least", 6,
		     "level is missing: must be at least 6, as \"least\" says");
	assert_wrong("shelf@0", "dusk", "least", 6,
		     "image = \"dusk\": no such image; there are packed, disk, linux, busybox");
	begin_bundle();
	/* A fault of the VM's own node does not keep a child from being looked at, nor another child's. */
	(void)add(BAD, "shelf@1", "disk");
	put(BAD "/shelf@1", "least", 9);
	(void)add(BAD, "shelf@2", "disk");
	put(BAD "/shelf@2", "level", 0);
	put(BAD, "cpus", 0);
	assert_int_equal(parse(), 2);
	assert_int_equal(fake_log_count, 3);
}

/* libfdt refuses to write it; a stranger may not. */
static void a_number_that_is_there_twice_is_an_error(void **state)
{
	int second;

	(void)state;
	(void)add(BAD, "shelf@1", "disk");
	second = add(BAD, "shelf@2", "disk");
	memcpy((char *)(uintptr_t)fdt_get_name(fit, second, NULL), "shelf@1", 7);
	assert_int_equal(parse(), 2);
	assert_int_equal(fake_log_count, 1);
	assert_logged("config: " BAD "/shelf@1: must be unique: another node has this name");
	assert_true(vmc[1].failed);
}

static void what_only_the_making_finds_is_told_by_the_child_s_path(void **state)
{
	(void)state;
	(void)add(GOOD, "shelf@0", "disk");
	(void)add(GOOD, "shelf@2", "disk");
	(void)add(GOOD, "shelf@3", "disk");
	put(GOOD "/shelf@2", "level", 4);
	assert_int_equal(parse(), 2);
	refuse = 2;
	assert_int_equal(create(), HV_EINVAL);
	assert_logged("config: " GOOD "/shelf@2: level = <4>: cannot be");
	/* What was made stays to be destroyed. */
	assert_non_null(fake_vm.last_part);
	assert_string_not_equal(made[nr_made - 1].what, "shelf 3 of " GOOD "/shelf@3");
	parts_destroy(&fake_vm);
}

static void a_child_that_cannot_be_mapped_is_told_by_its_path(void **state)
{
	const struct vm_part_of *refused = NULL;

	(void)state;
	(void)add(GOOD, "shelf@1", "disk");
	(void)add(GOOD, "shelf@b", "disk");
	put(GOOD "/shelf@b", "level", 9);
	assert_int_equal(parse(), 2);
	assert_int_equal(create(), HV_OK);
	assert_int_equal(parts_map(&fake_vm, &refused), HV_EEXIST);
	parts_tell_map(&fake_vm, refused, HV_EEXIST);
	assert_logged("config: " GOOD
		      "/shelf@b: cannot be mapped into the VM: something else is at its addresses");
}

/* The same configuration in the host's tree, which has no images. */
static void outside_of_a_bundle_there_are_no_images(void **state)
{
	struct config_node n = { .fdt = fit, .path = "/vm" };

	(void)state;
	n.node = fdt_parent_offset(fit, add(GOOD, "shelf@0", "disk"));
	fake_log_reset();
	assert_true(parts_check_child(&n, fit_node(fit, GOOD "/shelf@0")));
	assert_true(n.failed);
	assert_logged("config: " GOOD
		      "/shelf@0: image = \"disk\": must not be in a VM of the host's "
		      "tree: images come from a bundle");
	vmc[0].bundle = NULL;
	assert_null(bundle_images_of(&(struct bundle_images){ 0 }, &vmc[0]));
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(each_child_makes_a_part_in_the_order_of_kind_and_number),
		test(a_vm_without_such_children_has_no_such_part),
		test(a_vm_without_a_node_has_no_such_part),
		test(an_image_is_where_it_lies_in_the_bundle),
		test(a_disabled_child_is_left_out),
		test(what_is_wrong_with_a_child_is_told_by_its_path),
		test(an_unknown_child_is_told_what_may_be_there),
		test(what_two_properties_say_together_is_checked),
		test(a_number_that_is_there_twice_is_an_error),
		test(what_only_the_making_finds_is_told_by_the_child_s_path),
		test(a_child_that_cannot_be_mapped_is_told_by_its_path),
		test(outside_of_a_bundle_there_are_no_images),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
