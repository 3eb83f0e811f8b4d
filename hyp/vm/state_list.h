/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that a guest can see or change, and what keeps it from the other VMs and from the VM's next life. Not part
 * of the image: tests are made from it. hyp/arch/csr_list.h is the same for CSRs.
 *
 * STATE(name, test, saved, restored, reset): a kind of state. Saved and restored: by what, when another vcpu gets the
 * hart; "-": it is a vcpu's or a VM's own, in memory. Reset: by what, for the next life. Test:
 *   GUEST   guest/tests/state has functions of that name: one VM marks it and another one looks, one life
 *           marks it and the next one looks, and it is as it was after a turn of another vcpu
 *   MARKS   guest/tests/marks.c does the same
 *   OTHER   tests of its own, which `saved` names
 *
 * FIELD_OWNER(field, kept, state): a field of struct vcpu or vm (tests/unit/vcpu/test_state.c), or of a device
 * (dev/test_state.c). A field without a line does not compile there, and each must be kept as its line says:
 *   NEW    a new life finds it as in a new object
 *   SET    written before it is read, in each life
 *   KEPT   a new life does not change it: fixed, the host's, or state that outlives a reset
 *   LOCK   a spinlock, free before and afterwards
 *   PARTS  a structure with lines of its own
 * State: which STATE it is a part of; "host" when a guest cannot tell.
 */

#ifndef STATE
#define STATE(name, test, saved, restored, reset)
#endif
#ifndef FIELD_VCPU
#define FIELD_VCPU(field, kept, state)
#endif
#ifndef FIELD_VCPU_HSM
#define FIELD_VCPU_HSM(field, kept, state)
#endif
#ifndef FIELD_VCPU_HALT
#define FIELD_VCPU_HALT(field, kept, state)
#endif
#ifndef FIELD_VCPU_TIMER
#define FIELD_VCPU_TIMER(field, kept, state)
#endif
#ifndef FIELD_VCPU_PLACE
#define FIELD_VCPU_PLACE(field, kept, state)
#endif
#ifndef FIELD_VCPU_FENCES
#define FIELD_VCPU_FENCES(field, kept, state)
#endif
#ifndef FIELD_VCPU_STEAL
#define FIELD_VCPU_STEAL(field, kept, state)
#endif
#ifndef FIELD_VCPU_PV_LOCK
#define FIELD_VCPU_PV_LOCK(field, kept, state)
#endif
#ifndef FIELD_VCPU_MAGIC
#define FIELD_VCPU_MAGIC(field, kept, state)
#endif
#ifndef FIELD_VCPU_PV
#define FIELD_VCPU_PV(field, kept, state)
#endif
#ifndef FIELD_VCPU_FP
#define FIELD_VCPU_FP(field, kept, state)
#endif
#ifndef FIELD_VMID
#define FIELD_VMID(field, kept, state)
#endif
#ifndef FIELD_VCPU_SAMPLE
#define FIELD_VCPU_SAMPLE(field, kept, state)
#endif
#ifndef FIELD_VCPU_DEBUG
#define FIELD_VCPU_DEBUG(field, kept, state)
#endif
#ifndef FIELD_VM
#define FIELD_VM(field, kept, state)
#endif
#ifndef FIELD_VM_WATCH
#define FIELD_VM_WATCH(field, kept, state)
#endif
#ifndef FIELD_VUART
#define FIELD_VUART(field, kept, state)
#endif
#ifndef FIELD_VPLIC
#define FIELD_VPLIC(field, kept, state)
#endif
#ifndef FIELD_VPLIC_CONTEXT
#define FIELD_VPLIC_CONTEXT(field, kept, state)
#endif
#ifndef FIELD_VRTC
#define FIELD_VRTC(field, kept, state)
#endif
#ifndef FIELD_VIRTIO_DEV
#define FIELD_VIRTIO_DEV(field, kept, state)
#endif
#ifndef FIELD_VIRTQ
#define FIELD_VIRTQ(field, kept, state)
#endif
#ifndef FIELD_VIRTQ_RING
#define FIELD_VIRTQ_RING(field, kept, state)
#endif
#ifndef FIELD_VIRTQ_CHAIN
#define FIELD_VIRTQ_CHAIN(field, kept, state)
#endif
#ifndef FIELD_VRNG
#define FIELD_VRNG(field, kept, state)
#endif
#ifndef FIELD_DISK
#define FIELD_DISK(field, kept, state)
#endif
#ifndef FIELD_BLK_REQUEST
#define FIELD_BLK_REQUEST(field, kept, state)
#endif
#ifndef FIELD_VCONSOLE_PORT
#define FIELD_VCONSOLE_PORT(field, kept, state)
#endif
#ifndef FIELD_VBALLOON
#define FIELD_VBALLOON(field, kept, state)
#endif
#ifndef FIELD_VNET
#define FIELD_VNET(field, kept, state)
#endif
#ifndef FIELD_NET_FILTER
#define FIELD_NET_FILTER(field, kept, state)
#endif
#ifndef FIELD_NET_LANE
#define FIELD_NET_LANE(field, kept, state)
#endif
#ifndef FIELD_NET_SENDER
#define FIELD_NET_SENDER(field, kept, state)
#endif
#ifndef FIELD_NET_PORT
#define FIELD_NET_PORT(field, kept, state)
#endif

