/* SPDX-License-Identifier: BSD-2-Clause */
/* A VM as the owner of its console: what the terminal tells it goes to its devices and vcpus. */
#ifndef VM_CONSOLE_H
#define VM_CONSOLE_H

#include "vcpu/vm.h"

/* vm_console_new - the stream of @vm, which has its devices by the time that anything is told. NULL: no memory. */
struct term_stream *vm_console_new(struct vm *vm);

#endif
