/* SPDX-License-Identifier: BSD-2-Clause */
/* For programs that look at the properties of virtio devices and make none: what making and using one would call. */
#include <stdlib.h>

#include "dev/virtio/balloon.h"
#include "dev/virtio/blk.h"
#include "dev/virtio/console.h"
#include "dev/virtio/net.h"
#include "lib/random.h"
#include "vcpu/console.h"

const struct virtio_ops vconsole_ops, vnet_ops;
const struct net_port_ops vnet_port_ops;
_Thread_local struct pcpu *fake_this_pcpu;

int virtio_init(struct virtio_dev *d, struct vm *vm, const struct vm_part_args *args,
		const struct virtio_ops *ops, uint64_t features, unsigned int nr, uint16_t size)
{
	(void)d, (void)vm, (void)args, (void)ops, (void)features, (void)nr, (void)size;
	abort();
}

bool virtio_reset(struct virtio_dev *d)
{
	(void)d;
	abort();
}

void virtio_serve_all(struct virtio_dev *d, unsigned int index)
{
	(void)d, (void)index;
	abort();
}

int virtq_push_to(struct virtq *q, uint16_t head, uint32_t written)
{
	(void)q, (void)head, (void)written;
	abort();
}

int virtq_write(const struct virtq *q, struct virtq_cursor *c, const void *from, uint64_t len)
{
	(void)q, (void)c, (void)from, (void)len;
	abort();
}

void vconsole_input_ready(void *dev)
{
	(void)dev;
	abort();
}

void vconsole_output_ready(void *dev)
{
	(void)dev;
	abort();
}

const char *vconsole_absent(void *dev)
{
	(void)dev;
	abort();
}

int vm_add_console(struct vm *vm, struct vm_console *c, const char *label)
{
	(void)vm, (void)c, (void)label;
	abort();
}

bool random_child_init(struct random_child *c, const void *use, size_t use_len)
{
	(void)c, (void)use, (void)use_len;
	abort();
}

bool random_child_bytes(struct random_child *c, void *out, size_t len, const void *use,
			size_t use_len)
{
	(void)c, (void)out, (void)len, (void)use, (void)use_len;
	abort();
}

int64_t blk_handle(struct virtio_dev *d, struct virtq *q, uint64_t budget)
{
	(void)d, (void)q, (void)budget;
	abort();
}

uint64_t overlay_size_for(uint64_t size)
{
	(void)size;
	abort();
}

int overlay_init(struct overlay *o, struct arena *a, const uint8_t *image, uint64_t size,
		 uint64_t most)
{
	(void)o, (void)a, (void)image, (void)size, (void)most;
	abort();
}

void virtio_config_changed(struct virtio_dev *d)
{
	(void)d;
	abort();
}

int virtq_read(const struct virtq *q, struct virtq_cursor *c, void *to, uint64_t len)
{
	(void)q, (void)c, (void)to, (void)len;
	abort();
}

int virtq_skip(const struct virtq *q, struct virtq_cursor *c, uint64_t len)
{
	(void)q, (void)c, (void)len;
	abort();
}

void balloon_ram_init(struct vballoon *b)
{
	(void)b;
	abort();
}

void balloon_ram_reset(struct vballoon *b)
{
	(void)b;
	abort();
}

bool balloon_give_step(struct vballoon *b, struct vcpu *v, gpa_t a)
{
	(void)b, (void)v, (void)a;
	abort();
}

void vnet_init(struct vnet *n)
{
	(void)n;
	abort();
}

void vm_mem_wait(void)
{
	abort();
}

uint64_t timer_frequency(void)
{
	abort();
}
