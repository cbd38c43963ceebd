/* Preloaded into an agent: while the file that TORN_WHILE names is there, of what it writes to a file below one of the folders that
 * TORN_BELOW names (with colons between) half gets there, and the process is killed, as if it had run out of memory at that moment. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Less than this is no file of a configuration. */
static const size_t least = 32;

static int is_below(const char *path, const char *folders)
{
	for (const char *folder = folders; *folder != '\0';) {
		size_t length = strcspn(folder, ":");
		if (length > 0 && strncmp(path, folder, length) == 0 && path[length] == '/') return 1;
		folder += length;
		if (*folder == ':') folder++;
	}
	return 0;
}

static int is_torn(int file, size_t octets)
{
	const char *flag = getenv("TORN_WHILE"), *folders = getenv("TORN_BELOW");
	if (flag == NULL || folders == NULL || octets < least || access(flag, F_OK) != 0) return 0;
	char link[64], path[4096];
	snprintf(link, sizeof link, "/proc/self/fd/%d", file);
	ssize_t length = readlink(link, path, sizeof path - 1);
	if (length < 0) return 0;
	path[length] = '\0';
	return is_below(path, folders);
}

ssize_t write(int file, const void *octets, size_t count)
{
	static ssize_t (*real)(int, const void *, size_t);
	if (real == NULL) real = dlsym(RTLD_NEXT, "write");
	if (!is_torn(file, count)) return real(file, octets, count);
	real(file, octets, count / 2);
	kill(getpid(), SIGKILL);
	return -1;
}

ssize_t pwrite64(int file, const void *octets, size_t count, off64_t at)
{
	static ssize_t (*real)(int, const void *, size_t, off64_t);
	if (real == NULL) real = dlsym(RTLD_NEXT, "pwrite64");
	if (!is_torn(file, count)) return real(file, octets, count, at);
	real(file, octets, count / 2, at);
	kill(getpid(), SIGKILL);
	return -1;
}

ssize_t pwrite(int file, const void *octets, size_t count, off_t at)
{
	return pwrite64(file, octets, count, at);
}
