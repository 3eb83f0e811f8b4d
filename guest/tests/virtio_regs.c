// SPDX-License-Identifier: BSD-2-Clause
/*
 * A hostile driver of virtio-mmio's registers: notifications of all kinds, features and status against the rules, interrupts,
 * odd widths and offsets.
 */
#include "fdt.h"
#include "plic.h"
#include "string.h"
#include "test.h"
#include "trap.h"
#include "victim.h"

GUEST("virtio_regs");

/* --- notifications -------------------------------------------------------------------------------- */

static void test_notify(void)
{
	victim_begin(0);
	set(VIRTIO_QUEUE_READY, 1);
	virtio_go(&dev);
	set(VIRTIO_QUEUE_NOTIFY, 1);
	set(VIRTIO_QUEUE_NOTIFY, 0x80000000);
	set(VIRTIO_QUEUE_NOTIFY, 0xffffffff);
	WANT("notify", !virtio_broken(&dev));
	for (unsigned int i = 0; i < 10000; i++)
		set(VIRTIO_QUEUE_NOTIFY, 0);
	WANT("notify", !virtio_broken(&dev) && ring.used.idx == 0);
	victim_works("notifications of nothing");

	victim_begin(0);
	set(VIRTIO_QUEUE_READY, 1);
	victim_offer(); /* before DRIVER_OK */
	WANT("early", !victim_is_used());
	virtio_go(&dev);
	WANT("early", victim_is_used());
	victim_works("an early notification");

	victim_begin(0);
	virtio_go(&dev);
	victim_offer();
	WANT("no queue", !victim_is_used() && !virtio_broken(&dev));
	victim_works("a notification of a queue that is not ready");

	virtio_begin(&dev, 0);
	set(VIRTIO_STATUS, 0);
	set(VIRTIO_QUEUE_NOTIFY, 0);
	victim_works("a notification after a reset");
}

/* --- features and status -------------------------------------------------------------------------- */

static void features(uint32_t low, uint32_t high)
{
	set(VIRTIO_STATUS, 0);
	set(VIRTIO_STATUS, VIRTIO_S_ACKNOWLEDGE);
	set(VIRTIO_STATUS, VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER);
	set(VIRTIO_DRIVER_FEATURES_SEL, 0);
	set(VIRTIO_DRIVER_FEATURES, low);
	set(VIRTIO_DRIVER_FEATURES_SEL, 1);
	set(VIRTIO_DRIVER_FEATURES, high);
	set(VIRTIO_STATUS, VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER | VIRTIO_S_FEATURES_OK);
}

static void not_agreed(const char *name)
{
	WANT(name, !(get(VIRTIO_STATUS) & VIRTIO_S_FEATURES_OK));
	virtio_go(&dev);
	WANT(name, !(get(VIRTIO_STATUS) & VIRTIO_S_DRIVER_OK));
	victim_works(name);
}

static void test_features(void)
{
	features(0, 0);
	not_agreed("no VERSION_1");
	features(0x80000000, 1);
	not_agreed("a feature that is not offered");
	features(0xffffffff, 0xffffffff);
	not_agreed("all features");
	features(0, 1);
	CHECK(get(VIRTIO_STATUS) & VIRTIO_S_FEATURES_OK);
	set(VIRTIO_DRIVER_FEATURES_SEL, 0);
	set(VIRTIO_DRIVER_FEATURES, 0xffffffff); /* too late: it changes nothing */
	CHECK(virtq_init(&q, &dev, 0, SIZE, &ring));
	virtio_go(&dev);
	victim_offer();
	WANT("late", victim_is_used());
	victim_works("features after FEATURES_OK");
	features(0, 1);
	set(VIRTIO_STATUS, 0);
	set(VIRTIO_STATUS, VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER);
	set(VIRTIO_DRIVER_FEATURES_SEL, 2);
	set(VIRTIO_DRIVER_FEATURES, 1);
	set(VIRTIO_STATUS, VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER | VIRTIO_S_FEATURES_OK);
	not_agreed("a feature above 63");
	for (uint32_t sel = 2; sel < 40; sel++) {
		set(VIRTIO_DEVICE_FEATURES_SEL, sel);
		CHECK_EQ(get(VIRTIO_DEVICE_FEATURES), 0);
	}
	set(VIRTIO_DEVICE_FEATURES_SEL, 0xffffffff);
	CHECK_EQ(get(VIRTIO_DEVICE_FEATURES), 0);
	victim_works("features out of range");
}

