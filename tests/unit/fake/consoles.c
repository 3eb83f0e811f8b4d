/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fake/consoles.h"
#include "fake/log.h"
#include "fake/tree.h"
#include "lib/fdt.h"
#include "term/term.h"
#include "vcpu/console.h"

struct fake_stream fake_streams[VCONSOLE_PORTS + 1];
unsigned int nr_fake_streams;
void *con_parts[VCONSOLE_PORTS + 1];
struct vring con_rings[2 + 2 * VCONSOLE_PORTS];

static struct {
	const struct term_owner *owner;
	void *arg;
} owners[VCONSOLE_PORTS + 1];

static uint64_t ctrl_at[64];
static unsigned int ctrl_given, ctrl_got;

/* --- the terminal --------------------------------------------------------------------------------- */

static struct fake_stream *fake(const struct term_stream *s)
{
	const size_t i = (size_t)((const struct fake_stream *)(const void *)s - fake_streams);

	assert_true(i < nr_fake_streams);
	return &fake_streams[i];
}

struct term_stream *term_stream_new(struct arena *a, const char *name,
				    const struct term_owner *owner, void *arg)
{
	struct fake_stream *s = &fake_streams[nr_fake_streams];

	assert_ptr_equal(a, &fake_vm.arena);
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->room = SIZE_MAX;
	owners[nr_fake_streams].owner = owner;
	owners[nr_fake_streams].arg = arg;
	nr_fake_streams++;
	return (struct term_stream *)(void *)s;
}

size_t term_stream_write(struct term_stream *of, const char *buf, size_t len)
{
	struct fake_stream *s = fake(of);
	size_t n = min_u64(len, s->room);

	assert_true(s->printed + n <= sizeof(s->out));
	memcpy(s->out + s->printed, buf, n);
	s->printed += n;
	s->asked++;
	if (s->room != SIZE_MAX)
		s->room -= n;
	s->wants_room |= n == 0;
	return n;
}

bool term_stream_want_room(struct term_stream *of, size_t len)
{
	struct fake_stream *s = fake(of);

	if (s->comes)
		s->room = s->comes;
	s->comes = 0;
	s->wants_room |= s->room < len;
	return s->room >= len;
}

bool term_stream_want_out(struct term_stream *s)
{
	(void)s;
	return true;
}

uint64_t term_stream_written_at(const struct term_stream *s)
{
	(void)s;
	return 0;
}

size_t term_stream_read(struct term_stream *of, char *buf, size_t len)
{
	struct fake_stream *s = fake(of);
	size_t n = min_u64(len, s->typed - s->given);

	memcpy(buf, s->in + s->given, n);
	s->given += n;
	return n;
}

bool term_stream_input_pending(const struct term_stream *of)
{
	const struct fake_stream *s = fake(of);

	return s->given != s->typed;
}

/* The owner is told when there was none before. */
void con_type(unsigned int i, const char *text)
{
	struct fake_stream *s = &fake_streams[i];
	bool none = s->given == s->typed;

	assert_true(s->typed + strlen(text) <= sizeof(s->in));
	memcpy(s->in + s->typed, text, strlen(text));
	s->typed += strlen(text);
	if (none)
		owners[i].owner->input_ready(owners[i].arg);
}

void con_room(unsigned int i, size_t n)
{
	struct fake_stream *s = &fake_streams[i];
	struct vcpu *v = this_vcpu();

	s->room = n;
	if (!s->wants_room)
		return;
	s->wants_room = false;
	this_pcpu()->current = NULL; /* a work item between two vcpus */
	owners[i].owner->output_ready(owners[i].arg);
	this_pcpu()->current = v;
}

/* --- vcpus ---------------------------------------------------------------------------------------- */

void vcpu_unhalt(struct vcpu *v)
{
	v->halt.ends = 0;
}

/* --- the configuration ---------------------------------------------------------------------------- */

int con_make(unsigned int unit, const struct con_node *want)
{
	static char tree[1024];
	struct config_node n = { .fdt = tree, .path = "console" };
	void *made;
	int err;

	assert_true(unit < ARRAY_SIZE(con_parts));
	tree_begin(tree, sizeof(tree));
	if (want->label)
		tree_string(tree, "label", want->label);
	if (want->type)
		tree_string(tree, "type", want->type);
	if (want->slot)
		tree_cells(tree, "slot", 1, want->slot);
	if (want->cells)
		tree_bytes(tree, "size",
			   (fdt32_t[]){ cpu_to_fdt32(want->size[0]), cpu_to_fdt32(want->size[1]),
					cpu_to_fdt32(want->size[2]) },
			   want->cells * sizeof(fdt32_t));
	tree_finish(tree);
	err = fake_virtio_make("console", &n, unit, &made);
	if (err == HV_OK)
		con_parts[unit] = made;
	return err;
}

void con_ports(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(con_make(i, &(struct con_node){ .label = NULL }), HV_OK);
}

int con_setup(void **state)
{
	(void)state;
	memset(fake_streams, 0, sizeof(fake_streams));
	memset(con_parts, 0, sizeof(con_parts));
	nr_fake_streams = ctrl_given = ctrl_got = 0;
	fake_log_reset();
	fake_guest_setup(2, FAKE_SCATTERED, MIB(1));
	fake_vm.state = VM_RUNNING;
	for (unsigned int i = 0; i < fake_vm.nr_vcpus; i++)
		fake_vm.vcpus[i]->regs.sstatus = BIT(8); /* SPP */
	return 0;
}

