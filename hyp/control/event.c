// SPDX-License-Identifier: BSD-2-Clause
#include "control/event.h"

#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "vcpu/debug.h"
#include "vcpu/vcpu.h"
#include "vcpu/watch.h"
#include "vm/lifecycle.h"

static struct spinlock lock = SPINLOCK_INIT(LOCK_EVENTS); /* guards all that follows */
static struct control_events *events;
static bool wanted;
static struct work *reader;

/* @e happens now. Any locks before LOCK_EVENTS. */
static void keep(struct control_event *e)
{
	e->t = log_time_us();
	spin_lock(&lock);
	if (!wanted) {
		spin_unlock(&lock);
		return;
	}
	if (events->put - events->taken == EVENT_MAX)
		events->lost++;
	else
		events->ring[events->put++ % EVENT_MAX] = *e;
	spin_unlock(&lock);
	work_queue(reader);
}

static_assert(sizeof(((struct vm *)0)->stop_why) <= sizeof(((struct control_event *)0)->why),
	      "why it crashed");

/* vm->transition is held. */
static void state_changed(const struct vm *vm, enum vm_state from, enum vm_state to)
{
	struct control_event e = { .from = from, .to = to };

	memcpy(e.vm, vm->name, sizeof(e.vm));
	memcpy(e.why, vm->stop_why, sizeof(vm->stop_why));
	keep(&e);
}

static void has_stopped(const struct vm *vm)
{
	struct control_event e = { .kind = EVENT_HANG };

	memcpy(e.vm, vm->name, sizeof(e.vm));
	(void)vm_watch_hint(vm, e.why, sizeof(e.why));
	keep(&e);
}

static void has_met_breakpoint(const struct vcpu *v)
{
	struct control_event e = { .kind = EVENT_BREAK, .vcpu = v->id };

	memcpy(e.vm, v->vm->name, sizeof(e.vm));
	keep(&e);
}

void control_events_init(struct control_events *e, struct work *w)
{
	events = e;
	reader = w;
	wanted = false;
	vm_state_event = state_changed;
	vm_watch_event = has_stopped;
	vm_break_event = has_met_breakpoint;
}

void control_events_want(bool want)
{
	spin_lock(&lock);
	wanted = want;
	events->put = events->taken = 0;
	events->lost = 0;
	spin_unlock(&lock);
}

/* With the terminal's lock. What is lost is so much of the newest, so that what was kept is whole. */
static void console_printed(const char *buf, size_t len)
{
	struct control_console *c = &events->console;
	bool first;

	spin_lock(&lock);
	first = c->put == c->taken && c->lost == 0;
	for (; len > 0 && c->put - c->taken < CONSOLE_KEPT && c->lost == 0; len--)
		c->kept[c->put++ % CONSOLE_KEPT] = *buf++;
	c->lost += len;
	spin_unlock(&lock);
	if (first)
		work_queue(reader);
}

void control_events_attach(struct term_stream *s, const char *name)
{
	struct control_console *c = &events->console;

	term_tap(NULL, NULL);
	spin_lock(&lock);
	c->put = c->taken = 0;
	c->lost = 0;
	(void)snprintf(c->name, sizeof(c->name), "%s", s ? name : "");
	spin_unlock(&lock);
	if (s)
		term_tap(s, console_printed);
}

/* Of what the console has printed; how many bytes. *@lost: how many there were behind them, of which nothing is left. */
static size_t take_console(char *to, uint64_t *lost)
{
	struct control_console *c = &events->console;
	size_t n = 0;

	spin_lock(&lock);
	while (n < CONSOLE_PIECE && c->taken != c->put)
		to[n++ % CONSOLE_PIECE] = c->kept[c->taken++ % CONSOLE_KEPT];
	*lost = n ? 0 : c->lost;
	if (!n)
		c->lost = 0;
	spin_unlock(&lock);
	return n;
}

/* False: it has printed nothing. */
static bool write_console(struct json *j)
{
	char piece[CONSOLE_PIECE];
	uint64_t lost;
	size_t n = take_console(piece, &lost);

	if (n == 0 && lost == 0)
		return false;
	json_open(j, NULL, '{');
	json_string(j, "event", "console");
	json_string(j, "console", events->console.name);
	if (n)
		json_bytes(j, "text", piece, n);
	else
		json_number(j, "lost", lost);
	json_close(j, '}');
	json_end_line(j);
	return true;
}

/* What was lost came after all that is kept. */
static bool take(struct control_event *e, uint64_t *lost)
{
	bool any;

	spin_lock(&lock);
	any = events->put != events->taken;
	*lost = 0;
	if (any) {
		*e = events->ring[events->taken++ % EVENT_MAX];
	} else {
		*lost = events->lost;
		events->lost = 0;
	}
	spin_unlock(&lock);
	return any;
}

static void write_event(struct json *j, const struct control_event *e)
{
	static const char *const names[] = {
		[EVENT_STATE] = "state", [EVENT_HANG] = "hang", [EVENT_BREAK] = "break"
	};

	json_string(j, "event", names[e->kind]);
	json_string(j, "vm", e->vm);
	if (e->kind == EVENT_STATE) {
		json_string(j, "from", vm_state_name((enum vm_state)e->from));
		json_string(j, "to", vm_state_name((enum vm_state)e->to));
	}
	if (e->kind == EVENT_BREAK)
		json_number(j, "vcpu", e->vcpu);
	if (e->kind == EVENT_HANG || (e->kind == EVENT_STATE && e->to == VM_CRASHED))
		json_string(j, "why", e->why);
	json_number(j, "t", e->t);
}

size_t control_event_write(char *buf)
{
	struct control_event e;
	struct json j;
	uint64_t lost;
	bool any;

	/* What a VM has printed comes before the event of its end. */
	json_begin(&j, buf, EVENT_BYTES);
	if (write_console(&j))
		return j.len;
	any = take(&e, &lost);
	if (!any && lost == 0)
		return 0;
	json_open(&j, NULL, '{');
	if (any) {
		write_event(&j, &e);
	} else {
		json_string(&j, "event", "lost");
		json_number(&j, "n", lost);
	}
	json_close(&j, '}');
	json_end_line(&j);
	return j.len;
}