static void test_status(void)
{
	set(VIRTIO_STATUS, 0);
	set(VIRTIO_STATUS, VIRTIO_S_DRIVER_OK);
	WANT("ok", !(get(VIRTIO_STATUS) & VIRTIO_S_DRIVER_OK));
	victim_works("DRIVER_OK alone");
	set(VIRTIO_STATUS, 0);
	set(VIRTIO_STATUS, 0xffffffff);
	WANT("ones", !(get(VIRTIO_STATUS) & (VIRTIO_S_DRIVER_OK | VIRTIO_S_NEEDS_RESET)));
	victim_works("all ones");
	victim_begin(0);
	set(VIRTIO_QUEUE_READY, 1);
	virtio_go(&dev);
	set(VIRTIO_STATUS, VIRTIO_S_ACKNOWLEDGE); /* takes nothing back */
	victim_offer();
	WANT("back", victim_is_used());
	victim_works("status bits taken back");
	victim_begin(0);
	set(VIRTIO_QUEUE_READY, 1);
	set(VIRTIO_STATUS, get(VIRTIO_STATUS) | VIRTIO_S_FAILED);
	victim_works("FAILED");
	for (unsigned int i = 0; i < 1000; i++) {
		set(VIRTIO_STATUS, 0);
		CHECK_EQ(get(VIRTIO_STATUS), 0);
	}
	victim_works("a thousand resets");
	victim_begin(0);
	set(VIRTIO_QUEUE_READY, 1);
	virtio_go(&dev);
	virtq_desc(&q, 3, AT(target), 16, VRING_WRITE, 0);
	virtq_offer(&q, 3);
	set(VIRTIO_STATUS, 0);
	WANT("reset", get(VIRTIO_QUEUE_READY) == 0 && get(VIRTIO_INTERRUPT_STATUS) == 0);
	virtq_notify(&q);
	WANT("reset", ring.used.idx == 0);
	victim_works("a reset with a request offered");
}

/* --- interrupts ----------------------------------------------------------------------------------- */

static void test_interrupts(void)
{
	unsigned long context = plic_context(machine.hartids[0]);

	*plic_priority(dev.irq) = 1;
	*plic_enable(context, dev.irq) = 1U << dev.irq;
	*plic_threshold(context) = 0;
	victim_works("before");
	CHECK_EQ(get(VIRTIO_INTERRUPT_STATUS), 1);
	CHECK_EQ(get(VIRTIO_INTERRUPT_STATUS), 1); /* to read it changes nothing */
	CHECK_EQ(*plic_claim(context), dev.irq);
	set(VIRTIO_INTERRUPT_ACK, 2); /* of another */
	CHECK_EQ(get(VIRTIO_INTERRUPT_STATUS), 1);
	set(VIRTIO_INTERRUPT_ACK, 0xffffffff);
	CHECK_EQ(get(VIRTIO_INTERRUPT_STATUS), 0);
	*plic_claim(context) = dev.irq;
	CHECK_EQ(*plic_claim(context), 0);
	set(VIRTIO_INTERRUPT_ACK, 3); /* of nothing */
	CHECK_EQ(*plic_claim(context), 0);
	/* The driver wants none. */
	victim_begin(0);
	set(VIRTIO_QUEUE_READY, 1);
	virtio_go(&dev);
	ring.avail.flags = 1;
	victim_offer();
	WANT("none", victim_is_used() && get(VIRTIO_INTERRUPT_STATUS) == 0);
	/* A reset takes it away. */
	victim_works("an interrupt that nothing acknowledges");
	CHECK_EQ(get(VIRTIO_INTERRUPT_STATUS), 1);
	set(VIRTIO_STATUS, 0);
	CHECK_EQ(get(VIRTIO_INTERRUPT_STATUS), 0);
	CHECK_EQ(*plic_claim(context),
		 dev.irq); /* a request that the gateway has forwarded stays */
	*plic_claim(context) = dev.irq;
	CHECK_EQ(*plic_claim(context), 0);
	victim_works("a reset with an interrupt pending");
}

