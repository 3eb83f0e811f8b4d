// SPDX-License-Identifier: BSD-2-Clause
// LIKE: tests/unit/fake/guest_tree.h
/* The whole tree of a VM with one vcpu, node by node and property by property: all that its guest learns of the machine. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake/guest_tree.h"
#include "fake/tree.h"
#include "pv/pv.h"

static char text[16384];

static void add(const char *fmt, ...)
{
	size_t used = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	used += (size_t)vsnprintf(text + used, sizeof(text) - used, fmt, ap);
	va_end(ap);
	assert_true(used < sizeof(text));
}

static bool is_text(const char *p, int len)
{
	if (len < 2 || p[len - 1] != '\0' || p[0] == '\0')
		return false;
	for (int i = 0; i < len; i++)
		if ((p[i] < ' ' || p[i] > '~') && (p[i] != '\0' || (i > 0 && p[i - 1] == '\0')))
			return false;
	return true;
}

/* As dtc -O dts writes it, in one line. */
static void add_value(const char *p, int len)
{
	if (is_text(p, len)) {
		for (int i = 0; i < len; i += (int)strlen(p + i) + 1)
			add("%s\"%s\"", i ? ", " : " = ", p + i);
	} else if (len % 4) {
		for (int i = 0; i < len; i++)
			add(i ? " %02x" : " = [%02x", (unsigned char)p[i]);
		add("]");
	} else if (len) {
		for (int i = 0; i < len; i += 4)
			add(i ? " 0x%x" : " = <0x%x", fdt32_ld((const fdt32_t *)(p + i)));
		add(">");
	}
}

static void add_node(int node, int depth)
{
	int prop, child;

	add("%*s%s {\n", depth, "", fdt_get_name(guest, node, NULL));
	fdt_for_each_property_offset(prop, guest, node) {
		const char *name;
		int len;
		const char *p = fdt_getprop_by_offset(guest, prop, &name, &len);

		add("%*s%s", depth + 1, "", name);
		add_value(p, len);
		add("\n");
	}
	fdt_for_each_subnode(child, guest, node)
		add_node(child, depth + 1);
	add("%*s}\n", depth, "");
}

/* Line by line, so that the first one that differs is told. */
static void is_as_written(const char *written)
{
	const char *got = text;

	while (*got || *written) {
		int a = (int)strcspn(got, "\n"), b = (int)strcspn(written, "\n");

		if (a != b || memcmp(got, written, (size_t)a) != 0)
			fail_msg("\"%.*s\", not \"%.*s\"", a, got, b, written);
		got += a + (got[a] == '\n');
		written += b + (written[b] == '\n');
	}
}

static void describe(void)
{
	text[0] = '\0';
	assert_int_equal(build(GUEST_FDT_SIZE), HV_OK);
	add_node(0, 0);
	if (getenv("HV_TEST_VERBOSE"))
		fprintf(stderr, "%s", text);
}

