# SPDX-License-Identifier: BSD-2-Clause
#
# hartvisor itself: every .c and .S below hyp/ and platform/, libfdt and the needed parts of BearSSL, zlib and lz4 from
# their sources, and of picolibc the string and formatting functions.

CROSS   := riscv64-unknown-elf-
CC      := $(CROSS)gcc
OBJCOPY := $(CROSS)objcopy
LDS     := hyp/arch/hartvisor.lds

# What the .S files use of C comes from a source of its own, which is not linked.
OFFSETS_SRC := hyp/arch/asm_offsets.c

SRCS := $(sort $(filter-out $(OFFSETS_SRC),$(shell find hyp platform -name '*.c' -o -name '*.S' 2>/dev/null)))
OBJS := $(addprefix $(B)/obj/,$(addsuffix .o,$(basename $(SRCS))))

LIBFDT      := $(B)/libfdt-src/libfdt
LIBFDT_SRCS := fdt fdt_addresses fdt_check fdt_empty_tree fdt_overlay fdt_ro fdt_rw fdt_strerror fdt_sw fdt_wip
LIBFDT_OBJS := $(LIBFDT_SRCS:%=$(B)/obj/libfdt/%.o) $(B)/obj/libfdt/strtoul.o

# libfdt finds "k@1" for "k". Its four functions that look for a node by name get other names, and those of
# hyp/lib/fdt_exact.c serve everything, libfdt's own files included.
LIBFDT_EXACT := $(foreach f,subnode_offset_namelen subnode_offset path_offset_namelen path_offset,-Dfdt_$(f)=fdt_loose_$(f))

# BearSSL, from its source: the files below src/ that are used. Its inner.h detects machine and operating system
# by macros; BEARSSL_FLAGS turns off all that it could find on the build machine, so that hartvisor and the unit
# tests compile the same code. It calls no operating system.
BEARSSL       := $(B)/bearssl-src
BEARSSL_SRCS  := rand/hmac_drbg mac/hmac hash/sha2small codec/dec32be codec/enc32be
BEARSSL_OBJS  := $(BEARSSL_SRCS:%=$(B)/obj/bearssl/%.o)
BEARSSL_FLAGS := -DBR_USE_URANDOM=0 -DBR_USE_UNIX_TIME=0 -DBR_RDRAND=0 -DBR_SSE2=0 -DBR_AES_X86NI=0 \
	-DBR_LE_UNALIGNED=0 -I$(BEARSSL)/inc -I$(BEARSSL)/src

# For compressed images: zlib's inflate without its own code for gzip's header, and lz4's decoder of blocks. Neither allocates
# by itself. crc32 looks one byte up at a time, in one table of 1 KiB.
ZLIB       := $(B)/zlib-src
ZLIB_SRCS  := inflate inftrees inffast crc32
ZLIB_OBJS  := $(ZLIB_SRCS:%=$(B)/obj/zlib/%.o)
ZLIB_FLAGS := -DZ_SOLO -DNO_GZIP -DHAVE_MEMCPY -DZ_U4=unsigned -DZ_TESTW=0 -include string.h -I$(ZLIB)
LZ4        := $(B)/lz4-src/lib
LZ4_SRCS   := lz4
LZ4_OBJS   := $(LZ4_SRCS:%=$(B)/obj/lz4/%.o)
# One decoder for all that it is asked for. Copies are calls: gcc's own of unknown alignment goes by bytes.
LZ4_FLAGS  := -DLZ4_FAST_DEC_LOOP=0 -DLZ4_FREESTANDING=1 -DLZ4_FORCE_INLINE='static __attribute__((noinline))' \
	'-DLZ4_memcpy(d,s,n)=memcpy(d,s,n)' '-DLZ4_memset(d,c,n)=memset(d,c,n)' '-DLZ4_memmove(d,s,n)=memmove(d,s,n)' \
	-include string.h -I$(LZ4)

LIBRARY_OBJS := $(LIBFDT_OBJS) $(BEARSSL_OBJS) $(ZLIB_OBJS) $(LZ4_OBJS)

# No F, D or V: an FP or vector register that hartvisor used would be a guest's.
ARCH_FLAGS := -march=rv64imac_zicsr_zifencei -mabi=lp64 -mcmodel=medany
# This gcc picks its libraries by the exact -march, and has none for one with zicsr in it.
LINK_ARCH  := -march=rv64imac -mabi=lp64

PICOLIBC := --specs=picolibc.specs $(if $(PICOLIBC_BUILDTYPE),--picolibc-buildtype=$(PICOLIBC_BUILDTYPE))

# Headers that the build makes.
MADE := $(B)/obj/include

INCLUDES := -Ihyp -I. -Iguest/include -I$(MADE) -isystem $(LIBFDT) -isystem $(BEARSSL)/inc -isystem $(ZLIB) -isystem $(LZ4)

