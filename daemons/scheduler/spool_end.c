#include "daemons/scheduler/spool_end.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/entropy.h"
#include "lib/base/json.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

enum { EXIT_SKIP = 99 };

static int how_parse(const char *name, enum spool_end_how *ret, struct errmsg *em) {
        static const char *const names[] = {"exit", "signal", "timeout", "stopped", "error"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (str_eq(name, names[i])) {
                        *ret = (enum spool_end_how) i;
                        return 0;
                }
        return errmsg_fail(em, -EINVAL, "\"how\" is \"%s\"", name);
}

static int want_time(const struct json *j, const char *key, usec_t *ret, struct errmsg *em) {
        const char *text = NULL;
        int r = json_want_str(j, key, &text, em);

        if (r < 0 || !text)
                return r;
        if (timestamp_parse(text, ret) < 0)
                return errmsg_fail(em, -EINVAL, "\"%s\" is no time: \"%s\"", key, text);
        return 0;
}

static int want_words(const struct json *j, struct spool_end *e, struct errmsg *em) {
        const char *try_id, *how, *message = NULL;
        int64_t version = 0, exit_code = -1, sig = 0;
        int r;

        if ((r = json_need_i64(j, "version", &version, em)) < 0 ||
            (r = json_need_str(j, "try_id", &try_id, em)) < 0 ||
            (r = json_need_str(j, "how", &how, em)) < 0 || (r = how_parse(how, &e->how, em)) < 0 ||
            (r = json_want_i64(j, "exit_code", &exit_code, em)) < 0 ||
            (r = json_want_i64(j, "signal", &sig, em)) < 0 ||
            (r = json_want_str(j, "message", &message, em)) < 0)
                return r;
        if (version != 1 || !entropy_is_uuid(try_id))
                return errmsg_fail(em, -EINVAL, "not an end.json of version 1");
        if (exit_code < -1 || exit_code > 255 || sig < 0 || sig > 128)
                return errmsg_fail(em, -EINVAL, "no such exit code or signal");
        str_copy(e->try_id, sizeof(e->try_id), try_id);
        e->exit_code = (int) exit_code;
        e->signal = (int) sig;
        snprintf(e->message, sizeof(e->message), "%s", message ? message : "");
        return 0;
}

static int want_usage(const struct json *j, struct spool_end *e, struct errmsg *em) {
        int r;

        if ((r = want_time(j, "started_at", &e->started_at, em)) < 0 ||
            (r = want_time(j, "ended_at", &e->ended_at, em)) < 0 ||
            (r = json_want_f64(j, "cpu_user_s", &e->cpu_user_s, em)) < 0 ||
            (r = json_want_f64(j, "cpu_system_s", &e->cpu_system_s, em)) < 0 ||
            (r = json_want_i64(j, "peak_memory_bytes", &e->peak_memory_bytes, em)) < 0 ||
            (r = json_want_i64(j, "read_bytes", &e->read_bytes, em)) < 0 ||
            (r = json_want_i64(j, "written_bytes", &e->written_bytes, em)) < 0 ||
            (r = json_want_i64(j, "log_bytes", &e->log_bytes, em)) < 0 ||
            (r = json_want_i64(j, "forks_refused", &e->forks_refused, em)) < 0)
                return r;
        return json_want_bool(j, "oom", &e->oom, em);
}

int spool_end_parse(const char *text, size_t len, struct spool_end *ret, struct errmsg *em) {
        struct spool_end e = {.started_at = USEC_INFINITY, .ended_at = USEC_INFINITY};
        struct json *j;
        struct arena a;
        int r;

        if (len > SPOOL_END_SIZE_MAX)
                return errmsg_fail(em, -EINVAL, "too large");
        arena_init(&a, 0);
        r = json_parse_copy(&a, text, len, &j, em);
        if (r >= 0 && !json_is(j, JSON_OBJECT))
                r = errmsg_fail(em, -EINVAL, "not an object");
        if (r >= 0)
                r = want_words(j, &e, em);
        if (r >= 0)
                r = want_usage(j, &e, em);
        arena_done(&a);
        if (r >= 0)
                *ret = e;
        return r;
}

enum world_result spool_end_result(const struct spool_end *end) {
        switch (end->how) {
        case SPOOL_END_EXIT:
                return end->exit_code == 0           ? WORLD_RESULT_SUCCESS
                       : end->exit_code == EXIT_SKIP ? WORLD_RESULT_SKIPPED
                                                     : WORLD_RESULT_FAILED;
        case SPOOL_END_TIMEOUT:
                return WORLD_RESULT_TIMED_OUT;
        case SPOOL_END_STOPPED:
                return WORLD_RESULT_STOPPED;
        default:
                return WORLD_RESULT_FAILED;
        }
}

/* What it had too much of, as the kernel saw it; nothing of a success. */
static const char *text_of_limits(const struct spool_end *end, char ret[128]) {
        size_t n = 0;

        ret[0] = 0;
        if (spool_end_result(end) == WORLD_RESULT_SUCCESS)
                return ret;
        if (end->oom)
                n = (size_t) snprintf(ret, 128, ", out of memory");
        if (end->forks_refused > 0)
                (void) snprintf(ret + n, 128 - n,
                                ", %lld processes refused at its limit (tasks_max)",
                                (long long) end->forks_refused);
        return ret;
}

void spool_end_text(const struct spool_end *end, char *ret, size_t size) {
        char limits[128];

        text_of_limits(end, limits);
        if (end->message[0])
                snprintf(ret, size, "%s", end->message);
        else if (end->how == SPOOL_END_TIMEOUT)
                snprintf(ret, size, "its time limit was over%s", limits);
        else if (end->how == SPOOL_END_STOPPED)
                snprintf(ret, size, "told to stop");
        else if (end->signal > 0)
                snprintf(ret, size, "killed by signal %d (%s)%s", end->signal,
                         strsignal(end->signal), limits);
        else
                snprintf(ret, size, "exit code %d%s", end->exit_code, limits);
}
