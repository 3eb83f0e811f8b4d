// SPDX-License-Identifier: BSD-2-Clause
/*
 * Virtio devices behind virtio-mmio: notifications, and a disk that is an image in memory. Interrupts are polled: what a
 * row counts is the notifying store, from which the guest comes back when the device has done all. On hartvisor only.
 *
 * A disk of the machine answers later, by an interrupt of the machine. The guest takes its own then, while it waits in a loop.
 * The turns of that loop are counted and left out, so a row has what hartvisor executes however long the machine's disk takes.
 */
#include "bench.h"
#include "plic.h"
#include "test.h"
#include "virtio.h"

#define BLOCK	4096
#define QUEUE	128 /* entries */
#define AT_ONCE 32

struct disk_request {
	uint32_t type, reserved;
	uint64_t sector;
	uint8_t status;
};

static struct vring ring;
static struct virtio dev;
static struct virtq q;
static struct disk_request requests[AT_ONCE];
static _Alignas(4096) char buffers[AT_ONCE][BLOCK];

static void begin(uint32_t id, unsigned int queue, unsigned int size)
{
	CHECK(virtio_find(&dev, id, 0));
	CHECK(virtio_begin(&dev, VIRTIO_F_EVENT_IDX));
	CHECK(virtq_init(&q, &dev, queue, size, &ring));
	virtio_go(&dev);
}

/* An interrupt for each batch, as a driver that has seen all so far asks for it. */
static void want_interrupt(void)
{
	ring.avail.ring[QUEUE] = ring.used.idx;
}

static void acknowledge(void)
{
	*virtio_reg(&dev, VIRTIO_INTERRUPT_ACK) = 1;
}

/* --- a disk --------------------------------------------------------------------------------------- */

static void set_up_requests(void)
{
	for (unsigned int i = 0; i < AT_ONCE; i++) {
		requests[i] = (struct disk_request){ .sector = 8UL * i, .status = 0xff };
		virtq_desc(&q, 3 * i, (uintptr_t)&requests[i], 16, VRING_NEXT,
			   (uint16_t)(3 * i + 1));
		virtq_desc(&q, 3 * i + 1, (uintptr_t)buffers[i], BLOCK, VRING_NEXT | VRING_WRITE,
			   (uint16_t)(3 * i + 2));
		virtq_desc(&q, 3 * i + 2, (uintptr_t)&requests[i].status, 1, VRING_WRITE, 0);
	}
}

static inline __attribute__((always_inline)) uint16_t offer_blocks(unsigned int n)
{
	uint16_t idx = ring.avail.idx;

	want_interrupt();
	for (unsigned int i = 0; i < n; i++)
		ring.avail.ring[(idx + i) % QUEUE] = (uint16_t)(3 * i);
	return idx;
}

/* @really: and the device works; otherwise all but that, with what it would have done to the ring. */
static inline __attribute__((always_inline)) void read_blocks(unsigned int n, bool really)
{
	uint16_t idx = offer_blocks(n);

	if (!really)
		return;
	ring.avail.idx = (uint16_t)(idx + n);
	*virtio_reg(&dev, VIRTIO_QUEUE_NOTIFY) = 0;
	acknowledge();
}

/* What the clock itself takes. */
static long clock_cost(void)
{
	long began = clock_edge();

	return clock_now() - began;
}

/* One read up to the instruction behind its notification, where the interrupt is pending. Its acknowledgement is left out. */
static long read_block(void)
{
	const uint16_t until = (uint16_t)(offer_blocks(1) + 1);
	long began, took;

	ring.avail.idx = until;
	began = clock_edge();
	*virtio_reg(&dev, VIRTIO_QUEUE_NOTIFY) = 0;
	took = clock_now() - began;
	CHECK_EQ(ring.used.idx, until);
	CHECK_EQ(*virtio_reg(&dev, VIRTIO_INTERRUPT_STATUS), 1);
	acknowledge();
	return took;
}

static void reads_up_to_the_interrupt(void)
{
	long samples[BATCHES], clock = clock_cost();

	for (unsigned int b = 0; b < BATCHES; b++)
		samples[b] = read_block() - clock;
	bench_result("disk-read-4k-exit", bench_median(samples, BATCHES), 1);
}

