/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of state_list.h that is about virtio devices; included by it alone, with its macros. */

/* --- struct virtio_dev and its queues, dev/virtio/virtio.h --- */
FIELD_VIRTIO_DEV(ops, KEPT, "host")
FIELD_VIRTIO_DEV(vm, KEPT, "host")
FIELD_VIRTIO_DEV(irq, KEPT, "host")
FIELD_VIRTIO_DEV(slot, KEPT, "host")
FIELD_VIRTIO_DEV(phandle, KEPT, "host")
FIELD_VIRTIO_DEV(offered, KEPT, "host")
FIELD_VIRTIO_DEV(nr_queues, KEPT, "host")
FIELD_VIRTIO_DEV(queues, KEPT, "virtio") /* each of them is as new */
FIELD_VIRTIO_DEV(page, KEPT, "virtio")	 /* so are the registers in it */
FIELD_VIRTIO_DEV(lock, LOCK, "host")
FIELD_VIRTIO_DEV(features, NEW, "virtio")
FIELD_VIRTIO_DEV(features_sel, NEW, "virtio")
FIELD_VIRTIO_DEV(queue_sel, NEW, "virtio")
FIELD_VIRTIO_DEV(status, NEW, "virtio")
FIELD_VIRTIO_DEV(interrupts, NEW, "virtio")
FIELD_VIRTIO_DEV(resets, KEPT, "host")
FIELD_VIRTQ(lock, LOCK, "host")
FIELD_VIRTQ(vm, KEPT, "host")
FIELD_VIRTQ(index, KEPT, "host")
FIELD_VIRTQ(max, KEPT, "host")
FIELD_VIRTQ(size, NEW, "virtio")
FIELD_VIRTQ(ready, NEW, "virtio")
FIELD_VIRTQ(event_idx, SET, "virtio") /* virtq_enable() */
FIELD_VIRTQ(indirect, SET, "virtio")
FIELD_VIRTQ(busy, NEW, "virtio")
FIELD_VIRTQ(ring, PARTS, "virtio")
FIELD_VIRTQ(avail_idx, NEW, "virtio")
FIELD_VIRTQ(next_avail, NEW, "virtio")
FIELD_VIRTQ(used_idx, NEW, "virtio")
FIELD_VIRTQ(published, NEW, "virtio")
FIELD_VIRTQ(signalled, NEW, "virtio")
FIELD_VIRTQ(window, KEPT, "host") /* good for one generation of the memory */
FIELD_VIRTQ(counts, KEPT, "host") /* the operator's, as all counts */
FIELD_VIRTQ(counted, KEPT, "host")
FIELD_VIRTQ(chain, PARTS, "virtio")
FIELD_VIRTQ(bufs, KEPT, "virtio") /* those of a chain are written before they are read */
FIELD_VIRTQ_RING(at, NEW, "virtio")
FIELD_VIRTQ_RING(host, NEW, "virtio")
FIELD_VIRTQ_RING(together, NEW, "virtio")
FIELD_VIRTQ_RING(mem_gen, NEW, "virtio")
FIELD_VIRTQ_CHAIN(head, NEW, "virtio")
FIELD_VIRTQ_CHAIN(nr_out, NEW, "virtio")
FIELD_VIRTQ_CHAIN(nr, NEW, "virtio")
FIELD_VIRTQ_CHAIN(out, NEW, "virtio")
FIELD_VIRTQ_CHAIN(in, NEW, "virtio")
FIELD_VIRTQ_CHAIN(done, NEW, "virtio")

/* --- struct vrng, dev/virtio/rng.c --- */
FIELD_VRNG(dev, PARTS, "virtio")
FIELD_VRNG(random, KEPT, "host") /* no output tells anything of another one */

/* --- struct disk and what its queues work on, dev/virtio/blk.h --- */
FIELD_DISK(dev, PARTS, "virtio")
FIELD_DISK(image, KEPT, "host")
FIELD_DISK(image_size, KEPT, "host")
FIELD_DISK(size, KEPT, "host")
FIELD_DISK(writable, KEPT, "host")
FIELD_DISK(id, KEPT, "host")
FIELD_DISK(overlay, KEPT, "disk") /* a disk keeps what is written when its guest is reset */
FIELD_DISK(host, KEPT, "host")
FIELD_DISK(requests, PARTS, "disk")
FIELD_BLK_REQUEST(active, NEW, "disk")
FIELD_BLK_REQUEST(type, SET, "disk") /* when a request begins, as all others */
FIELD_BLK_REQUEST(status, SET, "disk")
FIELD_BLK_REQUEST(at, SET, "disk")
FIELD_BLK_REQUEST(left, SET, "disk")
FIELD_BLK_REQUEST(ranges, SET, "disk")
FIELD_BLK_REQUEST(flags, SET, "disk")
FIELD_BLK_REQUEST(written, SET, "disk")
FIELD_BLK_REQUEST(data, SET, "disk")