/* --- a vcpu's registers --- */
STATE(gprs, GUEST, "switch.S, at each exit", "switch.S, at each entry", "guest_regs_reset")
STATE(fp, GUEST, "guest_fp_save", "vcpu_load_fp", "vcpu_power_on, reset")
STATE(vector, GUEST, "guest_vector_save", "vcpu_load_fp", "vcpu_power_on, reset")
STATE(csrs, MARKS, "guest_vs_save, csr_list.h", "guest_vs_restore", "guest_vs_reset")
STATE(counters, GUEST, "guest_vs_save", "guest_vs_restore", "guest_vs_reset")
STATE(interrupts, MARKS, "vcpu_irq_sync", "vcpu_irq_flush", "vcpu_irq_reset")
STATE(translation, OTHER, "tests/unit/tlb/test_orders.c", "vcpu_load_hgatp",
      "vmid_drop, vcpu_fence_all")

/* --- what the SBI keeps for a vcpu --- */
STATE(hsm, GUEST, "-", "-", "vcpu_power_on")
STATE(kick, GUEST, "-", "-", "vcpu_power_on, reset")
STATE(timer, GUEST, "vcpu_timer_block", "vcpu_timer_unblock", "vcpu_timer_reset")
STATE(sleep, OTHER, "tests/system/test_wake.py", "-", "vcpu_power_on, reset")
STATE(sta, GUEST, "-", "-", "vcpu_power_on, pv_reset")
STATE(pv_lock, OTHER, "tests/unit/vcpu/test_state.c", "-", "vcpu_power_on, pv_reset")
STATE(magic, GUEST, "-", "-", "pv_magic_reset")

/* --- devices, memory, time --- */
STATE(uart, GUEST, "-", "-", "vuart_reset")
STATE(rtc, GUEST, "-", "-", "vrtc_reset; not the time, as with a battery")
STATE(plic, GUEST, "-", "-", "vplic_reset")
STATE(virtio, OTHER, "tests/unit/dev/test_virtio_state.c", "-", "virtio_reset")
STATE(disk, OTHER, "tests/unit/dev/test_virtio_blk.c", "-", "virtio_reset")
STATE(console, OTHER, "tests/unit/dev/test_virtio_console.c", "-", "vconsole_reset")
STATE(balloon, OTHER, "tests/unit/dev/test_balloon.c", "-", "vballoon_reset")
STATE(shared, OTHER, "tests/unit/dev/test_shared.c", "-", "shared_reset")
STATE(net, OTHER, "tests/unit/dev/test_net_state.c", "-", "vnet_reset")
STATE(clock, GUEST, "-", "vcpu_load, htimedelta", "vm_begin_life")
STATE(memory, OTHER, "guest/tests/leak.c", "-", "gstage_clear_step")
STATE(seed, OTHER, "tests/system/test_seed.py", "-", "loader, at each load")

/* --- the console --- */
STATE(typed, OTHER, "tests/unit/vm/test_lifecycle_end.c", "-", "term_stream_discard_input")
STATE(printed, OTHER, "tests/unit/term/test_wire.c", "-", "term_stream_flush, vm_begin_life")
STATE(raw, OTHER, "tests/unit/term/test_raw.c", "-",
      "the operator's; it is not the guest's to change")

/* --- what the operator sees of a VM --- */
STATE(life, OTHER, "tests/unit/vm/test_lifecycle_end.c", "-", "vm_begin_life")
STATE(counts, OTHER, "tests/unit/vcpu/test_state.c", "-", "vcpu_stats_zero")
STATE(signs, OTHER, "tests/unit/vcpu/test_watch.c", "-", "vm_begin_life, vcpu_power_on")

