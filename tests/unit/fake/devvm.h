/* SPDX-License-Identifier: BSD-2-Clause */
/* A VM that is just enough for its devices: vcpus, a bus, an arena; and what devices tell a vcpu. */
#ifndef FAKE_DEVVM_H
#define FAKE_DEVVM_H

#include "dev/mmio.h"
#include "vcpu/vm.h"

extern struct vm fake_vm;

/* fake_vm_setup - with @vcpus vcpus and an empty bus. fake_vm_teardown frees it and its devices. */
void fake_vm_setup(unsigned int vcpus);
void fake_vm_teardown(void);

/* The next @n arena allocations succeed, all after them fail; UINT_MAX: none fails. */
extern unsigned int fake_arena_left;

/* fake_vseip - the level that vcpu_set_level() gave VSEIP of vcpu @hart last. */
bool fake_vseip(unsigned int hart);
extern unsigned int fake_vseip_calls;

/* fake_part - the state of fake_vm's part @name, once parts_create() has made it; else NULL. */
void *fake_part(const char *name);

/* One access of the guest; it must hit a device. */
uint64_t guest_read(uint64_t a, unsigned int len);
void guest_write(uint64_t a, unsigned int len, uint64_t val);

#endif
