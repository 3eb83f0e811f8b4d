// SPDX-License-Identifier: BSD-2-Clause
/*
 * The balloon, by good and by hostile drivers. A leaf that is given back has zeroes when it is touched, whatever touches it: a
 * load, a store, a fetch, a device, an SBI call. The entropy device of the same VM is the victim (victim.h). Boot arguments:
 * n: rounds; brief=1: some leaves are given back, and that is all; reboot=1: again and again. Other vcpus write into the leaves
 * all the time.
 */
#include "fdt.h"
#include "random.h"
#include "sbi.h"
#include "smp.h"
#include "string.h"
#include "trap.h"
#include "victim.h"

GUEST("virtio_balloon");

#define LEAF   0x200000UL
#define PAGES  512u
#define LEAVES 8u /* that are played with */

#define F_REPORTING (1UL << 5)

enum { INFLATE, DEFLATE, REPORT, REPORT_TOO = 4 };

extern char _image_end[];

static struct virtio balloon;
static struct virtq queues[5];
static struct vring rings[5];
static uint32_t pfns[PAGES + 4];
static unsigned long first; /* leaf */
static volatile bool others_go;

#define PATTERN(at) ((at)*0x9e3779b97f4a7c15UL | 1)

static unsigned long leaf(unsigned int i)
{
	return first + i * LEAF;
}

static volatile unsigned long *word(unsigned long at)
{
	return (volatile unsigned long *)at;
}

static void fill(unsigned long at)
{
	for (unsigned long i = 0; i < LEAF; i += 512)
		*word(at + i) = PATTERN(at + i);
}

/* Is each word as fill() wrote it, or each zero? */
static bool is_full(unsigned long at)
{
	for (unsigned long i = 0; i < LEAF; i += 512)
		if (*word(at + i) != PATTERN(at + i))
			return false;
	return true;
}

static bool is_zero(unsigned long at)
{
	for (unsigned long i = 0; i < LEAF; i += 8)
		if (*word(at + i) != 0)
			return false;
	return true;
}

/* --- the driver ------------------------------------------------------------------------------------- */

static void begin(void)
{
	CHECK(virtio_begin(&balloon, F_REPORTING | VIRTIO_F_INDIRECT));
	CHECK(balloon.features & F_REPORTING);
	for (unsigned int i = 0; i < 5; i++)
		CHECK(virtq_init(&queues[i], &balloon, i, 32, &rings[i]));
	virtio_go(&balloon);
}

/* Offer what is in descriptors 0 to @n - 1, one chain. True: it has been used. */
static bool offer(unsigned int queue, unsigned int n)
{
	struct virtq *vq = &queues[queue];
	uint32_t head, len;

	for (unsigned int i = 0; i + 1 < n; i++)
		rings[queue].desc[i].flags |= VRING_NEXT;
	virtq_offer(vq, 0);
	virtq_notify(vq);
	return virtq_used(vq, &head, &len) && head == 0 && len == 0;
}

static void block(unsigned int queue, unsigned int i, unsigned long at, unsigned long len)
{
	virtq_desc(&queues[queue], i, at, (uint32_t)len, VRING_WRITE, (uint16_t)(i + 1));
}

static bool report(unsigned int queue, unsigned long at, unsigned long len)
{
	block(queue, 0, at, len);
	return offer(queue, 1);
}

/* @n pages from @at on, and what more is in pfns. */
static bool pages(unsigned int queue, unsigned long at, unsigned int n, unsigned int more)
{
	for (unsigned int i = 0; i < n; i++)
		pfns[i] = (uint32_t)((at >> 12) + i);
	virtq_desc(&queues[queue], 0, AT(pfns), (n + more) * 4, 0, 0);
	return offer(queue, 1);
}

static void balloon_works(const char *name)
{
	begin();
	fill(leaf(0));
	if (!report(REPORT, leaf(0), LEAF) || virtio_broken(&balloon) || !is_zero(leaf(0)))
		test_fail("%s: the balloon does not work any more", name);
	victim_works(name);
}

static void rejected(const char *name)
{
	if (!virtio_broken(&balloon))
		test_fail("%s: it does not ask for a reset", name);
	balloon_works(name);
}

/* --- what touches ------------------------------------------------------------------------------------ */

static void give(unsigned int i)
{
	fill(leaf(i));
	CHECK(report(REPORT, leaf(i), LEAF));
}

