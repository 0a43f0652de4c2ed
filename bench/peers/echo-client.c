/*
 * The load of the TCP benchmarks: connections that each send a message, wait for its echo, and send
 * the next one. It answers requests on standard input, a line each:
 *
 *     open CONNECTIONS  ->  {"opened": number}: connected, and one message echoed on each of them
 *     run WARM_MS MS    ->  {"value": messages per second, "waited": share of the time in which the
 *                            server was ready and other programs had its processor, "metrics"}
 *     close             ->  {"closed": number}
 *     (end of input)    ->  the program ends
 *
 * Usage: echo-client PORT SERVER_PROCESS MESSAGE_BYTES. The clock is read for each message, when it
 * is prepared and when its echo is taken. While messages are under way the program never sleeps: a
 * server that had to wake it would be charged for interrupts that are no part of its work. The
 * server's processor time is taken while nothing is under way.
 */
#include "load.h"
#include "window.h"

#define ENTRIES 1024
#define COMPLETIONS 32768
#define CONNECTIONS_MAX 16384
#define BUFFERS 2048
/* Connections opened before the server has to prove, by an echo, that it has accepted them. */
#define OPEN_TOGETHER 100
/* A server that echoes nothing for so long is stuck. */
#define PATIENCE_NS 10000000000ULL
#define NS_PER_MS 1000000ULL

struct connection {
	/* When the message under way was prepared. */
	uint64_t sent_ns;
	/* The message's number, which is its first bytes, and how much of its echo is here. */
	uint64_t number;
	unsigned arrived;
};

static struct connection connections[CONNECTIONS_MAX];
static int descriptors[CONNECTIONS_MAX];
static unsigned opened, message_bytes;
static char *messages;
static struct pool pool;
static struct histogram latencies;
static uint64_t idle_ns, wrong;
/* Messages are sent on until this time; 0 sends one on each connection. */
static uint64_t deadline_ns;

enum kind { RECEIVE, SEND };

static void prepare_receive(unsigned index)
{
	struct io_uring_sqe *entry = next_entry();

	io_uring_prep_recv_multishot(entry, index, NULL, 0, 0);
	entry->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
	entry->buf_group = 0;
	io_uring_sqe_set_data64(entry, RECEIVE | (uint64_t)index << 8);
}

/* Its own memory for each connection: the echo proves that the kernel has read the message. */
static void prepare_send(unsigned index)
{
	struct io_uring_sqe *entry = next_entry();
	struct connection *connection = &connections[index];
	char *message = messages + (size_t)index * message_bytes;

	connection->number++;
	connection->arrived = 0;
	memcpy(message, &connection->number, sizeof(connection->number));
	io_uring_prep_send(entry, index, message, message_bytes, MSG_WAITALL | MSG_NOSIGNAL);
	entry->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
	io_uring_sqe_set_data64(entry, SEND | (uint64_t)index << 8);
	connection->sent_ns = now_ns();
}

/* Takes what arrived. Returns whether the connection's echo is complete and none follows. */
static bool on_receive(unsigned index, const struct io_uring_cqe *completion)
{
	struct connection *connection = &connections[index];
	unsigned buffer = completion->flags >> IORING_CQE_BUFFER_SHIFT;
	uint64_t now;

	if (completion->res == 0)
		fail("go on: the server closed a connection", ECONNRESET);
	if (completion->res < 0 && completion->res != -ENOBUFS)
		fail("receive", -completion->res);
	if (!(completion->flags & IORING_CQE_F_MORE))
		prepare_receive(index);
	if (completion->res < 0)
		return false;
	if (connection->arrived == 0 && (unsigned)completion->res >= sizeof(connection->number))
		wrong += memcmp(pool_at(&pool, buffer), &connection->number,
				sizeof(connection->number)) != 0;
	connection->arrived += completion->res;
	pool_return(&pool, buffer);
	if (connection->arrived < message_bytes)
		return false;
	wrong += connection->arrived > message_bytes;
	now = now_ns();
	histogram_add(&latencies, now - connection->sent_ns);
	if (now >= deadline_ns)
		return true;
	prepare_send(index);
	return false;
}

/*
 * Has a message echoed on each connection from FIRST on, and more of them until DEADLINE. Returns
 * when no message is under way.
 */
static void exchange(unsigned first, uint64_t deadline)
{
	unsigned busy = opened - first;
	uint64_t idle_since = 0;

	deadline_ns = deadline;
	for (unsigned index = first; index < opened; index++)
		prepare_send(index);
	while (busy > 0) {
		struct io_uring_cqe *completion;
		unsigned head, seen = 0;

		turn();
		io_uring_for_each_cqe(&ring, head, completion) {
			uint64_t data = io_uring_cqe_get_data64(completion);

			seen++;
			if ((data & 0xff) == RECEIVE)
				busy -= on_receive(data >> 8, completion);
			else
				fail("send", completion->res < 0 ? -completion->res : EIO);
		}
		io_uring_cq_advance(&ring, seen);
		pool_publish(&pool);
		if (seen > 0) {
			if (idle_since != 0)
				idle_ns += now_ns() - idle_since;
			idle_since = 0;
		} else if (idle_since == 0) {
			idle_since = now_ns();
		} else if (now_ns() - idle_since > PATIENCE_NS) {
			fail("wait any longer for an echo", ETIMEDOUT);
		}
	}
}

