/* Preloaded into a site's programs: their wall clock differs from the machine's by as many seconds as the file that CLOCK_SHIFT
 * names holds (a 64-bit integer in the machine's order, which may change at any time). What runs by the monotonic clock is left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t none = 0;
static const volatile int64_t *shift = &none;

static int (*real_gettime)(clockid_t, struct timespec *);
static int (*real_timedwait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("CLOCK_SHIFT");
	int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	real_timedwait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
	if (real_timedwait == NULL) real_timedwait = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
	if (file < 0) return;
	void *mapped = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
	if (mapped != MAP_FAILED) shift = mapped;
	close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	if (real_gettime == NULL) real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	int result = real_gettime(clock, now);
	if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *shift;
	return result;
}

time_t time(time_t *out)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (out != NULL) *out = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	(void)zone;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	out->tv_sec = now.tv_sec;
	out->tv_usec = now.tv_nsec / 1000;
	return 0;
}

/* A wait until a time of the wall clock: in pieces of a second, since the clock may be set meanwhile. A wait that returns early is one
 * that POSIX allows. Times of the monotonic clock are small numbers. */
int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex, const struct timespec *restrict until)
{
	if (until->tv_sec < 1000000000) return real_timedwait(cond, mutex, until);
	struct timespec now, end = *until;
	real_gettime(CLOCK_REALTIME, &now);
	end.tv_sec -= *shift;
	if (end.tv_sec <= now.tv_sec + 1) return real_timedwait(cond, mutex, &end);
	now.tv_sec += 1;
	int result = real_timedwait(cond, mutex, &now);
	return result == ETIMEDOUT ? 0 : result;
}
