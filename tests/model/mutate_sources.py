#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Break the vcpu protocol's sources in known ways; at least one of the nets must notice each.

usage: mutate_sources.py [--only REGEX] [--half 1|2] [--quick] [--jobs N] [--check] [--trace]

The nets are programs of tests/unit/explorer and tests/unit/threads, and some that test one file on one hart; a mutant goes
from one program of a net to the next until it is caught. A mutant is a file of hyp/ with some text replaced;
it is compiled instead of the original, into build/verify/sources. A text that is not found, or found
twice, is a failure: the mutant would have rotted. The unbroken sources must pass in all programs.
build/verify/sources.json gets {mutant: {net: caught}}; --only and --half (or $HALF) renew a part of it. --quick: a mutant that
one net has caught is not shown to the next, the unbroken sources are not run, and nothing is kept.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

import keep  # noqa: E402 (needs the path above)

UNIT = pathlib.Path("tests/unit")
# The programs that are likely to notice, and soon, come first.
NETS = {"unit": ["vcpu/test_vtimer", "vcpu/test_poll", "vcpu/test_request", "arch/test_timer", "run/test_loop",
                 "run/test_rest", "run/test_fast_calls", "run/test_fast_access"],
        "sim": ["sched/test_rest"],
        "explorer": ["explorer/test_" + name for name in ("requests", "kicks", "halts", "timers", "waits", "life", "sleeps",
                                                          "sleeps_more", "timer", "virtq")],
        "threads": ["threads/test_timer", "threads/test_order", "threads/test_protocol", "threads/test_virtq"]}
OUT = pathlib.Path("build/verify/sources")
JSON = pathlib.Path("build/verify/sources.json")
TIMEOUT = 120  # of processor time, so that a busy machine catches no mutant by itself
FLAGS = ["-std=gnu11", "-O1", "-g", "-w", "-DHARTVISOR_UNIT_TEST"]
ALWAYS = ["tests/unit/fake/log.c", "tests/unit/fake/lock_rank.c", "hyp/lib/lock_rank.c"]  # UNIT_ALWAYS of mk/test.mk
LIBFDT = pathlib.Path("build/libfdt-src/libfdt").resolve()  # for a copy of the tree, too
INCLUDES = ["tests/unit/fake", "tests/unit", "hyp", ".", "guest/include", str(LIBFDT)]

REQUEST, VCPU, RUN = "hyp/vcpu/request.c", "hyp/vcpu/vcpu.c", "hyp/run/vcpu_run.c"
ENTRY, FAST = "hyp/run/entry.h", "hyp/run/fastpath.c"
VCPU_H, IRQ_H = "hyp/vcpu/vcpu.h", "hyp/vcpu/irq.h"
WAKE_H, VTIMER_H, VTIMER = "hyp/vcpu/wake.h", "hyp/vcpu/vtimer.h", "hyp/vcpu/vtimer.c"
POLL, REST, SCHED_REST, TIMER = "hyp/vcpu/poll.c", "hyp/run/rest.c", "hyp/sched/rest.c", "hyp/arch/timer.c"

VIRTQ = "hyp/dev/virtio/virtq.c"

LAST_LOOK = "vcpu_has_reason(v, vcpu_sleep_ends(v));"

