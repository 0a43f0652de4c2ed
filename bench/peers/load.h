/*
 * What the C programs of the TCP benchmarks share: opening a ring, clocks, the processor time of
 * another process, connections, and the histogram that latencies are counted in.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct io_uring ring;

static inline void fail(const char *what, int error)
{
	printf("{\"error\": \"Cannot %s: %s\"}\n", what, strerror(error));
	fflush(stdout);
	exit(1);
}

/* Opens the ring, best flags first: what this liburing knows, then what older kernels take. */
static inline void open_ring(unsigned entries, unsigned completions, unsigned more)
{
	static const unsigned rungs[] = {
#if defined(IORING_SETUP_NO_SQARRAY)
		IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			IORING_SETUP_NO_SQARRAY,
#endif
		IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
		IORING_SETUP_COOP_TASKRUN,
	};
	int result = -EINVAL;

	for (size_t i = 0; i < sizeof(rungs) / sizeof(rungs[0]); i++) {
		struct io_uring_params params = {
			.flags = rungs[i] | IORING_SETUP_CQSIZE | more,
			.cq_entries = completions,
		};

		result = io_uring_queue_init_params(entries, &ring, &params);
		if (result != -EINVAL)
			break;
	}
	if (result < 0) {
		printf("{\"unavailable\": \"no io_uring here: %s\"}\n", strerror(-result));
		exit(0);
	}
	/* Saves looking up the descriptor in each call; an old kernel does without. */
	io_uring_register_ring_fd(&ring);
}

/* A free entry of the submission queue; a full one is submitted first. */
static inline struct io_uring_sqe *next_entry(void)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(&ring);

	if (entry == NULL) {
		int result = io_uring_submit(&ring);

		if (result < 0)
			fail("submit", -result);
		entry = io_uring_get_sqe(&ring);
	}
	if (entry == NULL)
		fail("find room in the submission queue", EBUSY);
	return entry;
}

/*
 * Hands over what is prepared and takes what is there, without sleeping. The ring has to have been
 * opened with IORING_SETUP_TASKRUN_FLAG.
 */
static inline void turn(void)
{
	unsigned flags = IO_URING_READ_ONCE(*ring.sq.kflags);
	int result = 0;

	if (io_uring_sq_ready(&ring) > 0 || (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)))
		result = io_uring_submit_and_get_events(&ring);
	if (result < 0 && result != -EINTR && result != -EBUSY)
		fail("submit", -result);
}

/* Buffers that the kernel picks from as data arrive: a ring of them, and their memory. */
struct pool {
	struct io_uring_buf_ring *entries;
	char *memory;
	unsigned bytes, count, returned;
};

static inline char *pool_at(const struct pool *pool, unsigned buffer)
{
	return pool->memory + (size_t)buffer * pool->bytes;
}

/* Gives a buffer back; the kernel sees it after pool_publish(). */
static inline void pool_return(struct pool *pool, unsigned buffer)
{
	io_uring_buf_ring_add(pool->entries, pool_at(pool, buffer), pool->bytes, buffer,
			      io_uring_buf_ring_mask(pool->count), pool->returned++);
}

static inline void pool_publish(struct pool *pool)
{
	io_uring_buf_ring_advance(pool->entries, pool->returned);
	pool->returned = 0;
}

/* Makes group 0. COUNT is a power of two. */
static inline void pool_open(struct pool *pool, unsigned count, unsigned bytes)
{
	struct io_uring_buf_reg registration = { .ring_entries = count, .bgid = 0 };
	int result;

	pool->bytes = bytes;
	pool->count = count;
	if (posix_memalign((void **)&pool->entries, 4096, count * sizeof(struct io_uring_buf)) != 0 ||
	    posix_memalign((void **)&pool->memory, 4096, (size_t)count * bytes) != 0)
		fail("get memory for buffers", ENOMEM);
	memset(pool->memory, 0, (size_t)count * bytes);
	registration.ring_addr = (uintptr_t)pool->entries;
	result = io_uring_register_buf_ring(&ring, &registration, 0);
	if (result < 0)
		fail("register buffers", -result);
	io_uring_buf_ring_init(pool->entries);
	for (unsigned i = 0; i < count; i++)
		pool_return(pool, i);
	pool_publish(pool);
}

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static inline uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* Processor time that a process has used so far, user and system, with all of its threads. */
static inline uint64_t processor_ns(pid_t process)
{
	clockid_t clock;
	int result = clock_getcpuclockid(process, &clock);

	if (result != 0)
		fail("read the server's processor time", result);
	return clock_ns(clock);
}

/* Nanoseconds for which a process's main thread was ready and had to wait for a processor. */
static inline uint64_t waited_ns(pid_t process)
{
	unsigned long long waited = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)process);
	file = fopen(path, "r");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%*u %llu", &waited) != 1)
		waited = 0;
	fclose(file);
	return waited;
}

static inline void raise_descriptor_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Connections of one source address: well below what an address has ports for. */
#define CONNECTIONS_PER_ADDRESS 4096

/* Opens connection number INDEX to PORT of the loopback. */
static inline int open_connection(unsigned index, unsigned port)
{
	struct sockaddr_in from = { .sin_family = AF_INET }, to = { .sin_family = AF_INET };
	int on = 1, descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (descriptor < 0)
		fail("open a socket", errno);
	setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + index / CONNECTIONS_PER_ADDRESS);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons(port);
	if (bind(descriptor, (struct sockaddr *)&from, sizeof(from)) < 0)
		fail("bind a connection", errno);
	if (connect(descriptor, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail("connect to the server", errno);
	return descriptor;
}

/*
 * Durations, counted in buckets of which each is less than 1 % wide: exact below 256 ns, then 128
 * to each doubling.
 */
#define BUCKETS_PER_DOUBLING 128
#define BUCKETS (BUCKETS_PER_DOUBLING * 40)

struct histogram {
	uint64_t total;
	uint64_t counts[BUCKETS];
};

static inline void histogram_add(struct histogram *histogram, uint64_t ns)
{
	unsigned shift = ns < 2 * BUCKETS_PER_DOUBLING ? 0 : 56 - __builtin_clzll(ns);
	unsigned bucket = shift * BUCKETS_PER_DOUBLING + (unsigned)(ns >> shift);

	histogram->counts[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
	histogram->total++;
}

/* The duration that a share of all does not exceed: the middle of the bucket that it is in. */
static inline double histogram_quantile(const struct histogram *histogram, double share)
{
	uint64_t wanted = (uint64_t)(share * histogram->total), seen = 0;

	for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
		seen += histogram->counts[bucket];
		if (seen > wanted || seen == histogram->total) {
			unsigned shift =
				bucket < 2 * BUCKETS_PER_DOUBLING ? 0 : bucket / BUCKETS_PER_DOUBLING - 1;
			uint64_t low = (uint64_t)(bucket - shift * BUCKETS_PER_DOUBLING) << shift;

			return low + ((1ULL << shift) - 1) / 2.0;
		}
	}
	return 0;
}
