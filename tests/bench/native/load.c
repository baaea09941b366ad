/* The load client of the benchmark: one thread, epoll, closed loop: each client sends its next request when it has the
 * whole answer to the last, on the same connection if the server keeps it.
 *
 * Owns the clock: milliseconds to the first delta, to the end, and the age of each delta, which the upstream wrote into
 * it as "t=NANOSECONDS;". Prints one line of JSON.
 *
 *     load PORT PATH BODY-FILE CLIENTS[/RAMP] REQUESTS[/SECONDS] [HEADER…]
 *
 * The clients come one by one over RAMP milliseconds, or all at once. After SECONDS no request is begun. Where the body
 * says [[n:00000000]], each request has a number of its own, so that no two are the same.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { HEAD = 32 * 1024, MOST_AGES = 4 * 1024 * 1024, DIGITS = 8 };
enum state { IN_HEAD, IN_BODY, IN_SIZE, IN_CHUNK, AFTER_CHUNK, IN_TRAILER, UNTIL_CLOSE };

struct client {
    int fd, status, first, in_mark, line;
    enum state state;
    char head[HEAD + 1], number[DIGITS + 1];
    size_t head_length, sent;
    long long left, mark;
    double began;
};

static char *request;
static size_t request_length, number_at, number_length;
static int port, poll_fd, to_begin, under_way, failed, wrong_status;
static double *firsts, *totals, last_begin;
static float *ages;
static size_t answers, first_count, age_count, deltas, bytes;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void send_more(struct client *c) {
    while (c->sent < request_length) {
        size_t after = number_at + number_length, skip = c->sent;
        struct iovec parts[] = {{request, number_at}, {c->number, number_length}, {request + after, request_length - after}};
        for (int i = 0; i < 3; i++) {
            size_t gone = skip < parts[i].iov_len ? skip : parts[i].iov_len;
            parts[i].iov_base = (char *)parts[i].iov_base + gone;
            parts[i].iov_len -= gone;
            skip -= gone;
        }
        ssize_t done = sendmsg(c->fd, &(struct msghdr){.msg_iov = parts, .msg_iovlen = 3}, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done <= 0) break;
        c->sent += (size_t)done;
    }
    struct epoll_event event = {.events = EPOLLIN | (c->sent < request_length ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static void join(struct client *c) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address)) { perror("load: connect"); exit(1); }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event);
}

static void ask(struct client *c) {
    static unsigned number;
    if (!to_begin || now() >= last_begin) {
        if (c->fd >= 0) close(c->fd);  /* or the server would, and that would look like an answer cut short */
        c->fd = -1;
        under_way--;
        return;
    }
    to_begin--;
    snprintf(c->number, sizeof c->number, "%0*u", DIGITS, ++number % 100000000);
    c->state = IN_HEAD;
    c->head_length = c->sent = 0;
    c->status = c->first = c->in_mark = c->line = 0;
    c->began = now();
    if (c->fd < 0) { join(c); }
    send_more(c);
}

static void over(struct client *c, int keep) {
    totals[answers++] = now() - c->began;
    if (c->status != 200) wrong_status++;
    if (!keep) { close(c->fd); c->fd = -1; }
    ask(c);
}

/* The deltas in a piece of the body: "t=", digits, ";". */
static void read_marks(struct client *c, const char *data, size_t length) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    long long at = (long long)t.tv_sec * 1000000000 + t.tv_nsec;
    bytes += length;
    for (size_t i = 0; i < length; i++) {
        char here = data[i];
        if (c->in_mark == 2) {
            if (here >= '0' && here <= '9') { c->mark = c->mark * 10 + (here - '0'); continue; }
            if (here == ';' && c->mark) {
                deltas++;
                if (!c->first) { c->first = 1; firsts[first_count++] = at / 1e9 - c->began; }
                if (age_count < MOST_AGES) ages[age_count++] = (float)((double)(at - c->mark) / 1e6);
            }
            c->in_mark = 0;
        }
        if (here == 't') c->in_mark = 1;
        else if (here == '=' && c->in_mark == 1) { c->in_mark = 2; c->mark = 0; }
        else c->in_mark = 0;
    }
}

static int head_is_over(struct client *c) {
    char *field;
    c->status = atoi(c->head + 9);
    c->left = -1;
    c->state = UNTIL_CLOSE;
    if ((field = strcasestr(c->head, "\r\ncontent-length:"))) { c->left = atoll(field + 17); c->state = IN_BODY; }
    else if (strcasestr(c->head, "\r\ntransfer-encoding: chunked")) { c->state = IN_SIZE; c->left = 0; }
    return c->state == IN_BODY && !c->left;
}