static void test_touch(void)
{
	struct trap t;

	give(1);
	CHECK(is_zero(leaf(1)));
	give(1);
	*word(leaf(1) + 8) = 5; /* a store is not lost */
	CHECK(*word(leaf(1) + 8) == 5 && *word(leaf(1)) == 0);
	give(1);
	*(volatile uint16_t *)(leaf(1) + LEAF - 2) = 7;
	CHECK(*word(leaf(1) + LEAF - 8) == 7UL << 48);
	/* Zeroes are an illegal instruction; behind it there is a return. */
	give(1);
	*(volatile uint16_t *)leaf(2) = 0x8082;
	__asm__ volatile("fence.i" : : : "memory");
	t = TRAP_TRY(((void (*)(void))(leaf(2) - 2))());
	CHECK_EQ(t.count, 1);
	CHECK_EQ(t.cause, 2);
	CHECK(is_zero(leaf(1)));
	/* Both leaves of an access that lies across. */
	give(1);
	give(2);
	__asm__ volatile("sd %0, 0(%1)" : : "r"(-1L), "r"(leaf(2) - 3) : "memory");
	CHECK(*word(leaf(2)) == 0xffffffffffUL && *word(leaf(2) - 8) == 0xffffffUL << 40);
}

static void test_devices(void)
{
	uint32_t head, len;

	give(1);
	give(2);
	CHECK(virtio_begin(&dev, 0));
	CHECK(virtq_init(&q, &dev, 0, SIZE, &ring));
	virtio_go(&dev);
	virtq_desc(&q, 0, leaf(2) - 16, 32, VRING_WRITE, 0);
	virtq_offer(&q, 0);
	virtq_notify(&q);
	CHECK(virtq_used(&q, &head, &len) && len == 32);
	CHECK((*word(leaf(2) - 16) | *word(leaf(2) - 8)) != 0);
	CHECK((*word(leaf(2)) | *word(leaf(2) + 8)) != 0);
	CHECK(*word(leaf(2) + 16) == 0 && *word(leaf(1)) == 0);
	/* Its whole ring. */
	give(1);
	CHECK(virtio_begin(&dev, 0));
	*virtio_reg(&dev, VIRTIO_QUEUE_SEL) = 0;
	*virtio_reg(&dev, VIRTIO_QUEUE_SIZE) = SIZE;
	virtq_place(&dev, leaf(1), leaf(1) + 0x1000, leaf(1) + 0x2000);
	*virtio_reg(&dev, VIRTIO_QUEUE_READY) = 1;
	CHECK(*virtio_reg(&dev, VIRTIO_QUEUE_READY) == 1);
	CHECK(is_zero(leaf(1)));
	victim_works("a ring in a leaf that was given back");
}

static void test_calls(void)
{
	struct sbiret r;

	give(1);
	give(2);
	r = sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_READ, 16, leaf(2) - 8, 0, 0, 0);
	CHECK(r.error == 0);
	CHECK(*word(leaf(2) - 16) == 0 && *word(leaf(2) + 16) == 0);
	give(1);
	r = sbi_call(SBI_EXT_DBCN, SBI_DBCN_CONSOLE_WRITE, 4, leaf(1), 0, 0, 0);
	CHECK(r.error == 0 && r.value > 0);
	CHECK(is_zero(leaf(1)));
	give(1);
	r = sbi_call(SBI_EXT_STA, SBI_STA_SET_SHMEM, leaf(1), 0, 0, 0, 0);
	CHECK_EQ(r.error, 0);
	/* It goes while the call is in force: the guest's loss. */
	CHECK(report(REPORT, leaf(1), LEAF));
	r = sbi_call(SBI_EXT_STA, SBI_STA_SET_SHMEM, -1UL, -1UL, 0, 0, 0);
	CHECK(r.error == 0);
	give(1);
	(void)sbi_call(SBI_EXT_LEGACY_SEND_IPI, 0, leaf(1), 0, 0, 0, 0);
	CHECK(is_zero(leaf(1)));
}

/* --- inflate and deflate ------------------------------------------------------------------------------ */

