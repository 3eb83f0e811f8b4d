/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A part of a VM: a device, an interrupt controller, a paravirtual interface. A part is one file that ends in one
 * VM_PART() entry; the linker collects the entries, and what makes, describes, resets and ends VMs (vm/parts.h) knows no
 * part by name. Adding one touches no other file.
 */
#ifndef VCPU_VM_PART_H
#define VCPU_VM_PART_H

#include "lib/fdt.h"
#include "lib/fdt_writer.h"
#include "lib/property.h"
#include "vcpu/vm.h"

/* Parts are made in this order, and reset and destroyed in the other one: a device lets its line go first. */
enum vm_part_order {
	VM_PART_IRQCHIP,
	VM_PART_BUS,
	VM_PART_DEVICE,
	VM_PART_ORDERS,
};

/* Where in the guest's tree a part may write. */
enum vm_place {
	VM_PLACE_CHOSEN,  /* properties of /chosen */
	VM_PLACE_ALIASES, /* properties of /aliases */
	VM_PLACE_SOC,	  /* nodes below /soc, at the guest's addresses */
	VM_PLACE_ROOT,	  /* nodes below the root */
};

/* So many child nodes CHILD@N of a VM may make one of its parts: N is 0 to 1f, hexadecimal. */
#define VM_PART_UNITS 32

/* A range of the guest's RAM, and what lies there. */
struct vm_range {
	const char *what;
	gpa_t base;
	uint64_t size;
};

/* Where in its RAM a VM has its images, each time that it is loaded. */
struct vm_ram_plan {
	struct vm_range images[3];
	unsigned int nr_images;
	struct vm_range spare; /* at the end of an image's place; for the structures of one part */
};

/* RAM that the guest finds in /reserved-memory. In the part's own structure. */
struct vm_reserved {
	struct vm_reserved *next;
	const char *compatible;
	struct vm_range range;
};

/* What a part is made of. */
struct vm_part_args {
	const void *config; /* as its properties say, in the part's own structure */
	const struct vm_ram_plan *plan;
	/* That of the properties, the VM's or the child's: for errors that only the making finds. The properties have been
	 * checked. Gone when create() returns. */
	struct config_node *node;
	unsigned int unit; /* N of the child node CHILD@N; 0: there is none */
};

/* The largest structure of a part's properties. */
#define VM_PART_CONFIG_MAX 64

struct vm_snapshot; /* floor 7 will have them */

/* All operations but create may be NULL. @state: what create has made. */
struct vm_part {
	const char *name; /* in messages */
	/*
	 * NULL: each VM has one. Else the VM has one for each child node of its node that is called CHILD@N and is not
	 * disabled, made in the order of N. A node's properties are then that child's.
	 */
	const char *child;
	enum vm_part_order order;
	/* What the node may say of it, in a structure that begins as @config_default. VM_PART_CONFIG() sets both. */
	struct property_table properties;
	const void *config_default;
	size_t config_size;
	/* check - what no reader of one property finds: config_error() with what is wrong in @config. When the node is
	 * read, and only if each property is right by itself. */
	void (*check)(struct config_node *n, const void *config);
	/*
	 * create - for @vm, after its vcpus, its bus and its console's stream; memory from the VM's arena. *@state: as the
	 * other operations get it. HV_ENOMEM; HV_EINVAL after a message.
	 */
	int (*create)(struct vm *vm, const struct vm_part_args *args, void **state);
	/*
	 * map - the VM's G-stage tables have been made anew, with its RAM: add what the part has there (gstage_add_slot(),
	 * gstage_map_page()). HV_E*: the VM cannot start. What was added goes with the tables. No vcpu runs.
	 */
	int (*map)(void *state, struct vm *vm);
	/* resume - the VM goes on after a pause: look at what came meanwhile. Any hart, no locks; a vcpu may run, and the
	 * VM may have ended again, so that reset() runs beside it. */
	void (*resume)(void *state);
	/* reset - as after create, but for what a battery keeps. A life has ended: no vcpu runs. */
	void (*reset)(void *state);
	/* settled - after reset(). False: something that the machine does for the part is not over, and reset() is to be called
	 * again, before the VM's memory goes. */
	bool (*settled)(const void *state);
	/* destroy - the VM goes: no timer, no interrupt and no other VM may come to @state from here on. Its memory goes
	 * with the arena. No vcpu runs. */
	void (*destroy)(void *state);
	/* describe - what the guest's tree says of it in @place. Called twice (lib/fdt_writer.h). */
	void (*describe)(const void *state, struct fdtw *w, enum vm_place place);
	/* Of a VM that is paused. No part has them yet. */
	int (*save)(void *state, struct vm_snapshot *to);
	int (*restore)(void *state, const struct vm_snapshot *from);
};

/* VM_PART_CONFIG - @rows are an array of struct property, @initial is the structure that they are read into. */
#define VM_PART_CONFIG(rows, initial)                                     \
	.properties = PROPERTY_TABLE(rows), .config_default = &(initial), \
	.config_size =                                                    \
		sizeof(initial) + 0 * sizeof(char[sizeof(initial) <= VM_PART_CONFIG_MAX ? 1 : -1])

/* The linker's table is of pointers, as the distance of structures in a section is the compiler's. */
#define VM_PART(name)                                                         \
	static const struct vm_part vm_part_##name;                           \
	static const struct vm_part *const vm_part_entry_##name               \
		__attribute__((used, section("vm_parts"))) = &vm_part_##name; \
	static const struct vm_part vm_part_##name

/* One part of a VM, in its arena. */
struct vm_part_of {
	struct vm_part_of *next, *before; /* in the order of their making */
	const struct vm_part *part;
	void *state;
	unsigned int unit; /* as in struct vm_part_args */
};

/* vm_new_phandle - a phandle for a node of @vm's tree that no other node has. While the VM is made. */
uint32_t vm_new_phandle(struct vm *vm);

/*
 * vm_new_window - @size bytes of @vm's guest-physical addresses, in no other window, for what a part maps there: from
 * *@base on, which is a multiple of VM_WINDOW_ALIGN. It lies behind the RAM: below that Linux has no struct pages, and
 * refuses pmem (-EINVAL of 6.12's nd_pmem). While the VM is made. HV_EINVAL: the machine's G-stage does not address as
 * much; vm_window_room() is how much it does. vm_windows_init - before the parts are made.
 */
#define VM_WINDOW_ALIGN GIB(1)
void vm_windows_init(struct vm *vm, uint64_t ram_end, uint64_t limit);
int vm_new_window(struct vm *vm, uint64_t size, gpa_t *base);
uint64_t vm_window_room(const struct vm *vm);

/* vm_intc_phandle - that of the interrupt controller of vcpu @id, which is in its node. */
static inline uint32_t vm_intc_phandle(unsigned int id)
{
	return VM_PHANDLE_INTC + id;
}

/* vm_reserve - the guest finds @r in /reserved-memory, as a node named r->range.what. While the VM is made. */
void vm_reserve(struct vm *vm, struct vm_reserved *r);

#endif
