// SPDX-License-Identifier: BSD-2-Clause
/*
 * shared@N: memory that this VM shares with others, outside of its RAM, and a page of registers with a doorbell
 * (hartvisor/shared.h).
 *
 * A peer's state is changed by other peers, so the region's lock guards that of all of them. A line is raised with the lock held: no
 * interrupt controller calls a device.
 */
#include "dev/shared.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arch/cache.h"
#include "arch/memmap.h"
#include "dev/mmio.h"
#include "irqchip/virqchip.h"
#include "lib/index.h"
#include "lib/text.h"
#include "vcpu/layout.h"
#include "vcpu/vm_part.h"

enum shared_access { SHARED_READ_WRITE, SHARED_READ_ONLY };

struct shared_peer {
	struct shared_region *region;
	struct virq irq;
	gpa_t regs, base;
	uint32_t phandle;
	unsigned int number;
	bool writes;
	char label[10];

	/* Guarded by the region's lock. */
	bool alive; /* the VM has a life */
	uint32_t pending, enabled;
};

struct named *shared_regions;

void shared_add(struct shared_region *r)
{
	spin_init(&r->lock, LOCK_SHARED);
	named_add(&shared_regions, &r->named);
}

/* --- registers ------------------------------------------------------------------------------------ */

/* With the lock. */
static void set_line(const struct shared_peer *p)
{
	virq_set_level(p->irq, (p->pending & p->enabled) != 0);
}

static void ring(struct shared_peer *p, unsigned int by)
{
	if (!p || !p->alive)
		return;
	p->pending |= UINT32_C(1) << by;
	set_line(p);
}

/* A number that is no peer's is passed over. */
static void ring_some(struct shared_peer *p, uint32_t which)
{
	struct shared_region *r = p->region;

	if (which < HARTVISOR_SHARED_PEERS)
		ring(r->peers[index_below(which, HARTVISOR_SHARED_PEERS)], p->number);
	for (unsigned int i = 0; which == HARTVISOR_SHARED_ALL && i < HARTVISOR_SHARED_PEERS; i++)
		if (i != p->number)
			ring(r->peers[i], p->number);
}

static uint32_t peers_alive(const struct shared_region *r)
{
	uint32_t alive = 0;

	for (unsigned int i = 0; i < HARTVISOR_SHARED_PEERS; i++)
		if (r->peers[i] && r->peers[i]->alive)
			alive |= UINT32_C(1) << i;
	return alive;
}

static uint32_t read_register(const struct shared_peer *p, uint64_t off)
{
	switch (off) {
	case HARTVISOR_SHARED_MAGIC:
		return HARTVISOR_SHARED_IS;
	case HARTVISOR_SHARED_VERSION:
		return 1;
	case HARTVISOR_SHARED_ACCESS:
		return p->writes;
	case HARTVISOR_SHARED_PEER:
		return p->number;
	case HARTVISOR_SHARED_ALIVE:
		return peers_alive(p->region);
	case HARTVISOR_SHARED_PENDING:
		return p->pending;
	case HARTVISOR_SHARED_ENABLE:
		return p->enabled;
	default:
		return 0;
	}
}

static uint64_t shared_read(void *dev, uint64_t off, unsigned int len)
{
	const struct shared_peer *p = dev;
	uint32_t val;

	if (len != 4)
		return 0;
	spin_lock(&p->region->lock);
	val = read_register(p, off);
	spin_unlock(&p->region->lock);
	return val;
}

static void shared_write(void *dev, uint64_t off, unsigned int len, uint64_t val)
{
	struct shared_peer *p = dev;

	if (len != 4)
		return;
	spin_lock(&p->region->lock);
	if (off == HARTVISOR_SHARED_RING)
		ring_some(p, (uint32_t)val);
	else if (off == HARTVISOR_SHARED_PENDING)
		p->pending &= ~(uint32_t)val;
	else if (off == HARTVISOR_SHARED_ENABLE)
		p->enabled = (uint32_t)val & ((1u << HARTVISOR_SHARED_PEERS) - 1);
	set_line(p);
	spin_unlock(&p->region->lock);
}

static const struct mmio_ops shared_ops = { shared_read, shared_write, NULL };

/* --- as a part of a VM ---------------------------------------------------------------------------- */

struct shared_config {
	struct shared_region *region;
	unsigned int access; /* enum shared_access */
};

static const char *const access_words[] = { "read-write", "read-only", NULL };

static void read_region(struct config_node *n, const struct property *p, void *value)
{
	struct named *found = property_named(n, p, shared_regions, "shared-memory");

	if (found)
		*(struct shared_region **)value = container_of(found, struct shared_region, named);
}

static const struct property rows[] = {
	PROPERTY("region", read_region, struct shared_config, region),
	PROPERTY_WORD("access", struct shared_config, access, access_words),
};
static const struct shared_config initial;

static void shared_check(struct config_node *n, const void *config)
{
	if (!((const struct shared_config *)config)->region)
		config_error(n, "region",
			     "must be the name of a node below the configuration's shared-memory");
}

static int shared_create(struct vm *vm, const struct vm_part_args *args, void **state);

static unsigned int count(const struct vm *vm)
{
	unsigned int n = 0;

	for (const struct vm_part_of *p = vm->parts; p; p = p->next)
		n += p->part->create == shared_create;
	return n;
}

