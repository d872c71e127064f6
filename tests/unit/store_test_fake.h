/* store_test_fake.h: a fake of tests/fake as a child of the test, and questions to it. */
#pragma once

#include <signal.h>
#include <sys/wait.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_call.h"
#include "tests/unit/net_test_cmocka.h"

struct store_test_fake {
        pid_t pid;
        int fd; /* its standard input: closing it ends the fake */
        char address[32];
};

static inline _unused_ void store_test_fake_start(struct store_test_fake *f, const char *script) {
        const char *top = getenv("top_srcdir") ?: ".";
        int in[2], out[2], port = 0;
        char path[512];
        FILE *lines;

        snprintf(path, sizeof path, "%s/tests/fake/%s", top, script);
        assert_int_equal(pipe2(in, O_CLOEXEC), 0);
        assert_int_equal(pipe2(out, O_CLOEXEC), 0);
        f->pid = fork();
        assert_true(f->pid >= 0);
        if (f->pid == 0) {
                dup2(in[0], 0);
                dup2(out[1], 1);
                execlp("python3", "python3", path, NULL);
                _exit(127);
        }
        close(in[0]);
        close(out[1]);
        f->fd = in[1];
        lines = fdopen(out[0], "r");
        if (fscanf(lines, "%d", &port) != 1)
                fail_msg("%s does not start", path);
        fclose(lines);
        snprintf(f->address, sizeof f->address, "127.0.0.1:%d", port);
}

static inline _unused_ void store_test_fake_stop(struct store_test_fake *f) {
        close(f->fd);
        waitpid(f->pid, NULL, 0);
}

/* The answer's text, the caller's. */
static inline _unused_ char *store_test_fake_ask(const struct store_test_fake *f,
                                                 const char *target, const char *body) {
        struct http_call call = {.address = f->address,
                                 .target = target,
                                 .body = body,
                                 .body_size = body ? strlen(body) : 0};
        struct http_call_answer a;
        struct errmsg em;
        char *text;

        if (http_call(&call, &a, &em) < 0)
                fail_msg("%s: %s", target, em.text);
        assert_int_equal(a.status, 200);
        text = buf_take(&a.body, NULL);
        http_call_answer_done(&a);
        return text;
}

/* Does /_state say this? */
static inline _unused_ bool store_test_fake_says(const struct store_test_fake *f,
                                                 const char *words) {
        _cleanup_free_ char *text = store_test_fake_ask(f, "/_state", NULL);

        return strstr(text, words) != NULL;
}