static void disk(void)
{
	begin(VIRTIO_ID_BLOCK, 0, QUEUE);
	set_up_requests();
	BENCH_ROW("virtio-notify", 100, *virtio_reg(&dev, VIRTIO_QUEUE_NOTIFY) = 0, (void)0);
	BENCH_ROW("virtio-ack", 100, acknowledge(), (void)0);
	BENCH_ROW("virtio-register", 100, (void)*virtio_reg(&dev, VIRTIO_INTERRUPT_STATUS),
		  (void)0);
	reads_up_to_the_interrupt();
	BENCH_ROW("disk-read-4k", 50, read_blocks(1, true), read_blocks(1, false));
	CHECK_EQ(requests[0].status, 0);
	CHECK_EQ(buffers[0][0], 'h'); /* as tools/bench_run.py has filled it */
	CHECK_EQ(buffers[0][BLOCK - 1], 'h');
	{
		long took = BATCH_MEDIAN(2, read_blocks(AT_ONCE, true)),
		     loop = BATCH_MEDIAN(2, read_blocks(AT_ONCE, false));

		bench_result("disk-read-4k-32", took - loop, 2 * AT_ONCE);
	}
	CHECK_EQ(requests[AT_ONCE - 1].status, 0);
	CHECK(!virtio_broken(&dev));
}

/* --- a disk of the machine ------------------------------------------------------------------------ */

static unsigned long turns, interrupts; /* of three instructions; of five */

/* Notify, and wait for used.idx to be @until. @enabled, 2: interrupts are taken; 0: they become pending. */
static inline __attribute__((always_inline)) void wait_for_disk(uint16_t until, unsigned long claim,
								unsigned long enabled)
{
	register unsigned long s7 __asm__("s7") = 1;
	register unsigned long s8 __asm__("s8") = claim;
	register unsigned long s9 __asm__("s9") = dev.base;
	register unsigned long s11 __asm__("s11") = interrupts;
	unsigned long idx;

	__asm__ volatile(
		"csrs sstatus, %[enabled]\n"
		"sw zero, 0x50(%[dev])\n"
		"1: addi %[turns], %[turns], 1\n"
		"lhu %[idx], 0(%[used])\n"
		"bne %[idx], %[until], 1b\n"
		"csrci sstatus, 2"
		: [turns] "+r"(turns), [idx] "=&r"(idx), "+r"(s11)
		: [used] "r"(&ring.used.idx), [until] "r"((unsigned long)until), [dev] "r"(s9),
		  "r"(s7), "r"(s8), [enabled] "r"(enabled)
		: "memory", "s10");
	interrupts = s11;
}

/* One read up to the acknowledgement of its interrupt, which is pending by then. Claim and completion are left out. */
static long read_host_block(unsigned long claim)
{
	uint16_t until = (uint16_t)(offer_blocks(1) + 1);
	long began, took;
	uint32_t source;

	ring.avail.idx = until;
	turns = 0;
	began = clock_edge();
	wait_for_disk(until, claim, 0);
	acknowledge();
	took = clock_now() - began - 3 * (long)turns;
	CHECK(csr_read(sip) & 1UL << IRQ_EXT);
	source = *(volatile uint32_t *)claim;
	CHECK_EQ(source, dev.irq);
	*(volatile uint32_t *)claim = source;
	return took;
}

static void one_at_a_time(unsigned long claim)
{
	long samples[BATCHES], clock = clock_cost();

	for (unsigned int b = 0; b < BATCHES; b++)
		samples[b] = read_host_block(claim) - clock;
	bench_result("host-read-4k", bench_median(samples, BATCHES), 1);
}

/* @n at once; the guest takes each interrupt: claim, acknowledgement, completion. */
static void many_at_once(unsigned int n, unsigned long claim)
{
	long samples[BATCHES], clock = clock_cost();

	for (unsigned int b = 0; b < BATCHES; b++) {
		uint16_t until = (uint16_t)(offer_blocks(n) + n);
		long began;

		ring.avail.idx = until;
		turns = interrupts = 0;
		began = clock_edge();
		wait_for_disk(until, claim, 2);
		samples[b] = clock_now() - began - clock - 3 * (long)turns - 5 * (long)interrupts;
		CHECK(interrupts > 0);
	}
	bench_result(n == 1 ? "host-read-4k-taken" : "host-read-4k-32",
		     bench_median(samples, BATCHES), n);
}

void bench_host(void)
{
	unsigned long context = plic_context(this_cpu()->hartid);
	unsigned long claim = (unsigned long)plic_claim(context);

	begin(VIRTIO_ID_BLOCK, 0, QUEUE);
	set_up_requests();
	*plic_priority(dev.irq) = 1;
	*plic_enable(context, dev.irq) |= 1U << dev.irq;
	*plic_threshold(context) = 0;
	bench_vector(bench_vec_disk);
	csr_write(sie, 1UL << IRQ_EXT);
	one_at_a_time(claim);
	CHECK_EQ(requests[0].status, 0);
	CHECK_EQ(buffers[0][0], 'h'); /* as tools/bench_run.py has filled it */
	CHECK_EQ(buffers[0][BLOCK - 1], 'h');
	many_at_once(1, claim);
	many_at_once(AT_ONCE, claim);
	CHECK_EQ(requests[AT_ONCE - 1].status, 0);
	CHECK(!virtio_broken(&dev));
	csr_write(sie, 0);
}

void bench_virtio(void)
{
	disk();
}
