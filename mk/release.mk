# SPDX-License-Identifier: BSD-2-Clause
# build/hartvisor-VERSION.tar.gz: what boots, a demo bundle, the documents, and what they were built with. VERSION is the
# last tag, or the commit.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
RELEASE  = hartvisor-$(VERSION)

.PHONY: release
release: all firmware
	$(call say,TAR,$(B)/$(RELEASE).tar.gz)
	$(Q)rm -rf $(B)/release && mkdir -p $(B)/release/$(RELEASE)/docs
	$(Q)cp $(B)/hartvisor.bin $(B)/hartvisor.elf $(B)/hartvisor-fw.bin $(B)/two-linux.itb $(B)/versions.txt LICENSE README.md \
		CHANGELOG.md SECURITY.md $(B)/release/$(RELEASE)/
	$(Q)cp docs/*.md $(B)/release/$(RELEASE)/docs/
	$(Q)cd $(B)/release/$(RELEASE) && find . -type f ! -name sha256sums | sort | xargs sha256sum >sha256sums
	$(Q)tar -C $(B)/release --sort=name --mtime='@$(shell git log -1 --format=%ct 2>/dev/null || echo 0)' --owner=0 --group=0 \
		--numeric-owner -c $(RELEASE) | gzip -n >$(B)/$(RELEASE).tar.gz
	@echo '$(B)/$(RELEASE).tar.gz: boot it with the command of README.md, or as -bios hartvisor-fw.bin'
