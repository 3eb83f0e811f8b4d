// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/vring.h tests/unit/fake/netvm.h
/*
 * Two network devices whose drivers do anything, on one switch with two that do everything right: packets with any header, any
 * command, any descriptor and register, while time passes, the VM is paused, lives end and ports leave. Each step ends without a
 * lock or a bracket, and with all receivers closed. At the end a packet comes from one good device to the other.
 */
#include "common/fuzz.h"

#include "dev/virtio/transport.h"
#include "fake/netvm.h"
#include "fake/pcpu.h"
#include "fake/timer.h"
#include "lib/lock_rank.h"
#include "vcpu/console.h"
#include "vcpu/vm_mem.h"

#define BAD	   2 /* devices 0 and 1 */
#define QUEUES	   5 /* two pairs, and the control queue */
#define MAX_STEPS  200
#define MAX_STORES 40 /* of one notification */

/* A page for each ring, and behind them buffers, of which the first ones have packets and commands. */
#define AREA	   (FAKE_RAM + KIB(704))
#define RING(d, q) (AREA + ((d)*QUEUES + (q)) * PAGE_SIZE)
#define AVAIL	   1024u
#define USED	   1536u
#define TABLE	   2560u
#define BUFFERS	   (AREA + BAD * QUEUES * PAGE_SIZE)
#define PACKET(i)  (BUFFERS + (i)*KIB(8))

static uint16_t offered[BAD][QUEUES];
static bool paused;

static const uint64_t features[] = {
	NET_F_CSUM,
	NET_F_GUEST_CSUM,
	NET_F_GUEST_TSO4,
	NET_F_GUEST_TSO6,
	NET_F_HOST_TSO4,
	NET_F_HOST_TSO6,
	NET_F_MRG_RXBUF,
	NET_F_CTRL_VQ,
	NET_F_CTRL_RX,
	NET_F_MQ,
	NET_F_CTRL_MAC_ADDR,
	VIRTIO_F_EVENT_IDX,
	VIRTIO_F_INDIRECT_DESC,
	VIRTIO_F_RING_RESET,
	NET_F_MAC,
	NET_F_MTU,
};

/* --- the bad drivers ------------------------------------------------------------------------------ */

static void store(uint64_t at, uint32_t val)
{
	for (unsigned int i = 0; i < MAX_STORES; i++) {
		guest_write(at, 4, val);
		if (!vcpu_tries_again(this_vcpu()) || paused)
			return;
	}
	fuzz_must(false);
}

