/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a room above does when a vcpu begins, ends, or loses memory. The room that keeps something in struct vcpu, or for
 * it, ends one file in VCPU_HOOKS(); the linker collects the entries, and vcpu.c calls them. Any function may be NULL.
 */
#ifndef VCPU_HOOKS_H
#define VCPU_HOOKS_H

struct vcpu;

struct vcpu_hooks {
	/* vcpu_power_on() - a new vcpu, or a new life of its VM: no vcpu of it runs, and nothing of the guest's is written. */
	void (*power_on)(struct vcpu *v);
	/* RESET, or the hart stops (HSM). Own pcpu, loaded. */
	void (*reset)(struct vcpu *v);
	/* TLB_FLUSH - memory that the guest had may be gone: forget pointers into it. Own pcpu. */
	void (*unmapped)(struct vcpu *v);
	/* STEAL_UPDATE - write what the guest is told of this vcpu's time. Own pcpu, loaded, before its next entry. */
	void (*update)(struct vcpu *v);
};

/* The linker's table is of pointers, as that of VM_PART(). */
#define VCPU_HOOKS(name)                                                           \
	static const struct vcpu_hooks vcpu_hooks_##name;                          \
	static const struct vcpu_hooks *const vcpu_hooks_entry_##name              \
		__attribute__((used, section("vcpu_hooks"))) = &vcpu_hooks_##name; \
	static const struct vcpu_hooks vcpu_hooks_##name

/* Weak: a program without an entry has no table. */
extern const struct vcpu_hooks *const __start_vcpu_hooks[] __attribute__((weak));
extern const struct vcpu_hooks *const __stop_vcpu_hooks[] __attribute__((weak));

/* vcpu_call_hooks - the function @which of every entry, for the vcpu @v. */
#define vcpu_call_hooks(which, v)                                        \
	do {                                                             \
		const struct vcpu_hooks *const *h_ = __start_vcpu_hooks; \
                                                                         \
		for (; h_ < __stop_vcpu_hooks; h_++)                     \
			if ((*h_)->which)                                \
				(*h_)->which(v);                         \
	} while (0)

#endif
