// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/vm/test_config_host.c
// SOURCES: tests/fuzz/common/tree_mutator.c
/* VMs and modules under /chosen of the host's tree. */
#include "common/fuzz.h"

#include "fake/log.h"
#include "lib/fdt.h"
#include "platform/machine.h"
#include "vm/config.h"

#define MEMORY_BASE UINT64_C(0x80000000)
#define MEMORY_SIZE GIB(1)

bool machine_is_memory(hpa_t base, uint64_t size)
{
	return base.hpa >= MEMORY_BASE && base.hpa - MEMORY_BASE < MEMORY_SIZE &&
	       size <= MEMORY_SIZE - (base.hpa - MEMORY_BASE);
}

const char *machine_closed(hpa_t base, uint64_t size)
{
	return base.hpa < 0x80300000 && base.hpa + size > 0x80200000 ?
		       "must not overlap hartvisor itself" :
		       NULL;
}

static struct vm_config vmc[VM_MAX];

static void check_image(const struct vm_image *image)
{
	fuzz_must(image->size > 0);
	fuzz_must(machine_is_memory(hpa((uint64_t)(uintptr_t)image->data), image->size));
	fuzz_must(!machine_closed(hpa((uint64_t)(uintptr_t)image->data), image->size));
}

static void check_vm(const struct vm_config *vm)
{
	fuzz_must(vm->name[0] != '\0');
	fuzz_must(vm->cpus >= 1 && vm->cpus <= VM_MAX_VCPUS);
	fuzz_must(vm->memory >= VM_MEMORY_MIN && vm->memory <= VM_MEMORY_MAX);
	fuzz_must(vm->memory % VM_MEMORY_UNIT == 0);
	fuzz_must(vm->bootargs && strlen(vm->bootargs) <= VM_BOOTARGS_MAX);
	check_image(&vm->kernel);
	if (vm->ramdisk.data)
		check_image(&vm->ramdisk);
	if (vm->overlay.data)
		check_image(&vm->overlay);
	for (unsigned int i = 0; i < vm->cpus; i++) {
		struct sched_params p;

		config_vcpu_sched(vm, i, &p);
		fuzz_must(!pcpu_set_empty(&p.affinity));
	}
}

static void check_modules(const void *fdt)
{
	struct vm_image some[4], all[64];
	int n = config_host_modules(fdt, all, ARRAY_SIZE(all));

	fuzz_must(n >= 0 && config_host_modules(fdt, some, ARRAY_SIZE(some)) == n);
	for (unsigned int i = 0; i < (unsigned int)n && i < ARRAY_SIZE(all); i++) {
		hpa_t at = hpa((uint64_t)(uintptr_t)all[i].data);

		fuzz_must(i >= ARRAY_SIZE(some) || some[i].data == all[i].data);
		fuzz_must(machine_is_memory(at, all[i].size));
		fuzz_must(all[i].size == 0 || config_host_has_module(fdt, at, 1));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *fdt = fuzz_exact(data, size);
	int n;

	if (fdtx_check(fdt, size) == HV_OK) {
		fake_log_reset();
		check_modules(fdt);
		fuzz_must(fake_log_count == 0);
		n = config_parse_host_fdt(fdt, vmc, VM_MAX);
		fuzz_must(n <= VM_MAX);
		for (int i = 0; i < n; i++)
			if (!vmc[i].failed)
				check_vm(&vmc[i]);
			else
				fuzz_must(fake_log_count > 0);
		fuzz_log_is_plain();
	}
	free(fdt);
	return 0;
}
