/*
 * The bulk load of the TCP benchmarks: one connection on which writes of 1 MiB follow each other
 * while their echo is read. It answers requests on standard input, a line each:
 *
 *     open BYTES       ->  {"opened": bytes}: connected, and so many bytes echoed, each compared
 *     run WARM_MS MS   ->  {"value": MiB per second, "waited", "distances", "metrics"}
 *     (end of input)   ->  the program ends
 *
 * Usage: bulk-client PORT SERVER_PROCESS. In `run` the kernel drops what arrives instead of copying
 * it (MSG_TRUNC, tcp(7)), so that the client is not what is measured; the bytes are counted, and
 * those that do not come back end the program with an error. The program never sleeps meanwhile.
 *
 * No more than AHEAD_BYTES are under way, which the client's receive buffer has room for: when it
 * ran full, because another program had the client's processor, Linux 6.18 dropped segments and
 * their repetitions ("BeyondWindow" in /proc/net/netstat) until the connection stood still.
 */
#include "load.h"
#include "window.h"
#include <linux/sockios.h>
#include <sys/ioctl.h>

#define ENTRIES 16
#define WRITE_BYTES (1u << 20)
#define READ_BYTES (1u << 20)
#define AHEAD_BYTES (4u << 20)
#define PATIENCE_NS 10000000000ULL
#define NS_PER_MS 1000000ULL

enum kind { RECEIVE, SEND };

/* What is sent: writes are all alike, so a byte's place in the stream tells its value. */
static char source[WRITE_BYTES], target[READ_BYTES];
static int connection;
static uint64_t sent, received;
/* A receive may outlast the stream that it was prepared in, and then serves the next one. */
static bool receiving;
static bool writing;

static void prepare_receive(bool drops)
{
	struct io_uring_sqe *entry = next_entry();

	io_uring_prep_recv(entry, connection, target, READ_BYTES, drops ? MSG_TRUNC : 0);
	io_uring_sqe_set_data64(entry, RECEIVE);
	receiving = true;
}

/* Goes on with the write that the stream is in. */
static void prepare_send(void)
{
	struct io_uring_sqe *entry = next_entry();
	unsigned at = sent % WRITE_BYTES;

	io_uring_prep_send(entry, connection, source + at, WRITE_BYTES - at,
			   MSG_WAITALL | MSG_NOSIGNAL);
	io_uring_sqe_set_data64(entry, SEND);
	writing = true;
}

static void compare(unsigned length)
{
	for (unsigned done = 0; done < length;) {
		unsigned at = (received + done) % WRITE_BYTES;
		unsigned part = length - done < WRITE_BYTES - at ? length - done : WRITE_BYTES - at;

		if (memcmp(target + done, source + at, part) != 0)
			fail("accept the echo: it is not what was sent", EBADMSG);
		done += part;
	}
}

static void fail_stuck(void)
{
	char what[160];
	int unread = 0, unsent = 0;

	ioctl(connection, SIOCINQ, &unread);
	ioctl(connection, SIOCOUTQ, &unsent);
	snprintf(what, sizeof(what),
		 "wait any longer: of %llu bytes sent, and a write under way, %llu came back "
		 "(%d unread, %d unacknowledged)",
		 (unsigned long long)sent, (unsigned long long)received, unread, unsent);
	fail(what, ETIMEDOUT);
}

/* Goes on sending, unless enough is under way. */
static void send_on(void)
{
	if (!writing && sent - received <= AHEAD_BYTES - WRITE_BYTES)
		prepare_send();
}

/* Streams until DEADLINE, or until so many bytes are sent, and reads the echo of all of it. */
static void stream(uint64_t deadline, uint64_t bytes)
{
	bool compares = bytes > 0, sending = true;
	uint64_t last_ns = now_ns();

	sent = received = 0;
	if (!receiving)
		prepare_receive(!compares);
	prepare_send();
	while (sending || received < sent) {
		struct io_uring_cqe *completion;
		unsigned head, seen = 0;

		turn();
		io_uring_for_each_cqe(&ring, head, completion) {
			seen++;
			if (completion->res <= 0)
				fail("stream", completion->res < 0 ? -completion->res : ECONNRESET);
			if (io_uring_cqe_get_data64(completion) == RECEIVE) {
				if (compares)
					compare(completion->res);
				received += completion->res;
				receiving = false;
				if (sending || received < sent)
					prepare_receive(!compares);
				if (sending)
					send_on();
				continue;
			}
			sent += completion->res;
			writing = false;
			/* A write that has begun is finished: the next window starts a new one. */
			sending = sent % WRITE_BYTES != 0 ||
				  (compares ? sent < bytes : now_ns() < deadline);
			if (sending)
				send_on();
		}
		io_uring_cq_advance(&ring, seen);
		if (seen > 0)
			last_ns = now_ns();
		else if (now_ns() - last_ns > PATIENCE_NS)
			fail_stuck();
	}
	if (received != sent)
		fail("accept the echo: it is longer than what was sent", EBADMSG);
}

static void run(pid_t server, uint64_t warm_ms, uint64_t ms)
{
	int processor = processor_of(server);

	stream(now_ns() + warm_ms * NS_PER_MS, 0);

	struct window window = window_open(server, processor);

	window.start_ns = now_ns();
	stream(window.start_ns + ms * NS_PER_MS, 0);
	window_close(&window, server, processor);

	double mebibytes = received / (double)WRITE_BYTES;

	printf("{\"value\": %.2f, ", mebibytes / window.took_ns * 1e9);
	window_print(&window);
	printf("\"metrics\": {\"CPU ns\": %.0f}}\n", window.processor_ns / mebibytes);
}

int main(int count, char **words)
{
	unsigned port = count == 3 ? strtoul(words[1], NULL, 10) : 0;
	pid_t server = count == 3 ? strtoul(words[2], NULL, 10) : 0;
	char verb[16];

	if (port == 0 || server == 0) {
		fprintf(stderr, "usage: bulk-client PORT SERVER_PROCESS\n");
		return 2;
	}
	open_ring(ENTRIES, ENTRIES * 2, IORING_SETUP_TASKRUN_FLAG);
	/* No byte like its neighbours, nor like those of other pages. */
	for (unsigned i = 0; i < WRITE_BYTES; i++)
		source[i] = (char)(i * 131 + (i >> 12) * 17);
	printf("{\"ready\": true}\n");
	fflush(stdout);
	while (scanf(" %15s", verb) == 1) {
		unsigned long long first = 0, second = 0;

		if (strcmp(verb, "open") == 0 && scanf(" %llu", &first) == 1) {
			connection = open_connection(0, port);
			setsockopt(connection, SOL_SOCKET, SO_RCVBUF, &(int){ AHEAD_BYTES }, sizeof(int));
			stream(0, first);
			printf("{\"opened\": %llu}\n", (unsigned long long)received);
		} else if (strcmp(verb, "run") == 0 && scanf(" %llu %llu", &first, &second) == 2) {
			run(server, first, second);
		} else {
			fail("obey: open or run", EINVAL);
		}
		fflush(stdout);
	}
	io_uring_queue_exit(&ring);
	return 0;
}