/* --- struct vconsole_port, dev/virtio/console.h --- */
FIELD_VCONSOLE_PORT(of, KEPT, "host")
FIELD_VCONSOLE_PORT(id, KEPT, "host")
FIELD_VCONSOLE_PORT(label, KEPT, "host")
FIELD_VCONSOLE_PORT(type, KEPT, "host")
FIELD_VCONSOLE_PORT(size, KEPT, "host")
FIELD_VCONSOLE_PORT(console, KEPT, "host")
FIELD_VCONSOLE_PORT(due, NEW, "console")
FIELD_VCONSOLE_PORT(open, NEW, "console")

/* --- struct vballoon, dev/virtio/balloon.h --- */
FIELD_VBALLOON(dev, PARTS, "virtio")
FIELD_VBALLOON(port, KEPT, "host")
FIELD_VBALLOON(wants, NEW, "balloon")
FIELD_VBALLOON(inflated, KEPT, "balloon") /* all of them 0 */
FIELD_VBALLOON(nr_leaves, KEPT, "host")
FIELD_VBALLOON(job, KEPT, "balloon") /* none is active */
FIELD_VBALLOON(waits, NEW, "balloon")
FIELD_VBALLOON(timer, KEPT, "host") /* not armed */
FIELD_VBALLOON(told_at, NEW, "host")

/* --- struct vnet and its port of a switch, dev/virtio/net.h and net/switch.h --- */
FIELD_VNET(dev, PARTS, "net")
FIELD_VNET(port, PARTS, "net")
FIELD_VNET(max_pairs, KEPT, "host")
FIELD_VNET(pairs, NEW, "net")
FIELD_VNET(mac, NEW, "net")
FIELD_VNET(filter, PARTS, "net")
FIELD_VNET(lanes, PARTS, "net")
FIELD_NET_FILTER(lock, LOCK, "host")
FIELD_NET_FILTER(promisc, NEW, "net")
FIELD_NET_FILTER(allmulti, NEW, "net")
FIELD_NET_FILTER(unicast, NEW, "net")
FIELD_NET_FILTER(multicast, NEW, "net")
FIELD_NET_LANE(sender, PARTS, "net")
FIELD_NET_LANE(err, SET, "host")       /* when the receiver is opened */
FIELD_NET_LANE(received, KEPT, "host") /* the operator's, as all counts */
FIELD_NET_LANE(received_bytes, KEPT, "host")
FIELD_NET_SENDER(port, KEPT, "host")
FIELD_NET_SENDER(lane, KEPT, "host")
FIELD_NET_SENDER(now, SET, "host") /* 0 when a step has ended, as what follows */
FIELD_NET_SENDER(addresses, SET, "host")
FIELD_NET_SENDER(changes, SET, "host")
FIELD_NET_SENDER(until, SET, "host")
FIELD_NET_SENDER(to, SET,
		 "host") /* for as long as the switch has not changed, which a reset does */
FIELD_NET_SENDER(open, SET, "host")
FIELD_NET_SENDER(frames, KEPT, "host")
FIELD_NET_SENDER(bytes, KEPT, "host")
FIELD_NET_PORT(ops, KEPT, "host")
FIELD_NET_PORT(vm, KEPT, "host")
FIELD_NET_PORT(unit, KEPT, "host")
FIELD_NET_PORT(mac, KEPT, "host")
FIELD_NET_PORT(vlan, KEPT, "host")
FIELD_NET_PORT(mtu, KEPT, "host")
FIELD_NET_PORT(rate, KEPT, "host")
FIELD_NET_PORT(of, KEPT, "host")
FIELD_NET_PORT(number, KEPT, "host")
FIELD_NET_PORT(due, KEPT, "net") /* a reset is no way around the rate */
FIELD_NET_PORT(drops, KEPT, "host")
FIELD_NET_PORT(counted, KEPT, "host")
FIELD_NET_PORT(unplugged, KEPT, "net") /* the operator's, as a cable is */
FIELD_NET_PORT(fixed, KEPT, "host")
FIELD_NET_PORT(own, KEPT, "net") /* none of them is in use */
FIELD_NET_PORT(learned, KEPT, "host")
FIELD_NET_PORT(nr_learned, KEPT, "host")
