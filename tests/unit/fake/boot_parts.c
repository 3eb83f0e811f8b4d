// SPDX-License-Identifier: BSD-2-Clause
/* What the boot begins besides the harts: terminal, run queues, VMs, the watch. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/timer.h"
#include "arch/trap.h"
#include "console/menu.h"
#include "fake/boot_world.h"
#include "lib/random.h"
#include "mm/gstage.h"
#include "mm/page.h"
#include "mm/vmid.h"
#include "platform/driver.h"
#include "platform/rng.h"
#include "run/run.h"
#include "sbi/sbi.h"
#include "term/term.h"
#include "vcpu/vcpu.h"
#include "vcpu/watch.h"
#include "vm/lifecycle.h"

uint64_t image_bundle_offset;

struct sbi_ids sbi_ids;
struct vm *vms[VM_MAX];
unsigned int nr_vms;

static char streams[4];
static void (*last_words)(void);
static struct timer watch_timer;

/* --- terminal and log ------------------------------------------------------------------------------------- */

static void uart_interrupt(void)
{
}

void term_init(enum term_ask ask)
{
	boot_called("term_init");
	boot->colour = ask;
	(void)host_uart_interrupts(uart_interrupt);
}

void term_log(const char *line, size_t len)
{
	boot_print(boot->console, sizeof(boot->console), line, len);
}

void term_guests_run(void)
{
	boot_called("term_guests_run");
}

void term_prefix(bool always)
{
	boot->prefix = always;
}

void term_focus(struct term_stream *s)
{
	boot_called("term_focus");
	boot->focus = s ? (int)((char *)(void *)s - streams) : -1;
}

void term_drain(void)
{
	boot_called("term_drain");
}

void menu_init(void)
{
	boot_called("menu_init");
}

void control_init(void)
{
	boot_called("control_init");
}

void panic_set_hook(void (*fn)(void))
{
	boot_called("panic_set_hook");
	last_words = fn;
}

void panic_print(const char *fmt, ...)
{
	va_list ap;
	size_t used = strlen(boot->last_words);

	va_start(ap, fmt);
	vsnprintf(boot->last_words + used, sizeof(boot->last_words) - used, fmt, ap);
	va_end(ap);
}

/* --- scheduler ------------------------------------------------------------------------------------------------ */

int sched_init(unsigned int nr, uint64_t ticks_per_second)
{
	boot_called("sched_init");
	boot->runqs = nr;
	if (ticks_per_second != 10000000)
		boot_wrong("the scheduler's time base");
	while (boot->leave_later && page_free_bytes() > boot->leave_later) {
		uint64_t size =
			min_u64(page_largest(PAGE_SIZE), page_free_bytes() - boot->leave_later);
		hpa_t a;

		if (!page_alloc(size, PAGE_SIZE, &a))
			boot_wrong("memory cannot be taken");
	}
	return boot->runqs_err;
}

void sched_init_pcpu(void)
{
	boot->hart[this_pcpu()->hartid].runq++;
}

void sched_set_pcpus(unsigned int nr)
{
	boot_called("sched_set_pcpus");
	if (nr != nr_pcpus)
		boot_wrong("sched_set_pcpus");
}

/* First while no vcpu is loaded. */
static void words_of_a_panic(void)
{
	static struct vm vm = { .name = "linux" };
	static struct vcpu v = { .vm = &vm, .id = 3, .requests = 0x21, .mode = 1, .guest_seq = 77 };

	last_words();
	if (boot->last_words[0])
		boot_wrong("last words of no vcpu");
	v.regs.sepc = 0x8888;
	v.regs.x[REG_RA] = 0x9999;
	v.regs.x[REG_A7] = 0xa7;
	v.regs.x[REG_A6] = 0xa6;
	this_pcpu()->current = &v;
	last_words();
}

void pcpu_loop(void)
{
	if (this_pcpu() != pcpus[0])
		boot_secondary_loop();
	boot->runs = true;
	words_of_a_panic();
	boot_end();
}

/* --- entropy ---------------------------------------------------------------------------------------------------- */

static uint8_t *rng_memory, *rng_out;
static uint64_t free_before;

bool host_rng_present(void)
{
	free_before = page_free_bytes();
	return boot->rng != NULL;
}

unsigned int host_rng_read(void *memory, uint8_t *out, unsigned int len, bool *stopped)
{
	unsigned int has = (unsigned int)strlen(boot->rng);

	boot_called("host_rng_read");
	if (len != HOST_RNG_BYTES || has > len)
		boot_wrong("another length of random bytes");
	rng_memory = memory;
	rng_out = out;
	for (unsigned int i = 0; i < HOST_RNG_MEMORY; i++)
		if (rng_memory[i] != 0)
			boot_wrong("memory that is not zero");
	memcpy(rng_memory + HOST_RNG_MEMORY - has, boot->rng, has);
	memcpy(out, boot->rng, has);
	*stopped = !boot->rng_stays;
	return has;
}

