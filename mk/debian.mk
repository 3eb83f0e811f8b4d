# SPDX-License-Identifier: BSD-2-Clause
#
# Two Debian systems on a disk, for make run CONFIG=debian. The disk is made when it is asked for, once; see
# tools/setup-debian.sh. It is never made again by itself: guests have written to it.

DEB := $(B)/debian

# dts/NAME.qemu may name it.
MADE_FOR_QEMU := $(DEB)/disk.img

# In the order in which they are loaded.
DEBIAN_MODULES := virtio_mmio virtio_blk failover net_failover virtio_net crc16 crc32c_generic mbcache jbd2 ext4

$(DEB)/modules/lib/m/order: $(KERNEL_DEB) guest/debian/modules.py mk/debian.mk
	$(call say,MODULES,$@)
	$(Q)rm -rf $(DEB)/modules
	$(Q)PYTHONDONTWRITEBYTECODE=1 $(PYTHON) guest/debian/modules.py '$<' $(DEB)/modules $(DEBIAN_MODULES)

$(DEB)/initramfs.cpio.gz: guest/initramfs/mkinitramfs.py $(G)/busybox guest/debian/initramfs/init $(DEB)/modules/lib/m/order
	$(call say,INITRD,$@)
	$(Q)$(PYTHON) guest/initramfs/mkinitramfs.py $@ $(G)/busybox guest/debian/initramfs $(DEB)/modules

$(DEB)/disk.img: | $(G)/Image $(DEB)/initramfs.cpio.gz
	$(Q)QEMU='$(QEMU)' tools/setup-debian.sh

.PHONY: debian-disk
debian-disk: $(DEB)/disk.img