# name: [(file, text, replacement), ...]
MUTANTS = {
    # the Dekker pairs
    "fence A of vcpu_kick dropped": [(REQUEST, "	fence_full(); /* A */\n	counter_inc_shared(&v->stats.kicks_asked);\n	if (claim_wake(v)", "	counter_inc_shared(&v->stats.kicks_asked);\n	if (claim_wake(v)")],
    "fence A of vcpus_make_request dropped": [(REQUEST, "	fence_full(); /* A */\n	if (!(req", "	if (!(req")],
    "fence B before entry dropped": [(ENTRY, "	fence_full(); /* B */\n", "")],
    "fence C before blocking dropped": [(VCPU, "	vcpu_block_begin(v);\n", "	atomic_set(&v->halt.blocked, 1);\n")],
    "mode set after the last check": [(ENTRY, "	atomic_set(&v->mode, IN_GUEST_MODE);\n	fence_full(); /* B */\n	vcpu_irq_flush(v);\n	return !vcpu_request_pending(v) && !atomic_read(&this_pcpu()->need_resched);", "	bool ok;\n\n	vcpu_irq_flush(v);\n	ok = !vcpu_request_pending(v) && !atomic_read(&this_pcpu()->need_resched);\n	atomic_set(&v->mode, IN_GUEST_MODE);\n	fence_full();\n	return ok;")],
    "kick before the bit (inject)": [("hyp/vcpu/irq.c", "	(void)atomic_fetch_or(&v->irq.inject, mask);\n	vcpu_kick(v);", "	vcpu_kick(v);\n	(void)atomic_fetch_or(&v->irq.inject, mask);")],
    "kick before the bit (hart_start)": [("hyp/vcpu/hsm.c", "	vcpu_make_request(REQUEST_RESET, v);\n	return", "	vcpu_kick(v);\n	vcpu_make_request(REQUEST_RESET, v);\n	return"), ("hyp/vcpu/hsm.c", "	if (err == HV_OK)\n		vcpu_kick(v);\n", "")],
    "kick before the bit (broadcast)": [(REQUEST, "	fence_full(); /* A */\n	if (!(req", "	vm_for_each_vcpu(v, vm, set)\n		vcpu_clear_request(req, v);\n	if (!(req"),
                                        (REQUEST, "	inside = vcpus_in_guest(vm, set);\n", "	inside = vcpus_in_guest(vm, set);\n	if (!(req & REQUEST_NO_ACTION))\n		vm_for_each_vcpu(v, vm, set)\n			vcpu_make_request(req, v);\n")],
    # make and check
    "check without its barrier": [(VCPU_H, "	request_clear(req, v);\n	fence_full();", "	(void)__atomic_fetch_and(&v->requests, ~request_bit(req), __ATOMIC_RELAXED);\n	(void)0;")],
    "make without its barrier": [(VCPU_H, "	fence_release();\n	(void)atomic_fetch_or(&v->requests, request_bit(req));", "	(void)__atomic_fetch_or(&v->requests, request_bit(req), __ATOMIC_RELAXED);")],
    "last check sees no requests": [(ENTRY, "	return !vcpu_request_pending(v) && !atomic_read(&this", "	return !atomic_read(&this")],
    "check tests and does not clear": [(VCPU_H, "	request_clear(req, v);\n	fence_full();", "	fence_full();")],
    # IPIs
    "EXITING ignored": [(REQUEST, "	if (vcpu_mode(v) == IN_GUEST_MODE &&\n	    atomic_compare_exchange(&v->mode, &in, EXITING_GUEST_MODE)) {", "	(void)in;\n	if (vcpu_mode(v) == IN_GUEST_MODE || vcpu_mode(v) == EXITING_GUEST_MODE) {")],
    "kick sends no IPI": [(REQUEST, "	smp_kick(pcpu_set_of(pcpu));", "")],
    "the loser of IN -> EXITING waits for no other's IPI": [(REQUEST, "	return mode != READING_SHADOW_PAGE_TABLES && claim_ipi(v);", "	return false;")],
    "last_pcpu not ordered before mode": [(VCPU, "	fence_release(); /* a kicker that finds mode = IN finds this, too: vcpu_kick() */\n", "")],
    "last_pcpu not kept": [(VCPU, "	atomic_set(&v->place.pcpu, this_pcpu()->index);\n", "	if (v->place.pcpu == NO_PCPU)\n		atomic_set(&v->place.pcpu, this_pcpu()->index);\n")],
    # WAIT
    "WAIT tests IN_GUEST_MODE only": [(REQUEST, "	if (mode == OUTSIDE_GUEST_MODE) {", "	if (mode != IN_GUEST_MODE) {")],
    "WAIT ignored": [(REQUEST, "	if (req & REQUEST_WAIT) {", "	if (0) {")],
    "WAIT returns at EXITING": [(REQUEST, "		while (atomic_read_acquire(&v->mode) != OUTSIDE_GUEST_MODE &&", "		while (atomic_read_acquire(&v->mode) != OUTSIDE_GUEST_MODE && atomic_read(&v->mode) != EXITING_GUEST_MODE &&")],
    "guest_seq not counted": [(VCPU_H, "	atomic_set_release(&v->guest_seq, v->guest_seq + 1);\n", "")],
    "guest_seq counted before mode": [(VCPU_H, "	atomic_set_release(&v->mode, OUTSIDE_GUEST_MODE);\n	atomic_set_release(&v->guest_seq, v->guest_seq + 1);\n", "	atomic_set_release(&v->guest_seq, v->guest_seq + 1);\n	atomic_set_release(&v->mode, OUTSIDE_GUEST_MODE);\n")],
    "READING not said": [("hyp/vcpu/guest_mem.c", "	atomic_set(&v->mode, READING_SHADOW_PAGE_TABLES);\n", "")],
    "READING without its fence": [("hyp/vcpu/guest_mem.c", "READING_SHADOW_PAGE_TABLES);\n	fence_full();", "READING_SHADOW_PAGE_TABLES);")],
    "READING left before the last read": [("hyp/vcpu/guest_mem.c", "	vcpu_reading_begin(v);\n	err = gstage_read(&v->vm->gstage, a, buf, len);\n	vcpu_reading_end(v);", "	vcpu_reading_begin(v);\n	vcpu_reading_end(v);\n	err = gstage_read(&v->vm->gstage, a, buf, len);")],
    # blocking and waking
    "NO_WAKEUP ignored": [(REQUEST, "	if (!(req & REQUEST_NO_WAKEUP))\n		return", "	return")],
    "the kick before a halt forgotten (sched_put)": [("hyp/sched/sched.c", "	if (why != SCHED_BLOCKS || se->wakeups)", "	if (why != SCHED_BLOCKS)")],
    "blocked cleared without a wake": [(REQUEST, "	(void)sched_wake(&v->se);\n	return true;", "	return true;")],
    "block looks at requests first": [(VCPU, "	vcpu_block_begin(v);\n	if (!vcpu_sleep_is_over(v))\n		return true;", "	if (!vcpu_sleep_is_over(v)) {\n		vcpu_block_begin(v);\n		return true;\n	}\n	atomic_set(&v->halt.blocked, 1);")],
    "block takes back what a kicker has": [(VCPU, "	if (!vcpu_block_end(v))\n		return true;\n", "	atomic_set(&v->halt.blocked, 0);\n")],
    "the last look overlooks a posted interrupt": [(WAKE_H, LAST_LOOK, "vcpu_has_reason(v, vcpu_sleep_ends(v) & ~WAKE_IRQ);")],
    "the last look overlooks a kick": [(WAKE_H, LAST_LOOK, "vcpu_has_reason(v, vcpu_sleep_ends(v) & ~WAKE_KICK);")],
    "the last look overlooks requests": [(WAKE_H, "	return vcpu_request_pending(v) || vcpu_has", "	return vcpu_has")],
    "the halt does not end by an interrupt": [(WAKE_H, "	return vcpu_has_reason(v, v->halt.ends);", "	return vcpu_has_reason(v, v->halt.ends & ~WAKE_IRQ);")],
    "the halt does not end by its timer": [(WAKE_H, "	return vcpu_has_reason(v, v->halt.ends);", "	return vcpu_has_reason(v, v->halt.ends & ~WAKE_TIMER);")],
    # timers
    "the host timer is believed to be armed still": [(WAKE_H, LAST_LOOK, "vcpu_has_reason(v, vcpu_sleep_ends(v) & ~WAKE_TIMER);"), (VTIMER_H, "	} else if (vcpu_timer_ends_sleep(v)) {\n		vcpu_timer_arm_host(v);\n	} else {\n		timer_cancel(&v->timer.host);\n	}", "	} else if (!v->halt.ends || !vm_may_run(v->vm)) {\n		timer_cancel(&v->timer.host);\n	}")],
    "the host timer for the timer is not armed": [(VTIMER, "	timer_arm(&v->timer.host, at);\n", "")],
    "the host timer is armed for the clock of before": [(VCPU, "		vcpu_timer_clock_moved(v);\n", "")],
    "a deadline that was saved is looked for in the hart": [(VTIMER_H, "	return v->timer.off ? v->vs.vstimecmp : csr_read(CSR_VSTIMECMP);", "	return csr_read(CSR_VSTIMECMP);")],
    "a blocked vcpu leaves vstimecmp armed": [(VTIMER_H, "		csr_write(CSR_VSTIMECMP, TIMER_NEVER);\n		if", "		if")],
    "vstimecmp does not come back": [(VTIMER_H, "		csr_write(CSR_VSTIMECMP, v->vs.vstimecmp);\n", "")],
    "the host timer's kick wakes no vcpu": [(VCPU, "	vcpu_kick(container_of(t, struct vcpu, timer.host));", "	(void)t;")],
    "the host timer fired, and is believed to be armed": [(VTIMER, "	if (atomic_read(&v->timer.host.armed) && atomic_read(", "	if (atomic_read(")],
    "the host timer is believed to be armed here": [(VTIMER, " && atomic_read(&v->timer.host.pcpu) == this_pcpu()->index &&", " &&")],
    "the host timer keeps its former deadline": [(VTIMER, " &&\n	    v->timer.host.deadline == at)", ")")],
    "a host timer without a deadline stays armed": [(VTIMER, "		timer_cancel(&v->timer.host);\n		return;", "		return;")],
    "a deadline that is due stays armed": [(VTIMER, "		timer_cancel(&v->timer.host); /* the level below says it */", "		(void)0;")],
    "a new deadline arms no host timer": [(VTIMER, "	else\n		vcpu_timer_arm_host(v);\n	show", "	show")],
    "a new deadline leaves the level as it was": [(VTIMER, "	show_timer(v);\n}\n\nnoinline", "}\n\nnoinline")],
    "the host timer counts guest time": [(VTIMER, "	at = to_host_time(v, when);", "	at = when;")],
    "a stopped hart keeps its deadline": [(VTIMER, "	v->timer.deadline = TIMER_NEVER;\n	v->vs.vstimecmp = TIMER_NEVER;\n", "")],
    "a stopped hart keeps vstimecmp": [(VTIMER, "	if (timer_has_sstc())\n		csr_write(CSR_VSTIMECMP, TIMER_NEVER);\n", "")],
    "a stopped hart keeps its host timer": [(VTIMER, "	timer_cancel(&v->timer.host);\n	v->timer.deadline", "	v->timer.deadline")],
    "the host timer stays armed beside vstimecmp": [(VTIMER_H, "		if (atomic_read(&v->timer.host.armed))\n			timer_cancel(&v->timer.host);\n", "")],
    "what wakes from a sleep does not look at its deadline": [(VTIMER_H, "		vcpu_timer_set_host(v, v->timer.deadline);\n	}\n}\n\n/* vcpu_timer_clock_moved", "	}\n}\n\n/* vcpu_timer_clock_moved")],
    "vstimecmp is saved when it has been put away": [(VTIMER_H, "		v->vs.vstimecmp = csr_read(CSR_VSTIMECMP);\n		csr_write(CSR_VSTIMECMP, TIMER_NEVER);\n		if", "		csr_write(CSR_VSTIMECMP, TIMER_NEVER);\n		v->vs.vstimecmp = csr_read(CSR_VSTIMECMP);\n		if")],
    "a timer block is done twice": [(VTIMER_H, "	if (v->timer.off)\n		return;\n	v->timer.off = true;", "	v->timer.off = true;")],
    "a timer block is undone twice": [(VTIMER_H, "	if (!v->timer.off)\n		return;\n	v->timer.off = false;", "	v->timer.off = false;")],
    "the host timer is armed for a sleep that it does not end": [(VTIMER_H, "	return (v->halt.ends & WAKE_TIMER) && vm_may_run", "	return vm_may_run")],
    "the host timer is not armed with Sstc": [(VTIMER_H, "		if (v->vs.vstimecmp != TIMER_NEVER && vcpu_timer_ends_sleep(v))\n			vcpu_timer_arm_host(v);\n", "")],
    "the host timer is not armed without Sstc": [(VTIMER_H, "	} else if (vcpu_timer_ends_sleep(v)) {\n		vcpu_timer_arm_host(v);\n", "	} else if (vcpu_timer_ends_sleep(v)) {\n")],
    "a timer that vsie does not enable wakes": [(VTIMER_H, "	return (csr_read(CSR_HIE) & BIT(IRQ_VS_TIMER)) && vcpu_timer_pending(v);", "	return vcpu_timer_pending(v);")],
    # host timers
    "a timer moves while it is looked for": [(TIMER, "		if (q == &timer_queues[atomic_read_acquire(&t->pcpu)])\n			return q;\n		spin_unlock(&q->lock);", "		return q;")],
    "a timer's new pcpu is not a release": [(TIMER, "		atomic_set_release(&t->pcpu, this_pcpu()->index);", "		atomic_set(&t->pcpu, this_pcpu()->index);")],
    "a timer's pcpu is not acquired": [(TIMER, "		if (q == &timer_queues[atomic_read_acquire(&t->pcpu)])", "		if (q == &timer_queues[atomic_read(&t->pcpu)])")],
    "a timer moves and stays on the former queue": [(TIMER, "		timer_unlink(q, t);\n		atomic_set_release", "		atomic_set_release")],
    "a timer that is armed again is there twice": [(TIMER, "	timer_unlink(own, t);\n	t->deadline", "	t->deadline")],
    "the hart timer is not set for a new timer": [(TIMER, "	heap_insert(own, t);\n	timer_program(own, queue_earliest(own));", "	heap_insert(own, t);")],
    "the hart timer is set before the timer is there": [(TIMER, "	heap_insert(own, t);\n	timer_program(own, queue_earliest(own));", "	timer_program(own, queue_earliest(own));\n	heap_insert(own, t);")],
    "a timer that ran stays armed": [(TIMER, "	heap_remove(q, t);\n	atomic_set(&t->armed, false);", "	heap_remove(q, t);")],
    "a timer is taken before it is due": [(TIMER, "	if (t && t->deadline <= now)", "	if (t)")],
    "a timer is cancelled without the lock": [(TIMER, "	timer_unlink(q, t);\n	spin_unlock(&q->lock);\n}\n\n/* A timer that is due, off", "	spin_unlock(&q->lock);\n	timer_unlink(q, t);\n}\n\n/* A timer that is due, off")],
    # polling
    "polling overlooks a reason": [(POLL, "		if (vcpu_sleep_is_over(v)) {", "		if (0) {")],
    "polling never ends": [(POLL, "	while (!is_wanted() && now < end) {", "	while (!is_wanted()) {")],
    "polling begins anew each time": [(POLL, "	if (v->halt.poll_since == 0)\n		v->halt.poll_since = now;", "	v->halt.poll_since = now;")],
    "polling overlooks what else wants the hart": [(POLL, "	while (!is_wanted() && now < end) {", "	while (now < end) {")],
    "a vcpu that won by polling is put to sleep": [(POLL, "			return true;", "			return false;")],
    "what cannot be polled for is": [(POLL, "	if (!vcpu_is_halted(v))\n		return false;\n", "")],
    "fence A of vcpu_unhalt dropped": [(REQUEST, "	fence_full(); /* A */\n	counter_inc_shared(&v->stats.kicks_asked);\n	/* One that", "	counter_inc_shared(&v->stats.kicks_asked);\n	/* One that")],
    "a kick before what it is for": [(REQUEST, "	fence_release();\n	atomic_set(&v->halt.kicked, 1);", "	atomic_set(&v->halt.kicked, 1);")],
    "a kick wakes no vcpu": [(REQUEST, "	if (unhalt_claim(v))\n		(void)sched_wake(&v->se);", "	(void)unhalt_claim(v);")],
    "a kick is not remembered": [(REQUEST, "	atomic_set(&v->halt.kicked, 1);\n", "")],
    "the loaded vcpu is not woken": [(REQUEST, "		if (wake(v)) {", "		if (v != this_vcpu() && wake(v)) {")],
    "idle looks at its queue before it says so": [("hyp/run/pcpu_loop.c", "	atomic_set(&p->idle, 1);\n	fence_full();\n	idle = sched_idle_begin();\n	if (idle && !atomic_read(&p->need_resched) && !work_pending())\n		wait_for_interrupt();", "	idle = true;\n	if (!atomic_read(&p->need_resched) && !sched_others_wait() && !work_pending()) {\n		atomic_set(&p->need_resched, 0);\n		atomic_set(&p->idle, 1);\n		fence_full();\n		csr_clear(CSR_SIP, BIT(IRQ_S_SOFT));\n		cpu_wait_for_interrupt();\n	}")],
    "the lender is charged as what runs": [("hyp/sched/loan.c", "	runq_charge_to(q, lender, now);\n", "	q->running = lender;\n	runq_charge(q, now);\n	q->running = se;\n")],
    "waking sends no IPI": [("hyp/sched/sched.c", "	if (tell)\n		smp_resched(to);\n	balance_call_idle(se);\n	return true;", "	(void)tell;\n	balance_call_idle(se);\n	return true;")],
    "a loaded vcpu is moved": [("hyp/sched/balance.c", "pcpu_set_has(&se->affinity, to) && !atomic_read_acquire(&se->on_cpu)", "pcpu_set_has(&se->affinity, to)")],
    "on_cpu not acquired by the hart that moves it": [("hyp/sched/balance.c", "	if (atomic_read_acquire(&se->on_cpu))\n		return i;", "	if (atomic_read(&se->on_cpu))\n		return i;")],
    "trylock without its acquire": [("hyp/lib/spinlock.h", "	uint32_t owner = __atomic_load_n(&l->owner, __ATOMIC_ACQUIRE);\n\n	if", "	uint32_t owner = __atomic_load_n(&l->owner, __ATOMIC_RELAXED);\n\n	if")],
    # interrupts
    "inject overwritten at sync": [(IRQ_H, "	v->irq.shadow = v->irq.hvip & BIT(IRQ_VS_SOFT);", "	v->irq.shadow = v->irq.hvip & BIT(IRQ_VS_SOFT);\n	atomic_set(&v->irq.inject, v->irq.shadow);")],
    "inject taken in two steps": [(IRQ_H, "		v->irq.shadow |= atomic_exchange(&v->irq.inject, 0);", "	{\n		v->irq.shadow |= atomic_read(&v->irq.inject);\n		atomic_set(&v->irq.inject, 0);\n	}")],
    "what the guest cleared comes back": [(IRQ_H, "	v->irq.shadow = v->irq.hvip & BIT(IRQ_VS_SOFT);", "	v->irq.shadow |= v->irq.hvip & BIT(IRQ_VS_SOFT);")],
    "hvip not flushed": [(IRQ_H, "		csr_write(CSR_HVIP, hvip);\n", "")],
    "flush forgets what was latched": [(IRQ_H, "	if (atomic_read(&v->irq.inject))\n		v->irq.shadow |= atomic_exchange(", "	v->irq.shadow = atomic_exchange(")],
    "an interrupt to oneself is not in hvip": [(IRQ_H, "	csr_set(CSR_HVIP, mask);\n", "")],
    "flush before mode": [(ENTRY, "	atomic_set(&v->mode, IN_GUEST_MODE);\n	fence_full(); /* B */\n	vcpu_irq_flush(v);\n", "	vcpu_irq_flush(v);\n	atomic_set(&v->mode, IN_GUEST_MODE);\n	fence_full();\n")],
    # pause, stop, HSM
    "SLEEP not made by vm_pause": [("hyp/vcpu/vm.c", "		vcpu_make_request(REQUEST_SLEEP, vm->vcpus[i]);", "		(void)i;")],
    "pause does not get them out": [("hyp/vcpu/vm.c", "	(void)vm_make_all_vcpus_request(vm, REQUEST_OUTSIDE_GUEST_MODE);\n", "")],
    "paused is not looked at": [(VCPU, "	if (!vm_may_run(v->vm))\n		return VCPU_MUST_BLOCK;\n", "")],
    "resume wakes no vcpu": [("hyp/vcpu/vm.c", "	(void)vm_make_all_vcpus_request(vm, REQUEST_UPDATE_CLOCK);\n", "")],
    "UPDATE_CLOCK made after the VM runs": [("hyp/vcpu/vm.c", "		vcpu_make_request(REQUEST_UPDATE_CLOCK, vm->vcpus[i]);", "		(void)i;")],
    "paused before paused_at": [("hyp/vcpu/vm.c", "	done = set_state(vm, VM_PAUSING);", "	done = set_state(vm, VM_PAUSING) && set_state(vm, VM_PAUSED);"), ("hyp/vcpu/vm.c", "atomic_read(&vm->state) == VM_PAUSING &&", "atomic_read(&vm->state) == VM_PAUSED &&")],
    "a pause that is being made can be resumed": [("hyp/vcpu/vm.c", "	done = atomic_read(&vm->state) == VM_PAUSED;", "	done = vm_is_paused(atomic_read(&vm->state));"), ("hyp/vcpu/vm.c", "[VM_PAUSING] = BIT(VM_PAUSED)", "[VM_PAUSING] = BIT(VM_PAUSED) | BIT(VM_RUNNING)")],
    "paused_at is read before the guest is out": [("hyp/vcpu/vm.c", "	done = set_state(vm, VM_PAUSING);", "	vm->paused_at = timer_now();\n	done = set_state(vm, VM_PAUSING);"), ("hyp/vcpu/vm.c", "		vm->paused_at = timer_now();\n		sched_group_stop", "		sched_group_stop")],
    "two resumes at once": [("hyp/vcpu/vm.c", "	if (done)\n		resume(vm);\n	spin_unlock(&vm->transition);", "	spin_unlock(&vm->transition);\n	if (done)\n		resume(vm);")],
    "VM_DEAD cleared when seen": [(VCPU, "		if (vcpu_test_request(REQUEST_VM_DEAD, v))", "		if (vcpu_check_request(REQUEST_VM_DEAD, v) && vcpu_is_halted(v))")],
    "VM_DEAD wakes no vcpu": [("hyp/vcpu/vm.c", "		vcpu_kick(v);", "")],
    "VM_DEAD made after the task was told": [("hyp/vcpu/vm.c", "		(void)vm_make_all_vcpus_request(vm, REQUEST_VM_DEAD | REQUEST_NO_WAKEUP);\n", ""), ("hyp/vcpu/vm.c", "	(void)sched_wake(&vm->task);\n	return true;\n}\n\n/* To wake", "	(void)sched_wake(&vm->task);\n	(void)vm_make_all_vcpus_request(vm, REQUEST_VM_DEAD | REQUEST_NO_WAKEUP);\n	return true;\n}\n\n/* To wake")],
    "the last vcpu does not wake the task": [(RUN, "		(void)sched_wake(&vm->task);\n", "		;\n")],
    "a stop forgets RESET": [(VCPU, "	atomic_set_release(&v->hsm.state, SBI_HSM_STATE_STOPPED);\n}", "	atomic_set_release(&v->hsm.state, SBI_HSM_STATE_STOPPED);\n	vcpu_clear_request(REQUEST_RESET, v);\n}")],
    "STOPPED is not a release": [(VCPU, "	atomic_set_release(&v->hsm.state, SBI_HSM_STATE_STOPPED);", "	atomic_set(&v->hsm.state, SBI_HSM_STATE_STOPPED);")],
    "a stopped hart goes on": [(VCPU, "	if (vcpu_is_halted(v) || hsm == SBI_HSM_STATE_STOPPED ||\n", "	if (vcpu_is_halted(v) ||\n")],
    # resting
    "resting says blocked without fence C": [("hyp/run/rest.c", "	vcpu_block_begin(v);\n", "	atomic_set(&v->halt.blocked, 1);\n")],
    "resting looks before it says blocked": [("hyp/run/rest.c", "	vcpu_block_begin(v);\n	if (may_sleep(v) && ", "	again = may_sleep(v);\n	vcpu_block_begin(v);\n	if (again && ")],
    "a resting vcpu leaves a faster waker behind": [("hyp/run/rest.c", "		sched_take_wake(&v->se);\n", "")],
    "a resting hart is not interrupted": [("hyp/sched/sched.c", "		if (rests) /*", "		if (rests && !se) /*")],
    "a hart rests and does not take what waits elsewhere": [("hyp/run/rest.c", "		again = pcpu_sleep();", "		again = pcpu_sleep() || true;")],
    "a vcpu that was woken rests all the same": [("hyp/sched/rest.c", "	may = !se->wakeups && q->nr_waiting == 0;", "	may = q->nr_waiting == 0;")],
    "a resting vcpu keeps an old interrupt in hvip": [(REST, "	vcpu_irq_flush(v);\n", "")],
    "a resting vcpu overlooks a reason": [(REST, "	return !vcpu_sleep_is_over(v) && vm_may_run(v->vm);", "	return vm_may_run(v->vm);")],
    "a resting vcpu overlooks a pause": [(REST, " && vm_may_run(v->vm);", ";")],
    "a resting vcpu stays blocked": [(REST, "	if (!vcpu_block_end(v)) {", "	if (!atomic_read(&v->halt.blocked)) {")],
    "a resting hart takes no interrupts": [(REST, "	pcpu_poll_interrupts();\n", "")],
    "a vcpu that rested goes on to sleep though it was woken": [(REST, "		sched_take_wake(&v->se);\n		again = true;", "		sched_take_wake(&v->se);")],
    "what has no timer of its own rests": [(REST, "|| !timer_has_sstc() || is_wanted()", "|| is_wanted()")],
    "what an interrupt must not wake rests": [(REST, "	if (!(vcpu_halt_ends(v) & WAKE_IRQ) || !timer", "	if (!timer")],
    "a wanted vcpu rests": [(REST, "|| !timer_has_sstc() || is_wanted())", "|| !timer_has_sstc())")],
    "a resting vcpu does not say so": [(SCHED_REST, "		atomic_set(&se->resting, 1);\n", "")],
    "a vcpu that rested says that it still does": [(SCHED_REST, "	atomic_set(&se->resting, 0);\n", "")],
    "a vcpu waits beside one that rests": [(SCHED_REST, "	may = !se->wakeups && q->nr_waiting == 0;", "	may = !se->wakeups;")],
    "a resting hart looks for others without the lock": [(SCHED_REST, "	runq_lock(q);\n	may = !se->wakeups && q->nr_waiting == 0;", "	may = !se->wakeups && q->nr_waiting == 0;\n	runq_lock(q);")],
    "a wake that is taken stays": [(SCHED_REST, "		se->wakeups = 0;\n", "")],
    "a wake on its way is not waited for": [(SCHED_REST, "	} while (!came);", "	} while (0 && !came);")],
    "a call that waits stays in guest mode": [(REQUEST, "	if (self && vcpu_mode(self) != OUTSIDE_GUEST_MODE)\n		vcpu_leave(self);\n", "	(void)self;\n")],
    # the fast path
    "a fast call that has waited goes on unseen": [(FAST, "	if (vcpu_mode(v) == OUTSIDE_GUEST_MODE)\n		return enter_anew(v);\n", "")],
    "a fast call's end enters unseen": [(FAST, "	return next_is(may_enter(v) ? NEXT_GUEST : NEXT_LOOK);", "	(void)may_enter(v);\n	return next_is(NEXT_GUEST);")],
    "a fast call's end brings back what the guest cleared": [(FAST, "	vcpu_irq_sync(v);\n	return next_is(may_enter(v) ? NEXT_GUEST", "	return next_is(may_enter(v) ? NEXT_GUEST")],
    "a fast call's end overlooks need_resched": [(FAST, "	return atomic_read(&this_pcpu()->need_resched) ? look_at_queue(v) : next_is(NEXT_GUEST);", "	return next_is(NEXT_GUEST);")],
    "the look at the queue forgets what it found": [(FAST, "	atomic_set(&p->need_resched, 1); /* the run loop looks again */\n", "")],
    "the fast path drops a wake that was claimed": [(FAST, "	if (next_why(next) == NEXT_WAKE ||\n	    (next_why(next) == NEXT_YIELD && sched_waits(&next_to(next)->se)))", "	if (next_why(next) >= NEXT_YIELD && sched_waits(&next_to(next)->se))")],
    "the run loop drops a wake that was claimed": [(RUN, "next_why(next) == NEXT_WAKE)", "false)")],
    "the claim of a kick is no claim": [(REQUEST, "	if (claim_wake(v))\n		return true;\n	kick_awake(v);\n	return false;", "	if (!claim_wake(v))\n		kick_awake(v);\n	return false;")],
    "a vcpu that is awake is not kicked": [(REQUEST, "	kick_awake(v);\n	return false;", "	return false;")],
    # (its fence A, and the order of bit and look, are the litmus test ask_entry's)
    "vcpu_ask_outside does not look at the mode": [(VCPU_H, "	if (atomic_read_acquire(&v->mode) != OUTSIDE_GUEST_MODE)\n		return false;\n	counter_inc_shared", "	counter_inc_shared")],
    "vcpu_ask_outside asks for nothing": [(VCPU_H, "	request_make(req, v);\n	fence_full(); /* A, vcpu/request.c */\n", "	(void)req;\n	fence_full();\n")],
    "a device's own interrupt waits for the next exit": [(FAST, "	if (vcpu_irq_level_moved(v))\n		take_level(v);\n", "")],
    "a device's own interrupt brings back what the guest cleared": [(FAST, "	vcpu_irq_sync(v);\n	vcpu_irq_flush(v);\n", "	vcpu_irq_flush(v);\n")],
    "an access overlooks a request": [(FAST, "	if (vcpu_request_pending(v) || atomic_read(&this_pcpu()->need_resched))", "	if (atomic_read(&this_pcpu()->need_resched))")],
    "an access overlooks need_resched": [(FAST, "	if (vcpu_request_pending(v) || atomic_read(&this_pcpu()->need_resched))", "	if (vcpu_request_pending(v))")],
    "an access overlooks a halt": [(FAST, "	if (vcpu_is_halted(v) || work_pending())", "	if (work_pending())")],
    "an access leaves the device's work alone": [(FAST, "	if (vcpu_is_halted(v) || work_pending())", "	if (vcpu_is_halted(v))")],
    "an access that was outside goes on unseen": [(FAST, "	if (vcpu_mode(v) == OUTSIDE_GUEST_MODE) {\n		vcpu_irq_sync(v);\n		return next_is(may_enter(v) ? in_place : NEXT_LOOK);\n	}\n", "")],
    "an access that was outside enters unseen": [(FAST, "		return next_is(may_enter(v) ? in_place : NEXT_LOOK);", "		(void)may_enter(v);\n		return next_is(in_place);")],
    # the quick ways
    "the quick look overlooks a pause": [(RUN, "!vcpu_is_halted(v) && vm_may_run(v->vm) &&", "!vcpu_is_halted(v) &&")],
    "the quick look overlooks a request": [(RUN, "	return !vcpu_request_pending(v) && !vcpu_is_halted(v) &&", "	return !vcpu_is_halted(v) &&")],
    "the quick look overlooks that the hart is stopped": [(RUN, " &&\n	       vcpu_hsm_is_started(v);", ";")],
    "a vcpu found outside may still read": [(REQUEST, "		if (atomic_read_acquire(&v->mode) != OUTSIDE_GUEST_MODE)\n			inside", "		if (vcpu_mode(v) != OUTSIDE_GUEST_MODE)\n			inside")],
    "a switch that is not possible wakes no vcpu": [("hyp/sched/loan.c", "		(void)sched_wake(to);\n", "")],
    "a halt among others overlooks the last look": [(RUN, "sched_others_wait() &&\n		    vcpu_block(v))", "sched_others_wait() &&\n		    (vcpu_block(v) || 1))")],
    # fences
    "a fence is not made": [(VCPU, "	if (vcpu_check_request(REQUEST_FENCE_I, v))\n		arch_fence_i();", "	(void)vcpu_check_request(REQUEST_FENCE_I, v);")],
    "a full ring loses the fence": [("hyp/vcpu/fence.c", "			all = vcpu_set_or(all, vcpu_set_head(left));", "			set = vcpu_set_without(set, vcpu_set_head(left));")],
    "a sleeper's fences one by one": [("hyp/vcpu/fence.c", "		if (atomic_read(&v->halt.blocked) || !queue_fence(v, f))", "		if (!queue_fence(v, f))")],
    "the ring runs over": [("hyp/vcpu/fence.c", "	room = v->fences.nr < VCPU_FENCE_RING;", "	room = true;")],
    # virtqueues
    "virtq: fence of rearm dropped": [(VIRTQ, "	fence_full(); /* used.idx, then used_event; and avail_event, then avail.idx */\n", "")],
    "virtq: fence of publish dropped": [(VIRTQ, "	fence_full(); /* used.idx, then used_event */\n", "")],
    "virtq: avail.idx read before avail_event is written": [(VIRTQ, "	int err = put_used_idx(q, together);\n\n	*interrupt = false;\n	if (err == HV_OK)\n		err = q->event_idx", "	int err = put_used_idx(q, together);\n\n	*interrupt = false;\n	if (err == HV_OK)\n		err = look_at_avail(q, together);\n	if (err == HV_OK)\n		err = q->event_idx"),
                                                           (VIRTQ, "	if (err == HV_OK)\n		err = look_at_avail(q, together);\n	if (err != HV_OK)\n		return err;\n	return q->avail_idx", "	if (err != HV_OK)\n		return err;\n	return q->avail_idx")],
    "virtq: used_event read before used.idx is written": [(VIRTQ, "	int err = put_used_idx(q, together);\n\n	*interrupt = false;\n	if (err == HV_OK)\n		err = q->event_idx", "	int err;\n\n	*interrupt = false;\n	err = think_of_interrupt(q, together, interrupt);\n	if (err == HV_OK)\n		err = put_used_idx(q, together);\n	if (err == HV_OK)\n		err = q->event_idx"),
                                                         (VIRTQ, "	err = think_of_interrupt(q, together, interrupt);\n	if (err == HV_OK)\n		err = look_at_avail(q, together);", "	err = look_at_avail(q, together);")],
    "virtq: no second look at avail.idx": [(VIRTQ, "	return q->avail_idx != q->next_avail;", "	return 0;")],
    "virtq: used.idx without release": [(VIRTQ, "atomic_set_release(idx, q->used_idx);", "atomic_set(idx, q->used_idx);")],
    "virtq: avail.idx without acquire": [(VIRTQ, "atomic_read_acquire(idx)", "atomic_read(idx)")],
    "virtq: used.idx before the element": [(VIRTQ, "	int err = ring_store32(q, together, VIRTQ_PART_USED,\n			       at + offsetof(struct virtq_used_elem, id), head);\n", "	int err = ring_store(q, together, VIRTQ_PART_USED, VIRTQ_USED_IDX, (uint16_t)(q->used_idx + 1));\n\n	if (err == HV_OK)\n		err = ring_store32(q, together, VIRTQ_PART_USED, at + offsetof(struct virtq_used_elem, id), head);\n")],
    "virtq: avail_event is one behind": [(VIRTQ, "VIRTQ_USED_EVENT(q->size), q->next_avail) :", "VIRTQ_USED_EVENT(q->size),\n						(uint16_t)(q->next_avail - 1)) :")],
    "virtq: an interrupt is thought of but once": [(VIRTQ, "	q->signalled = new;", "	q->signalled = (uint16_t)(new + 1);")],
    "virtq: with flags the driver is never asked to notify": [(VIRTQ, "ring_store(q, together, VIRTQ_PART_USED, VIRTQ_USED_FLAGS, 0);", "HV_OK;")],
}

