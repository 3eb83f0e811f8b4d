/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The goldfish clock of QEMU's virt (google,goldfish-rtc): a 64-bit count of ns since 1970 in two
 * halves, and one alarm. The host's clock is read once; from then on host time serves. As a battery's
 * clock does, the time that a guest has set survives its reset.
 */
#include "arch/timer.h"
#include "dev/mmio.h"
#include "dev/vdev.h"
#include "irqchip/virqchip.h"
#include "platform/driver.h"
#include "vcpu/vm_part.h"

#define RTC_TIME_LOW	    0x00 /* reading it latches the upper half */
#define RTC_TIME_HIGH	    0x04
#define RTC_ALARM_LOW	    0x08 /* writing it sets the alarm */
#define RTC_ALARM_HIGH	    0x0c
#define RTC_IRQ_ENABLED	    0x10
#define RTC_CLEAR_ALARM	    0x14
#define RTC_ALARM_STATUS    0x18
#define RTC_CLEAR_INTERRUPT 0x1c

/* The host timer is set no further ahead than this: a guest's wild time cannot overflow ticks. */
#define RTC_MAX_WAIT_NS UINT64_C(3600000000000)

/* How long after one half of the time was set an alarm is looked at: the other half is coming. */
#define RTC_SETTLE_NS 1000000

struct vrtc {
	struct spinlock lock; /* LOCK_VDEV; guards all that follows */
	struct virq irq;
	uint32_t phandle;
	uint64_t offset; /* guest's time - host time, ns, modulo 2^64 */
	uint64_t alarm;
	uint32_t time_high;
	uint32_t alarm_high; /* written, and waits for ALARM_LOW */
	bool alarm_set;
	bool irq_enabled;
	bool irq_pending;
	bool line;
	struct timer timer; /* armed while alarm_set */
};

static uint64_t vrtc_now(const struct vrtc *r)
{
	return timer_ticks_to_ns(timer_now()) + r->offset;
}

static void vrtc_update_line(struct vrtc *r)
{
	bool line = r->irq_enabled && r->irq_pending;

	if (line == r->line)
		return;
	r->line = line;
	virq_set_level(r->irq, line);
}

/* --- the alarm ---------------------------------------------------------------------------------- */

static void vrtc_clear_alarm(struct vrtc *r)
{
	r->alarm_set = false;
	timer_cancel(&r->timer);
}

/* One tick more, because the conversion rounds down. */
static void vrtc_wait(struct vrtc *r, uint64_t ns)
{
	timer_arm(&r->timer, timer_now() + timer_ns_to_ticks(ns) + 1);
}

/* Fire what is due, else wait for it. */
static void vrtc_check_alarm(struct vrtc *r)
{
	uint64_t now = vrtc_now(r);

	if (!r->alarm_set)
		return;
	if (r->alarm <= now) {
		vrtc_clear_alarm(r);
		r->irq_pending = true;
		vrtc_update_line(r);
		return;
	}
	vrtc_wait(r, min_u64(r->alarm - now, RTC_MAX_WAIT_NS));
}

/*
 * On the pcpu that armed it. Another hart may have cleared or moved the alarm since the timer was taken
 * off its queue, so what counts is only what is written in @r now.
 */
static void vrtc_timer(struct timer *t)
{
	struct vrtc *r = container_of(t, struct vrtc, timer);

	spin_lock(&r->lock);
	vrtc_check_alarm(r);
	spin_unlock(&r->lock);
}

/* --- registers ---------------------------------------------------------------------------------- */

static uint32_t vrtc_read32(struct vrtc *r, uint64_t off)
{
	uint64_t now;

	switch (off) {
	case RTC_TIME_LOW:
		now = vrtc_now(r);
		r->time_high = (uint32_t)(now >> 32);
		return (uint32_t)now;
	case RTC_TIME_HIGH:
		return r->time_high;
	case RTC_ALARM_LOW:
		return (uint32_t)r->alarm;
	case RTC_ALARM_HIGH:
		return (uint32_t)(r->alarm >> 32);
	case RTC_IRQ_ENABLED:
		return r->irq_enabled;
	case RTC_ALARM_STATUS:
		return r->alarm_set;
	default:
		return 0;
	}
}

