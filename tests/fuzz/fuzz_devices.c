// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/dev/vuart.c hyp/dev/vrtc.c hyp/dev/vsyscon.c hyp/dev/mmio.c hyp/irqchip/vplic.c hyp/irqchip/vplic_part.c hyp/lib/fdt_writer.c
// SOURCES: hyp/vm/parts.c hyp/vcpu/vm_part.c hyp/lib/property.c hyp/lib/config_node.c hyp/lib/word.c hyp/lib/text.c hyp/lib/fdt.c tests/unit/fake/devvm.c tests/unit/fake/timer.c tests/unit/fake/pcpu.c tests/unit/fake/no_magic_page.c
/*
 * Every device of a VM on its bus, wired as in a VM: accesses of a guest in any order and size, while input is typed,
 * room for output comes and goes, time passes and the VM is reset.
 */
#include "common/fuzz.h"

#include "dev/vdev.h"
#include "fake/devvm.h"
#include "fake/pcpu.h"
#include "fake/timer.h"
#include "irqchip/vplic.h"
#include "platform/driver.h"
#include "term/term.h"
#include "vcpu/console.h"
#include "vm/parts.h"

#define VCPUS 2

static struct vuart *uart;
static struct vrtc *rtc;
static struct virqchip *plic;

/* --- what the devices stand on -------------------------------------------------------------------- */

static size_t out_room;
static bool wants_room, found_empty, console_is_out;
static char typed[64];
static size_t typed_len;
static unsigned int stops;

size_t term_stream_room(const struct term_stream *s)
{
	(void)s;
	return out_room;
}

bool term_stream_want_room(struct term_stream *s, size_t len)
{
	(void)s;
	wants_room = out_room < len;
	return !wants_room;
}

size_t vcpu_console_write(struct vcpu *v, const char *buf, size_t len)
{
	size_t n = len < out_room ? len : out_room;

	(void)v;
	fuzz_must(len > 0 && buf);
	out_room -= n;
	return n;
}

size_t term_stream_read_break(struct term_stream *s, char *buf, size_t len, bool *is_break)
{
	size_t n = len < typed_len ? len : typed_len;

	(void)s;
	fuzz_must(len > 0);
	*is_break = n > 0 && typed[n - 1] == 0;
	memcpy(buf, typed, n);
	memmove(typed, typed + n, typed_len - n);
	typed_len -= n;
	found_empty |= typed_len == 0;
	return n;
}

bool vcpu_console_is_out(struct vcpu *v)
{
	(void)v;
	return console_is_out;
}

bool vm_stop(struct vm *vm, enum vm_stop how, const char *why)
{
	fuzz_must(vm == &fake_vm && why && strlen(why) < 60);
	fuzz_must(how == VM_STOP_POWEROFF || how == VM_STOP_REBOOT || how == VM_STOP_CRASH);
	stops++;
	return true;
}

uint64_t host_rtc_now(void)
{
	return UINT64_C(1795000000000000000);
}

/* --- what happens to them ---------------------------------------------------------------------------- */

static void type(struct fuzz_input *in)
{
	size_t n = fuzz_u8(in) % 24;

	for (size_t i = 0; i < n && typed_len < sizeof(typed); i++)
		typed[typed_len++] = (char)fuzz_u8(in);
	if (!found_empty || typed_len == 0)
		return;
	found_empty = false;
	vuart_input_ready(uart);
}

static void make_room(struct fuzz_input *in)
{
	out_room = fuzz_u8(in);
	if (!wants_room || out_room == 0)
		return;
	wants_room = false;
	vuart_output_ready(uart);
}

static void drive_source(struct fuzz_input *in)
{
	uint8_t how = fuzz_u8(in);
	unsigned int source = 1 + fuzz_u8(in) % (VPLIC_NDEV + 1);

	/* Those of the UART and the RTC are theirs. */
	if (source == VUART_IRQ || source == VRTC_IRQ)
		return;
	if (how & 1)
		virq_pulse((struct virq){ plic, source });
	else
		virq_set_level((struct virq){ plic, source }, how & 2);
}

static uint64_t address(struct fuzz_input *in)
{
	uint8_t what = fuzz_u8(in);
	unsigned int n = what >> 3;

	switch (what & 7) {
	case 0:
	case 1:
		return VUART_BASE + n % 8;
	case 2:
		return VRTC_BASE + 4 * (n % 16);
	case 3:
		return VSYSCON_BASE + (n & 3 ? 4 * n : 0);
	case 4: /* priorities of the first sources, their pending and enable bits */
		return VPLIC_BASE + 4 * n;
	case 5:
		return VPLIC_BASE +
		       (n & 16 ? 0x1000 + 4 * (n & 3) : 0x2000 + 0x80 * (n >> 2 & 3) + 4 * (n & 3));
	case 6:
		return VPLIC_BASE + 0x200000 + 0x1000 * (n & 3) + (n & 4);
	default:
		return fuzz_number(in, VPLIC_BASE + VPLIC_SIZE);
	}
}