# What only one net can see: the explorer has locks of its own and does not reorder loads, and a raw
# builtin would go past its memory. The threads meet by chance, so where no other net looks they get several.
ONLY = {"check without its barrier": "threads", "make without its barrier": "threads",
        "trylock without its acquire": "threads", "on_cpu not acquired by the hart that moves it": "threads",
        "the lender is charged as what runs": "threads", "a timer's new pcpu is not a release": "threads",
        "a timer's pcpu is not acquired": "threads", "virtq: avail.idx without acquire": "threads"}
TRIES = 5

# Of some files these programs are quicker to notice a change.
SOON = {TIMER: "explorer/test_timer",
        **dict.fromkeys((VTIMER, VTIMER_H, POLL, REST, SCHED_REST), "explorer/test_sleeps")}


def said(key, path):
    """What follows @key in the comment lines of @path, and of the files that it is LIKE (mk/test.mk)."""
    text = path.read_text()
    if key != "LIKE":
        text += "\n".join(pathlib.Path(like).read_text() for like in said("LIKE", path))
    return " ".join(re.findall(rf"^[/ ]*[/*] *{key}: *(.*)$", text, re.M)).split()


def links(sources, files):
    """Can a change of @files be seen by a program that is made of @sources? One of a header may be seen by all."""
    return not files or any(f.endswith(".h") or f in sources for f in files)


