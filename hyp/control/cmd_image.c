// SPDX-License-Identifier: BSD-2-Clause
/* Bundles that come by the channel, which its other side calls images, and the VMs that are made of them. */
#include <inttypes.h>
#include <string.h>

#include "control/cmd.h"
#include "lib/errno.h"
#include "mm/page.h"
#include "vm/create.h"

static struct vm_creation creation; /* the one that goes on; its bundle is NULL: none */

bool cmd_control_image_put(struct control_request *r)
{
	struct stored_bundle *b;
	uint64_t size;

	if (r->nr_words != 4) {
		control_fail(r, "image.put: must be followed by a name and a number of bytes");
		return false;
	}
	if (!control_parse_number(r->words[3], UINT64_MAX / 16, &size) || size == 0) {
		control_fail(r, "image.put: %.20s: must be a decimal number of bytes, not 0",
			     r->words[3]);
		return false;
	}
	switch (bundle_store_begin(r->words[2], size, &b)) {
	case HV_OK:
		json_number(&r->json, "frame", CONTROL_FRAME_MAX);
		break;
	case HV_EINVAL:
		control_fail(
			r,
			"image %.40s: must be named by 1 to %d letters, digits, '-', '_' and '.'",
			r->words[2], BUNDLE_NAME_MAX);
		break;
	case HV_EEXIST:
		control_fail(r, "image %s: there is one of that name: image.drop first",
			     r->words[2]);
		break;
	case HV_EOVERFLOW:
		control_fail(r, "image %s: there are %d images already", r->words[2],
			     BUNDLE_STORE_MAX);
		break;
	default:
		control_fail(r,
			     "image %s: %" PRIu64
			     " bytes: no free memory is as large; the largest piece has %" PRIu64,
			     r->words[2], size, page_largest(PAGE_SIZE));
		break;
	}
	return false;
}

/* The image that the request names, with a reference; NULL, and the answer is an error: there is none. */
static struct stored_bundle *find(struct control_request *r)
{
	struct stored_bundle *b = r->nr_words > 2 ? bundle_store_find(r->words[2]) : NULL;

	if (r->nr_words < 3)
		control_fail(r, "%s: must be followed by an image's name", r->command->name);
	else if (!b)
		control_fail(r, "image %.40s: no such image: image.list lists them", r->words[2]);
	return b;
}

/* --- data ----------------------------------------------------------------------------------------- */

/* A frame begins. What is wrong with it is found before any byte of it is kept; then they are skipped. */
static void begin_data(struct control_request *r)
{
	struct stored_bundle *b;
	uint64_t n = 0;

	if (r->nr_words != 4 || !control_parse_number(r->words[3], CONTROL_FRAME_MAX, &n) ||
	    n == 0) {
		control_fail(
			r,
			"image.data: must be followed by an image's name and the number of bytes behind this line, 1 to %d",
			CONTROL_FRAME_MAX);
		return;
	}
	r->data.left = n;
	b = find(r);
	if (!b)
		return;
	if (n > b->size - b->have)
		control_fail(r,
			     "image %s: %" PRIu64 " bytes: it has %" PRIu64 " of its %" PRIu64
			     " already",
			     b->name, n, b->have, b->size);
	else
		r->data.to = b;
	if (!r->data.to)
		bundle_store_put(b);
}

bool cmd_control_image_data(struct control_request *r)
{
	struct stored_bundle *b;

	if (r->step == 0) {
		begin_data(r);
		r->step = 1;
		r->undecided = r->why[0] == '\0'; /* until they are there */
		return r->undecided;
	}
	b = r->data.to;
	json_number(&r->json, "have", b->have);
	json_number(&r->json, "size", b->size);
	control_data_drop(r);
	return false;
}

/* --- the list ------------------------------------------------------------------------------------- */

bool cmd_control_image_list(struct control_request *r)
{
	struct json *j = &r->json;
	struct stored_bundle *b;

	if (r->step == 0)
		json_open(j, "images", '[');
	b = bundle_store_at(r->step++);
	if (!b) {
		json_close(j, ']');
		return false;
	}
	json_open(j, NULL, '{');
	json_string(j, "name", b->name);
	json_number(j, "size", b->size);
	json_number(j, "have", b->have);
	json_number(j, "vms", bundle_store_users(b));
	json_close(j, '}');
	bundle_store_put(b);
	return true;
}

bool cmd_control_image_drop(struct control_request *r)
{
	struct stored_bundle *b = find(r);

	if (!b)
		return false;
	if (r->nr_words > 3)
		control_fail(r, "image.drop: must be followed by an image's name alone");
	else
		bundle_store_drop(b);
	bundle_store_put(b);
	return false;
}

/* --- VMs ------------------------------------------------------------------------------------------ */

static bool begin_creation(struct control_request *r)
{
	struct stored_bundle *b = find(r);
	int err;

	if (!b)
		return false;
	if (r->nr_words > 4) {
		control_fail(
			r,
			"vm.create: must be followed by an image's name, and perhaps that of a configuration");
		err = HV_EINVAL;
	} else {
		err = vm_creation_begin(&creation, b, r->nr_words == 4 ? r->words[3] : NULL, r->why,
					sizeof(r->why));
	}
	bundle_store_put(b);
	return err == HV_OK;
}

/* The answer waits until all are made, or one cannot be. */
bool cmd_control_create(struct control_request *r)
{
	int more;

	if (r->step == 0) {
		r->undecided = begin_creation(r);
		r->step = 1;
		return r->undecided;
	}
	more = vm_creation_step(&creation, r->why, sizeof(r->why));
	if (more == 1) {
		r->undecided = true;
		return true;
	}
	if (more == 0) {
		json_open(&r->json, "vms", '[');
		for (unsigned int i = 0; i < creation.made; i++)
			json_string(&r->json, NULL, creation.configs[index_below(i, VM_MAX)].name);
		json_close(&r->json, ']');
	}
	vm_creation_end(&creation);
	return false;
}

void control_images_abandon(void)
{
	struct stored_bundle *b;

	vm_creation_end(&creation);
	for (unsigned int n = 0; (b = bundle_store_at(n)) != NULL;) {
		if (b->have < b->size)
			bundle_store_drop(b);
		else
			n++;
		bundle_store_put(b);
	}
}
