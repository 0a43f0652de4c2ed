/*
 * The C peer of the NOP benchmarks: what a careful C program reaches with liburing on the same
 * machine. It speaks the line protocol of bench/subjects/host.ts:
 *
 *     run OPERATIONS   ->  {"value": nanoseconds per operation, "waited": share of the time in
 *                           which other programs had the processors, and which is not counted}
 *     (end of input)   ->  the program ends
 *
 * Usage: nop BATCH. Each round prepares BATCH requests, submits them in one system call and takes
 * their completions, one by one with a check of each, as the TypeScript side does.
 */
#define _GNU_SOURCE
#include "clock.h"
#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES 256
/* A quarter of each run comes before it and is not measured, as on the TypeScript side. */
#define WARM_UP_SHARE 4

static struct io_uring ring;

static void fail(const char *what, int error)
{
	printf("{\"error\": \"Cannot %s: %s\"}\n", what, strerror(error));
	fflush(stdout);
	exit(1);
}

static void open_ring(void)
{
	/* Best first: what this liburing knows, then what older kernels take. */
	static const unsigned rungs[] = {
#if defined(IORING_SETUP_NO_SQARRAY)
		IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			IORING_SETUP_NO_SQARRAY,
#endif
#if defined(IORING_SETUP_DEFER_TASKRUN)
		IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
#endif
		IORING_SETUP_COOP_TASKRUN,
		0,
	};
	int result = -EINVAL;

	for (size_t i = 0; i < sizeof(rungs) / sizeof(rungs[0]); i++) {
		struct io_uring_params params = { .flags = rungs[i] };

		result = io_uring_queue_init_params(ENTRIES, &ring, &params);
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

static void run(unsigned long operations, unsigned batch)
{
	for (unsigned long done = 0; done < operations; done += batch) {
		unsigned left = batch;

		for (unsigned i = 0; i < batch; i++) {
			struct io_uring_sqe *entry = io_uring_get_sqe(&ring);

			io_uring_prep_nop(entry);
			io_uring_sqe_set_data64(entry, i | 1ULL << 32);
		}
		while (left > 0) {
			int result = io_uring_submit_and_wait(&ring, 1);
			struct io_uring_cqe *completion;
			unsigned head, seen = 0;

			if (result < 0)
				fail("submit", -result);
			io_uring_for_each_cqe(&ring, head, completion) {
				if (completion->res < 0)
					fail("do a NOP", -completion->res);
				if (io_uring_cqe_get_data64(completion) >> 32 != 1)
					fail("recognise a completion", EPROTO);
				seen++;
			}
			io_uring_cq_advance(&ring, seen);
			left -= seen;
		}
	}
}

int main(int count, char **words)
{
	unsigned batch = count == 2 ? strtoul(words[1], NULL, 10) : 0;
	unsigned long operations;

	if (batch < 1 || batch > ENTRIES) {
		fprintf(stderr, "usage: nop BATCH (1 to %d)\n", ENTRIES);
		return 2;
	}
	open_ring();
	printf("{\"ready\": true, \"batch\": %u, \"flags\": %u}\n", batch, ring.flags);
	fflush(stdout);
	while (scanf(" run %lu", &operations) == 1) {
		run(operations / WARM_UP_SHARE + 1, batch);
		double waited_before = waited_ns();
		double start = now_ns();
		unsigned long whole = (operations + batch - 1) / batch * batch;

		run(whole, batch);

		double took = now_ns() - start;
		double waited = waited_ns() - waited_before;

		if (waited > took)
			waited = took;
		printf("{\"value\": %.4f, \"waited\": %.4f}\n", (took - waited) / whole, waited / took);
		fflush(stdout);
	}
	io_uring_queue_exit(&ring);
	return 0;
}