/* Each half takes effect when it is written; the other one goes on counting. */
static void vrtc_write_time(struct vrtc *r, uint64_t mask, uint64_t bits)
{
	uint64_t now = vrtc_now(r);

	r->offset += ((now & ~mask) | bits) - now;
	if (r->alarm_set)
		vrtc_wait(r, RTC_SETTLE_NS);
}

static void vrtc_write32(struct vrtc *r, uint64_t off, uint32_t val)
{
	switch (off) {
	case RTC_TIME_LOW:
		vrtc_write_time(r, UINT32_MAX, val);
		break;
	case RTC_TIME_HIGH:
		vrtc_write_time(r, ~(uint64_t)UINT32_MAX, (uint64_t)val << 32);
		break;
	case RTC_ALARM_LOW:
		r->alarm = (uint64_t)r->alarm_high << 32 | val;
		r->alarm_set = true;
		vrtc_check_alarm(r);
		break;
	case RTC_ALARM_HIGH:
		r->alarm_high = val;
		break;
	case RTC_IRQ_ENABLED:
		r->irq_enabled = val & 1;
		vrtc_update_line(r);
		break;
	case RTC_CLEAR_ALARM:
		vrtc_clear_alarm(r);
		break;
	case RTC_CLEAR_INTERRUPT:
		r->irq_pending = false;
		vrtc_update_line(r);
		break;
	default:
		break;
	}
}

static uint64_t vrtc_read(void *dev, uint64_t off, unsigned int len)
{
	struct vrtc *r = dev;
	uint64_t val;

	spin_lock(&r->lock);
	val = vrtc_read32(r, align_down(off, 4));
	if (len == 8)
		val |= (uint64_t)vrtc_read32(r, off + 4) << 32;
	spin_unlock(&r->lock);
	return val >> (8 * (off % 4));
}

static void vrtc_write(void *dev, uint64_t off, unsigned int len, uint64_t val)
{
	struct vrtc *r = dev;

	if (len != 4)
		return;
	spin_lock(&r->lock);
	vrtc_write32(r, off, (uint32_t)val);
	spin_unlock(&r->lock);
}

static const struct mmio_ops vrtc_ops = { vrtc_read, vrtc_write, NULL };

/* --- the outside -------------------------------------------------------------------------------- */

void vrtc_reset(void *dev)
{
	struct vrtc *r = dev;

	spin_lock(&r->lock);
	vrtc_clear_alarm(r);
	r->alarm = 0;
	r->alarm_high = 0;
	r->time_high = 0;
	r->irq_enabled = false;
	r->irq_pending = false;
	vrtc_update_line(r);
	spin_unlock(&r->lock);
}

struct vrtc *vrtc_new(struct vm *vm)
{
	struct vrtc *r = arena_new(&vm->arena, struct vrtc);
	uint64_t base = host_rtc_now();

	if (!r)
		return NULL;
	spin_init(&r->lock, LOCK_VDEV);
	r->irq = virq_of(vm, VRTC_IRQ);
	timer_init(&r->timer, vrtc_timer);
	r->offset = base - timer_ticks_to_ns(timer_now());
	if (mmio_add(vm->bus, gpa(VRTC_BASE), VRTC_SIZE, &vrtc_ops, r, "rtc"))
		return NULL;
	r->phandle = vm_new_phandle(vm);
	return r;
}

/* --- as a part of a VM ---------------------------------------------------------------------------- */

static int vrtc_create(struct vm *vm, const struct vm_part_args *args, void **state)
{
	(void)args;
	*state = vrtc_new(vm);
	return *state ? HV_OK : HV_ENOMEM;
}

/* No alarm rings any more. */
static void vrtc_destroy(void *dev)
{
	vrtc_reset(dev);
}

static void vrtc_describe(const void *state, struct fdtw *w, enum vm_place place)
{
	const struct vrtc *r = state;

	if (place != VM_PLACE_SOC)
		return;
	fdtw_begin_device(w, "rtc", "rtc0", r->phandle, VRTC_BASE, VRTC_SIZE);
	fdtw_string(w, "compatible", "google,goldfish-rtc");
	virq_describe(r->irq, w);
	fdtw_end(w);
}

VM_PART(vrtc) = {
	.name = "rtc",
	.order = VM_PART_DEVICE,
	.create = vrtc_create,
	.reset = vrtc_reset,
	.destroy = vrtc_destroy,
	.describe = vrtc_describe,
};
