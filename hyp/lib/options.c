// SPDX-License-Identifier: BSD-2-Clause
#include "lib/options.h"

#include <string.h>

bool option_text(const char *args, const char *name, char *buf, size_t len)
{
	size_t n = strlen(name);

	for (const char *word = args; *word;) {
		size_t wlen = strcspn(word, " \t\n");

		if (wlen > n && strncmp(word, name, n) == 0 && word[n] == '=') {
			size_t vlen = wlen - n - 1;

			if (vlen > len - 1)
				vlen = len - 1;
			memcpy(buf, word + n + 1, vlen);
			buf[vlen] = '\0';
			return true;
		}
		word += wlen;
		word += strspn(word, " \t\n");
	}
	return false;
}

bool option_number(const char *args, const char *name, uint64_t *out)
{
	char buf[24];
	uint64_t n = 0;

	if (!option_text(args, name, buf, sizeof(buf)) || buf[0] == '\0' || strlen(buf) > 18)
		return false;
	for (const char *p = buf; *p; p++) {
		if (*p < '0' || *p > '9')
			return false;
		n = n * 10 + (uint64_t)(*p - '0');
	}
	*out = n;
	return true;
}