/* --- widths, offsets, other accesses -------------------------------------------------------------- */

static void write_as(unsigned long at, unsigned int width, uint64_t val)
{
	if (width == 1)
		*(volatile uint8_t *)at = (uint8_t)val;
	else if (width == 2)
		*(volatile uint16_t *)at = (uint16_t)val;
	else if (width == 4)
		*(volatile uint32_t *)at = (uint32_t)val;
	else
		*(volatile uint64_t *)at = val;
}

static void test_widths(void)
{
	static const uint64_t values[] = { 0, 1, 0x5a5a5a5a5a5a5a5a, UINT64_MAX };

	for (unsigned int width = 1; width <= 8; width *= 2) {
		for (unsigned int v = 0; v < 4; v++) {
			victim_begin(0);
			for (unsigned long off = 0; off < 0x1000; off += width)
				if (width != 4 || off != VIRTIO_STATUS)
					write_as(dev.base + off, width, values[v]);
			victim_works("each register, each width");
		}
	}
	victim_begin(0);
	write_as(dev.base + VIRTIO_STATUS, 1, 0);
	write_as(dev.base + VIRTIO_STATUS, 2, 0);
	write_as(dev.base + VIRTIO_STATUS, 8, 0);
	WANT("narrow", get(VIRTIO_STATUS) & VIRTIO_S_FEATURES_OK);
	victim_works("a reset by other widths");
	for (unsigned long off = 0; off < 0x1000; off++)
		(void)*(volatile uint8_t *)(dev.base + off);
	for (unsigned long off = 0; off < 0x1000; off += 8)
		(void)*(volatile uint64_t *)(dev.base + off);
	CHECK_EQ(get(VIRTIO_QUEUE_NOTIFY), 0);
	CHECK_EQ(get(0x0b0), 0xffffffff);
	CHECK_EQ(get(0x0bc), 0xffffffff);
	victim_works("all registers read");
}

static void test_traps(void)
{
	struct trap t;
	unsigned long old = 0;

	t = TRAP_TRY(*(volatile uint32_t *)(dev.base + 2) = 1);
	CHECK_EQ(t.count <= 1, 1); /* a fault, or nothing: not an end of the VM */
	t = TRAP_TRY(__asm__ volatile("amoadd.w %0, %1, (%2)"
				      : "=r"(old)
				      : "r"(1), "r"(dev.base + VIRTIO_QUEUE_NOTIFY)
				      : "memory"));
	CHECK_EQ(t.count, 1);
	victim_works("an atomic access");
	t = TRAP_TRY(__asm__ volatile("jalr ra, %0" : : "r"(dev.base) : "ra", "memory"));
	CHECK_EQ(t.count, 1);
	victim_works("a jump into its registers");
}

static void test_empty_slots(void)
{
	for (unsigned int slot = 0; slot < VIRTIO_SLOTS; slot++) {
		unsigned long at = VIRTIO_BASE + slot * 0x1000UL;

		CHECK_EQ(*(volatile uint32_t *)(at + VIRTIO_MAGIC_VALUE), 0x74726976);
		CHECK_EQ(*(volatile uint32_t *)(at + VIRTIO_VERSION), 2);
		if (*(volatile uint32_t *)(at + VIRTIO_DEVICE_ID) != 0)
			continue;
		for (unsigned int off = 0; off < 0x1000; off += 4)
			*(volatile uint32_t *)(at + off) = 0xffffffff;
		CHECK_EQ(*(volatile uint32_t *)(at + VIRTIO_STATUS), 0);
		nr_cases++;
	}
}

/* rounds=: how often all of it is gone through. */
void guest_main(void)
{
	victim_find();
	for (unsigned long n = machine_arg("rounds", 1); n; n--) {
		nr_cases = 0;
		test_notify();
		test_features();
		test_status();
		test_interrupts();
		test_widths();
		test_traps();
		test_empty_slots();
		print("virtio_regs: %u cases\n", nr_cases);
	}
}