class Net:
    """Some programs that are compiled alike, so that they share their objects."""

    def __init__(self, name, programs):
        mains = {program: UNIT / f"{program}.c" for program in programs}
        first = mains[programs[0]]
        self.name = name
        self.sources = {program: [str(main), *said("SOURCES", main), *ALWAYS]
                        for program, main in mains.items()}
        self.all_sources = sorted(set().union(*self.sources.values()))
        self.folders = list(dict.fromkeys(f for main in mains.values() for f in said("INCLUDE", main))) + INCLUDES
        self.flags = FLAGS + [f"-fsanitize={s}" for s in said("SANITIZE", first) if s != "none"] + said("CFLAGS", first)

    def compile(self, source, obj, tree="."):
        obj.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", *self.flags, *[f"-I{f}" for f in self.folders], "-MMD", "-c", str(source), "-o",
                        str(obj.resolve())], check=True, cwd=tree)

    def compiles(self, source):
        """None, or what the compiler says."""
        said = subprocess.run(["gcc", *self.flags, *[f"-I{f}" for f in self.folders], "-fsyntax-only", str(source)],
                              capture_output=True, text=True)
        return None if said.returncode == 0 else f"{self.name}: {said.stderr}"

    def object_of(self, source, folder=OUT):
        return folder / self.name / "objects" / (source.replace("/", "_") + ".o")

    def build_all(self, pool):
        list(pool.map(lambda s: self.compile(s, self.object_of(s)), self.all_sources))

    def inputs(self):
        """A digest of all that the programs are made of, once they are built."""
        files = set()
        for source in self.all_sources:
            words = self.object_of(source).with_suffix(".d").read_text().replace("\\\n", " ").split()
            files |= {pathlib.Path(word) for word in words if not word.endswith(":")}
        return keep.digest(self.name, self.sources, self.flags, TIMEOUT, TRIES, *sorted(files))

    def link(self, program, folder, replaced):
        out = folder / self.name / program
        out.parent.mkdir(parents=True, exist_ok=True)
        objects = [str(replaced.get(s, self.object_of(s))) for s in self.sources[program]]
        subprocess.run(["gcc", *self.flags, *objects, "-lcmocka", "-lpthread", "-o", str(out)], check=True)
        return out

    def build_mutant(self, folder, files):
        """The objects of the mutant's @files (below @folder), which take the originals' place."""
        replaced = {s: self.object_of(s, folder) for s in files if s in self.all_sources}
        for source, obj in replaced.items():
            self.compile(folder / source, obj)
        return replaced

    def build_in_copy(self, folder, files):
        """A mutated header: the fakes reach it by relative paths, so everything is built in a copy."""
        tree = folder / "tree"
        for part in ("hyp", "platform", "guest/include", "tests/unit", "tests/sim"):
            (tree / part).parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-r", "-T", part, str(tree / part)], check=True)
        for file in files:
            (tree / file).write_text((folder / file).read_text())
        replaced = {s: self.object_of(s, folder) for s in self.all_sources}
        for source, obj in replaced.items():
            self.compile(source, obj, tree)
        return replaced

    def judge(self, folder, replaced, trace, tries, files=()):
        """(caught, by which program and what it said)"""
        soon = [SOON[f] for f in files if f in SOON]
        linked = [p for p in self.sources if links(self.sources[p], files)]
        for program in sorted(linked, key=lambda p: p not in soon) * tries:
            caught, why = run(self.link(program, folder, replaced), trace)
            if caught:
                return True, f"{program.removeprefix(self.name + '/')}: {why}"
        return False, ""