# Data is reached by pc-relative addresses (medany), never by gp: the linker relaxes towards gp only where
# there is a __global_pointer$, which the linker script has not (and tools/check-elf.py looks). What it does
# relax are calls: one jal in place of auipc and jalr, an instruction less for each. Strings need no
# alignment (-malign-data=natural), for which gcc would spend 8 bytes' worth on each.
# -fno-jump-tables: hyp/lib/index.h.
TARGET_CFLAGS := $(PICOLIBC) $(ARCH_FLAGS) -std=gnu11 -O2 -g -fno-common -fno-pic \
	-fno-strict-aliasing -fno-stack-protector -ffunction-sections -fdata-sections -fstack-usage \
	-malign-data=natural -fno-jump-tables

WARNINGS := -Wall -Wextra -Werror -Wconversion -Wsign-conversion -Wshadow -Wcast-qual \
	-Wstrict-prototypes -Wmissing-prototypes -Wundef -Wpointer-arith -Wvla -Wformat=2 \
	-Wwrite-strings -Wimplicit-fallthrough -Wframe-larger-than=2048

HV_CFLAGS = $(TARGET_CFLAGS) $(WARNINGS) $(INCLUDES) $(CFLAGS)

# What runs once, or for a typed key, is better small.
SMALL_OBJS := $(filter $(B)/obj/hyp/vm/% $(B)/obj/hyp/console/% $(B)/obj/hyp/control/%,$(OBJS)) \
	$(addprefix $(B)/obj/platform/,partition.o virtio/mmio.o virtio/rng.o virtio/console.o virtio/console_control.o host.o machine.o driver.o goldfish_rtc.o aclint_sswi.o hart_intc.o) $(B)/obj/hyp/main.o $(addprefix $(B)/obj/hyp/,sched/change.o sched/trace.o run/trace.o) \
	$(addprefix $(B)/obj/hyp/lib/,config_node.o fdt.o fdt_exact.o fdt_writer.o log.o options.o property.o random.o text.o word.o work.o xxh32.o) \
	$(addprefix $(B)/obj/hyp/arch/,isa.o panic.o symbols.o boot_map.o trace.o) \
	$(addprefix $(B)/obj/hyp/term/,term_answer.o term_filter.o term_input.o term_output.o term_own.o term_raw.o term_row.o term_sbi.o term_tap.o) \
	$(addprefix $(B)/obj/hyp/mm/,page.o arena.o hostmap.o) $(addprefix $(B)/obj/hyp/,dev/vrtc.o dev/vsyscon.o sbi/srst.o sbi/legacy.o sbi/dbcn.o pv/sta.o pv/pv_part.o pv/pv_lock.o vcpu/hsm.o vcpu/registry.o vcpu/vm.o vcpu/vm_part.o \
	vcpu/watch.o vcpu/debug.o vcpu/vm_console.o arch/features.o irqchip/vplic_part.o mm/gstage_leaf.o dev/pmem.o dev/shared.o) \
	$(addprefix $(B)/obj/hyp/dev/virtio/,blk_source.o balloon.o balloon_ram.o blk.o blk_overlay.o console.o console_ctrl.o console_part.o rng.o slots.o net_part.o net_control.o)
$(SMALL_OBJS): CFLAGS += -Os -msave-restore

HV_LDFLAGS := $(PICOLIBC) $(LINK_ARCH) -nostartfiles -static -DPICOLIBC_INTEGER_PRINTF_SCANF \
	-T $(LDS) -Wl,--gc-sections -Wl,--build-id=none -Wl,--no-warn-rwx-segments

# A change of flags rebuilds what they went into.
$(B)/obj/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(HV_CFLAGS) $(HV_LDFLAGS)' | cmp -s - $@ || echo '$(CC) $(HV_CFLAGS) $(HV_LDFLAGS)' >$@

$(B)/obj/%.o: %.c $(B)/obj/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(HV_CFLAGS) -MMD -MP -c $< -o $@

# $(call offsets_rule,FOLDER,FLAGS): the header of offsets in FOLDER, for the .S files that are compiled with FLAGS.
define offsets_rule
$(1)/arch/asm_offsets.h: $(OFFSETS_SRC) mk/asm_offsets.sed $(B)/obj/flags
	$$(call say,GEN,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(CC) $$(HV_CFLAGS) $(2) -MMD -MP -MT $$@ -S $$< -o $$(@:.h=.s)
	$$(Q)sed -n -f mk/asm_offsets.sed $$(@:.h=.s) >$$@
-include $(1)/arch/asm_offsets.d
endef
$(eval $(call offsets_rule,$(MADE)))

$(B)/obj/%.o: %.S $(B)/obj/flags | $(MADE)/arch/asm_offsets.h
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(HV_CFLAGS) -D__ASSEMBLY__ -MMD -MP -c $< -o $@

# What walks a tree calls and returns all the time: not those by -msave-restore.
LIBFDT_CFLAGS = -Os $(if $(filter fdt fdt_ro,$(*F)),,-msave-restore) $(if $(filter fdt_ro,$(*F)),$(LIBFDT_EXACT))
$(B)/obj/libfdt/%.o: $(LIBFDT)/%.c $(B)/obj/flags mk/hartvisor.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_CFLAGS) $(LIBFDT_CFLAGS) -I$(LIBFDT) -MMD -MP -c $< -o $@

