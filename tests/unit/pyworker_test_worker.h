/* pyworker_test_worker.h: the test program is its own worker: started as `PROGRAM -u MODE` it
 * speaks frames on fd 3, and misbehaves by its mode or by the endpoint that is asked. No Python
 * needed. */
#pragma once

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void worker_write(const void *p, size_t n) {
        if (write(3, p, n) != (ssize_t) n)
                _exit(3);
}

static void worker_say(const char *head, const char *body, size_t body_size) {
        const uint32_t sizes[2] = {htobe32((uint32_t) strlen(head)), htobe32((uint32_t) body_size)};

        worker_write(sizes, sizeof(sizes));
        worker_write(head, strlen(head));
        if (body_size > 0)
                worker_write(body, body_size);
}

static void worker_read(void *p, size_t n) {
        for (size_t done = 0; done < n;) {
                ssize_t r = read(3, (char *) p + done, n - done);

                if (r <= 0)
                        _exit(0);
                done += (size_t) r;
        }
}

/* One request: its id, its endpoint, its body (of at most 1 MiB). */
struct worker_request {
        unsigned long long id;
        char endpoint[64];
        char body[1 << 20];
        size_t body_size;
};

static void worker_next(struct worker_request *r) {
        static char head[4096];
        uint32_t sizes[2];
        char *at;

        worker_read(sizes, sizeof(sizes));
        if (be32toh(sizes[0]) >= sizeof(head) || be32toh(sizes[1]) > sizeof(r->body))
                _exit(4);
        worker_read(head, be32toh(sizes[0]));
        head[be32toh(sizes[0])] = 0;
        r->body_size = be32toh(sizes[1]);
        worker_read(r->body, r->body_size);
        r->id = strtoull(strstr(head, "\"id\":") + 5, NULL, 10);
        at = strstr(head, "\"endpoint\":\"") + 12;
        snprintf(r->endpoint, sizeof(r->endpoint), "%.*s", (int) strcspn(at, "\""), at);
}

static void worker_answer(const struct worker_request *r) {
        char head[128];

        if (strcmp(r->endpoint, "/exit") == 0)
                _exit(1);
        if (strcmp(r->endpoint, "/hang") == 0)
                for (;;)
                        pause();
        if (strcmp(r->endpoint, "/garbage") == 0)
                worker_say("garbage", "", 0);
        if (strcmp(r->endpoint, "/twice") == 0)
                worker_say("{\"id\":0,\"status\":200,\"type\":\"x\"}", "", 0);
        if (strcmp(r->endpoint, "/slow") == 0)
                usleep(50000);
        snprintf(head, sizeof(head), "{\"id\":%llu,\"status\":201,\"type\":\"t/%d\"}", r->id,
                 (int) getpid());
        worker_say(head, r->body, r->body_size);
        if (strcmp(r->endpoint, "/last") == 0)
                _exit(0);
}

/* Ends when something was sent, without having read any of it. */
static void worker_die_deaf(void) {
        struct pollfd p = {.fd = 3, .events = POLLIN};

        while (poll(&p, 1, -1) <= 0)
                ;
        _exit(1);
}

/* The first of the processes that share the directory ONCE. */
static bool worker_is_first(void) {
        return mkdir(getenv("ONCE"), 0700) == 0;
}

/* True when this process was meant to be a worker: then it never returns but by the exit. */
static void worker_run_if_asked(int argc, char **argv) {
        static struct worker_request r;
        const char *mode = argc == 3 ? argv[2] : "";

        if (argc != 3 || strcmp(argv[1], "-u") != 0)
                return;
        if (strcmp(mode, "refuse") == 0) {
                worker_say("{\"ready\": false, \"error\": \"no module named x\"}", "", 0);
                _exit(1);
        }
        if (strcmp(mode, "die") == 0)
                _exit(1);
        if (strcmp(mode, "stall") == 0)
                for (;;)
                        pause();
        worker_say("{\"ready\": true}", "", 0);
        if (strcmp(mode, "deaf") == 0 || (strcmp(mode, "deaf once") == 0 && worker_is_first()))
                worker_die_deaf();
        for (;;) {
                worker_next(&r);
                worker_answer(&r);
        }
}
