// SPDX-License-Identifier: BSD-2-Clause
#include "lib/options.h"

#include <inttypes.h>
#include <string.h>

#include "lib/log.h"
#include "lib/word.h"

#define PREFIX	   "hartvisor."
#define BLANKS	   " \t\n"
#define MAX_TOLD   4
#define SHOWN	   48		    /* characters of a word in a message */
#define NUMBER_MAX 18		    /* digits */
#define FLAG	   "hartvisor.stay" /* the name that may stand without a value */

static const char *const names[] = {
	"hartvisor.config",	  "hartvisor.colour", "hartvisor.vmid-bits", "hartvisor.guest-cpus",
	"hartvisor.guest-memory", "hartvisor.stay",   "hartvisor.prefix",    "hartvisor.trace",
};

/* Numbers that are checked here. Where the others are used, their values are checked. */
static const struct range {
	const char *name;
	uint64_t max; /* the least is 0 */
} ranges[] = {
	{ "hartvisor.colour", 1 },
	{ "hartvisor.vmid-bits", 14 },
	{ "hartvisor.prefix", 1 },
	{ "hartvisor.trace", 1 },
	{ FLAG, 1 },
};

/* Moves @args to its next word; returns the word's length, 0 at the end. */
static size_t next_word(const char **args)
{
	*args += strspn(*args, BLANKS);
	return strcspn(*args, BLANKS);
}

bool option_text(const char *args, const char *name, char *buf, size_t len)
{
	size_t n = strlen(name);

	for (size_t wlen; (wlen = next_word(&args)) != 0; args += wlen) {
		if (wlen > n && strncmp(args, name, n) == 0 && args[n] == '=') {
			size_t vlen = min_u64(wlen - n - 1, len - 1);

			memcpy(buf, args + n + 1, vlen);
			buf[vlen] = '\0';
			return true;
		}
	}
	return false;
}

static const struct range *find_range(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(ranges); i++)
		if (strcmp(name, ranges[i].name) == 0)
			return &ranges[i];
	return NULL;
}

bool option_number(const char *args, const char *name, uint64_t *out)
{
	const struct range *range = find_range(name);
	char buf[NUMBER_MAX + 2];
	uint64_t n = 0;

	if (!option_text(args, name, buf, sizeof(buf)) || buf[0] == '\0' ||
	    strlen(buf) > NUMBER_MAX)
		return false;
	for (const char *p = buf; *p; p++) {
		if (*p < '0' || *p > '9')
			return false;
		n = n * 10 + (uint64_t)(*p - '0');
	}
	if (range && n > range->max)
		return false;
	*out = n;
	return true;
}

bool option_flag(const char *args, const char *name)
{
	size_t n = strlen(name);
	uint64_t value;

	for (size_t wlen; (wlen = next_word(&args)) != 0; args += wlen)
		if (wlen >= n && strncmp(args, name, n) == 0 && (wlen == n || args[n] == '='))
			return wlen == n || (option_number(args, name, &value) && value != 0);
	return false;
}

static int find_name(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (int)i;
	return -1;
}

/* One word, "hartvisor.NAME..."; false: it has no effect, and a line says why. */
static bool check_word(const char *args, const char *word, size_t len, unsigned int *seen)
{
	int shown = (int)min_u64(len, SHOWN);
	size_t n = strcspn(word, "=" BLANKS);
	const struct range *range;
	char name[32];
	uint64_t value;
	int i;

	memcpy(name, word, min_u64(n, sizeof(name) - 1));
	name[min_u64(n, sizeof(name) - 1)] = '\0';
	i = n < sizeof(name) ? find_name(name) : -1;
	if (i < 0) {
		const char *closest = word_closest(name, names, ARRAY_SIZE(names));

		if (closest)
			log_error("config: /chosen: bootargs: %.*s: unknown, did you mean %s=?",
				  shown, word, closest);
		else
			log_error("config: /chosen: bootargs: %.*s: unknown, allowed: %s=, %s=, "
				  "%s=, %s=, %s=, %s=, %s=, %s",
				  shown, word, names[0], names[1], names[2], names[3], names[4],
				  names[6], names[7], names[5]);
		return false;
	}
	if (*seen & 1u << i) {
		log_error("config: /chosen: bootargs: %.*s: must be given once, the first is taken",
			  shown, word);
		return false;
	}
	*seen |= 1u << i;
	range = find_range(name);
	if (n == len && strcmp(name, FLAG) == 0)
		return true;
	if (n + 1 >= len) {
		log_error("config: /chosen: bootargs: %.*s: must be %s=VALUE", shown, word, name);
		return false;
	}
	if (range && !option_number(args, name, &value)) {
		log_error("config: /chosen: bootargs: %.*s: must be 0 to %" PRIu64
			  "; it is not used",
			  shown, word, range->max);
		return false;
	}
	return true;
}

void options_check(const char *args)
{
	const char *word = args;
	unsigned int told = 0, seen = 0;

	static_assert(ARRAY_SIZE(names) == 8, "the line in check_word() lists all");
	for (size_t len; (len = next_word(&word)) != 0; word += len) {
		if (strncmp(word, PREFIX, strlen(PREFIX)) != 0 ||
		    check_word(args, word, len, &seen))
			continue;
		if (++told == MAX_TOLD) {
			log_error("config: /chosen: bootargs: the words behind it are not checked");
			return;
		}
	}
}
