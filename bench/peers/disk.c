/*
 * The C peer of the disk benchmarks: reads blocks of a file as a careful C program would with
 * liburing: one ring with deferred task runs, registered file and buffers, each completion answered
 * by the next request, all requests of a batch submitted with the next wait. Line protocol of
 * bench/peers/nop.c.
 *
 * Usage: disk "PATH BYTES BLOCK DEPTH random|sequential cached|direct", in one word.
 */
#define _GNU_SOURCE
#include "clock.h"
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define DEPTH_MAX 256
#define WARM_UP_SHARE 4

static struct io_uring ring;
static struct iovec buffers[DEPTH_MAX];
static unsigned long block, blocks, position;
static unsigned depth;
static int random_order;
static uint32_t state = 1;

static void fail(const char *what, int error)
{
	printf("{\"error\": \"Cannot %s: %s\"}\n", what, strerror(error));
	fflush(stdout);
	exit(1);
}

/* The same small generator as on the TypeScript side: a draw must cost the same. */
static uint32_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static void ask(unsigned slot)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(&ring);
	unsigned long at = random_order ? draw() % blocks : position++ % blocks;

	io_uring_prep_read_fixed(entry, 0, buffers[slot].iov_base, block, at * block, slot);
	entry->flags |= IOSQE_FIXED_FILE;
	io_uring_sqe_set_data64(entry, slot);
}

static void run(unsigned long operations)
{
	unsigned long asked = 0, done = 0;

	for (unsigned slot = 0; slot < depth && asked < operations; slot++, asked++)
		ask(slot);
	while (done < operations) {
		int result = io_uring_submit_and_wait(&ring, 1);
		struct io_uring_cqe *completion;
		unsigned head, seen = 0;

		if (result < 0)
			fail("submit", -result);
		io_uring_for_each_cqe(&ring, head, completion) {
			if (completion->res != (int)block)
				fail("read a block", completion->res < 0 ? -completion->res : EIO);
			seen++;
			if (asked < operations) {
				ask(io_uring_cqe_get_data64(completion));
				asked++;
			}
		}
		io_uring_cq_advance(&ring, seen);
		done += seen;
	}
}

static int open_file(const char *path, int direct)
{
	int fd = open(path, O_RDONLY | (direct ? O_DIRECT : 0));
	struct stat status;

	if (fd < 0)
		fail("open the file", errno);
	if (fstat(fd, &status) < 0 || (unsigned long)status.st_size < blocks * block)
		fail("use the file: it is too short", EINVAL);
	return fd;
}

static void open_ring(int fd)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
			 IORING_SETUP_DEFER_TASKRUN,
	};
	int result = io_uring_queue_init_params(DEPTH_MAX, &ring, &params);

	if (result == -EINVAL)
		result = io_uring_queue_init(DEPTH_MAX, &ring, 0);
	if (result < 0) {
		printf("{\"unavailable\": \"no io_uring here: %s\"}\n", strerror(-result));
		exit(0);
	}
	io_uring_register_ring_fd(&ring);
	for (unsigned slot = 0; slot < depth; slot++) {
		buffers[slot].iov_len = block;
		if (posix_memalign(&buffers[slot].iov_base, 4096, block) != 0)
			fail("take memory", ENOMEM);
	}
	if ((result = io_uring_register_buffers(&ring, buffers, depth)) < 0)
		fail("register buffers", -result);
	if ((result = io_uring_register_files(&ring, &fd, 1)) < 0)
		fail("register the file", -result);
}

int main(int count, char **words)
{
	unsigned long operations, bytes;
	char path[4096], order[16], cache[16];

	if (count != 2 || sscanf(words[1], "%4095s %lu %lu %u %15s %15s", path, &bytes, &block,
				 &depth, order, cache) != 6) {
		fprintf(stderr, "usage: disk \"PATH BYTES BLOCK DEPTH ORDER CACHE\"\n");
		return 2;
	}
	if (block == 0 || depth < 1 || depth > DEPTH_MAX)
		fail("use so many buffers", EINVAL);
	blocks = bytes / block;
	random_order = strcmp(order, "random") == 0;
	open_ring(open_file(path, strcmp(cache, "direct") == 0));
	printf("{\"ready\": true, \"batch\": %u, \"flags\": %u}\n", depth, ring.flags);
	fflush(stdout);
	while (scanf(" run %lu", &operations) == 1) {
		run(operations / WARM_UP_SHARE + depth);
		double waited_before = waited_ns();
		double start = now_ns();

		run(operations);

		double took = now_ns() - start;
		double waited = waited_ns() - waited_before;

		if (waited > took)
			waited = took;
		printf("{\"value\": %.4f, \"waited\": %.4f}\n", (took - waited) / operations,
		       waited / took);
		fflush(stdout);
	}
	io_uring_queue_exit(&ring);
	return 0;
}
