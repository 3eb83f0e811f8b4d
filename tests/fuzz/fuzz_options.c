// SPDX-License-Identifier: BSD-2-Clause
// SOURCES: hyp/lib/options.c hyp/lib/word.c
/* hartvisor's command line. */
#include "common/fuzz.h"

#include "fake/log.h"
#include "lib/options.h"

static const char *const names[] = { "hartvisor.config",
				     "hartvisor.colour",
				     "hartvisor.vmid-bits",
				     "hartvisor.guest-cpus",
				     "hartvisor.stay",
				     "hartvisor.trace",
				     "n" };

static void check_text(const char *args, const char *name)
{
	char buf[8], one[1], all[256];
	uint64_t number = 12345;

	if (!option_text(args, name, all, sizeof(all))) {
		fuzz_must(!option_number(args, name, &number) && number == 12345);
		return;
	}
	fuzz_must(strpbrk(all, " \t\n") == NULL);
	fuzz_must(strstr(args, all) != NULL);
	fuzz_must(option_text(args, name, buf, sizeof(buf)));
	fuzz_must(strncmp(buf, all, sizeof(buf) - 1) == 0);
	fuzz_must(option_text(args, name, one, sizeof(one)) && one[0] == '\0');
	if (option_number(args, name, &number)) {
		fuzz_must(strspn(all, "0123456789") == strlen(all) && strlen(all) <= 18);
		fuzz_must(number == strtoull(all, NULL, 10));
	} else {
		fuzz_must(number == 12345);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *args = malloc(size + 1);

	if (size > 0)
		memcpy(args, data, size);
	args[size] = '\0';
	fake_log_reset();
	options_check(args);
	fuzz_must(fake_log_count <= 5);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		check_text(args, names[i]);
		(void)option_flag(args, names[i]);
	}
	free(args);
	return 0;
}
