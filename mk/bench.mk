# SPDX-License-Identifier: BSD-2-Clause
#
# What operations cost, counted in instructions under icount (docs/benchmarks.md).
#
#   make bench            every row, on hartvisor and natively; says what moved against the baseline
#   make bench-check      the rows that take no Linux; fails when one got worse by more than 5 %
#   make bench-baseline   the whole, and tests/bench/baseline.json and the document's tables written anew
#   make bench-results    all three results files in tests/bench of this build, and the tables
#   make bench-doc        the tables from those files, without a machine

BN       := $(B)/bench
BN_SRCS  := $(wildcard tests/bench/*.c tests/bench/*.S)
BN_OBJS  := $(addprefix $(BN)/obj/,$(addsuffix .o,$(basename $(notdir $(filter-out tests/bench/init.c,$(BN_SRCS))))))

$(BN)/obj/%.o: tests/bench/%.c mk/bench.mk mk/guest.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(GT_CFLAGS) -Itests/bench -MMD -MP -c $< -o $@

$(BN)/obj/%.o: tests/bench/%.S mk/bench.mk
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(GT_CFLAGS) -D__ASSEMBLY__ -MMD -MP -c $< -o $@

$(BN)/payload.elf: $(BN_OBJS) $(GT_LIB_OBJS) $(GT_LDS)
	$(call say,LD,$@)
	$(Q)$(CC) -march=rv64imac -mabi=lp64 -mno-relax -nostdlib -static -T $(GT_LDS) -Wl,--gc-sections \
		-Wl,--build-id=none -Wl,--no-relax -Wl,--no-warn-rwx-segments $(BN_OBJS) $(GT_LIB_OBJS) -lgcc -o $@

$(BN)/payload.bin: $(BN)/payload.elf
	$(Q)$(OBJCOPY) -O binary $< $@

# Linux's first process, as the bench wants it: says when it began, and powers off.
$(BN)/init: tests/bench/init.c mk/bench.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -march=rv64imac_zicsr_zifencei -mabi=lp64 -O2 -std=gnu11 -Wall -Wextra -Werror -ffreestanding \
		-fno-stack-protector -nostdlib -static -Wl,-Ttext=0x10000 -Wl,--build-id=none $< -o $@

-include $(BN_OBJS:.o=.d)

.PHONY: bench bench-check bench-baseline bench-results bench-doc
bench: all $(BN)/payload.bin $(BN)/init $(G)/Image $(G)/initramfs.cpio.gz
	@$(PYTHON) tools/bench.py $(BENCH)

bench-check: $(B)/hartvisor.bin $(BN)/payload.bin
	@$(PYTHON) tools/bench.py --quick --check $(BENCH)

bench-baseline: all $(BN)/payload.bin $(BN)/init $(G)/Image $(G)/initramfs.cpio.gz
	@$(PYTHON) tools/bench.py --write-baseline $(BENCH)

# One after another, but for the boots of the last: their figures do not depend on what else runs.
bench-results: all guest-tests guest-linux $(BN)/payload.bin $(BN)/init $(G)/Image $(G)/initramfs.cpio.gz
	@$(PYTHON) tools/bench.py --write-baseline
	@$(PYTHON) tools/bench-sched.py --write-results
	@$(PYTHON) tools/bench-overcommit.py --write-results --jobs $(or $(JOBS),$(shell nproc))
	@$(PYTHON) tools/bench_doc.py

bench-doc:
	@$(PYTHON) tools/bench_doc.py
