# SPDX-License-Identifier: BSD-2-Clause
#
# What runs inside: Debian's kernel, an initramfs of busybox, and the tests' bare-metal guests.

G := $(B)/guest

# Debian's package has either a kernel Image under the name vmlinux or vmlinuz, or that compressed.
$(G)/Image: $(KERNEL_DEB)
	$(call say,KERNEL,$@)
	$(Q)rm -rf $(G)/kernel && mkdir -p $(G)/kernel
	$(Q)dpkg-deb --fsys-tarfile '$<' | tar -x -C $(G)/kernel --wildcards './boot/vmlinu*'
	$(Q)case $$(head -c 2 $(G)/kernel/boot/vmlinu* | od -An -tx1 | tr -d ' ') in \
	1f8b) gzip -dc $(G)/kernel/boot/vmlinu* >$@ ;; \
	*) cp $(G)/kernel/boot/vmlinu* $@ ;; esac
	$(Q)[ "$$(dd if=$@ bs=1 skip=56 count=4 2>/dev/null)" = "$$(printf 'RSC\005')" ] || \
		{ echo "$@ from $< is no RISC-V kernel Image" >&2; exit 1; }
	$(Q)rm -rf $(G)/kernel

$(G)/busybox: $(BUSYBOX_DEB)
	$(Q)rm -rf $(G)/busybox.d && mkdir -p $(G)/busybox.d
	$(Q)dpkg-deb -x '$<' $(G)/busybox.d
	$(Q)mv $$(find $(G)/busybox.d -type f -path "*/bin/busybox" | head -n 1) $@
	$(Q)touch $@; rm -rf $(G)/busybox.d

# Whatever lies below rootfs-extra is put into the initramfs as well.
INITRAMFS_TREES := guest/initramfs/root $(G)/rootfs-extra

$(G)/initramfs.cpio.gz: guest/initramfs/mkinitramfs.py $(G)/busybox \
		$(shell find $(INITRAMFS_TREES) 2>/dev/null)
	$(call say,INITRD,$@)
	$(Q)$(PYTHON) guest/initramfs/mkinitramfs.py $@ $(G)/busybox $(INITRAMFS_TREES)

# --- bare-metal guests: guest/tests/NAME.c or NAME.S, each with guest/tests/lib ---------------------
#
# They run in VS-mode at 0x80200000, with a0 = hartid and a1 = the device tree, as any S-mode payload.
# They may use FP (the flags allow it), but pass floats in no call: the ABI is lp64.

GT          := $(B)/guest-tests
GT_LIB_SRCS := $(wildcard guest/tests/lib/*.c guest/tests/lib/*.S)
GT_LIB_OBJS := $(addprefix $(GT)/obj/,$(addsuffix .o,$(basename $(GT_LIB_SRCS:guest/tests/%=%))))
GT_SRCS     := $(wildcard guest/tests/*.c guest/tests/*.S)
GT_NAMES    := $(sort $(basename $(notdir $(GT_SRCS))))
GT_LDS      := guest/tests/lib/guest.lds

GT_CFLAGS := -march=rv64imafdc_zicsr_zifencei -mabi=lp64 -mcmodel=medany -mno-relax -std=gnu11 -O2 -g \
	-ffreestanding -fno-common -fno-pic -fno-stack-protector -fno-strict-aliasing \
	-Wall -Wextra -Werror -Wshadow -Wundef -Iguest/include -Iguest/tests/lib

.PHONY: guest-tests
guest-tests: $(GT_NAMES:%=$(GT)/%.elf) $(GT_NAMES:%=$(GT)/%.bin)

$(GT)/obj/%.o: guest/tests/%.c mk/guest.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(GT_CFLAGS) -MMD -MP -c $< -o $@

$(GT)/obj/%.o: guest/tests/%.S mk/guest.mk
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(GT_CFLAGS) -D__ASSEMBLY__ -MMD -MP -c $< -o $@

.PRECIOUS: $(GT)/obj/%.o $(GT)/%.elf

# libgcc by the exact multilib; nothing of it is floating point unless the guest asks for it.
$(GT)/%.elf: $(GT)/obj/%.o $(GT_LIB_OBJS) $(GT_LDS)
	$(call say,LD,$@)
	$(Q)$(CC) -march=rv64imac -mabi=lp64 -mno-relax -nostdlib -static -T $(GT_LDS) -Wl,--gc-sections \
		-Wl,--build-id=none -Wl,--no-relax -Wl,--no-warn-rwx-segments $< $(GT_LIB_OBJS) -lgcc -o $@

$(GT)/%.bin: $(GT)/%.elf
	$(Q)$(OBJCOPY) -O binary $< $@

-include $(GT_NAMES:%=$(GT)/obj/%.d) $(GT_LIB_OBJS:.o=.d)