def run(program, trace):
    """(caught, what it said)"""
    environment = {k: v for k, v in os.environ.items() if k != "HV_LONG"}
    environment.setdefault("HV_ROUNDS", "20")
    environment.setdefault("HV_WATCHDOG", "8")
    environment["HV_FAIL_FAST"] = "1"
    if trace:
        environment["HV_TEST_TRACE"] = "1"
    try:
        result = subprocess.run(["prlimit", f"--cpu={TIMEOUT}", program], env=environment, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=20 * TIMEOUT)
    except subprocess.TimeoutExpired:
        return True, "no end"
    text = result.stdout.decode(errors="replace")
    if result.returncode == 0:
        return False, ""
    if result.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return True, "no end"
    found = re.search(r"(BROKEN.*|SUMMARY: ThreadSanitizer.*)", text)
    test = re.search(r"explorer: (\w+): .*BROKEN", text)
    why = found.group(1) if found else f"exit status {result.returncode}"
    return True, (f"{test.group(1)}: " if test else "") + re.sub(r" \(HV_SEED.*", "", why) + ("\n" + text if trace else "")


def mutate(name, changes):
    """The folder with the mutant's files, and their names; or None and what is wrong."""
    folder = OUT / "mutants" / re.sub(r"\W+", "-", name).strip("-")
    texts = {}
    for file, old, new in changes:
        text = texts.setdefault(file, pathlib.Path(file).read_text())
        # Any white space stands for any other, so that layout may change.
        head, tail = re.match(r"\s*", old).group(), re.search(r"\s*$", old).group()
        pattern = r"\s+".join(re.escape(word) for word in old.split())
        found = re.findall(pattern, text)
        if len(found) != 1:
            return None, f"{file}: the text to replace is there {len(found)} times:\n{old}"
        new = new.removeprefix(head) if new.startswith(head) else new
        new = new.removesuffix(tail) if tail and new.endswith(tail) else new
        texts[file] = text.replace(found[0], new)
    for file, text in texts.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder, list(texts)