static void open_all(unsigned count, unsigned port)
{
	int result;

	if (opened > 0 || count > CONNECTIONS_MAX)
		fail("open so many connections", EINVAL);
	messages = realloc(messages, (size_t)count * message_bytes);
	memset(messages, 0x5a, (size_t)count * message_bytes);
	result = io_uring_register_files_sparse(&ring, count);
	if (result < 0)
		fail("register descriptors", -result);
	while (opened < count) {
		unsigned first = opened;

		for (; opened < count && opened - first < OPEN_TOGETHER; opened++) {
			descriptors[opened] = open_connection(opened, port);
			connections[opened] = (struct connection){ 0 };
			result = io_uring_register_files_update(&ring, opened, &descriptors[opened], 1);
			if (result < 0)
				fail("register a descriptor", -result);
			prepare_receive(opened);
		}
		exchange(first, 0);
	}
}

/* Takes back the receives, whose completions are of no interest any more, and closes. */
static void close_all(void)
{
	unsigned left = opened;

	for (unsigned index = 0; index < opened; index++)
		shutdown(descriptors[index], SHUT_RDWR);
	while (left > 0) {
		struct io_uring_cqe *completion;
		unsigned head, seen = 0;

		turn();
		io_uring_for_each_cqe(&ring, head, completion) {
			left -= (completion->flags & IORING_CQE_F_MORE) == 0;
			seen++;
		}
		io_uring_cq_advance(&ring, seen);
	}
	io_uring_unregister_files(&ring);
	for (unsigned index = 0; index < opened; index++)
		close(descriptors[index]);
	opened = 0;
}

static void run(pid_t server, uint64_t warm_ms, uint64_t ms)
{
	int processor = processor_of(server);

	exchange(0, now_ns() + warm_ms * NS_PER_MS);

	struct window window = window_open(server, processor);

	memset(&latencies, 0, sizeof(latencies));
	idle_ns = wrong = 0;
	window.start_ns = now_ns();
	exchange(0, window.start_ns + ms * NS_PER_MS);
	window_close(&window, server, processor);
	printf("{\"value\": %.1f, ", latencies.total / window.took_ns * 1e9);
	window_print(&window);
	printf("\"metrics\": {\"CPU ns\": %.1f, \"p50 ns\": %.0f, \"p99 ns\": %.0f, "
	       "\"p99.9 ns\": %.0f, \"wrong\": %llu, \"client idle\": %.4f}}\n",
	       window.processor_ns / latencies.total, histogram_quantile(&latencies, 0.5),
	       histogram_quantile(&latencies, 0.99), histogram_quantile(&latencies, 0.999),
	       (unsigned long long)wrong, idle_ns / window.took_ns);
}

int main(int count, char **words)
{
	unsigned port = count == 4 ? strtoul(words[1], NULL, 10) : 0;
	pid_t server = count == 4 ? strtoul(words[2], NULL, 10) : 0;
	char verb[16];

	message_bytes = count == 4 ? strtoul(words[3], NULL, 10) : 0;
	if (port == 0 || server == 0 || message_bytes < sizeof(uint64_t)) {
		fprintf(stderr, "usage: echo-client PORT SERVER_PROCESS MESSAGE_BYTES (8 or more)\n");
		return 2;
	}
	raise_descriptor_limit();
	open_ring(ENTRIES, COMPLETIONS, IORING_SETUP_TASKRUN_FLAG);
	pool_open(&pool, BUFFERS, message_bytes < 4096 ? 2048 : 65536);
	printf("{\"ready\": true}\n");
	fflush(stdout);
	while (scanf(" %15s", verb) == 1) {
		unsigned long long first = 0, second = 0;

		if (strcmp(verb, "open") == 0 && scanf(" %llu", &first) == 1) {
			open_all(first, port);
			printf("{\"opened\": %u}\n", opened);
		} else if (strcmp(verb, "run") == 0 && scanf(" %llu %llu", &first, &second) == 2) {
			run(server, first, second);
		} else if (strcmp(verb, "close") == 0) {
			unsigned closed = opened;

			close_all();
			printf("{\"closed\": %u}\n", closed);
		} else {
			fail("obey: open, run or close", EINVAL);
		}
		fflush(stdout);
	}
	io_uring_queue_exit(&ring);
	return 0;
}
