# SPDX-License-Identifier: BSD-2-Clause
#
# A guest kernel of our own, and what is measured with it. Not part of make, make run or make test.
#
#   make setup-linux                   installs its compiler, and downloads its source
#   make guest-linux                   build/linux/Image, with guest/linux/patches/*.patch if there are any
#   make guest-linux-plain             build/linux/plain/Image, without them
#   make bench-linux [ROWS='--vcpus 2,4 --locks z --work spin_lock']
#                                      overcommit (docs/benchmarks.md)
#   make trace-demo                    docs/trace-demo.svg: what overcommit does to locks, as a timeline

L := $(B)/linux

.PHONY: guest-linux guest-linux-plain bench-linux trace-demo
guest-linux: $(L)/Image $(L)/overcommit.cpio.gz
	@echo "  Linux $$(cat $(L)/version): $(L)/Image"

guest-linux-plain: $(L)/plain/Image $(L)/overcommit.cpio.gz
	@echo "  Linux $$(cat $(L)/plain/version), no patches: $(L)/plain/Image"

# What builds installs nothing; what measures does.
LINUX_SETUP := tools/setup-linux.sh $(if $(and $(filter yes,$(SETUP)),$(filter bench-linux bench-results trace-demo,$(GOALS))),,--check)

# The scripts know what is up to date; make sees from the files' time whether they did anything.
$(L)/Image: FORCE
	$(Q)$(LINUX_SETUP)
	$(Q)tools/build-linux.sh

$(L)/plain/Image: FORCE
	$(Q)$(LINUX_SETUP)
	$(Q)tools/build-linux.sh --plain

$(L)/overcommit.cpio.gz: guest/initramfs/mkinitramfs.py guest/initramfs/overcommit/init $(G)/busybox
	$(call say,INITRD,$@)
	@mkdir -p $(@D)
	$(Q)$(PYTHON) guest/initramfs/mkinitramfs.py $@ $(G)/busybox guest/initramfs/overcommit

bench-linux: $(B)/hartvisor.bin guest-linux
	$(Q)[ $(B)/bench-native.json -nt $(L)/Image ] || $(PYTHON) tools/bench-overcommit.py --native
	$(Q)$(PYTHON) tools/bench-overcommit.py $(ROWS)

trace-demo: $(B)/hartvisor.bin guest-linux
	$(Q)$(PYTHON) tools/trace-demo.py
