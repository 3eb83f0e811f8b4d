# SPDX-License-Identifier: BSD-2-Clause
#
# hartvisor's build. `make help` lists what may be asked for.
#
# Everything made lies below build/. Goals that run something (RUNNING below) install and download what
# they need first (tools/setup.sh). Goals that build files (all, firmware, guest-tests, guest-linux, a
# file's name) install nothing: they name what is missing, and `make setup` gets it. SETUP=no leaves
# both out. V=1 shows the commands.

MAKEFLAGS += --no-builtin-rules
# As many jobs as there are processors, unless told otherwise.
ifeq ($(MAKELEVEL)$(filter -j% --jobs%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
endif
ifneq ($(filter clean distclean,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif
.DELETE_ON_ERROR:

CONFIG    ?= two-linux
SMP       ?= 2
MEM       ?= 2G
QEMU_ARGS ?=
SETUP     ?= yes
B         := build

ifneq ($(V),1)
Q   := @
say = @printf '  %-8s %s\n' $(1) $(2)
else
say = @:
endif

.PHONY: all
all:

.PHONY: help
help:
	@echo 'These goals build files. They install nothing, and name what is missing:'
	@echo '  make               build/hartvisor.elf, build/hartvisor.bin, build/NAME.itb of each dts/NAME.its'
	@echo '  make firmware      build/hartvisor-fw.bin: OpenSBI, hartvisor and build/$(CONFIG).itb in one'
	@echo '  make fit           build/boot.itb: hartvisor and build/$(CONFIG).itb in one file, for the bootm of U-Boot'
	@echo '  make guest-tests   the bare-metal guests of the tests'
	@echo '  make guest-linux   a guest kernel of our own (make setup-linux gets its compiler and source)'
	@echo 'These goals run something. They install and download what they need first (as root or by sudo):'
	@echo '  make run           boot it in QEMU   (CONFIG=$(CONFIG) SMP=$(SMP) MEM=$(MEM) QEMU_ARGS=...)'
	@echo '  make debian-disk   the disk of make run CONFIG=debian, two Debian systems: built once, as root'
	@echo '  make test          unit and system tests; the last line has the totals'
	@echo '  make unit          unit tests only   (K=text: only those whose name has it)'
	@echo '  make system        system tests only (K=expression: as for pytest -k)'
	@echo '  make busy          the concurrent system tests, on a host whose cores are busy'
	@echo '  make fuzz          the corpora of the fuzzers, then new inputs   (TARGET=x SECONDS=120)'
	@echo '  make soak          system tests again and again until one fails, whose machine stays (K=expression N=times LOAD=yes)'
	@echo '  make verify        all tests in their long forms, models and mutants, in parts (PART=name)'
	@echo '  make mutants       small changes of hyp and platform: which of them no test notices (FILE= ROOM= SAMPLE=)'
	@echo '  make lint          format, static analysis, layout, device trees'
	@echo '  make release       build/hartvisor-VERSION.tar.gz: hartvisor, firmware, a demo bundle, documents, sha256sums'
	@echo '  make compile_commands.json   how each file is compiled, for editors and clang'"'"'s tools'
	@echo '  make bench         what operations cost, in instructions;  make bench-check: fails if a row got worse'
	@echo '  make bench-results every results file of docs/benchmarks.md of this build, and its tables;  make bench-baseline:'
	@echo '                     that of the operations alone;  make bench-doc: the tables from the files, without a run'
	@echo '  make bench-linux   overcommit, measured with the guest kernel of our own   (ROWS=...)'
	@echo '  make trace-demo    docs/trace-demo.svg: two Linux guests that fight for a lock, without PV locks and with'
	@echo '  make fresh         set up, build and boot in a minimal chroot of Debian 12 and 13  (RELEASES=bookworm)'
	@echo '  make ci            what .ci/run runs: lint, test, busy; and fresh if the set-up files have changed'
	@echo '  make setup         only install and download what is missing'
	@echo 'make clean         remove what was built;  make distclean: and what was downloaded, and the disk of the Debian systems'
	@echo 'SETUP=no: install nothing and look for nothing, whatever the goal'

# --- set-up: build/setup.mk says where QEMU, OpenSBI, python and the guests' packages are ----------

.PHONY: setup setup-linux setup-lint setup-fuzz setup-verify setup-guest-tools
setup:
	@tools/setup.sh
	@sed 's/^/  /' $(B)/versions.txt

# What only some goals need.
setup-linux:
	@tools/setup-linux.sh
setup-lint:
	@tools/setup.sh lint
setup-fuzz:
	@tools/setup.sh fuzz
setup-verify:
	@tools/setup-verify.sh
setup-guest-tools:
	@tools/setup-guest-tools.sh

NO_SETUP := help setup setup-% clean distclean compile_commands.json bench-doc
RUNNING  := run debian-disk test unit system busy soak fuzz fuzz-replay fuzz-corpus verify model model-long mutants mutants-protocol mutants-fences ci fresh \
	lint lint-% format bench bench-check bench-baseline bench-results bench-linux trace-demo
LINTING  := lint lint-% format

GOALS := $(or $(MAKECMDGOALS),all)
# -n and -q run nothing (and a shell that completes make's goals uses them).
DRY   := $(findstring n,$(filter-out --%,$(firstword -$(MAKEFLAGS))))$(findstring q,$(filter-out --%,$(firstword -$(MAKEFLAGS))))

ifneq ($(filter $(RUNNING),$(GOALS)),)
SETUP_ARGS := $(if $(filter $(LINTING),$(GOALS)),lint) $(if $(filter fuzz fuzz-corpus,$(GOALS)),fuzz)
else
SETUP_ARGS := --check $(if $(filter unit-programs $(B)/unit/%,$(GOALS)),unit) \
	$(if $(filter firmware test-builds %/hartvisor-fw.bin,$(GOALS)),firmware)
endif

ifneq ($(filter-out $(NO_SETUP),$(GOALS)),)
ifeq ($(SETUP)$(DRY),yes)
$(B)/setup.mk: FORCE
	@tools/setup.sh $(SETUP_ARGS)
include $(B)/setup.mk
else
-include $(B)/setup.mk
endif
endif

PYTHON  ?= /usr/bin/python3
QEMU    ?= qemu-system-riscv64
OPENSBI ?= /usr/lib/riscv64-linux-gnu/opensbi/generic

.PHONY: FORCE
FORCE:

include mk/hartvisor.mk
include mk/guest.mk
include mk/model.mk
include mk/linux.mk
include mk/debian.mk
include mk/bench.mk
include mk/test.mk
include mk/fuzz.mk
include mk/lint.mk
include mk/release.mk

# --- what users ask for ---------------------------------------------------------------------------

ITS  := $(wildcard dts/*.its)
ITBS := $(ITS:dts/%.its=$(B)/%.itb)

# A bundle is plain mkimage's work; /incbin/ paths are relative to the .its. What it includes must
# be there first: those paths, as seen from here.
its_inputs = $(patsubst dts/../%,%,$(addprefix dts/,$(shell sed -n 's/.*\/incbin\/("\([^"]*\)").*/\1/p' $(1))))

# A kernel that takes minutes to build is built when it is asked for (make guest-linux), not for a bundle;
# its stamp says when that was.
slow_inputs = $(filter $(L)/%,$(call its_inputs,$(1)))
not_built   = $(filter-out $(wildcard $(1)),$(1))
WAITING    := $(strip $(foreach its,$(ITS),$(if $(call not_built,$(call slow_inputs,$(its))),$(its:dts/%.its=$(B)/%.itb))))

all: $(B)/hartvisor.elf $(B)/hartvisor.bin $(filter-out $(WAITING),$(ITBS))
	$(if $(WAITING),$(call say,'(not)','$(WAITING): needs make guest-linux first'))

define itb_rule
$(B)/$(1).itb: dts/$(1).its $(filter-out $(L)/%,$(call its_inputs,dts/$(1).its)) \
		$(if $(call slow_inputs,dts/$(1).its),$(wildcard $(L)/stamp))
	$(if $(call slow_inputs,dts/$(1).its),@for file in $(call slow_inputs,dts/$(1).its); do \
		[ -e $$$$file ] || { echo "$$@ needs $$$$file: make guest-linux" >&2; exit 1; }; done)
	$$(call say,ITB,$$@)
	$$(Q)mkimage -f $$< $$@ >$$@.log 2>&1 || { cat $$@.log >&2; exit 1; }
endef
$(foreach its,$(ITS),$(eval $(call itb_rule,$(its:dts/%.its=%))))

# What a bundle needs of QEMU (harts, memory, devices) is in dts/NAME.qemu. Of options that stand twice QEMU takes the last
# one: that file's before those of SMP and MEM, unless the user has named these.
qemu_file = $(shell sed 's/\#.*//' dts/$(CONFIG).qemu 2>/dev/null)
user_says = $(filter command environment override,$(origin $(1)))
# Files that it names are made first, if this build can make them (MADE_FOR_QEMU).
qemu_inputs = $(shell sed 's/\#.*//' dts/$(CONFIG).qemu 2>/dev/null | grep -o '\bbuild/[A-Za-z0-9._/-]*')
qemu_options = -smp $(SMP) -m $(MEM) $(qemu_file) $(if $(call user_says,SMP),-smp $(SMP)) $(if $(call user_says,MEM),-m $(MEM))

.PHONY: run
run: $(B)/hartvisor.bin $(B)/$(CONFIG).itb $(filter $(MADE_FOR_QEMU),$(qemu_inputs))
	$(QEMU) -M virt -cpu rv64 $(strip $(qemu_options)) -nographic -kernel $(B)/hartvisor.bin -initrd $(B)/$(CONFIG).itb $(QEMU_ARGS)

$(B)/%.itb:
	@echo "There is no dts/$*.its. CONFIG= may be one of: $(ITBS:$(B)/%.itb=%)" >&2; exit 1

.PHONY: firmware
firmware: $(B)/hartvisor-fw.bin

$(OPENSBI)/fw_jump.bin:
	@echo 'No $@: make setup gets it (package opensbi), or OPENSBI= names the folder that has it.' >&2; exit 1

$(B)/hartvisor-fw.bin: firmware/mkfw.py $(OPENSBI)/fw_jump.bin $(B)/hartvisor.bin $(B)/$(CONFIG).itb FORCE
	$(call say,FW,$@)
	$(Q)$(PYTHON) firmware/mkfw.py --opensbi $(OPENSBI)/fw_jump.bin --hartvisor $(B)/hartvisor.bin \
		--bundle $(B)/$(CONFIG).itb -o $@

.PHONY: fit
fit: $(B)/boot.itb

$(B)/boot.itb: firmware/mkfit.py firmware/mkfw.py $(B)/hartvisor.bin $(B)/$(CONFIG).itb FORCE
	$(call say,FIT,$@)
	$(Q)PYTHONDONTWRITEBYTECODE=1 $(PYTHON) firmware/mkfit.py --hartvisor $(B)/hartvisor.bin \
		--bundle $(B)/$(CONFIG).itb -o $@

.PHONY: clean
clean:
	find $(B) -mindepth 1 -maxdepth 1 ! -name dl ! -name apt ! -name libfdt-src ! -name bearssl-src ! -name zlib-src ! -name lz4-src \
		! -name setup.mk ! -name versions.txt ! -name debian -exec rm -rf {} +

# Needs the paths that the set-up has written, and compiles nothing.
.PHONY: compile_commands.json
compile_commands.json:
	$(Q)MAKE='$(MAKE)' $(PYTHON) tools/compile-commands.py $@ $(B)/hartvisor.elf

.PHONY: distclean
distclean:
	rm -rf $(B)
