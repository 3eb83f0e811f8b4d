// SPDX-License-Identifier: BSD-2-Clause
/* For the tests of hyp/control: memory for images, and a creation of VMs that takes as many steps as the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/memmap.h"
#include "fake/control.h"
#include "mm/page.h"
#include "vm/create.h"

uint64_t image_memory, image_room = MIB(16);

bool page_alloc(uint64_t size, uint64_t align, hpa_t *out)
{
	void *p;

	if (size > image_room - image_memory || posix_memalign(&p, align, size) != 0)
		return false;
	memset(p, 0xa5, size);
	image_memory += size;
	*out = ptr_to_hpa(p);
	return true;
}

void page_free(hpa_t base, uint64_t size)
{
	assert_true(size <= image_memory);
	image_memory -= size;
	free(hpa_to_ptr(base));
}

uint64_t page_largest(uint64_t align)
{
	(void)align;
	return image_room - image_memory;
}

unsigned int creation_steps, creations;
const char *creation_error;
char creation_select[32];
struct stored_bundle *creation_of;
static unsigned int left;
static struct vm_config made[1];

int vm_creation_begin(struct vm_creation *c, struct stored_bundle *b, const char *select, char *why,
		      size_t size)
{
	assert_null(c->bundle);
	*c = (struct vm_creation){ 0 };
	if (b->have < b->size) {
		snprintf(why, size, "not complete");
		return HV_EINVAL;
	}
	snprintf(creation_select, sizeof(creation_select), "%s", select ? select : "");
	bundle_store_get(b);
	creation_of = c->bundle = b;
	creations++;
	left = creation_steps;
	return HV_OK;
}

int vm_creation_step(struct vm_creation *c, char *why, size_t size)
{
	assert_non_null(c->bundle);
	if (left-- > 0)
		return 1;
	if (creation_error) {
		snprintf(why, size, "%s", creation_error);
		return HV_EINVAL;
	}
	snprintf(made[0].name, sizeof(made[0].name), "new");
	c->configs = made;
	c->made = 1;
	return 0;
}

void vm_creation_end(struct vm_creation *c)
{
	if (!c->bundle)
		return;
	bundle_store_put(c->bundle);
	c->bundle = NULL;
	creations--;
}
