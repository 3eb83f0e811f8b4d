// SPDX-License-Identifier: BSD-2-Clause
/* What has been counted of vcpus, harts, queues and networks, that it is counted anew, and whether times are measured. */
#include <string.h>

#include "arch/timer.h"
#include "control/cmd.h"
#include "dev/virtio/look.h"
#include "lib/histogram.h"
#include "mm/page.h"
#include "net/switch.h"
#include "run/run.h"
#include "run/times.h"
#include "vcpu/layout.h"
#include "vcpu/registry.h"
#include "vcpu/timed.h"
#include "vcpu/vcpu.h"
#include "vm/lifecycle.h"

/* --- of vcpus ------------------------------------------------------------------------------------- */

static void stats_vm(struct json *j, const struct vm *vm)
{
	json_string(j, "state", vm_state_name(atomic_read(&vm->state)));
}

static void write_counts(struct json *j, const struct vcpu *v, const struct vcpu_counts *c)
{
	const struct vcpu_stats *s = &c->stats;

	json_string(j, "state", vm_vcpu_state(v));
	json_number(j, "hart", sched_pcpu(&v->se));
	json_number(j, "run_ns", timer_ticks_to_ns(c->times.run));
	json_number(j, "steal_ns", timer_ticks_to_ns(c->times.wait));
	json_number(j, "block_ns", timer_ticks_to_ns(c->times.block));
	json_number(j, "switches", c->switches);
	json_number(j, "migrations", c->migrations);
	json_number(j, "yields_to", c->yields);
	json_number(j, "worst_ns", timer_ticks_to_ns(sched_counts(&v->se).max_latency));
	json_number(j, "wakeups", s->wakeups);
	json_number(j, "polls_won", s->polls_won);
	json_number(j, "kicks", s->kicks_asked);
	json_number(j, "ipis_sent", s->ipis_sent);
	json_number(j, "ipis_saved", s->ipis_saved);
	json_number(j, "spurious", s->spurious_exits);
	json_number(j, "aborted", s->aborted_entries);
	json_open(j, "exits", '{');
	for (unsigned int i = 0; i < NR_VCPU_EXITS; i++)
		json_number(j, vcpu_exit_names[i], s->exits[i]);
	json_close(j, '}');
}

static void write_times(struct json *j, const struct vcpu *v, const struct vcpu_timed_counts *t)
{
	json_open(j, "times", '{');
	for (unsigned int i = 0; i < NR_VCPU_EXITS; i++) {
		json_open(j, vcpu_exit_names[i], '{');
		json_number(j, "n", t->exits[i]);
		json_number(j, "ns", timer_ticks_to_ns(t->ticks[i]));
		json_number(j, "worst_ns", timer_ticks_to_ns(vcpu_timed_worst(v, i)));
		json_close(j, '}');
	}
	json_close(j, '}');
}

static void write_histogram(struct json *j, const char *name, const struct histogram *h)
{
	json_open(j, name, '{');
	json_number(j, "sum_ns", h->sum);
	json_open(j, "n", '[');
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
		json_number(j, NULL, h->count[i]);
	json_close(j, ']');
	json_close(j, '}');
}

enum { COUNTS, TIMES, WOKEN, LATE };

/* In parts, as all of it is too much for a piece. */
static bool stats_vcpu(struct json *j, const struct vcpu *v, unsigned int part)
{
	struct vcpu_timed_counts timed;
	struct vcpu_counts c;

	if (part == COUNTS) {
		vcpu_stats_read(v, &c);
		write_counts(j, v, &c);
		return times_are_known();
	}
	if (!vcpu_timed_read(v, &timed))
		return false;
	switch (part) {
	case TIMES:
		write_times(j, v, &timed);
		return true;
	case WOKEN:
		write_histogram(j, "wake_to_run", &timed.woken);
		return true;
	default:
		write_histogram(j, "timer_late", &timed.late);
		return false;
	}
}

/* --- of the rest ---------------------------------------------------------------------------------- */

/* Behind those of control_walk(). */
enum { TIMED = CONTROL_WALKED, HARTS, QUEUES, PORTS };

/* The next list begins: r->vm_id and r->vcpu say where in it. */
static void begin_list(struct control_request *r, unsigned int step, const char *name)
{
	if (name)
		json_open(&r->json, name, '[');
	r->step = step;
	r->vm_id = r->vcpu = r->part = 0;
}

static void write_timed(struct control_request *r)
{
	struct json *j = &r->json;

	json_bool(j, "times", vcpu_timed_is_wanted());
	if (!times_are_known()) {
		begin_list(r, QUEUES, "queues");
		return;
	}
	json_open(j, "le_ns", '[');
	for (unsigned int i = 0; i + 1 < HISTOGRAM_BUCKETS; i++)
		json_number(j, NULL, histogram_limit(i));
	json_close(j, ']');
	begin_list(r, HARTS, "harts");
}

static void write_hart(struct control_request *r)
{
	struct json *j = &r->json;
	struct times t;

	if (r->vcpu >= nr_pcpus) {
		json_close(j, ']');
		begin_list(r, QUEUES, "queues");
		return;
	}
	(void)times_read(r->vcpu++, &t);
	json_open(j, NULL, '{');
	json_number(j, "guest_ns", timer_ticks_to_ns(t.guest));
	json_number(j, "own_ns", timer_ticks_to_ns(t.own));
	json_number(j, "idle_ns", timer_ticks_to_ns(t.idle));
	json_close(j, '}');
}

