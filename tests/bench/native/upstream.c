/* The scripted upstream of the benchmark: one thread, epoll, so fast that it is never what is measured.
 *
 * Owns two dialects of one script: Qwen's calls (a chat is made, then asked; files go up and are read at once), and
 * OpenAI's chat completions, for proxies that speak nothing else, also in one piece. What to say stands anywhere in the request's body: [[count:N]] deltas, [[pace:MS]]
 * between them (0: as fast as they are taken). Each delta holds the nanoseconds of the monotonic clock at which it was
 * made, as "t=…;", so that whoever reads it knows its age.
 *
 *     upstream PORT
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
#include <time.h>
#include <unistd.h>

enum { MOST = 4096, PIECE = 48 * 1024, HEAD = 64 * 1024 };
enum dialect { QWEN, OPENAI };

struct client {
    int fd, open;
    char *in; size_t held, room;          /* the request, as far as it has come */
    char *out; size_t sent, filled, size; /* what is to be sent */
    enum dialect dialect;
    int streaming, deltas, said, tail;    /* an answer under way */
    double pace, due;                     /* seconds */
    int waits_for_room;
};

static struct client clients[MOST];
static int poll_fd, own_port;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void put(struct client *c, const char *text, size_t length) {
    if (c->filled + length > c->size) {
        c->size = (c->filled + length) * 2;
        c->out = realloc(c->out, c->size);
    }
    memcpy(c->out + c->filled, text, length);
    c->filled += length;
}

static void say(struct client *c, const char *text) { put(c, text, strlen(text)); }

static void chunk(struct client *c, const char *text, size_t length) {
    char head[16];
    put(c, head, (size_t)snprintf(head, sizeof head, "%zx\r\n", length));
    put(c, text, length);
    say(c, "\r\n");
}

