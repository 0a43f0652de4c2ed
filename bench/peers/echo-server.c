/*
 * The C peer of the TCP benchmarks: what a careful C program reaches with liburing as an echo
 * server. One ring with deferred task runs, one multishot accept into registered descriptors, one
 * multishot receive for each connection out of a ring of provided buffers, and sends straight from
 * these buffers, submitted together with the next wait in one system call.
 *
 * Usage: echo-server BUFFER_BYTES BUFFERS. Prints {"port": number}; ends when its input ends.
 */
#include "load.h"

#define ENTRIES 1024
#define COMPLETIONS 8192
#define CONNECTIONS 4096
#define BACKLOG 4096
#define NONE (-1)

/* What a completion is of: the low byte of its tag; the slot is above, then the buffer. */
enum kind { ACCEPT, RECEIVE, SEND, CLOSE, INPUT };

static inline uint64_t tag(enum kind kind, unsigned slot, unsigned buffer)
{
	return kind | (uint64_t)slot << 8 | (uint64_t)buffer << 32;
}

/* A connection's buffers that wait to be sent, the first of them under way. */
struct connection {
	int first, last;
	bool ended;
};

static struct connection connections[CONNECTIONS];
static struct pool pool;
/* By buffer: the next one of its connection, and the part of it that is to be sent. */
static int *following;
static unsigned *lengths, *offsets;
/* Connections whose receive found no buffer: armed again as soon as one is returned. */
static int starved_slots[CONNECTIONS];
static unsigned starved_count;
static char input[256];

static void prepare_accept(int listener)
{
	struct io_uring_sqe *entry = next_entry();

	io_uring_prep_multishot_accept_direct(entry, listener, NULL, NULL, 0);
	io_uring_sqe_set_data64(entry, tag(ACCEPT, 0, 0));
}

static void prepare_receive(unsigned slot)
{
	struct io_uring_sqe *entry = next_entry();

	io_uring_prep_recv_multishot(entry, slot, NULL, 0, 0);
	entry->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
	entry->buf_group = 0;
	io_uring_sqe_set_data64(entry, tag(RECEIVE, slot, 0));
}

static void prepare_send(unsigned slot, unsigned buffer)
{
	struct io_uring_sqe *entry = next_entry();

	io_uring_prep_send(entry, slot, pool_at(&pool, buffer) + offsets[buffer], lengths[buffer],
			   MSG_WAITALL | MSG_NOSIGNAL);
	entry->flags |= IOSQE_FIXED_FILE;
	io_uring_sqe_set_data64(entry, tag(SEND, slot, buffer));
}

static void prepare_close(unsigned slot)
{
	struct io_uring_sqe *entry = next_entry();

	io_uring_prep_close_direct(entry, slot);
	io_uring_sqe_set_data64(entry, tag(CLOSE, slot, 0));
}

static void prepare_input(void)
{
	struct io_uring_sqe *entry = next_entry();

	io_uring_prep_read(entry, STDIN_FILENO, input, sizeof(input), 0);
	io_uring_sqe_set_data64(entry, tag(INPUT, 0, 0));
}

static void on_accept(int listener, const struct io_uring_cqe *completion)
{
	if (completion->res >= 0) {
		connections[completion->res] = (struct connection){ .first = NONE, .last = NONE };
		prepare_receive(completion->res);
	} else if (completion->res != -ECONNABORTED && completion->res != -ENFILE) {
		fail("accept", -completion->res);
	}
	if (!(completion->flags & IORING_CQE_F_MORE))
		prepare_accept(listener);
}