def one(name, nets, options):
    folder, files = mutate(name, MUTANTS[name])
    if folder is None:
        return None, files
    result, words = {}, []
    for net in nets:
        if ONLY.get(name, net.name) != net.name or not any(links(s, files) for s in net.sources.values()):
            continue
        header = any(f.endswith(".h") for f in files)
        replaced = net.build_in_copy(folder, files) if header else net.build_mutant(folder, files)
        result[net.name], why = net.judge(folder, replaced, options.trace, TRIES if name in ONLY else 1, files)
        if why:
            words.append(f"{net.name}: {why}")
        if options.quick and result[net.name]:
            break
    return result, "; ".join(words)


def outcome(name, nets, inputs, options):
    """That of one(), which may be kept from a run before this one (make verify)."""
    key = keep.digest("protocol", name, MUTANTS[name], ONLY.get(name), options.quick, inputs)
    kept = keep.find(key)
    if kept:
        return kept["result"], f"{kept['why']} (before)"
    result, why = one(name, nets, options)
    if result and any(result.values()):
        keep.add(key, {"result": result, "why": why})
    return result, why


def needed(nets, names):
    """Of each net the programs that can see one of the mutants @names; the others are not even built."""
    files = [[change[0] for change in MUTANTS[name]] for name in names]
    programs = {net.name: [p for p, s in net.sources.items() if any(links(s, f) for f in files)] for net in nets}
    return [Net(name, some) for name, some in programs.items() if some]