static void begin(struct fuzz_input *in, unsigned int d)
{
	uint64_t take = VIRTIO_F_VERSION_1;
	uint16_t bits;

	fuzz_bytes(in, &bits, sizeof(bits));
	for (unsigned int i = 0; i < ARRAY_SIZE(features); i++)
		take |= bits >> i & 1 ? features[i] : 0;
	if (!(driver_begin(VDEV(d), take) & VIRTIO_FEATURES_OK))
		return;
	for (unsigned int q = 0; q < QUEUES; q++) {
		const struct vring r = { .dev = VDEV(d),
					 .index = q,
					 .size = 32,
					 .desc = RING(d, q),
					 .avail = RING(d, q) + AVAIL,
					 .used = RING(d, q) + USED };

		memset(fake_ram_at(RING(d, q)), 0, PAGE_SIZE);
		offered[d][q] = 0;
		vring_set_addresses(&r);
		vdev_set(VDEV(d), VIRTIO_MMIO_QUEUE_READY, 1);
	}
	store(VDEV(d) + VIRTIO_MMIO_STATUS,
	      VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
}

static void put_desc(struct fuzz_input *in, uint64_t ring, bool table)
{
	const uint8_t i = fuzz_u8(in) & 31;
	struct virtq_desc d;

	d.addr = fuzz_number(in, PACKET(1));
	d.len = (uint32_t)fuzz_number(in, 1526);
	d.flags = fuzz_u8(in) & 7;
	d.next = fuzz_u8(in) & 63;
	if (d.addr < 32) /* small numbers are packets, and the table */
		d.addr = d.flags & VIRTQ_DESC_INDIRECT ? ring + TABLE : PACKET(d.addr);
	fake_ram_write(ring + (table ? TABLE : 0) + sizeof(d) * i, &d, sizeof(d));
}

static void offer(struct fuzz_input *in, unsigned int d, unsigned int q)
{
	const uint8_t head = fuzz_u8(in), ahead = fuzz_u8(in);
	const uint64_t at = RING(d, q) + AVAIL;

	fake_ram_set_u16(at + VIRTQ_AVAIL_RING + 2u * (offered[d][q] & 31), head);
	offered[d][q] = (uint16_t)(offered[d][q] + (ahead < 250 ? 1 : ahead));
	fake_ram_set_u16(at + VIRTQ_AVAIL_IDX, offered[d][q]);
}

/* A packet that is nearly right. */
static void put_packet(struct fuzz_input *in, unsigned int d, unsigned int how)
{
	const uint8_t i = fuzz_u8(in) & 7;
	uint8_t p[sizeof(struct net_header) + 128];
	struct net_header *h = (struct net_header *)(void *)p;
	uint8_t *f = p + sizeof(*h);
	const bool v6 = how & 1;
	const uint8_t to = fuzz_u8(in);

	net_frame(f, 128, to & 1 ? 0xff : (uint8_t)(1 + (to >> 1 & 7)), (uint8_t)(1 + d));
	f[12] = v6 ? 0x86 : 0x08;
	f[13] = v6 ? 0xdd : 0x00;
	f[14] = v6 ? 0x60 : 0x45;
	f[20] = v6 ? 6 : 0x40;
	f[21] = 0;
	f[23] = 6;
	f[v6 ? 66 : 46] = 0x50;
	*h = (struct net_header){ 1, v6 ? 4 : 1, 54, 1000, v6 ? 54 : 34, 16, 0 };
	if (how & 2)
		*h = (struct net_header){ 0 };
	if (how & 4)
		fuzz_bytes(in, h, sizeof(*h));
	fake_ram_write(PACKET(i), p, sizeof(p));
}

static void put_command(struct fuzz_input *in)
{
	uint8_t command[24];

	fuzz_bytes(in, command, sizeof(command));
	command[0] &= 7;
	command[1] &= 3;
	fake_ram_write(PACKET(fuzz_u8(in) & 7), command, sizeof(command));
}

static void write_register(struct fuzz_input *in, unsigned int d)
{
	const uint64_t off = 4u * (fuzz_u8(in) & 127);

	store(VDEV(d) + off, (uint32_t)fuzz_number(in, AREA));
}

/* --- what else happens ---------------------------------------------------------------------------- */

static void begin_life(void)
{
	vm_mem_close(&fake_vm);
	for (unsigned int i = 0; i < BAD; i++)
		(void)virtio_reset(&nets[i].dev->dev);
	paused = false;
	fake_vm.state = VM_RUNNING;
	vm_mem_open(&fake_vm);
}

static void rejoin(struct net_port *p, uint16_t vlan, uint32_t rate)
{
	struct net_switch *s = p->of;
	const struct net_port *other;

	net_port_leave(p);
	p->vlan = vlan;
	p->rate = rate;
	fuzz_must(net_port_join(p, s, &other) == HV_OK);
}

static void other(struct fuzz_input *in, unsigned int d, unsigned int how)
{
	const uint8_t n = fuzz_u8(in);

	switch (how & 3) {
	case 0:
		paused = n & 1;
		fake_vm.state = paused ? VM_PAUSED : VM_RUNNING;
		break;
	case 1:
		fake_ticks += (uint64_t)n << (n & 31);
		break;
	case 2:
		begin_life();
		break;
	default:
		rejoin(&nets[d].dev->port, n & 1, n & 2 ? 1000u << (n >> 4) : 0);
		break;
	}
}

/* --- what must hold ------------------------------------------------------------------------------- */

static void check(void)
{
	fuzz_must(lock_rank_held()->ranks == 0);
	fuzz_must((this_pcpu()->mem_uses & 1) == 0);
	for (unsigned int i = 0; i < BAD; i++) {
		const struct vnet *n = nets[i].dev;

		fuzz_must(n->pairs >= 1 && n->pairs <= n->max_pairs);
		for (unsigned int q = 0; q < QUEUES; q++) {
			const struct virtq *vq = &n->dev.queues[q];

			fuzz_must(!vq->busy || vq->ready);
			fuzz_must(vq->chain.nr <= vq->max && vq->chain.nr_out <= vq->chain.nr);
			/* All that has been pushed, the driver has been told of. */
			fuzz_must(q % 2 != 0 || vq->published == vq->used_idx);
		}
		for (unsigned int l = 0; l < n->max_pairs; l++)
			fuzz_must(!n->lanes[l].sender.open.port);
	}
}

/* A packet between the two that are good; what the others have sent them comes first. */
static void check_neighbours(void)
{
	static uint8_t sent[1514], got[70000];
	struct net_header h;
	int len;

	begin_life();
	while (net_got(3, &h, got) >= 0)
		;
	net_give(3, 1, 1600);
	net_frame(sent, sizeof(sent), 4, 3);
	net_send_frame(2, 0, NULL, sent, sizeof(sent), 0);
	len = net_got(3, &h, got);
	fuzz_must(len == sizeof(sent) && memcmp(sent, got, sizeof(sent)) == 0);
	fuzz_must(!net_broken(2) && !net_broken(3));
}

/* --- one input ------------------------------------------------------------------------------------ */

static void one_step(struct fuzz_input *in)
{
	const uint8_t op = fuzz_u8(in), more = fuzz_u8(in);
	const unsigned int d = op >> 3 & 1, q = more % QUEUES, how = op >> 4;

	switch (op & 7) {
	case 0:
		begin(in, d);
		break;
	case 1:
		put_desc(in, RING(d, q), how & 1);
		break;
	case 2:
		offer(in, d, q);
		break;
	case 3:
		store(VDEV(d) + VIRTIO_MMIO_QUEUE_NOTIFY, q);
		break;
	case 4:
		put_packet(in, d, how);
		break;
	case 5:
		put_command(in);
		break;
	case 6:
		write_register(in, d);
		break;
	default:
		other(in, d, how);
		break;
	}
	check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };

	net_vm_setup(FAKE_SCATTERED);
	paused = false;
	for (unsigned int i = 0; i < 4; i++) {
		const char mac[6] = { 2, 0, 0, 0, 0, (char)(i + 1) };
		const struct net_says says = { .to = "lan", .mac = mac, .queues = i < BAD ? 2 : 1 };

		fuzz_must(net_make(i, says) == HV_OK);
		if (i >= BAD)
			net_begin(i, NET_PLAIN);
	}
	net_give(3, 20, 1600);
	for (unsigned int i = 0; i < MAX_STEPS && in.left > 0; i++)
		one_step(&in);
	check_neighbours();
	fuzz_must(net_vm_teardown());
	return 0;
}
