// SPDX-License-Identifier: BSD-2-Clause
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/memmap.h"
#include "arch/smp.h"
#include "arch/trace.h"
#include "arch/trap.h"
#include "control/control.h"
#include "fake/control.h"
#include "fake/counts.h"
#include "fake/pcpu.h"
#include "lib/log.h"
#include "lib/work.h"
#include "mm/page.h"
#include "platform/machine.h"
#include "platform/port.h"
#include "run/run.h"
#include "vcpu/hsm.h"
#include "vcpu/vcpu.h"
#include "vm/destroy.h"
#include "vm/lifecycle.h"

/* --- the port -------------------------------------------------------------------------------------- */

char said[1 << 20];
size_t said_len, room;
uint32_t connection;
bool has_device = true;
static char input[1 << 17];
static size_t input_at, input_end;
static struct host_port_user *port_user;
static uint8_t port_memory[HOST_PORT_MEMORY] __attribute__((aligned(4096)));
static uint8_t channel_memory[1 << 15] __attribute__((aligned(4096)));
static bool begun;

bool host_port_present(void)
{
	return has_device;
}

struct host_port *host_port_open(const char *name, void *memory, struct host_port_user *user,
				 bool *stops)
{
	assert_string_equal(name, "org.hartvisor.ctl");
	assert_ptr_equal(memory, port_memory);
	port_user = user;
	*stops = false;
	return (void *)port_memory;
}

uint32_t host_port_connection(const struct host_port *p)
{
	(void)p;
	return connection;
}

size_t host_port_read(struct host_port *p, uint32_t of, char *buf, size_t size)
{
	size_t n = input_end - input_at < size ? input_end - input_at : size;

	(void)p;
	if (of != connection)
		return 0;
	memcpy(buf, input + input_at, n);
	input_at += n;
	return n;
}

size_t host_port_write(struct host_port *p, const char *buf, size_t size)
{
	size_t n = size < room ? size : room;

	(void)p;
	if (!connection)
		return 0;
	assert_true(said_len + n < sizeof(said));
	memcpy(said + said_len, buf, n);
	said_len += n;
	said[said_len] = '\0';
	room -= n;
	return n;
}

/* --- time and memory -------------------------------------------------------------------------------- */

uint64_t now = 1000;
unsigned int steps;
static struct timer *armed;

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	t->fn = fn;
}

void timer_arm(struct timer *t, uint64_t deadline)
{
	assert_true(deadline > now);
	t->deadline = deadline;
	armed = t;
}

uint64_t timer_now(void)
{
	return now;
}

uint64_t timer_ns_to_ticks(uint64_t ns)
{
	return ns / 100;
}

uint64_t timer_ticks_to_ns(uint64_t ticks)
{
	return ticks * 100;
}

uint64_t timer_frequency(void)
{
	return 10000000;
}

void *page_alloc_zeroed(uint64_t size, uint64_t align)
{
	(void)align;
	if (size == HOST_PORT_MEMORY)
		return memset(port_memory, 0, sizeof(port_memory));
	assert_true(size <= sizeof(channel_memory));
	return memset(channel_memory, 0, sizeof(channel_memory));
}

uint64_t page_total(void)
{
	return MIB(100);
}

uint64_t page_free_bytes(void)
{
	return MIB(30);
}

/* An image of 8 KiB. */
__asm__(".data\n"
	".globl __image_start\n__image_start: .zero 8192\n"
	".globl __image_end\n__image_end:\n"
	".text");

/* --- the timeline's rings ----------------------------------------------------------------------------- */

#define FAKE_HARTS 2

unsigned int deaf_harts;

void trap_vector(void)
{
}

void trap_vector_traced(void)
{
}

void trap_vector_timed(void)
{
}

void fake_csr_write(unsigned int csr, uint64_t val)
{
	(void)csr, (void)val;
}

uint64_t fake_csr_read(unsigned int csr)
{
	(void)csr;
	return 0;
}

void pcpu_follow_trace(void)
{
	(void)trace_follow();
}

/* The others take theirs at once, unless they are deaf. */
void smp_kick(struct pcpu_set set)
{
	for (unsigned int i = 1; i < FAKE_HARTS - deaf_harts; i++) {
		assert_true(pcpu_set_has(&set, i));
		fake_pcpu_become(i);
		pcpu_follow_trace();
	}
	fake_pcpu_become(0);
}

void vm_trace_state(const struct vm *vm, enum vm_state from, enum vm_state to)
{
	trace_name_vm(vm->id, vm->name);
	trace_event(TRACE_VM, trace_label(vm->id, TRACE_NO_VCPU), to, from, 0);
}

void sched_trace_state(struct sched_entity *se)
{
	trace_event(TRACE_STATE, se->label, se->state, 0, 0);
}

struct machine machine = { .total_cpus = 4, .memory_bytes = MIB(128) };

/* --- the log ----------------------------------------------------------------------------------------- */

const char *const *log_lines;
unsigned int nr_log_lines;

uint64_t log_time_us(void)
{
	return now / 10;
}

void log_keep(char *buf, size_t size)
{
	assert_true(buf && (size & (size - 1)) == 0);
}

bool log_read(uint64_t *at, char *line, size_t size)
{
	if (*at >= nr_log_lines)
		return false;
	snprintf(line, size, "%s", log_lines[(*at)++]);
	return true;
}

/* --- VMs ---------------------------------------------------------------------------------------------- */

struct vm machines[VM_MAX];
struct vm_config vm_configs[VM_MAX];
static struct vcpu vcpus[VM_MAX][VM_MAX_VCPUS];
const struct vm *stopped, *destroyed;
enum vm_stop stopped_how;
uint32_t weight_set, cap_set_to;
unsigned int weights_set, affinities_set;
void (*vm_state_event)(const struct vm *vm, enum vm_state from, enum vm_state to);

