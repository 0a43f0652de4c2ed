/*
 * A window of measuring a server from outside: its processor time, how long it had to wait for its
 * processor, and how far apart the two processors are.
 *
 * That distance is the time in which a word written on one of them is seen on the other. On virtual
 * machines it changes while they run, from about 40 ns (two cores of one cache) to 250 ns, and with
 * it what every message between them costs, several times over. Measured before and after each
 * window, it tells which windows may be compared.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

/* The least time of several tries counts: in the others somebody else had a processor. */
#define DISTANCE_TRIES 8
#define DISTANCE_TURNS 250

static _Alignas(128) atomic_int distance_word;

/* The first processor that a process may run on; 0 is the calling thread. */
static inline int processor_of(pid_t process)
{
	cpu_set_t processors;

	if (sched_getaffinity(process, sizeof(processors), &processors) != 0)
		fail("read the processors of a process", errno);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &processors))
			return i;
	return 0;
}

static inline void *distance_peer(void *processor)
{
	cpu_set_t processors;

	CPU_ZERO(&processors);
	CPU_SET(*(int *)processor, &processors);
	sched_setaffinity(0, sizeof(processors), &processors);
	for (int turn = 0; turn < DISTANCE_TRIES * DISTANCE_TURNS; turn++) {
		while (atomic_load(&distance_word) != 2 * turn + 1)
			;
		atomic_store(&distance_word, 2 * turn + 2);
	}
	return NULL;
}

/* Nanoseconds from this thread's processor to another. */
static inline double distance_ns(int processor)
{
	uint64_t least = UINT64_MAX;
	pthread_t peer;

	atomic_store(&distance_word, 0);
	if (pthread_create(&peer, NULL, distance_peer, &processor) != 0)
		fail("start a thread", errno);
	for (int try = 0; try < DISTANCE_TRIES; try++) {
		uint64_t start = now_ns();

		for (int i = 0; i < DISTANCE_TURNS; i++) {
			int turn = try * DISTANCE_TURNS + i;

			atomic_store(&distance_word, 2 * turn + 1);
			while (atomic_load(&distance_word) != 2 * turn + 2)
				;
		}
		if (now_ns() - start < least)
			least = now_ns() - start;
	}
	pthread_join(peer, NULL);
	return least / (2.0 * DISTANCE_TURNS);
}

struct window {
	uint64_t start_ns;
	double took_ns, processor_ns, waited_ns, client_waited_ns;
	double distance_before_ns, distance_after_ns;
};

/* Reads what is subtracted later. The caller sets START_NS when it begins. */
static inline struct window window_open(pid_t server, int processor)
{
	return (struct window){
		.distance_before_ns = distance_ns(processor),
		.waited_ns = -(double)waited_ns(server),
		.client_waited_ns = -(double)waited_ns(getpid()),
		.processor_ns = -(double)processor_ns(server),
	};
}

static inline void window_close(struct window *window, pid_t server, int processor)
{
	window->took_ns = now_ns() - window->start_ns;
	window->processor_ns += processor_ns(server);
	window->waited_ns += waited_ns(server);
	window->client_waited_ns += waited_ns(getpid());
	window->distance_after_ns = distance_ns(processor);
}

/* The members of an answer that every load has. */
static inline void window_print(const struct window *window)
{
	double waited = window->waited_ns > window->client_waited_ns ? window->waited_ns :
								       window->client_waited_ns;

	printf("\"waited\": %.4f, \"distances\": [%.1f, %.1f], ",
	       waited < window->took_ns ? waited / window->took_ns : 1.0,
	       window->distance_before_ns, window->distance_after_ns);
}
