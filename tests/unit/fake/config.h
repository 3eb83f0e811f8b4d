/* SPDX-License-Identifier: BSD-2-Clause */
/* The bundle of fake/fit.h, read as a configuration, for the programs that test hyp/vm/config*.c. */
#ifndef FAKE_CONFIG_H
#define FAKE_CONFIG_H

#include "fake/fit.h"
#include "fake/log.h"
#include "fake/said.h"
#include "lib/fdt.h"
#include "lib/log.h"
#include "vm/config.h"

#define BAD "/configurations/two/bad"
#define TWO "/configurations/two"

static _Alignas(8) uint8_t fit[FIT_ROOM];
static struct vm_config vmc[VM_MAX];

static int parse(void)
{
	fake_log_reset();
	fit_ok(fdt_pack(fit));
	return config_parse_bundle(fit, fdt_totalsize(fit), NULL, vmc, VM_MAX);
}

static void assert_good(const struct vm_config *vm)
{
	assert_string_equal(vm->name, "good");
	assert_string_equal(vm->path, "/configurations/two/good");
	assert_false(vm->failed);
	assert_int_equal(vm->cpus, 2);
	assert_true(vm->memory == MIB(256));
	assert_true(vm->affinity == UINT64_MAX);
	assert_string_equal(vm->bootargs, "console=ttyS0");
	assert_int_equal(vm->kernel.size, sizeof(KERNEL_TEXT));
	assert_memory_equal(vm->kernel.data, KERNEL_TEXT, sizeof(KERNEL_TEXT));
	assert_true(vm->kernel.load.gpa == 0x80400000 && vm->kernel.entry.gpa == 0x80400004);
	assert_memory_equal(vm->ramdisk.data, RAMDISK_TEXT, sizeof(RAMDISK_TEXT));
	assert_null(vm->overlay.data);
	assert_int_equal(vm->on_crash, ON_CRASH_STOP);
	assert_int_equal(vm->on_poweroff, ON_POWEROFF_STOP);
	assert_true(vm->autostart);
	assert_int_equal(vm->boot_priority, 0);
}

#endif
