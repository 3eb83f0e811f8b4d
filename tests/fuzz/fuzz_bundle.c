// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: tests/unit/fake/no_disks.c
// SOURCES: hyp/vm/config.c hyp/vm/config_vm.c hyp/vm/config_ram.c hyp/vm/config_sched.c hyp/vm/parts.c hyp/vcpu/vm_part.c hyp/pv/pv_part.c hyp/pv/pv_lock.c hyp/lib/fdt_writer.c hyp/lib/property.c hyp/lib/config_node.c hyp/dev/mmio.c tests/unit/fake/devvm.c tests/unit/fake/sbi_ids.c hyp/vm/bundle.c hyp/vm/unpack.c hyp/vm/unpack_gzip.c hyp/vm/unpack_lz4.c hyp/lib/xxh32.c
// SOURCES: hyp/lib/word.c hyp/vm/bundle_align.c hyp/lib/text.c hyp/lib/fdt.c tests/fuzz/common/tree_mutator.c
/* A bundle, at any alignment, and the configuration in it. */
#include "common/fuzz.h"

#include "arch/memmap.h"
#include "fake/log.h"
#include "lib/fdt.h"
#include "mm/page.h"
#include "platform/machine.h"
#include "vm/config_ram.h"
#include "vm/bundle.h"
#include "vm/config.h"

struct machine machine;

bool machine_is_memory(hpa_t base, uint64_t size)
{
	(void)base, (void)size;
	return true;
}

const char *machine_closed(hpa_t base, uint64_t size)
{
	(void)base, (void)size;
	return NULL;
}

bool config_host_has_module(const void *fdt, hpa_t base, uint64_t size)
{
	(void)fdt, (void)base, (void)size;
	return false;
}

static void *pages;

bool page_alloc(uint64_t size, uint64_t align, hpa_t *out)
{
	if (pages)
		abort();
	pages = aligned_alloc(align, align_up(size, align));
	if (!pages)
		return false;
	*out = ptr_to_hpa(pages);
	return true;
}

static const uint8_t *given,
	*given_end; /* the bundle, and the bytes before it that its tree may be moved into */
static struct vm_config vmc[VM_MAX];

static bool inside(const struct vm_image *image)
{
	const uint8_t *p = image->data;

	if (p >= given && p <= given_end && image->size <= (uint64_t)(given_end - p))
		return true;
	return pages && p >= (uint8_t *)pages &&
	       image->size <= (uint64_t)((uint8_t *)pages + fdt_totalsize(pages) - p);
}

static void check_name(const char *name)
{
	fuzz_must(name[0] != '\0' && strlen(name) <= VM_NAME_MAX);
	for (const char *p = name; *p; p++)
		fuzz_must(*p > 0x20 && *p < 0x7f);
	fuzz_must(strcmp(name, "hartvisor") != 0);
}

static void check_vm(const struct vm_config *vm)
{
	check_name(vm->name);
	fuzz_must(vm->cpus >= 1 && vm->cpus <= VM_MAX_VCPUS);
	fuzz_must(vm->memory >= VM_MEMORY_MIN && vm->memory <= VM_MEMORY_MAX);
	fuzz_must(vm->memory % VM_MEMORY_UNIT == 0);
	fuzz_must(config_nr_ram(vm) <= 1 + VM_EXTRA_RAM_MAX);
	for (unsigned int i = 1; i < config_nr_ram(vm); i++) {
		struct config_ram before = config_ram(vm, i - 1), r = config_ram(vm, i);

		fuzz_must(r.base.gpa >= before.base.gpa + before.size && r.size > 0);
		fuzz_must((r.base.gpa | r.size) % VM_MEMORY_UNIT == 0);
		fuzz_must(r.base.gpa + r.size <= VM_RAM_LIMIT);
	}
	fuzz_must(vm->bootargs && strlen(vm->bootargs) <= VM_BOOTARGS_MAX);
	fuzz_must(vm->halt_poll_us <= VM_HALT_POLL_US_MAX);
	fuzz_must(vm->affinity != 0);
	fuzz_must(vm->kernel.data && vm->kernel.size > 0 && inside(&vm->kernel));
	fuzz_must(!vm->ramdisk.data || inside(&vm->ramdisk));
	fuzz_must(!vm->overlay.data || inside(&vm->overlay));
	for (unsigned int i = 0; i < vm->cpus; i++) {
		struct sched_params p;

		config_vcpu_sched(vm, i, &p);
		fuzz_must(!pcpu_set_empty(&p.affinity));
	}
}

static void check(int n)
{
	bool any_failed = n <= 0;

	fuzz_must(n <= VM_MAX);
	for (int i = 0; i < n; i++) {
		any_failed |= vmc[i].failed;
		if (vmc[i].failed)
			continue;
		check_vm(&vmc[i]);
		for (int j = 0; j < i; j++)
			fuzz_must(vmc[j].failed || strcmp(vmc[i].name, vmc[j].name) != 0);
	}
	fuzz_must(!any_failed || fake_log_count > 0);
	fuzz_log_is_plain();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The alignment, and whether a configuration is chosen, by what mutations keep changing: the size. */
	unsigned int odd = (unsigned int)(size % 3 ? 0 : size % 8);
	uint8_t *memory = malloc(8 + odd + size);

	memcpy(memory + 8 + odd, data, size);
	given = memory;
	given_end = memory + 8 + odd + size;
	fake_log_reset();
	check(config_parse_bundle(memory + 8 + odd, size, size % 5 ? NULL : "two", vmc, VM_MAX));
	free(memory);
	free(pages);
	pages = NULL;
	return 0;
}