void random_add(const void *entropy, size_t len)
{
	boot_called("random_add");
	boot->entropy_len += len;
	if (entropy && entropy == rng_out) {
		boot->rng_len = len;
		if (memcmp(entropy, boot->rng, len) != 0)
			boot_wrong("other bytes than the random device's");
	} else if (len && memcmp(entropy, boot->seed, len) != 0) {
		boot_wrong("another seed than the tree's");
	}
}

bool random_ready(void)
{
	if (rng_memory) {
		boot->rng_in_memory = memcmp(rng_memory + HOST_RNG_MEMORY - boot->rng_len,
					     boot->rng, boot->rng_len) == 0;
		boot->rng_pages_lost = (int64_t)(free_before - page_free_bytes());
	}
	return boot->entropy_len >= RANDOM_MIN_ENTROPY;
}

/* --- VMs ---------------------------------------------------------------------------------------------------------- */

static void must_be_the_tree(const void *fdt)
{
	if ((uintptr_t)fdt != BOOT_FDT)
		boot_wrong("another tree");
}

/* @n configurations called @c0, @c1, ... */
static void fill(struct vm_config *out, char c, int n)
{
	for (int i = 0; i < n; i++)
		snprintf(out[i].name, sizeof(out[i].name), "%c%d", c, i);
}

int config_host_modules(const void *fdt, struct vm_image *out, unsigned int max)
{
	must_be_the_tree(fdt);
	if (boot->leave) {
		out[0] = (struct vm_image){ .data = (const uint8_t *)(uintptr_t)BOOT_RAM,
					    .size = boot->memory - boot->leave };
		return 1;
	}
	for (int i = 0; i < boot->modules && i < (int)max; i++)
		out[i] = (struct vm_image){
			.data = (const uint8_t *)(uintptr_t)(BOOT_MODULES +
							     PAGE_SIZE * (uint64_t)i),
			.size = PAGE_SIZE
		};
	return boot->modules;
}

bool config_host_has_module(const void *fdt, hpa_t base, uint64_t size)
{
	(void)fdt, (void)base, (void)size;
	return false;
}

int config_parse_bundle(const void *at, uint64_t size, const char *select, struct vm_config *out,
			unsigned int max)
{
	if (max != VM_MAX)
		boot_wrong("room for the bundle's VMs");
	fill(out, 'b', boot->bundle_vms);
	boot_called("bundle");
	boot->parsed_at = (uint64_t)(uintptr_t)at;
	boot->parsed_size = size;
	boot->selects = select != NULL;
	snprintf(boot->selected, sizeof(boot->selected), "%s", select ? select : "");
	return boot->bundle_vms;
}

int config_parse_host_fdt(const void *fdt, struct vm_config *out, unsigned int max)
{
	must_be_the_tree(fdt);
	fill(out, 'h', boot->host_vms);
	boot_called("host_vms");
	boot->room_for_host_vms = max;
	return boot->host_vms;
}

struct vm *vm_create(const struct vm_config *cfg)
{
	static const struct vm_config *first;
	static struct vm all[4];
	unsigned int i = nr_vms;

	if (!first)
		first = cfg;
	if (cfg != first + i || i == ARRAY_SIZE(all))
		boot_wrong("the VMs' order");
	boot_called("vm_create");
	boot_print(boot->made, sizeof(boot->made), cfg->name, strlen(cfg->name));
	nr_vms++;
	if (boot->vm_missing >> i & 1)
		return NULL;
	all[i] = (struct vm){ .id = i,
			      .state = boot->vms[i],
			      .stream = (struct term_stream *)(void *)&streams[i] };
	vms[i] = &all[i];
	return vms[i];
}

/* As vm/shutdown.c has them, which the test of the life cycle looks at. */
void lifecycle_stay(bool stay)
{
	boot->stay = stay;
}

void lifecycle_trace(void)
{
	boot->traces = true;
}

void lifecycle_shutdown_machine(void)
{
	boot->power_is_off = true;
	boot_end();
}

void lifecycle_begin(void)
{
	boot_called("lifecycle_begin");
}

/* It looks once a second, by a timer of the boot hart. */
void watch_start(void)
{
	boot_called("watch_start");
	timer_init(&watch_timer, NULL);
	timer_arm(&watch_timer, timer_now() + 10000000);
	boot->fires_at = watch_timer.deadline;
}