const char *vm_state_name(enum vm_state state)
{
	static const char *const names[] = { "running", "pausing", "paused", "loading",	 "stopping",
					     "off",	"crashed", "failed", "destroyed" };

	return names[state];
}

struct vm *vm_get_by_name(const char *name)
{
	for (unsigned int i = 0; i < nr_vms; i++)
		if (vms[i] && strcmp(vms[i]->name, name) == 0)
			return vm_get(i);
	return NULL;
}

void become(struct vm *vm, enum vm_state to)
{
	enum vm_state from = vm->state;

	vm->state = to;
	if (vm_state_event)
		vm_state_event(vm, from, to);
}

bool vm_stop(struct vm *vm, enum vm_stop how, const char *why)
{
	assert_null(why);
	if (vm->state != VM_RUNNING && vm->state != VM_PAUSED && vm->state != VM_BUILDING)
		return false;
	stopped = vm;
	stopped_how = how;
	become(vm, VM_STOPPING);
	return true;
}

bool vm_start(struct vm *vm)
{
	if (!vm->made || !vm_has_ended(vm->state))
		return false;
	become(vm, VM_BUILDING);
	return true;
}

bool vm_pause(struct vm *vm)
{
	if (vm->state != VM_RUNNING)
		return false;
	become(vm, VM_PAUSED);
	return true;
}

bool vm_resume(struct vm *vm)
{
	if (vm->state != VM_PAUSED)
		return false;
	become(vm, VM_RUNNING);
	return true;
}

bool vm_destroy(struct vm *vm)
{
	if (vm->doomed)
		return false;
	vm->doomed = true;
	destroyed = vm;
	return true;
}

void (*vm_watch_event)(const struct vm *vm);

bool vm_watch_hint(const struct vm *vm, char *out, size_t size)
{
	snprintf(out, size, "spins");
	return vm->id == 2;
}

void sched_set_weight(struct sched_entity *se, uint32_t weight)
{
	se->weight = weight;
	weight_set = weight;
	weights_set++;
}

void sched_set_affinity(struct sched_entity *se, const struct pcpu_set *set)
{
	se->affinity = *set;
	affinities_set++;
}

void sched_group_set_cap(struct sched_group *g, uint32_t cap, struct sched_entity *task)
{
	(void)g, (void)task;
	cap_set_to = cap;
}

uint64_t vcpu_hsm_status(const struct vcpu *v)
{
	return v->hsm.state;
}

struct sched_times sched_times(const struct sched_entity *se, uint64_t at)
{
	(void)at;
	return (struct sched_times){ se->account.run, se->account.wait, se->account.block };
}

void make_vms(unsigned int n, unsigned int nr_vcpus)
{
	nr_vms = n;
	assert_int_equal(fake_vm_refs, 0);
	memset(vms, 0, sizeof(vms));
	for (unsigned int i = 0; i < n; i++) {
		struct vm *vm = vms[i] = &machines[i];

		memset(vm, 0, sizeof(*vm));
		vm_configs[i] = (struct vm_config){ .memory = MIB(64) };
		vm->id = i;
		snprintf(vm->name, sizeof(vm->name), "vm-%u", i + 1);
		vm->made = i != 1;
		vm->state = i == 1 ? VM_FAILED : VM_RUNNING;
		vm->config = &vm_configs[i];
		vm->stream = (struct term_stream *)(void *)vm;
		vm->nr_vcpus = nr_vcpus;
		for (unsigned int j = 0; j < nr_vcpus; j++) {
			vm->vcpus[j] = &vcpus[i][j];
			memset(vm->vcpus[j], 0, sizeof(struct vcpu));
			vm->vcpus[j]->vm = vm;
		}
	}
}

/* --- what a test does --------------------------------------------------------------------------------- */

void send_bytes(const char *bytes, size_t len)
{
	assert_true(input_end + len <= sizeof(input));
	memcpy(input + input_end, bytes, len);
	input_end += len;
	port_user->ready(port_user);
}

bool run_channel_once(void)
{
	while (work_run_one())
		;
	if (!armed)
		return false;
	steps++;
	now = armed->deadline;
	armed->fn(armed);
	armed = NULL;
	return true;
}

void run_channel_steps(unsigned int n)
{
	while (n-- > 0 && run_channel_once())
		;
}

void run_channel(void)
{
	run_channel_steps(UINT_MAX);
}

char *ask(const char *line)
{
	said_len = 0;
	said[0] = '\0';
	send_bytes(line, strlen(line));
	send_bytes("\n", 1);
	run_channel();
	assert_int_equal(fake_vm_refs, 0);
	return said;
}

void connect_anew(void)
{
	connection++;
	said_len = 0;
	said[0] = '\0';
	port_user->ready(port_user);
	run_channel();
}

int control_setup(void **state)
{
	(void)state;
	has_device = true;
	room = sizeof(said) - 1;
	input_at = input_end = said_len = 0;
	stopped = destroyed = NULL;
	weight_set = cap_set_to = UINT32_MAX;
	weights_set = affinities_set = steps = nr_log_lines = 0;
	nr_typed = 0;
	type_room = sizeof(typed);
	deaf_harts = 0;
	creation_steps = 0;
	creation_error = NULL;
	fake_counts_setup();
	make_vms(3, 2);
	armed = NULL;
	if (!begun) {
		fake_pcpu_setup(FAKE_HARTS);
		control_init();
	}
	begun = true;
	connect_anew();
	return 0;
}