static void document(struct client *c, const char *body) {
    char head[160];
    int length = snprintf(head, sizeof head,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n", strlen(body));
    put(c, head, (size_t)length);
    say(c, body);
}

static void finish(struct client *c) {
    static const char qwen[] =
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"phase\":\"answer\",\"status\":\"finished\"}}],"
        "\"response_id\":\"33333333-cccc-4ccc-8ccc-000000000003\",\"usage\":{\"input_tokens\":10,\"output_tokens\":10,\"total_tokens\":20}}\n\n";
    static const char openai[] =
        "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"qwen3.7-plus\","
        "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    if (c->dialect == QWEN) chunk(c, qwen, sizeof qwen - 1); else chunk(c, openai, sizeof openai - 1);
    say(c, "0\r\n\r\n");
    c->streaming = 0;
}

static void delta(struct client *c) {
    char text[512];
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    long long stamp = (long long)t.tv_sec * 1000000000 + t.tv_nsec;
    const char *form = c->dialect == QWEN
        ? "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\" t=%lld;\",\"phase\":\"answer\",\"status\":\"typing\"}}],"
          "\"response_id\":\"33333333-cccc-4ccc-8ccc-000000000003\",\"timestamp\":1790400002}\n\n"
        : "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"qwen3.7-plus\","
          "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" t=%lld;\"},\"finish_reason\":null}]}\n\n";
    chunk(c, text, (size_t)snprintf(text, sizeof text, form, stamp));
    if (++c->said == c->deltas) finish(c);
}

static void begin(struct client *c, const char *path, const char *body, size_t length) {
    const char *count = memmem(body, length, "[[count:", 8), *pace = memmem(body, length, "[[pace:", 7);
    c->deltas = count ? atoi(count + 8) : 1;
    c->pace = pace ? atoi(pace + 7) / 1e3 : 0;
    c->dialect = strncmp(path, "/api/", 5) == 0 ? QWEN : OPENAI;
    if (c->dialect == OPENAI && !memmem(body, length, "\"stream\":true", 13) && !memmem(body, length, "\"stream\": true", 14)) {
        document(c, "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"qwen3.7-plus\",\"choices\":[{\"index\":0,"
            "\"message\":{\"role\":\"assistant\",\"content\":\"ok\"},\"finish_reason\":\"stop\"}],"
            "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":1,\"total_tokens\":11}}");
        return;
    }
    say(c, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n");
    if (c->dialect == QWEN) {
        static const char created[] =
            "data: {\"response.created\":{\"chat_id\":\"11111111-aaaa-4aaa-8aaa-000000000001\",\"parent_id\":\"22222222-bbbb-4bbb-8bbb-000000000002\","
            "\"response_id\":\"33333333-cccc-4ccc-8ccc-000000000003\",\"response_index\":\"0\"}}\n\n";
        chunk(c, created, sizeof created - 1);
    }
    c->streaming = 1;
    c->said = 0;
    c->due = now();
}

static void answer(struct client *c, const char *method, const char *path, const char *body, size_t length) {
    static unsigned long chats, files;
    char reply[640];
    if (!strncmp(path, "/api/v2/chat/completions", 24) && strncmp(path + 24, "/stop", 5)) begin(c, path, body, length);
    else if (!strcmp(path, "/v1/chat/completions") || !strcmp(path, "/chat/completions")) begin(c, path, body, length);
    else if (!strcmp(path, "/api/v2/chats/new")) {
        snprintf(reply, sizeof reply, "{\"success\":true,\"request_id\":\"r\",\"data\":{\"id\":\"11111111-aaaa-4aaa-8aaa-%012lx\"}}", ++chats);
        document(c, reply);
    }
    else if (!strcmp(path, "/api/v2/files/getstsToken")) {
        snprintf(reply, sizeof reply, "{\"success\":true,\"data\":{\"access_key_id\":\"k\",\"access_key_secret\":\"s\",\"security_token\":\"t\","
            "\"file_id\":\"file-%lx\",\"file_path\":\"u/file-%lx.txt\",\"file_url\":\"http://127.0.0.1:%d/u/file-%lx.txt\","
            "\"bucketname\":\"bench\",\"region\":\"oss-local\",\"endpoint\":\"http://127.0.0.1:%d\"}}",
            files + 1, files + 1, own_port, files + 1, own_port);
        files++;
        document(c, reply);
    }
    else if (!strcmp(path, "/api/v2/files/parse")) document(c, "{\"success\":true,\"data\":{\"status\":\"pending\"}}");
    else if (!strcmp(path, "/api/v2/files/parse/status")) document(c, "{\"success\":true,\"data\":[{\"status\":\"success\"}]}");
    else if (!strncmp(path, "/api/v1/auths", 13)) document(c, "{\"id\":\"u\",\"email\":\"bench@localhost\",\"name\":\"bench\"}");
    else if (!strncmp(path, "/api/v2/models", 14) || !strcmp(path, "/api/models"))
        document(c, "{\"success\":true,\"data\":{\"data\":[{\"id\":\"qwen3.7-plus\",\"name\":\"Qwen3.7-Plus\",\"info\":{\"meta\":{}}}]}}");
    else { (void)method; document(c, "{\"success\":true,\"data\":{\"status\":true}}"); }
}

static void leave(struct client *c) {
    close(c->fd);
    free(c->in);
    free(c->out);
    memset(c, 0, sizeof *c);
}

static void watch(struct client *c) {
    int wants = c->sent < c->filled;
    if (wants == c->waits_for_room) return;
    struct epoll_event event = {.events = EPOLLIN | (wants ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &event);
    c->waits_for_room = wants;
}

/* Send what there is, and what can be made of it at once. */
static void push(struct client *c) {
    for (;;) {
        double at = c->streaming && c->pace ? now() : 0;
        while (c->streaming && c->filled - c->sent < PIECE && (!c->pace || c->due <= at)) {
            delta(c);
            c->due += c->pace;
        }
        if (c->sent == c->filled) { c->sent = c->filled = 0; break; }
        ssize_t done = send(c->fd, c->out + c->sent, c->filled - c->sent, MSG_NOSIGNAL);
        if (done < 0) { if (errno != EAGAIN) { leave(c); return; } break; }
        c->sent += (size_t)done;
        if (c->sent == c->filled) c->sent = c->filled = 0;
        if (!c->streaming && !c->filled) break;
    }
    watch(c);
}

/* Answer the requests that are whole. */
static void take(struct client *c) {
    while (c->held && !c->streaming) {
        char *end = memmem(c->in, c->held < HEAD ? c->held : HEAD, "\r\n\r\n", 4);
        if (!end) return;
        size_t head = (size_t)(end - c->in) + 4, length = 0;
        *end = 0;
        for (char *line = c->in; (line = strstr(line, "\r\n")); )
            if (!strncasecmp(line += 2, "content-length:", 15)) length = strtoul(line + 15, NULL, 10);
        if (c->held < head + length) { *end = '\r'; return; }
        char *method = c->in, *path = strchr(c->in, ' '), *over;
        if (!path || !(over = strchr(path + 1, ' '))) { leave(c); return; }
        *path++ = 0;
        *over = 0;
        char *query = strchr(path, '?');
        if (query) *query = 0;
        answer(c, method, path, c->in + head, length);
        c->held -= head + length;
        memmove(c->in, c->in + head + length, c->held);
    }
}

static void hear(struct client *c) {
    for (;;) {
        if (c->room - c->held < 65536) c->in = realloc(c->in, c->room = c->room * 2 + 131072);
        ssize_t got = recv(c->fd, c->in + c->held, c->room - c->held - 1, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN)) { leave(c); return; }
        if (got < 0) break;
        c->held += (size_t)got;
        c->in[c->held] = 0;
    }
    take(c);
    if (c->open) push(c);
}

static void admit(int listener) {
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0; ) {
        struct client *c = clients;
        while (c < clients + MOST && c->open) c++;
        if (c == clients + MOST) { close(fd); continue; }
        int yes = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        *c = (struct client){.fd = fd, .open = 1};
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

int main(int count, char **arguments) {
    if (count != 2) { fprintf(stderr, "usage: upstream PORT\n"); return 2; }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files = {8192, 8192};
    setrlimit(RLIMIT_NOFILE, &files);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    own_port = atoi(arguments[1]);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)own_port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) { perror("upstream"); return 1; }
    poll_fd = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        double next = 1, at = now();
        for (struct client *c = clients; c < clients + MOST; c++) {
            if (!c->open || !c->streaming || !c->pace) continue;
            if (c->due <= at) push(c);
            if (c->open && c->streaming && c->due - at < next) next = c->due - at;
        }
        int ready = epoll_wait(poll_fd, events, 256, next > 0 ? (int)(next * 1e3) + 1 : 0);
        for (int i = 0; i < ready; i++) {
            struct client *c = events[i].data.ptr;
            if (!c) { admit(listener); continue; }
            if (c->open && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) hear(c);
            if (c->open && events[i].events & EPOLLOUT) push(c);
            if (c->open && !c->streaming && c->held) { take(c); if (c->open) push(c); }
        }
    }
}