/* --- struct vcpu, vcpu/vcpu.h --- */
FIELD_VCPU(regs, NEW, "gprs")
FIELD_VCPU(vs, NEW, "csrs")
FIELD_VCPU(mode, NEW, "host")
FIELD_VCPU(requests, NEW, "host")
FIELD_VCPU(guest_seq, KEPT, "host")
FIELD_VCPU(vm, KEPT, "host")
FIELD_VCPU(id, KEPT, "host")
FIELD_VCPU(irq, NEW, "interrupts")
FIELD_VCPU(hsm, PARTS, "hsm")
FIELD_VCPU(halt, PARTS, "sleep")
FIELD_VCPU(timer, PARTS, "timer")
FIELD_VCPU(se, KEPT,
	   "host") /* the scheduler's; what a guest is told of it is counted from pv.steal.base on */
FIELD_VCPU(place, PARTS, "translation")
FIELD_VCPU(pv, PARTS, "sta")
FIELD_VCPU(fences, PARTS, "translation")
FIELD_VCPU(fp, PARTS, "fp")
FIELD_VCPU(stats, KEPT, "counts") /* they only grow */
FIELD_VCPU(timed, KEPT, "counts")
FIELD_VCPU(counted, SET, "counts") /* vcpu_stats_zero() */
FIELD_VCPU(sample, PARTS, "signs")
FIELD_VCPU(watch, KEPT,
	   "signs") /* the first look at a new life finds that it slept, and forgets the rest */

FIELD_VCPU(debug, PARTS, "gprs")
FIELD_VCPU_HSM(state, NEW, "hsm")
FIELD_VCPU_HSM(start, SET, "hsm") /* vcpu_hsm_prepare() */
FIELD_VCPU_HSM(arg, SET, "hsm")
FIELD_VCPU_HALT(ends, NEW, "sleep")
FIELD_VCPU_HALT(again, NEW, "printed")
FIELD_VCPU_HALT(blocked, NEW, "sleep")
FIELD_VCPU_HALT(kicked, NEW, "kick")
FIELD_VCPU_HALT(poll_since, NEW, "host")
FIELD_VCPU_HALT(poll_ticks, NEW, "host")
FIELD_VCPU_TIMER(host, KEPT, "timer") /* cancelled */
FIELD_VCPU_TIMER(off, NEW, "timer")
FIELD_VCPU_TIMER(deadline, NEW, "timer")
FIELD_VCPU_PLACE(vmid, PARTS, "translation")
FIELD_VCPU_PLACE(hgatp, SET, "translation")
FIELD_VCPU_PLACE(pcpu, KEPT, "translation")
FIELD_VCPU_FENCES(lock, LOCK, "host")
FIELD_VCPU_FENCES(nr, NEW, "translation")
FIELD_VCPU_FENCES(ring, SET, "translation")
FIELD_VCPU_STEAL(at, NEW, "sta")
FIELD_VCPU_STEAL(ptr, SET, "sta")      /* pv_steal_set() */
FIELD_VCPU_STEAL(base, SET, "sta")     /* vcpu_power_on() */
FIELD_VCPU_STEAL(written, SET, "sta")  /* pv_steal_set() */
FIELD_VCPU_STEAL(sequence, SET, "sta") /* pv_steal_set() */
FIELD_VCPU_PV_LOCK(at, NEW, "pv_lock")
FIELD_VCPU_PV_LOCK(ptr, SET, "pv_lock") /* pv_lock_set() */
FIELD_VCPU_MAGIC(page, KEPT, "magic")	/* and cleared */
FIELD_VCPU_MAGIC(mapped, NEW, "magic")
FIELD_VCPU_MAGIC(at, SET, "magic")	 /* pv_magic_map() */
FIELD_VCPU_MAGIC(run_base, SET, "magic") /* pv_magic_reset() */
FIELD_VCPU_MAGIC(exits_base, SET, "magic")
FIELD_VCPU_PV(steal, PARTS, "sta")
FIELD_VCPU_PV(lock, PARTS, "pv_lock")
FIELD_VCPU_PV(magic, PARTS, "magic")
FIELD_VCPU_PV(marked, NEW, "sta")
FIELD_VCPU_FP(pcpu, NEW, "fp")
FIELD_VCPU_FP(vector_pcpu, NEW, "vector")
FIELD_VCPU_FP(initial, NEW, "fp")
FIELD_VCPU_FP(vector, KEPT, "vector") /* what it points to is as new */
FIELD_VCPU_FP(regs, NEW, "fp")
FIELD_VMID(generation, NEW, "translation")
FIELD_VMID(pcpu, SET, "translation") /* vmid_alloc() */
FIELD_VMID(id, SET, "translation")
FIELD_VCPU_SAMPLE(pc, SET, "signs") /* before `fresh` */
FIELD_VCPU_SAMPLE(tval, SET, "signs")
FIELD_VCPU_SAMPLE(trap, SET, "signs")
FIELD_VCPU_SAMPLE(cause, SET, "signs")
FIELD_VCPU_SAMPLE(what, SET, "signs")
FIELD_VCPU_SAMPLE(fresh, NEW, "signs")
FIELD_VCPU_DEBUG(synced, KEPT, "host")
FIELD_VCPU_DEBUG(pc, SET, "gprs") /* before `synced` */
FIELD_VCPU_DEBUG(user, SET, "gprs")
FIELD_VCPU_DEBUG(pass, NEW, "host")
FIELD_VCPU_DEBUG(stopped, NEW, "host")
FIELD_VCPU_DEBUG(fp_written, NEW, "fp")