static void on_receive(unsigned slot, const struct io_uring_cqe *completion)
{
	struct connection *connection = &connections[slot];

	if (completion->res > 0) {
		unsigned buffer = completion->flags >> IORING_CQE_BUFFER_SHIFT;

		lengths[buffer] = completion->res;
		offsets[buffer] = 0;
		following[buffer] = NONE;
		if (connection->first == NONE) {
			connection->first = buffer;
			prepare_send(slot, buffer);
		} else {
			following[connection->last] = buffer;
		}
		connection->last = buffer;
	}
	if (completion->flags & IORING_CQE_F_MORE)
		return;
	if (completion->res == -ENOBUFS) {
		starved_slots[starved_count++] = slot;
	} else if (completion->res > 0) {
		prepare_receive(slot);
	} else {
		if (completion->res < 0 && completion->res != -ECONNRESET)
			fail("receive", -completion->res);
		connection->ended = true;
		if (connection->first == NONE)
			prepare_close(slot);
	}
}

static void on_send(unsigned slot, unsigned buffer, int sent)
{
	struct connection *connection = &connections[slot];

	if (sent > 0 && (unsigned)sent < lengths[buffer]) {
		offsets[buffer] += sent;
		lengths[buffer] -= sent;
		prepare_send(slot, buffer);
		return;
	}
	if (sent < 0 && sent != -EPIPE && sent != -ECONNRESET)
		fail("send", -sent);
	/* After a reset, what is queued fails as well, and the receive ends by itself. */
	pool_return(&pool, buffer);
	connection->first = following[buffer];
	if (connection->first != NONE)
		prepare_send(slot, connection->first);
	else if (connection->ended)
		prepare_close(slot);
}

static void publish_buffers(void)
{
	if (pool.returned == 0)
		return;
	pool_publish(&pool);
	while (starved_count > 0)
		prepare_receive(starved_slots[--starved_count]);
}

static void serve(int listener)
{
	for (;;) {
		int result = io_uring_submit_and_wait(&ring, 1);
		struct io_uring_cqe *completion;
		unsigned head, seen = 0;

		if (result < 0 && result != -EINTR)
			fail("submit", -result);
		io_uring_for_each_cqe(&ring, head, completion) {
			uint64_t data = io_uring_cqe_get_data64(completion);
			unsigned slot = (data >> 8) & 0xffffff, buffer = data >> 32;

			seen++;
			switch ((enum kind)(data & 0xff)) {
			case ACCEPT:
				on_accept(listener, completion);
				break;
			case RECEIVE:
				on_receive(slot, completion);
				break;
			case SEND:
				on_send(slot, buffer, completion->res);
				break;
			case CLOSE:
				break;
			case INPUT:
				if (completion->res <= 0)
					return;
				prepare_input();
				break;
			}
		}
		io_uring_cq_advance(&ring, seen);
		publish_buffers();
	}
}

static int open_listener(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);
	int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* Accepted connections inherit it from the listener. */
	setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, BACKLOG) < 0)
		fail("listen", errno);
	getsockname(listener, (struct sockaddr *)&address, &length);
	printf("{\"port\": %u}\n", ntohs(address.sin_port));
	fflush(stdout);
	return listener;
}

int main(int count, char **words)
{
	unsigned bytes = count == 3 ? strtoul(words[1], NULL, 10) : 0;
	unsigned buffers = count == 3 ? strtoul(words[2], NULL, 10) : 0;
	int result;

	if (bytes == 0 || buffers == 0 || buffers > 32768 || (buffers & (buffers - 1)) != 0) {
		fprintf(stderr, "usage: echo-server BUFFER_BYTES BUFFERS (a power of two)\n");
		return 2;
	}
	raise_descriptor_limit();
	open_ring(ENTRIES, COMPLETIONS, 0);
	result = io_uring_register_files_sparse(&ring, CONNECTIONS);
	if (result < 0)
		fail("register descriptors", -result);
	pool_open(&pool, buffers, bytes);
	following = calloc(buffers, sizeof(*following));
	lengths = calloc(buffers, sizeof(*lengths));
	offsets = calloc(buffers, sizeof(*offsets));
	int listener = open_listener();

	prepare_accept(listener);
	prepare_input();
	serve(listener);
	io_uring_queue_exit(&ring);
	return 0;
}
