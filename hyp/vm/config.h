/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the user asked for: one struct vm_config per VM, from a bundle's configuration node or from
 * nodes under the host tree's /chosen (docs/configuration.md, dts/bindings/).
 *
 * The parser never stops at the first bad VM: it reports each error in one line (node path, property,
 * value, what is allowed), marks that VM as failed and goes on. Pointers point into the bundle or the
 * host tree, which stay in memory and are never written.
 */
#ifndef VM_CONFIG_H
#define VM_CONFIG_H

#include "lib/errno.h"
#include "lib/types.h"
#include "vcpu/layout.h"
#include "vcpu/vm.h"

struct stored_bundle;

/* How the bytes of an image are packed (vm/unpack.h). */
enum image_packing {
	PACKING_NONE,
	PACKING_GZIP,
	PACKING_LZ4,
};

/* A piece of the bundle (or a multiboot module): bytes in host memory. */
struct vm_image {
	const char *name;
	const uint8_t *data; /* direct map */
	uint64_t size;
	gpa_t load;  /* for raw kernels: 0: RAM base */
	gpa_t entry; /* for raw kernels: 0: load */
};

#define VM_PATH_MAX 96

enum vm_on_crash {
	ON_CRASH_STOP,	  /* stay crashed */
	ON_CRASH_RESTART, /* as a reboot; at most once a second */
};

enum vm_on_poweroff {
	ON_POWEROFF_STOP,
	ON_POWEROFF_RESTART, /* as a reboot */
};

struct vm_config {
	char name[VM_NAME_MAX + 1];
	char path[VM_PATH_MAX]; /* of its node, for messages */
	uint64_t memory;	/* bytes at GUEST_RAM_BASE; all RAM: vm/config_ram.h */
	const void *extra_ram;	/* the ranges behind it, as they stand in the tree */
	uint64_t affinity;	/* bit n: pcpu n; all ones when not given */
	const char *bootargs;	/* "" when not given */
	struct vm_image kernel;
	struct vm_image ramdisk;   /* data NULL: none */
	struct vm_image overlay;   /* data NULL: none */
	struct sched_params sched; /* but for affinity; config_vcpu_sched() puts all together */
	/* If @fdt is a bundle's tree: where the bundle's external data counts from (vm/bundle.h). Else NULL, 0. */
	const uint8_t *bundle;
	uint64_t bundle_size;
	struct stored_bundle *store; /* the bundle, if it came while VMs ran (vm/bundle_store.h) */
	const void *
		fdt; /* the tree that it comes from, and its node there; NULL: a node of another kind */
	int node;
	unsigned int cpus;
	unsigned int nr_extra_ram;
	enum vm_on_crash on_crash;
	enum vm_on_poweroff on_poweroff;
	uint32_t boot_priority; /* the higher, the sooner it is loaded at boot */
	uint32_t autostart;	/* 0: an operator starts it */
	uint32_t cap;		/* percent of one hart; 0: none */
	uint32_t halt_poll_us;	/* 0: a halt gives the hart away at once */
	uint32_t watchdog_s;	/* so long without a sign of life: it is reset; 0: it never is */
	bool failed;		/* an error has been reported */
	/* Of enum image_packing, as the bundle says; a kernel may be packed all the same. */
	uint8_t kernel_packing;
	uint8_t ramdisk_packing;
};

/* Where a raw kernel goes that says nothing about it: where QEMU's virt puts -kernel. */
#define IMAGE_LOAD_DEFAULT gpa(GUEST_RAM_BASE + MIB(2))

#define VM_MEMORY_MIN	  MIB(16)
#define VM_MEMORY_MAX	  GIB(1024)
#define VM_MEMORY_UNIT	  MIB(2)
#define VM_MEMORY_DEFAULT MIB(256)
#define VM_EXTRA_RAM_MAX  7
/* What a page table entry can name, so what guests can map (privileged specification, "Sv39"). */
#define VM_RAM_LIMIT	BIT(56)
#define VM_BOOTARGS_MAX 4095 /* characters */

#define VM_HALT_POLL_US_MAX 10000
#define VM_WATCHDOG_S_MAX   86400

/* config_vcpu_sched - what vcpu @id of a VM without errors is to get: the VM's, or its own. */
void config_vcpu_sched(const struct vm_config *cfg, unsigned int id, struct sched_params *out);

/*
 * config_parse_bundle - the VMs of the FIT image at @at (@size bytes available from there on), the
 * configuration named @select or its default. Fills @out, returns the number of VMs (failed ones
 * included), or HV_E* after a message when the bundle itself is unusable.
 */
int config_parse_bundle(const void *at, uint64_t size, const char *select, struct vm_config *out,
			unsigned int max);

/*
 * config_parse_host_fdt - vm nodes under /chosen of the host's tree, and QEMU's guest-loader modules
 * (a lone multiboot,kernel under /chosen makes one VM named "guest"). Returns the number of VMs.
 * @fdt has passed fdtx_check().
 */
int config_parse_host_fdt(const void *fdt, struct vm_config *out, unsigned int max);

/*
 * config_host_modules - the memory of all modules under /chosen of the host's tree, for
 * page_reserve(): nothing else says that it is in use. Modules outside of RAM are
 * left out without a message. Needs neither allocator nor log. Returns how many there are, of which the first
 * @max are in @out.
 */
int config_host_modules(const void *fdt, struct vm_image *out, unsigned int max);

/* config_host_has_module - has a module as above a byte in [base, base + size)? */
bool config_host_has_module(const void *fdt, hpa_t base, uint64_t size);

#endif
