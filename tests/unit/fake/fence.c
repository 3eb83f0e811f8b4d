/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/fence.h"

_Thread_local struct fake_fences fake_fences;