static bool has_region(const struct vm *vm, const struct shared_region *r)
{
	for (const struct vm_part_of *p = vm->parts; p; p = p->next)
		if (p->part->create == shared_create &&
		    ((const struct shared_peer *)p->state)->region == r)
			return true;
	return false;
}

/* The first one that has come finds the memory cleared: VMs of another time have left theirs there. */
static int join(struct shared_peer *p)
{
	struct shared_region *r = p->region;
	int err = HV_ENOMEM;

	spin_lock(&r->lock);
	for (unsigned int i = 0; i < HARTVISOR_SHARED_PEERS && err != HV_OK; i++) {
		if (r->peers[i])
			continue;
		p->number = i;
		r->peers[i] = p;
		if (r->nr_peers++ == 0)
			arch_wipe_range(hpa_to_ptr(r->at), r->size);
		err = HV_OK;
	}
	spin_unlock(&r->lock);
	return err;
}

static void leave(struct shared_peer *p)
{
	struct shared_region *r = p->region;

	spin_lock(&r->lock);
	if (r->peers[index_below(p->number, HARTVISOR_SHARED_PEERS)] == p) {
		r->peers[index_below(p->number, HARTVISOR_SHARED_PEERS)] = NULL;
		r->nr_peers--;
	}
	spin_unlock(&r->lock);
}

static int place(struct shared_peer *p, struct vm *vm, const struct vm_part_args *args)
{
	const unsigned int nr = count(vm);

	if (nr == VSHARED_MAX) {
		config_error(args->node, NULL, "a VM must have at most %d shared nodes",
			     VSHARED_MAX);
		return HV_EINVAL;
	}
	if (has_region(vm, p->region)) {
		config_error(args->node, "region", "must not be that of another node of the VM");
		return HV_EINVAL;
	}
	if (vm_new_window(vm, p->region->size, &p->base) != HV_OK) {
		config_error(args->node, "region",
			     "0x%" PRIx64 " bytes: must be at most 0x%" PRIx64
			     ", all that this machine's G-stage addresses behind the VM's memory",
			     p->region->size, vm_window_room(vm));
		return HV_EINVAL;
	}
	p->regs = gpa(VSHARED_BASE + nr * VSHARED_SIZE);
	p->irq = virq_of(vm, VSHARED_IRQ + nr);
	return mmio_add(vm->bus, p->regs, VSHARED_SIZE, &shared_ops, p, "shared");
}

static int shared_create(struct vm *vm, const struct vm_part_args *args, void **state)
{
	const struct shared_config *c = args->config;
	struct shared_peer *p = arena_new(&vm->arena, struct shared_peer);
	int err;

	if (!p)
		return HV_ENOMEM;
	p->region = c->region;
	p->writes = c->access == SHARED_READ_WRITE;
	err = place(p, vm, args);
	if (err != HV_OK)
		return err;
	p->phandle = vm_new_phandle(vm);
	snprintf(p->label, sizeof(p->label), "shared%u", args->unit);
	if (join(p) != HV_OK) {
		config_error(args->node, "region", "must have at most %d VMs",
			     HARTVISOR_SHARED_PEERS);
		return HV_EINVAL;
	}
	*state = p;
	return HV_OK;
}

/* A life begins: from here on others may ring. */
static int shared_map(void *state, struct vm *vm)
{
	struct shared_peer *p = state;
	int err = gstage_add_slot(&vm->gstage, p->base, p->region->size,
				  p->writes ? GSTAGE_SHARED : GSTAGE_SHARED_ROM, p->region->at);

	if (err != HV_OK)
		return err;
	spin_lock(&p->region->lock);
	p->alive = true;
	spin_unlock(&p->region->lock);
	return HV_OK;
}

static void shared_reset(void *state)
{
	struct shared_peer *p = state;

	spin_lock(&p->region->lock);
	p->alive = false;
	p->pending = p->enabled = 0;
	set_line(p);
	spin_unlock(&p->region->lock);
}

/* The VM's tables are gone, and no hart has a translation of them (vm/lifecycle.c, wipe_step). */
static void shared_destroy(void *state)
{
	shared_reset(state);
	leave(state);
}

static void shared_describe(const void *state, struct fdtw *w, enum vm_place where)
{
	const struct shared_peer *p = state;
	const fdt64_t reg[] = { cpu_to_fdt64(p->regs.gpa), cpu_to_fdt64(VSHARED_SIZE),
				cpu_to_fdt64(p->base.gpa), cpu_to_fdt64(p->region->size) };

	if (where != VM_PLACE_SOC)
		return;
	fdtw_begin_at(w, "shared", p->regs.gpa);
	fdtw_label(w, p->label, p->phandle);
	fdtw_bytes(w, "reg", reg, sizeof(reg));
	fdtw_string(w, "compatible", "hartvisor,shared-memory");
	fdtw_string(w, "label", p->region->named.name);
	if (!p->writes)
		fdtw_empty(w, "read-only");
	virq_describe(p->irq, w);
	fdtw_end(w);
}

VM_PART(shared) = {
	.name = "shared",
	.order = VM_PART_DEVICE,
	.child = "shared",
	VM_PART_CONFIG(rows, initial),
	.check = shared_check,
	.create = shared_create,
	.map = shared_map,
	.reset = shared_reset,
	.destroy = shared_destroy,
	.describe = shared_describe,
};