/* True when the answer is over. What a server says beyond it is not expected. */
static int read_answer(struct client *c, const char *data, size_t length) {
    for (size_t i = 0; i < length; ) {
        size_t here;
        switch (c->state) {
        case IN_HEAD:
            if (c->head_length == HEAD) exit(1);
            c->head[c->head_length++] = data[i++];
            if (c->head_length >= 4 && !memcmp(c->head + c->head_length - 4, "\r\n\r\n", 4)) {
                c->head[c->head_length] = 0;
                if (head_is_over(c)) return 1;
            }
            break;
        case IN_BODY: case IN_CHUNK:
            here = length - i < (size_t)c->left ? length - i : (size_t)c->left;
            read_marks(c, data + i, here);
            i += here;
            if (!(c->left -= (long long)here)) { if (c->state == IN_BODY) return 1; c->state = AFTER_CHUNK; }
            break;
        case AFTER_CHUNK:
            if (data[i++] == '\n') { c->state = IN_SIZE; c->left = 0; }
            break;
        case IN_SIZE: {
            char digit = data[i++];
            if (digit == '\n') { c->state = c->left ? IN_CHUNK : IN_TRAILER; c->line = 0; }
            else if (digit >= '0' && digit <= '9') c->left = c->left * 16 + (digit - '0');
            else if ((digit | 32) >= 'a' && (digit | 32) <= 'f') c->left = c->left * 16 + ((digit | 32) - 'a' + 10);
            break;
        }
        case IN_TRAILER:
            if (data[i] == '\n') { if (!c->line) return 1; c->line = 0; } else if (data[i] != '\r') c->line++;
            i++;
            break;
        case UNTIL_CLOSE:
            read_marks(c, data + i, length - i);
            return 0;
        }
    }
    return 0;
}

static void hear(struct client *c) {
    static char data[256 * 1024];
    ssize_t got = recv(c->fd, data, sizeof data, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        if (c->state == UNTIL_CLOSE) { over(c, 0); return; }
        failed++;
        over(c, 0);
        return;
    }
    if (read_answer(c, data, (size_t)got)) over(c, strcasestr(c->head, "\r\nconnection: close") == NULL);
}

static int by_size(const void *a, const void *b) { double x = *(const double *)a, y = *(const double *)b; return (x > y) - (x < y); }
static int by_age(const void *a, const void *b) { float x = *(const float *)a, y = *(const float *)b; return (x > y) - (x < y); }
static double at(const double *values, size_t count, double share) { return count ? values[(size_t)((double)(count - 1) * share)] * 1e3 : 0; }

int main(int count, char **arguments) {
    if (count < 6) { fprintf(stderr, "usage: load PORT PATH BODY-FILE CLIENTS[/RAMP] REQUESTS[/SECONDS] [HEADER...]\n"); return 2; }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files = {8192, 8192};
    setrlimit(RLIMIT_NOFILE, &files);
    port = atoi(arguments[1]);
    int many = atoi(arguments[4]), requests = to_begin = atoi(arguments[5]);
    const char *ramp = strchr(arguments[4], '/'), *seconds = strchr(arguments[5], '/');
    double apart = ramp ? atof(ramp + 1) / 1e3 / many : 0;
    FILE *file = fopen(arguments[3], "rb");
    if (!file) { perror("load: body"); return 1; }
    fseek(file, 0, SEEK_END);
    size_t length = (size_t)ftell(file);
    rewind(file);
    request = malloc(length + 65536);
    int head = sprintf(request, "POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n",
                       arguments[2], port, length);
    for (int i = 6; i < count; i++) head += sprintf(request + head, "%s\r\n", arguments[i]);
    head += sprintf(request + head, "\r\n");
    if (fread(request + head, 1, length, file) != length) return 1;
    number_at = request_length = (size_t)head + length;
    char *number = memmem(request, request_length, "[[n:00000000]]", 14);
    if (number) { number_at = (size_t)(number - request) + 4; number_length = DIGITS; }
    firsts = calloc((size_t)requests, sizeof *firsts);
    totals = calloc((size_t)requests, sizeof *totals);
    ages = malloc(MOST_AGES * sizeof *ages);
    poll_fd = epoll_create1(0);
    struct client *clients = calloc((size_t)many, sizeof *clients);
    double began = now();
    last_begin = seconds ? began + atof(seconds + 1) : 1e18;
    under_way = many;
    struct epoll_event events[256];
    for (int here = 0; under_way; ) {
        for (; here < many && now() >= began + here * apart; here++) { clients[here].fd = -1; ask(clients + here); }
        if (!under_way) break;
        double next = began + here * apart - now();
        int ready = epoll_wait(poll_fd, events, 256, here == many ? 60000 : next > 0 ? (int)(next * 1e3) + 1 : 0);
        if (!ready && here == many) { fprintf(stderr, "load: nothing came for a minute\n"); return 1; }
        for (int i = 0; i < ready; i++) {
            struct client *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT) send_more(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) hear(c);
        }
    }
    double took = now() - began;
    qsort(firsts, first_count, sizeof *firsts, by_size);
    qsort(totals, answers, sizeof *totals, by_size);
    qsort(ages, age_count, sizeof *ages, by_age);
    printf("{\"answers\":%zu,\"failed\":%d,\"wrong_status\":%d,\"seconds\":%.6f,\"deltas\":%zu,\"bytes\":%zu,"
           "\"first_p50\":%.3f,\"first_p99\":%.3f,\"total_p50\":%.3f,\"total_p99\":%.3f,\"age_p50\":%.3f,\"age_p99\":%.3f}\n",
           answers, failed, wrong_status, took, deltas, bytes, at(firsts, first_count, .5), at(firsts, first_count, .99),
           at(totals, answers, .5), at(totals, answers, .99), age_count ? ages[(size_t)((double)(age_count - 1) * .5)] : 0.0,
           age_count ? ages[(size_t)((double)(age_count - 1) * .99)] : 0.0);
    return 0;
}