def check(nets, pool):
    """That the mutants are there to be made: their texts are found, and the compiler takes what the nets consist of."""
    wrong = [f"{name}: {why}" for name in MUTANTS for folder, why in [mutate(name, MUTANTS[name])] if folder is None]
    checked = pool.map(lambda job: job[0].compiles(job[1]), [(net, s) for net in nets for s in net.all_sources])
    wrong += [why for why in checked if why]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"{len(MUTANTS)} mutants, {len(wrong)} wrong")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description="Break the vcpu protocol; the nets must notice.")
    parser.add_argument("--only", default="", help="mutants whose name matches")
    parser.add_argument("--half", type=int, choices=(1, 2), default=int(os.environ.get("HALF", 0)), help="every other one of these")
    parser.add_argument("--quick", action="store_true", help="stop at the first net that catches a mutant")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--check", action="store_true", help="make none: could they be made? (make lint)")
    parser.add_argument("--trace", action="store_true", help="show what a net said")
    options = parser.parse_args()

    names = [n for n in MUTANTS if re.search(options.only, n)]
    names = names[options.half - 1::2] if options.half else names
    nets = [Net(name, programs) for name, programs in NETS.items()]
    nets = needed(nets, names) if options.only else nets
    passed = failed = 0
    table = {}
    pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
    if options.check:
        return check(nets, pool)
    for net in nets:
        net.build_all(pool)
        if options.quick:
            continue
        key = keep.digest("protocol, unbroken", net.inputs())
        caught, why = (False, "") if keep.find(key) else net.judge(OUT, {}, options.trace, 1)
        if not caught:
            keep.add(key, {"passes": True})
        print(f"{'unbroken':<48} {net.name}: {'FAILS: ' + why if caught else 'passes'}", flush=True)
        failed += caught
        passed += not caught
    if (options.only or options.half) and JSON.exists():
        table = {n: r for n, r in json.loads(JSON.read_text()).items() if n in MUTANTS}
    inputs = keep.digest(*[net.inputs() for net in nets])
    for name, (result, why) in zip(names, pool.map(lambda n: outcome(n, nets, inputs, options), names)):
        if result is None:
            print(f"{name:<48} ROTTEN: {why}", flush=True)
            failed += 1
            continue
        table[name] = result
        if not options.quick:
            JSON.write_text(json.dumps(table, indent=1) + "\n")
        marks = " ".join(f"{net}:{'caught' if hit else '-':<7}" for net, hit in result.items())
        caught = any(result.values())
        print(f"{name:<48} {marks} {why if caught else 'NOT CAUGHT'}"[:230 if not options.trace else None], flush=True)
        passed += caught
        failed += not caught
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
