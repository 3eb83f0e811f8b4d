// SPDX-License-Identifier: BSD-2-Clause
/* The console device as parts of a VM: a port for each node console@N. */
#include <stdio.h>
#include <string.h>

#include "dev/virtio/console.h"
#include "dev/virtio/transport.h"
#include "vcpu/console.h"

/* A Linux driver fills each receive queue with pages. */
#define QUEUE_SIZE 32

#define COLS_DEFAULT 80
#define ROWS_DEFAULT 24

/* --- the properties of a port --------------------------------------------------------------------- */

struct vconsole_config {
	struct virtio_config virtio;
	const char *label; /* NULL: "console" and N */
	unsigned int type; /* enum vconsole_type */
	struct vconsole_size size;
};

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

/* It is a file's name in the guest, and a part of the prefix that the operator sees. */
static void read_label(struct config_node *n, const struct property *p, void *value)
{
	const char *s = fdtx_prop_string(n->fdt, n->node, p->name);
	const char *end = s;

	while (end && is_label_char(*end))
		end++;
	if (s && end > s && end - s <= VCONSOLE_LABEL_MAX && *end == '\0')
		*(const char **)value = s;
	else
		config_error(n, p->name,
			     "must be one string of 1 to %u characters: letters, digits, "
			     "'.', '_' and '-'",
			     VCONSOLE_LABEL_MAX);
}

static void read_size(struct config_node *n, const struct property *p, void *value)
{
	struct vconsole_size *out = value;
	const fdt32_t *cells;
	uint32_t cols = 0, lines = 0;
	int len = 0;

	cells = fdt_getprop(n->fdt, n->node, p->name, &len);
	if (cells && len == 2 * (int)sizeof(*cells)) {
		cols = fdt32_ld(&cells[0]);
		lines = fdt32_ld(&cells[1]);
	}
	if (cols >= 1 && cols <= UINT16_MAX && lines >= 1 && lines <= UINT16_MAX)
		*out = (struct vconsole_size){ (uint16_t)cols, (uint16_t)lines };
	else
		config_error(n, p->name, "must be <COLUMNS ROWS>, each from 1 to %u", UINT16_MAX);
}

static const char *const types[] = {
	[VCONSOLE_CONSOLE] = "console",
	[VCONSOLE_PORT] = "port",
	NULL,
};

static const struct property rows[] = {
	VIRTIO_PROPERTIES(struct vconsole_config),
	PROPERTY("label", read_label, struct vconsole_config, label),
	PROPERTY_WORD("type", struct vconsole_config, type, types),
	PROPERTY("size", read_size, struct vconsole_config, size),
};
static const struct vconsole_config initial;

/* --- as a part of a VM ---------------------------------------------------------------------------- */

/* The device of @vm; NULL: it has none yet. */
static struct vconsole *find(const struct vm *vm)
{
	for (unsigned int i = 0; i < VIRTIO_SLOTS; i++)
		if (vm->virtio->dev[i] && vm->virtio->dev[i]->ops == &vconsole_ops)
			return vconsole_of(vm->virtio->dev[i]);
	return NULL;
}

/* With queues for as many ports as there may be; add_port() lets the driver have those that there are. */
static int make_device(struct vm *vm, const struct vm_part_args *args, struct vconsole **out)
{
	*out = arena_new(&vm->arena, struct vconsole);
	if (!*out)
		return HV_ENOMEM;
	return virtio_init(&(*out)->dev, vm, args, &vconsole_ops,
			   VIRTIO_CONSOLE_F_SIZE | VIRTIO_CONSOLE_F_MULTIPORT |
				   VIRTIO_CONSOLE_F_EMERG_WRITE,
			   2 + 2 * VCONSOLE_PORTS, QUEUE_SIZE);
}

static int check_port(const struct vconsole *c, const struct vconsole_port *p,
		      const struct vm_part_args *args)
{
	const struct vconsole_config *cfg = args->config;

	if (cfg->virtio.slot != 0 && cfg->virtio.slot != c->dev.slot + 1) {
		config_error(args->node, "slot",
			     "must be %u or left out: all consoles of a VM are ports of one device",
			     c->dev.slot + 1);
		return HV_EINVAL;
	}
	if (c->nr_ports == VCONSOLE_PORTS) {
		config_error(args->node, NULL, "must be one of %u consoles at most",
			     VCONSOLE_PORTS);
		return HV_EINVAL;
	}
	for (unsigned int i = 0; i < c->nr_ports; i++) {
		if (strcmp(c->ports[i]->label, p->label) != 0)
			continue;
		config_error(args->node, "label",
			     "must be unique in the VM: another console is \"%s\"", p->label);
		return HV_EINVAL;
	}
	return HV_OK;
}

/* The configuration has the size of the first one. */
static void add_port(struct vconsole *c, struct vconsole_port *p)
{
	struct virtio_console_config *config = virtio_config(&c->dev);

	if (c->nr_ports == 0) {
		config->cols = p->size.cols ? p->size.cols : COLS_DEFAULT;
		config->rows = p->size.rows ? p->size.rows : ROWS_DEFAULT;
	}
	p->of = c;
	p->id = c->nr_ports;
	c->ports[index_below(c->nr_ports, VCONSOLE_PORTS)] = p;
	c->nr_ports++;
	config->max_nr_ports = c->nr_ports;
	c->dev.nr_queues = 2 + 2 * c->nr_ports;
}

static int vconsole_create(struct vm *vm, const struct vm_part_args *args, void **state)
{
	const struct vconsole_config *cfg = args->config;
	struct vconsole_port *p = arena_new(&vm->arena, struct vconsole_port);
	struct vconsole *c = find(vm);
	int err;

	if (!p)
		return HV_ENOMEM;
	*state = p;
	p->type = (enum vconsole_type)cfg->type;
	p->size = cfg->size;
	if (cfg->label)
		snprintf(p->label, sizeof(p->label), "%s", cfg->label);
	else
		snprintf(p->label, sizeof(p->label), "console%u", args->unit);
	err = c ? HV_OK : make_device(vm, args, &c);
	if (err == HV_OK)
		err = check_port(c, p, args);
	if (err != HV_OK)
		return err;
	p->console.port =
		(struct vm_console_port){ vconsole_input_ready, vconsole_output_ready, p };
	p->console.absent = vconsole_absent;
	err = vm_add_console(vm, &p->console, p->label);
	if (err == HV_OK)
		add_port(c, p);
	return err;
}

/* The device goes with its first port, as that is reset last. What was typed is discarded with all of the VM's input. */
static void vconsole_part_reset(void *state)
{
	struct vconsole_port *p = state;

	if (p->id == 0)
		virtio_reset(&p->of->dev);
}

/* What came during the pause. */
static void vconsole_resume(void *state)
{
	struct vconsole_port *p = state;

	if (p->id == 0)
		virtio_serve_all(&p->of->dev, VIRTIO_CONSOLE_CTRL_RX);
	vconsole_input_ready(p);
	vconsole_output_ready(p);
}

VM_PART(vconsole) = {
	.name = "console",
	.order = VM_PART_DEVICE,
	.child = "console",
	VM_PART_CONFIG(rows, initial),
	.create = vconsole_create,
	.reset = vconsole_part_reset,
	.destroy = vconsole_part_reset,
	.resume = vconsole_resume,
};