/* --- struct vm, vcpu/vm.h --- */
FIELD_VM(name, KEPT, "host")
FIELD_VM(id, KEPT, "host")
FIELD_VM(transition, LOCK, "host")
FIELD_VM(state, SET, "life")
FIELD_VM(stop, NEW, "life")
FIELD_VM(stop_why, SET, "life") /* emptied */
FIELD_VM(doomed, KEPT, "life")
FIELD_VM(made, KEPT, "life")
FIELD_VM(waits, SET, "life")   /* the life cycle's start() */
FIELD_VM(told, SET, "life")    /* begin_stop() */
FIELD_VM(active, SET, "life")  /* vm_begin_life() */
FIELD_VM(pauses, KEPT, "life") /* compared only */
FIELD_VM(ended_at, SET, "life")
FIELD_VM(paused_at, SET, "clock") /* vm_pause() */
FIELD_VM(lock, LOCK, "host")
FIELD_VM(arena, KEPT, "host")
FIELD_VM(gstage, KEPT, "memory")  /* cleared, and without magic pages */
FIELD_VM(mem_open, SET, "memory") /* the life cycle's start() */
FIELD_VM(dma, KEPT, "host")
FIELD_VM(mem_gen, KEPT, "host")
FIELD_VM(nr_vcpus, KEPT, "host")
FIELD_VM(vcpus, KEPT, "host")
FIELD_VM(htimedelta, SET, "clock") /* vm_begin_life() */
FIELD_VM(henvcfg, KEPT, "csrs")
FIELD_VM(hcounteren, KEPT, "counters")
FIELD_VM(hedeleg, KEPT, "csrs")
FIELD_VM(debugged, KEPT, "host") /* a debugger stays */
FIELD_VM(pv, KEPT, "pv_lock")
FIELD_VM(group, KEPT, "host") /* the scheduler's */
FIELD_VM(halt_poll_max, KEPT, "host")
FIELD_VM(watchdog, KEPT, "host")
FIELD_VM(bus, KEPT, "host")
FIELD_VM(irqchip, KEPT, "plic")
FIELD_VM(virtio, KEPT, "virtio")
FIELD_VM(balloon, KEPT, "host")
FIELD_VM(parts, KEPT, "host")
FIELD_VM(last_part, KEPT, "host")
FIELD_VM(reserved, KEPT, "host")
FIELD_VM(nr_phandles, KEPT, "host")
FIELD_VM(windows, KEPT, "host")
FIELD_VM(console, KEPT, "host")
FIELD_VM(stream, KEPT, "printed")
FIELD_VM(consoles, KEPT, "host")
FIELD_VM(console_waits, NEW, "printed")
FIELD_VM(config, KEPT, "host")
FIELD_VM(task, KEPT, "host")
FIELD_VM(life, KEPT, "host")
FIELD_VM(watch, PARTS, "signs")
FIELD_VM(timed, KEPT, "counts")
FIELD_VM(refs, KEPT, "host")
FIELD_VM(release, KEPT, "host")
FIELD_VM(reaped, KEPT, "host")
FIELD_VM(dying, KEPT, "host")
FIELD_VM_WATCH(since, SET, "signs") /* vm_begin_life() */
FIELD_VM_WATCH(mmio, NEW, "signs")
FIELD_VM_WATCH(doubted, NEW, "signs")
FIELD_VM_WATCH(told, NEW, "signs")
FIELD_VM_WATCH(found, NEW, "signs")
FIELD_VM_WATCH(vcpu, NEW, "signs")
FIELD_VM_WATCH(cause, NEW, "signs")
FIELD_VM_WATCH(pc, NEW, "signs")
FIELD_VM_WATCH(tval, NEW, "signs")