static void access_device(struct fuzz_input *in, uint8_t how)
{
	uint64_t at = address(in), val = 0;
	unsigned int len = 1u << (how >> 2 & 3);

	/* Most of the registers have four bytes, and those of the UART one. */
	if (how & 2)
		len = at >= VUART_BASE && at < VUART_BASE + VUART_SIZE ? 1 : 4;
	if (how & 1) {
		(void)mmio_write(fake_vm.bus, gpa(at), len, fuzz_number(in, 0x5555));
		return;
	}
	if (mmio_read(fake_vm.bus, gpa(at), len, &val) == HV_OK)
		fuzz_must(len == 8 || val >> 8 * len == 0);
}

/* --- what must hold ---------------------------------------------------------------------------------- */

static uint32_t plic_read(uint64_t off)
{
	return (uint32_t)guest_read(VPLIC_BASE + off, 4);
}

/* VSEIP of each vcpu says just what the registers say: a pending and enabled source above the threshold. */
static void check_plic(void)
{
	for (unsigned int hart = 0; hart < VCPUS; hart++) {
		uint64_t context = 2 * hart + 1;
		uint32_t threshold = plic_read(0x200000 + 0x1000 * context);
		bool wanted = false;

		for (unsigned int reg = 0; reg < VPLIC_NR_SOURCES / 32; reg++) {
			uint32_t set = plic_read(0x1000 + 4 * reg);

			for (set = set ? set & plic_read(0x2000 + 0x80 * context + 4 * reg) : 0;
			     set; set &= set - 1)
				wanted |= plic_read(4 *
						    (32 * reg + (unsigned int)__builtin_ctz(set))) >
					  threshold;
		}
		fuzz_must(fake_vseip(hart) == wanted);
	}
}

/* After a reset the registers are those of a new VM. */
static void reset_all(void)
{
	typed_len = 0;
	vrtc_reset(rtc);
	vuart_reset(uart);
	vplic_reset(plic);
	out_room = 16;
	fuzz_must(guest_read(VUART_BASE + 1, 1) == 0);
	fuzz_must(guest_read(VUART_BASE + 2, 1) == 1);
	fuzz_must(guest_read(VUART_BASE + 3, 1) == 0);
	fuzz_must((guest_read(VUART_BASE + 5, 1) & 0x1f) == 0);
	fuzz_must(guest_read(VUART_BASE + 7, 1) == 0);
	fuzz_must(guest_read(VRTC_BASE + 0x10, 4) == 0);
	fuzz_must(guest_read(VRTC_BASE + 0x18, 4) == 0);
	for (unsigned int hart = 0; hart < VCPUS; hart++)
		fuzz_must(!fake_vseip(hart));
	for (unsigned int source = 0; source < 2 * VPLIC_NDEV; source++)
		fuzz_must(plic_read(4 * source) == 0);
}

static void one_step(struct fuzz_input *in)
{
	uint8_t what = fuzz_u8(in);

	switch (what & 15) {
	case 0:
		type(in);
		break;
	case 1:
		make_room(in);
		break;
	case 2:
		fake_timer_pass(fuzz_number(in, 10000) % UINT64_C(100000000000));
		break;
	case 3:
		drive_source(in);
		break;
	case 4:
		console_is_out = what & 16;
		break;
	case 5:
		if (what >> 4 == 7)
			reset_all();
		break;
	default:
		access_device(in, what >> 4);
		break;
	}
	check_plic();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };

	out_room = 16;
	wants_room = false;
	found_empty = console_is_out = true;
	typed_len = 0;
	fake_timer_setup(1000000);
	fake_pcpu_setup(1);
	fake_vm_setup(VCPUS);
	fuzz_must(parts_create(&fake_vm, &(struct config_node){ 0 }, NULL) == HV_OK);
	plic = fake_vm.irqchip;
	uart = fake_part("uart");
	rtc = fake_part("rtc");
	fuzz_must(plic && uart && rtc);
	for (unsigned int steps = 0; in.left > 0 && steps < 300; steps++)
		one_step(&in);
	fake_vm_teardown();
	return 0;
}