/* Queue r->vcpu of slot r->part of VM r->vm_id, if there is one. */
static void write_queue(struct control_request *r, const struct vm *vm)
{
	struct json *j = &r->json;
	struct virtio_look look;

	if (!virtio_look(vm, r->part, r->vcpu, &look)) {
		r->part++;
		r->vcpu = 0;
		return;
	}
	json_open(j, NULL, '{');
	json_string(j, "vm", vm->name);
	json_number(j, "slot", r->part + 1);
	json_string(j, "device", look.device);
	json_number(j, "queue", r->vcpu);
	json_number(j, "notified", look.counts.notified);
	json_number(j, "used", look.counts.used);
	json_number(j, "interrupts", look.counts.interrupts);
	json_close(j, '}');
	r->vcpu++;
}

static void write_queues(struct control_request *r)
{
	struct vm *vm = r->vm_id < VM_MAX ? vm_get(r->vm_id) : NULL;

	if (r->vm_id >= VM_MAX) {
		json_close(&r->json, ']');
		begin_list(r, PORTS, "ports");
		return;
	}
	if (vm && r->part < VIRTIO_SLOTS) {
		write_queue(r, vm);
	} else {
		r->vm_id++;
		r->part = r->vcpu = 0;
	}
	if (vm)
		vm_put(vm);
}

/* Switch number @i; NULL: there are no more. There are as many as at boot. */
static struct net_switch *switch_at(unsigned int i)
{
	struct named *at = net_switches;

	while (at && i--)
		at = at->next;
	return net_switch_of(at);
}

static void write_port(struct json *j, const struct net_switch *s, const struct net_port_look *p)
{
	uint64_t refused = 0, lost = 0;

	for (unsigned int why = 0; why < NR_NET_DROPS; why++)
		*(why < NET_DROP_DOWN ? &refused : &lost) += p->counts.drops[why];
	json_open(j, NULL, '{');
	json_string(j, "network", s->named.name);
	json_string(j, "vm", p->vm);
	json_number(j, "net", p->unit);
	json_number(j, "vlan", p->vlan);
	json_bool(j, "up", !p->unplugged);
	json_number(j, "sent", p->counts.sent);
	json_number(j, "sent_bytes", p->counts.sent_bytes);
	json_number(j, "received", p->counts.received);
	json_number(j, "received_bytes", p->counts.received_bytes);
	json_number(j, "refused", refused);
	json_number(j, "lost", lost);
	json_close(j, '}');
}

/* Port r->vcpu of switch r->vm_id. False: there are no more. */
static bool write_ports(struct control_request *r)
{
	struct net_switch *s = switch_at(r->vm_id);
	struct net_port_look p;

	if (!s) {
		json_close(&r->json, ']');
		return false;
	}
	if (r->vcpu >= NET_PORTS_MAX) {
		r->vm_id++;
		r->vcpu = 0;
	} else if (net_port_look(s, r->vcpu++, &p)) {
		write_port(&r->json, s, &p);
	}
	return true;
}

static bool tell(struct control_request *r)
{
	switch (r->step) {
	case TIMED:
		write_timed(r);
		return true;
	case HARTS:
		write_hart(r);
		return true;
	case QUEUES:
		write_queues(r);
		return true;
	case PORTS:
		return write_ports(r);
	default:
		if (!control_walk(r, stats_vm, stats_vcpu))
			begin_list(r, TIMED, NULL);
		return true;
	}
}

/* --- from now on ---------------------------------------------------------------------------------- */

/* A VM or a switch at a time: of all that would be a long stretch. */
static bool zero(struct control_request *r)
{
	struct net_switch *s;

	for (; r->vm_id < VM_MAX; r->vm_id++) {
		struct vm *vm = vm_get(r->vm_id);

		if (!vm)
			continue;
		vm_zero_counts(vm);
		vm_put(vm);
		r->vm_id++;
		return true;
	}
	if (r->vcpu < nr_pcpus) {
		times_zero(r->vcpu++);
		return true;
	}
	s = switch_at(r->part++);
	if (s)
		net_ports_zero(s);
	return s;
}

bool cmd_control_stats(struct control_request *r)
{
	return r->nr_words > 2 ? zero(r) : tell(r);
}

/* --- times ---------------------------------------------------------------------------------------- */

enum { WANT = VM_MAX, FOLLOW };

/* Memory for VM number r->step, if there is such a VM. Nothing is answered before all have it. */
static bool make_timed(struct control_request *r)
{
	struct vm *vm = vm_get(r->step);

	if (!times_make() || (vm && !vcpu_timed_make(vm))) {
		control_fail(r, "no memory for what is measured: %u KiB are free",
			     (unsigned int)(page_free_bytes() >> 10));
		vcpu_timed_want(false);
	}
	if (vm)
		vm_put(vm);
	if (r->why[0])
		return false;
	r->step++;
	r->undecided = true;
	return true;
}

/* A VM that is made meanwhile gets its memory where it is made. Each hart has to follow, which takes some steps. */
bool cmd_control_times(struct control_request *r)
{
	const char *word = r->nr_words == 3 ? r->words[2] : "";
	bool on = strcmp(word, "on") == 0;

	if (r->step == 0 && !on && strcmp(word, "off") != 0) {
		control_fail(r, "stats.times: must be followed by on or off");
		return false;
	}
	if (r->step == 0)
		vcpu_timed_want(on);
	if (on && r->step < WANT)
		return make_timed(r);
	if (r->step != FOLLOW) {
		times_want(on);
		r->step = FOLLOW;
	}
	if (trace_is_asked())
		pcpu_follow_trace();
	return !times_are_settled();
}
