// SPDX-License-Identifier: BSD-2-Clause
/* For programs that read configurations without nodes `disks` and such, or pass them over. */
#include "vm/disks.h"
#include "vm/networks.h"
#include "vm/shared_memory.h"

void disks_parse(const void *fdt, int node, const char *path)
{
	(void)fdt, (void)node, (void)path;
}

void networks_parse(const void *fdt, int node, const char *path)
{
	(void)fdt, (void)node, (void)path;
}

void shared_memory_parse(const void *fdt, int node, const char *path)
{
	(void)fdt, (void)node, (void)path;
}