/* clang-format off */
static const char tree[] =
	" {\n"
	" model = \"hartvisor,virt\"\n"
	" compatible = \"hartvisor,virt\", \"riscv-virtio\"\n"
	" #address-cells = <0x2>\n"
	" #size-cells = <0x2>\n"
	" chosen {\n"
	"  phandle = <0x2>\n"
	"  bootargs = \"console=ttyS0\"\n"
	"  stdout-path = \"/soc/serial@10000000\"\n"
	"  linux,initrd-start = <0x0 0x88000000>\n"
	"  linux,initrd-end = <0x0 0x88001234>\n"
	"  rng-seed = \"The seed of the guest's entropy\"\n"
	" }\n"
	" aliases {\n"
	"  serial0 = \"/soc/serial@10000000\"\n"
	" }\n"
	" memory@80000000 {\n"
	"  phandle = <0x4>\n"
	"  device_type = \"memory\"\n"
	"  reg = <0x0 0x80000000 0x0 0x10000000>\n"
	" }\n"
	" cpus {\n"
	"  phandle = <0x3>\n"
	"  #address-cells = <0x1>\n"
	"  #size-cells = <0x0>\n"
	"  timebase-frequency = <0x989680>\n"
	"  cpu@0 {\n"
	"   phandle = <0x100>\n"
	"   device_type = \"cpu\"\n"
	"   reg = <0x0>\n"
	"   status = \"okay\"\n"
	"   compatible = \"riscv\"\n"
	"   mmu-type = \"riscv,sv57\"\n"
	"   riscv,isa = \"rv64imafdc_zic64b_zicbom_zicbop_zicboz_ziccrse_zicntr_zicsr_zifencei_zawrs_zba_sstc_svadu\"\n"
	"   riscv,isa-base = \"rv64i\"\n"
	"   riscv,isa-extensions = \"i\", \"m\", \"a\", \"f\", \"d\", \"c\", \"zic64b\", \"zicbom\", \"zicbop\", \"zicboz\", \"ziccrse\", \"zicntr\", \"zicsr\", \"zifencei\", \"zawrs\", \"zba\", \"sstc\", \"svadu\"\n"
	"   riscv,cbom-block-size = <0x40>\n"
	"   riscv,cbop-block-size = <0x40>\n"
	"   riscv,cboz-block-size = <0x40>\n"
	"   interrupt-controller {\n"
	"    phandle = <0x200>\n"
	"    compatible = \"riscv,cpu-intc\"\n"
	"    #address-cells = <0x0>\n"
	"    #interrupt-cells = <0x1>\n"
	"    interrupt-controller\n"
	"   }\n"
	"  }\n"
	" }\n"
	" soc {\n"
	"  phandle = <0x1>\n"
	"  compatible = \"simple-bus\"\n"
	"  #address-cells = <0x2>\n"
	"  #size-cells = <0x2>\n"
	"  ranges\n"
	"  plic@c000000 {\n"
	"   phandle = <0x300>\n"
	"   reg = <0x0 0xc000000 0x0 0x600000>\n"
	"   compatible = \"sifive,plic-1.0.0\", \"riscv,plic0\"\n"
	"   #address-cells = <0x0>\n"
	"   #interrupt-cells = <0x1>\n"
	"   interrupt-controller\n"
	"   riscv,ndev = <0x5f>\n"
	"   interrupts-extended = <0x200 0xffffffff 0x200 0x9>\n"
	"  }\n"
	"  rtc@101000 {\n"
	"   phandle = <0x301>\n"
	"   reg = <0x0 0x101000 0x0 0x1000>\n"
	"   compatible = \"google,goldfish-rtc\"\n"
	"   interrupts = <0xb>\n"
	"   interrupt-parent = <0x300>\n"
	"  }\n"
	"  test@100000 {\n"
	"   phandle = <0x302>\n"
	"   reg = <0x0 0x100000 0x0 0x1000>\n"
	"   compatible = \"sifive,test1\", \"sifive,test0\", \"syscon\"\n"
	"  }\n"
	"  serial@10000000 {\n"
	"   phandle = <0x305>\n"
	"   reg = <0x0 0x10000000 0x0 0x100>\n"
	"   compatible = \"ns16550a\"\n"
	"   clock-frequency = <0x384000>\n"
	"   interrupts = <0xa>\n"
	"   interrupt-parent = <0x300>\n"
	"  }\n"
	" }\n"
	" poweroff {\n"
	"  phandle = <0x303>\n"
	"  compatible = \"syscon-poweroff\"\n"
	"  regmap = <0x302>\n"
	"  offset = <0x0>\n"
	"  value = <0x5555>\n"
	" }\n"
	" reboot {\n"
	"  phandle = <0x304>\n"
	"  compatible = \"syscon-reboot\"\n"
	"  regmap = <0x302>\n"
	"  offset = <0x0>\n"
	"  value = <0x7777>\n"
	" }\n"
	" __symbols__ {\n"
	"  chosen = \"/chosen\"\n"
	"  memory0 = \"/memory@80000000\"\n"
	"  cpus = \"/cpus\"\n"
	"  cpu0 = \"/cpus/cpu@0\"\n"
	"  cpu0_intc = \"/cpus/cpu@0/interrupt-controller\"\n"
	"  soc = \"/soc\"\n"
	"  plic = \"/soc/plic@c000000\"\n"
	"  rtc0 = \"/soc/rtc@101000\"\n"
	"  syscon = \"/soc/test@100000\"\n"
	"  uart0 = \"/soc/serial@10000000\"\n"
	"  poweroff = \"/poweroff\"\n"
	"  reboot = \"/reboot\"\n"
	" }\n"
	"}\n";
/* clang-format on */

static void the_tree_of_a_vm_is_as_written_here(void **state)
{
	(void)state;
	cfg.cpus = 1;
	describe();
	is_as_written(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(the_tree_of_a_vm_is_as_written_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