static void test_inflate(void)
{
	fill(leaf(1));
	CHECK(pages(INFLATE, leaf(1), 256, 0));
	CHECK(pages(INFLATE, leaf(1) + 0x101000, 255, 0));
	CHECK(is_full(leaf(1))); /* but one page */
	CHECK(pages(INFLATE, leaf(1) + 0x100000, 1, 0));
	CHECK(is_zero(leaf(1)));
	fill(leaf(1));
	CHECK(pages(DEFLATE, leaf(1), PAGES, 0));
	CHECK(pages(DEFLATE, leaf(1), PAGES, 0)); /* more than is in it */
	CHECK(pages(INFLATE, leaf(1), PAGES - 1, 0));
	CHECK(is_full(leaf(1)));
	CHECK(pages(DEFLATE, leaf(1), PAGES - 1, 0));
	/* What is no RAM is left out. */
	pfns[0] = 0xffffffff;
	pfns[1] = VIRTIO_BASE >> 12;
	pfns[2] = (uint32_t)(RAM_END >> 12);
	pfns[3] = 0;
	CHECK(pages(INFLATE, 0, 0, 4));
	CHECK(pages(DEFLATE, 0, 0, 4));
	/* A reset empties it. */
	CHECK(pages(INFLATE, leaf(1), PAGES - 1, 0));
	balloon_works("a reset");
	CHECK(pages(INFLATE, leaf(1) + LEAF - 4096, 1, 0));
	CHECK(is_full(leaf(1)));
	CHECK(pages(DEFLATE, leaf(1) + LEAF - 4096, 1, 0));
}

/* --- hostile ------------------------------------------------------------------------------------------ */

static void test_odd_reports(void)
{
	begin();
	fill(leaf(1));
	fill(leaf(2));
	fill(leaf(3));
	/* Whole leaves only. */
	CHECK(report(REPORT, leaf(1) + 4096, LEAF));
	CHECK(report(REPORT, leaf(1) + 1, LEAF - 1));
	CHECK(report(REPORT, leaf(1), LEAF - 1));
	CHECK(is_full(leaf(1)) && is_full(leaf(2)));
	CHECK(report(REPORT, leaf(1) + 8, 2 * LEAF));
	CHECK(is_full(leaf(1)) && is_zero(leaf(2)) && is_full(leaf(3)));
	/* Twice in a chain, none, a mixture. */
	block(REPORT_TOO, 0, leaf(1), LEAF);
	block(REPORT_TOO, 1, leaf(1), LEAF);
	block(REPORT_TOO, 2, leaf(1) - 512, 1024);
	block(REPORT_TOO, 3, leaf(2), 2 * LEAF);
	CHECK(offer(REPORT_TOO, 4));
	CHECK(is_zero(leaf(1)) && is_zero(leaf(2)) && is_zero(leaf(3)));
	/* No RAM. */
	CHECK(report(REPORT, 0, 4 * LEAF));
	CHECK(report(REPORT, VIRTIO_BASE & ~(LEAF - 1), 2 * LEAF));
	CHECK(report(REPORT, (RAM_END + LEAF - 1) & ~(LEAF - 1), 0xffe00000));
	CHECK(report(REPORT, 1UL << 50, LEAF));
	CHECK(report(REPORT, 1UL << 63, LEAF));
	CHECK(!virtio_broken(&balloon));
	CHECK(!report(REPORT, -LEAF, 2 * LEAF));
	rejected("a block beyond the last address");
}

static void test_own_ring(void)
{
	struct vring *far = (struct vring *)leaf(1);

	begin();
	*virtio_reg(&balloon, VIRTIO_QUEUE_SEL) = REPORT;
	*virtio_reg(&balloon, VIRTIO_QUEUE_READY) = 0;
	CHECK(virtq_init(&queues[REPORT], &balloon, REPORT, 32, far));
	virtq_desc(&queues[REPORT], 0, leaf(1), LEAF, VRING_WRITE, 0);
	virtq_offer(&queues[REPORT], 0);
	virtq_notify(&queues[REPORT]);
	/* Whatever it finds in the ring of zeroes is its driver's. */
	balloon_works("its own ring");
	/* The victim's. */
	CHECK(virtio_begin(&dev, 0));
	CHECK(virtq_init(&q, &dev, 0, SIZE, far));
	virtio_go(&dev);
	victim_offer();
	CHECK(victim_is_used());
	victim_offer();
	CHECK(report(REPORT, leaf(1), LEAF));
	virtq_notify(&q);
	victim_works("a victim's ring");
}