int con_teardown(void **state)
{
	(void)state;
	for (unsigned int i = VCONSOLE_PORTS; i-- > 0;)
		if (con_parts[i])
			fake_part_named("console")->destroy(con_parts[i]);
	return fake_guest_teardown() ? 0 : -1;
}

/* --- the driver ----------------------------------------------------------------------------------- */

void con_driver(uint64_t features, unsigned int n)
{
	const unsigned int queues = features & VIRTIO_CONSOLE_F_MULTIPORT ? 2 + 2 * n : 2;

	ctrl_given = ctrl_got = 0;
	assert_true(driver_begin(VDEV(0), features) & VIRTIO_FEATURES_OK);
	for (unsigned int i = 0; i < queues; i++)
		vring_begin(&con_rings[i], VDEV(0), i, CON_QUEUE, features);
	(void)driver_ok(VDEV(0));
}

void con_begin(unsigned int n)
{
	con_ports(n);
	con_driver(CON_ALL, n);
	for (unsigned int i = 0; i < n; i++)
		con_send(i, VIRTIO_CONSOLE_PORT_OPEN, 1);
}

void con_message(const void *bytes, uint32_t nr)
{
	struct vring *r = &con_rings[VIRTIO_CONSOLE_CTRL_TX];
	const uint64_t at = fake_ram_alloc(nr + 1, 1);

	fake_ram_write(at, bytes, nr);
	(void)vring_add(r, &(struct vbuf){ at, nr, false }, 1);
	(void)vring_publish(r);
	(void)vring_notify(r);
}

void con_send(uint32_t id, uint16_t event, uint16_t value)
{
	const struct virtio_console_control m = { id, event, value };

	con_message(&m, sizeof(m));
}

uint64_t con_give(unsigned int q, uint32_t len)
{
	const uint64_t at = fake_ram_alloc(len, 1);

	(void)vring_add(&con_rings[q], &(struct vbuf){ at, len, true }, 1);
	(void)vring_kick(&con_rings[q]);
	return at;
}

void con_give_ctrl(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const uint64_t at = fake_ram_alloc(64, 1);

		ctrl_at[ctrl_given++ % ARRAY_SIZE(ctrl_at)] = at;
		(void)vring_add(&con_rings[VIRTIO_CONSOLE_CTRL_RX], &(struct vbuf){ at, 64, true },
				1);
		(void)vring_kick(&con_rings[VIRTIO_CONSOLE_CTRL_RX]);
	}
}

static const char *name_of(uint16_t event)
{
	switch (event) {
	case VIRTIO_CONSOLE_PORT_ADD:
		return "ADD";
	case VIRTIO_CONSOLE_CONSOLE_PORT:
		return "CONSOLE";
	case VIRTIO_CONSOLE_PORT_OPEN:
		return "OPEN";
	case VIRTIO_CONSOLE_PORT_NAME:
		return "NAME";
	case VIRTIO_CONSOLE_RESIZE:
		return "RESIZE";
	default:
		return "?";
	}
}

const char *con_told(void)
{
	static char text[128];
	struct virtio_console_control m;
	char more[65] = "";
	uint32_t id, len;
	uint64_t at;

	if (!vring_used(&con_rings[VIRTIO_CONSOLE_CTRL_RX], &id, &len))
		return "nothing";
	assert_true(len >= sizeof(m) && len <= 64);
	at = ctrl_at[ctrl_got++ % ARRAY_SIZE(ctrl_at)];
	fake_ram_read(at, &m, sizeof(m));
	fake_ram_read(at + sizeof(m), more, len - sizeof(m));
	assert_int_equal(m.value, 1);
	if (m.event == VIRTIO_CONSOLE_RESIZE) {
		struct virtio_console_resize size;

		assert_int_equal(len, sizeof(m) + sizeof(size));
		memcpy(&size, more, sizeof(size));
		snprintf(more, sizeof(more), "%ux%u", size.cols, size.rows);
	}
	snprintf(text, sizeof(text), "%s %u%s%s", name_of(m.event), m.id, more[0] ? " " : "", more);
	return text;
}

bool con_print(unsigned int q, const char *text)
{
	const uint32_t len = (uint32_t)strlen(text);
	const uint64_t at = fake_ram_alloc(len, 1);

	fake_ram_write(at, text, len);
	(void)vring_add(&con_rings[q], &(struct vbuf){ at, len, false }, 1);
	(void)vring_publish(&con_rings[q]);
	return vring_notify_once(&con_rings[q]);
}

void con_printed(unsigned int i, const char *text)
{
	assert_int_equal(fake_streams[i].printed, strlen(text));
	assert_memory_equal(fake_streams[i].out, text, strlen(text));
}

unsigned int con_used(unsigned int q, uint32_t *len)
{
	unsigned int n = 0;
	uint32_t id;

	while (vring_used(&con_rings[q], &id, len))
		n++;
	return n;
}

bool con_broken(void)
{
	return vdev_get(VDEV(0), VIRTIO_MMIO_STATUS) & VIRTIO_NEEDS_RESET;
}
