/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes by their exact names: these functions take the place of libfdt's of the same names.
 *
 * libfdt takes the node "k@1" for "k" when the unit address is not given, and takes the first such node in the
 * tree even if "k" itself follows. A bundle, an overlay or a command line would then select a node that its author
 * did not name. Linux compares whole names. libfdt itself, which merges overlays by these functions, is linked with
 * the ones below (mk/hartvisor.mk renames its own, tools/check-elf.py checks that none of those is linked).
 */
#include <libfdt.h>
#include <string.h>

int fdt_subnode_offset_namelen(const void *fdt, int parent, const char *name, int namelen)
{
	int child;

	fdt_for_each_subnode(child, fdt, parent) {
		int len;
		const char *is = fdt_get_name(fdt, child, &len);

		if (is && len == namelen && memcmp(is, name, (size_t)len) == 0)
			break;
	}
	return child; /* -FDT_ERR_NOTFOUND behind the last one */
}

int fdt_subnode_offset(const void *fdt, int parent, const char *name)
{
	return fdt_subnode_offset_namelen(fdt, parent, name, (int)strlen(name));
}

/* What /aliases says for the @len characters at @name; NULL: nothing usable. An alias is a path, never an alias. */
static const char *find_alias(const void *fdt, const char *name, int len)
{
	int size;
	const char *path =
		fdt_getprop_namelen(fdt, fdt_subnode_offset(fdt, 0, "aliases"), name, len, &size);

	if (!path || size < 2 || *path != '/' || path[size - 1] != '\0')
		return NULL;
	return path;
}

int fdt_path_offset_namelen(const void *fdt, const char *path, int namelen)
{
	const char *end = path + namelen;
	int node = 0;

	if (namelen <= 0)
		return -FDT_ERR_BADPATH;
	if (*path != '/') {
		const char *rest = memchr(path, '/', (size_t)namelen);
		const char *alias = find_alias(fdt, path, (int)((rest ? rest : end) - path));

		if (!alias)
			return -FDT_ERR_BADPATH;
		node = fdt_path_offset(fdt, alias);
		path = rest ? rest : end;
	}
	while (node >= 0) {
		const char *next;

		while (path < end && *path == '/')
			path++;
		if (path == end)
			break;
		next = memchr(path, '/', (size_t)(end - path));
		if (!next)
			next = end;
		node = fdt_subnode_offset_namelen(fdt, node, path, (int)(next - path));
		path = next;
	}
	return node;
}

int fdt_path_offset(const void *fdt, const char *path)
{
	return fdt_path_offset_namelen(fdt, path, (int)strlen(path));
}