# For size: SHA-256 takes about 5,000 instructions a block by -O2, too.
$(B)/obj/bearssl/%.o: $(BEARSSL)/src/%.c $(B)/obj/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_CFLAGS) -Os -msave-restore $(BEARSSL_FLAGS) -MMD -MP -c $< -o $@

# What is done for each byte is better fast.
$(B)/obj/zlib/%.o: $(ZLIB)/%.c $(B)/obj/flags mk/hartvisor.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_CFLAGS) $(if $(filter inffast,$(*F)),-O2,-Os -msave-restore) $(ZLIB_FLAGS) -MMD -MP -c $< -o $@

$(B)/obj/lz4/%.o: $(LZ4)/%.c $(B)/obj/flags mk/hartvisor.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_CFLAGS) -Os -msave-restore $(LZ4_FLAGS) -MMD -MP -c $< -o $@

$(B)/obj/libfdt/strtoul.o: mk/libc/strtoul.c $(B)/obj/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_CFLAGS) $(WARNINGS) -MMD -MP -c $< -o $@

# The list of objects: a source that was removed or added relinks, too.
$(B)/obj/objects: FORCE
	@mkdir -p $(@D)
	@echo '$(OBJS)' | cmp -s - $@ || echo '$(OBJS)' >$@

# Twice: the names of the functions, for a panic's backtrace, are known after the first time.
# $(call link_rule,NAME,OBJECTS)
define link_rule
$(B)/$(1).elf: $(2) $(LIBRARY_OBJS) $(LDS) $(B)/obj/objects tools/mksyms.py
	$$(call say,LD,$$@)
	$$(Q)$(CC) $(HV_LDFLAGS) $(2) $(LIBRARY_OBJS) -o $(B)/obj/$(1)-first.elf
	$$(Q)$(PYTHON) tools/mksyms.py $(CROSS)nm $(B)/obj/$(1)-first.elf >$(B)/obj/$(1)-symbols.S
	$$(Q)$(CC) $(TARGET_CFLAGS) -c $(B)/obj/$(1)-symbols.S -o $(B)/obj/$(1)-symbols-table.o
	$$(Q)$(CC) $(HV_LDFLAGS) -Wl,-Map=$(B)/$(1).map $(2) $(B)/obj/$(1)-symbols-table.o $(LIBRARY_OBJS) -o $$@
	$$(Q)$(PYTHON) tools/mksyms.py $(CROSS)nm $(B)/obj/$(1)-first.elf --same $$@
	$$(Q)$(PYTHON) tools/check-elf.py --objdump $(CROSS)objdump --nm $(CROSS)nm $$@

$(B)/$(1).bin: $(B)/$(1).elf
	$$(call say,BIN,$$@)
	$$(Q)$(OBJCOPY) -O binary $$< $$@
endef
$(eval $(call link_rule,hartvisor,$(OBJS)))

# For the tests: the same without the fast path, so that every trap goes the long way (run/fastpath.c).
FAST_OBJ := $(B)/obj/hyp/run/fastpath.o
LONG_OBJ := $(B)/obj/hyp/run/fastpath-no-fast.o
$(LONG_OBJ): hyp/run/fastpath.c $(B)/obj/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(HV_CFLAGS) -DHARTVISOR_NO_FAST_PATH -MMD -MP -c $< -o $@
$(eval $(call link_rule,hartvisor-no-fast,$(filter-out $(FAST_OBJ),$(OBJS)) $(LONG_OBJ)))
-include $(LONG_OBJ:.o=.d)

# For the tests: with a device that is one file of the tests' (tests/system/test_parts.py).
PROBE_OBJ := $(B)/obj/tests/unit/fake/probe_part.o
$(eval $(call link_rule,hartvisor-probe,$(OBJS) $(PROBE_OBJ)))
-include $(PROBE_OBJ:.o=.d)

# With checks that cost too much for every build, and a measure of how long no interrupt is looked at (arch/checked.h).
CHECKED_OBJS := $(OBJS:$(B)/obj/%=$(B)/obj/checked/%)
$(B)/obj/checked/%.o: %.c $(B)/obj/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(HV_CFLAGS) -DHARTVISOR_CHECKED -MMD -MP -c $< -o $@
CHECKED_MADE := $(B)/obj/checked/include
$(eval $(call offsets_rule,$(CHECKED_MADE),-DHARTVISOR_CHECKED))
$(B)/obj/checked/%.o: %.S $(B)/obj/flags | $(CHECKED_MADE)/arch/asm_offsets.h
	@mkdir -p $(@D)
	$(Q)$(CC) -I$(CHECKED_MADE) $(HV_CFLAGS) -D__ASSEMBLY__ -MMD -MP -c $< -o $@
$(eval $(call link_rule,hartvisor-checked,$(CHECKED_OBJS)))
-include $(CHECKED_OBJS:.o=.d)

-include $(OBJS:.o=.d) $(LIBFDT_OBJS:.o=.d)
