/*
 * The clocks of the C peers that measure themselves: what has passed, and for how much of it this
 * thread was ready to run and had to wait, as far as the kernel tells.
 */
#include <stdio.h>
#include <time.h>

static inline double now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static inline double waited_ns(void)
{
	unsigned long long waited = 0;
	FILE *file = fopen("/proc/self/schedstat", "r");

	if (file == NULL)
		return 0;
	if (fscanf(file, "%*u %llu", &waited) != 1)
		waited = 0;
	fclose(file);
	return waited;
}