/* --- struct vuart, dev/vuart.c --- */
FIELD_VUART(lock, LOCK, "host")
FIELD_VUART(vm, KEPT, "host")
FIELD_VUART(irq, KEPT, "host")
FIELD_VUART(phandle, KEPT, "host")
FIELD_VUART(ier, NEW, "uart")
FIELD_VUART(fcr, NEW, "uart")
FIELD_VUART(lcr, NEW, "uart")
FIELD_VUART(mcr, NEW, "uart")
FIELD_VUART(msr, NEW, "uart")
FIELD_VUART(scr, NEW, "uart")
FIELD_VUART(dll, NEW, "uart")
FIELD_VUART(dlm, NEW, "uart")
FIELD_VUART(overrun, NEW, "uart")
FIELD_VUART(thre_pending, NEW, "uart")
FIELD_VUART(thre_waits, NEW, "uart")
FIELD_VUART(line, NEW, "uart")
FIELD_VUART(break_in, NEW, "uart")
FIELD_VUART(rx_head, NEW, "uart")
FIELD_VUART(rx_count, NEW, "uart")
FIELD_VUART(rx, NEW, "uart")

/* --- struct vplic and its contexts, irqchip/vplic.c --- */
FIELD_VPLIC(chip, KEPT, "host")
FIELD_VPLIC(lock, LOCK, "host")
FIELD_VPLIC(vm, KEPT, "host")
FIELD_VPLIC(nr_contexts, KEPT, "host")
FIELD_VPLIC(contexts, KEPT, "plic") /* each of them is as new */
FIELD_VPLIC(level, NEW, "plic")
FIELD_VPLIC(pending, NEW, "plic")
FIELD_VPLIC(service, NEW, "plic")
FIELD_VPLIC(pulsed, NEW, "plic")
FIELD_VPLIC(of_priority, NEW, "plic")
FIELD_VPLIC(priority, NEW, "plic")
FIELD_VPLIC(pending_words, NEW, "plic")
FIELD_VPLIC(pending_prios, NEW, "plic")
FIELD_VPLIC(nr_pending, NEW, "plic")
FIELD_VPLIC(lone, NEW, "plic")
FIELD_VPLIC(listening, NEW, "plic")
FIELD_VPLIC(raised, NEW, "interrupts")
FIELD_VPLIC_CONTEXT(enabled, KEPT, "plic") /* the set is as new */
FIELD_VPLIC_CONTEXT(threshold, NEW, "plic")

/* --- struct vrtc, dev/vrtc.c --- */
FIELD_VRTC(lock, LOCK, "host")
FIELD_VRTC(irq, KEPT, "host")
FIELD_VRTC(phandle, KEPT, "host")
FIELD_VRTC(offset, KEPT, "rtc") /* the battery's */
FIELD_VRTC(alarm, NEW, "rtc")
FIELD_VRTC(time_high, NEW, "rtc")
FIELD_VRTC(alarm_high, NEW, "rtc")
FIELD_VRTC(alarm_set, NEW, "rtc")
FIELD_VRTC(irq_enabled, NEW, "rtc")
FIELD_VRTC(irq_pending, NEW, "rtc")
FIELD_VRTC(line, NEW, "rtc")
FIELD_VRTC(timer, KEPT, "rtc") /* cancelled */

#include "state_devices.h"

#undef STATE
#undef FIELD_VCPU
#undef FIELD_VCPU_HSM
#undef FIELD_VCPU_HALT
#undef FIELD_VCPU_TIMER
#undef FIELD_VCPU_PLACE
#undef FIELD_VCPU_FENCES
#undef FIELD_VCPU_STEAL
#undef FIELD_VCPU_PV_LOCK
#undef FIELD_VCPU_MAGIC
#undef FIELD_VCPU_PV
#undef FIELD_VCPU_FP
#undef FIELD_VMID
#undef FIELD_VCPU_SAMPLE
#undef FIELD_VCPU_DEBUG
#undef FIELD_VM
#undef FIELD_VM_WATCH
#undef FIELD_VUART
#undef FIELD_VPLIC
#undef FIELD_VPLIC_CONTEXT
#undef FIELD_VRTC
#undef FIELD_VIRTIO_DEV
#undef FIELD_VIRTQ
#undef FIELD_VIRTQ_RING
#undef FIELD_VIRTQ_CHAIN
#undef FIELD_VRNG
#undef FIELD_DISK
#undef FIELD_BLK_REQUEST
#undef FIELD_VCONSOLE_PORT
#undef FIELD_VBALLOON
#undef FIELD_VNET
#undef FIELD_NET_FILTER
#undef FIELD_NET_LANE
#undef FIELD_NET_SENDER
#undef FIELD_NET_PORT