static void test_bad_chains(void)
{
	begin();
	pfns[0] = 0;
	virtq_desc(&queues[INFLATE], 0, AT(pfns), 6, 0, 0);
	CHECK(!offer(INFLATE, 1));
	rejected("a part of a page number");
	virtq_desc(&queues[DEFLATE], 0, AT(pfns), 8, VRING_WRITE, 0);
	CHECK(!offer(DEFLATE, 1));
	rejected("page numbers to be written");
	virtq_desc(&queues[INFLATE], 0, RAM_END, 8, 0, 0);
	CHECK(!offer(INFLATE, 1));
	rejected("page numbers outside of RAM");
	virtq_desc(&queues[REPORT], 0, leaf(0), LEAF, VRING_WRITE | VRING_NEXT, 0);
	virtq_offer(&queues[REPORT], 0);
	virtq_notify(&queues[REPORT]);
	rejected("a circle");
	rings[REPORT].avail.idx = 100;
	virtq_notify(&queues[REPORT]);
	rejected("an index that runs ahead");
}

static void test_config(void)
{
	begin();
	CHECK(*virtio_reg(&balloon, VIRTIO_CONFIG) == 0);
	*virtio_reg(&balloon, VIRTIO_CONFIG) = 77;
	CHECK(*virtio_reg(&balloon, VIRTIO_CONFIG) == 0);
	*virtio_reg(&balloon, VIRTIO_CONFIG + 4) = 77;
	CHECK(*virtio_reg(&balloon, VIRTIO_CONFIG + 4) == 77);
	*virtio_reg(&balloon, VIRTIO_CONFIG + 8) = 77;
	*word(balloon.base + VIRTIO_CONFIG) = -1UL;
	*(volatile uint8_t *)(balloon.base + VIRTIO_CONFIG + 4) = 1;
	*word(balloon.base + 0xff8) = -1UL;
	CHECK(*virtio_reg(&balloon, VIRTIO_CONFIG + 4) == 77);
	CHECK(*virtio_reg(&balloon, VIRTIO_CONFIG + 8) == 0);
	balloon_works("configuration");
}

/* --- several vcpus ------------------------------------------------------------------------------------ */

/* What is found is this VM's own, or zero, while vcpu 0 gives the leaves back. */
static void other(struct cpu *cpu)
{
	unsigned long seed = cpu->hartid + 1;

	while (!others_go)
		;
	for (;;) {
		unsigned long r = random_next(&seed);
		volatile unsigned long *at = word(leaf(4) + (r % (4 * LEAF) & ~7UL));
		unsigned long found = *at;

		if (found != 0 && found != PATTERN((unsigned long)at))
			test_fail("0x%lx has 0x%lx", (unsigned long)at, found);
		if (r >> 63)
			*at = PATTERN((unsigned long)at);
	}
}

static void test_others(unsigned long rounds)
{
	others_go = true;
	for (unsigned long n = 0; n < rounds; n++) {
		for (unsigned int i = 0; i < 4; i++)
			block(REPORT, i, leaf(4 + i), LEAF);
		CHECK(offer(REPORT, 4));
		for (unsigned int i = 0; i < 4; i++)
			for (unsigned long at = leaf(4 + i); at < leaf(5 + i); at += 4096)
				CHECK(*word(at) == 0 || *word(at) == PATTERN(at));
	}
	victim_works("several vcpus");
}

void guest_main(void)
{
	first = ((unsigned long)_image_end + LEAF - 1) & ~(LEAF - 1);
	CHECK(RAM_END - first > (LEAVES + 2) * LEAF);
	CHECK(virtio_find(&balloon, VIRTIO_ID_BALLOON, 0));
	if (machine_arg("brief", 0)) {
		begin();
		for (unsigned int i = 0; i < 4; i++)
			give(i);
		CHECK(is_zero(leaf(2)));
		return;
	}
	smp_start_others(other);
	victim_find();
	for (unsigned int i = 0; i < LEAVES; i++)
		CHECK(is_zero(leaf(i))); /* nothing of an earlier life */
	begin();
	test_touch();
	test_devices();
	test_calls();
	test_inflate();
	test_odd_reports();
	test_own_ring();
	test_bad_chains();
	test_config();
	test_others(machine_arg("n", 4));
	print("virtio_balloon: %u cases\n", nr_cases);
	for (unsigned int i = 0; i < LEAVES; i++)
		fill(leaf(i));
	if (machine_arg("reboot", 0))
		guest_reboot();
}
