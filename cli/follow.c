/* follow: see follow.h. The scheduler is asked every 300 ms and differences are told; it may be
 * restarted meanwhile, which the person needs not know. */
#include "cli/follow.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli_call.h"
#include "cli/log_text.h"
#include "cli/show.h"
#include "cli/table.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/base/strmap.h"
#include "lib/base/timestamp.h"

#define POLL_MSEC 300
#define PATIENCE (60 * USEC_PER_SEC)
#define N_LOG_LINES 20

struct follow {
        struct cli *c;
        const char *dag, *run;
        struct strmap states; /* task id to the state and try last told, in told_arena */
        struct arena told_arena;
        usec_t lost_at; /* since when the scheduler does not answer; 0: it does */
};

static const char *paint(const struct cli *c, const char *state) {
        const char *colour = c->colour ? table_colour(state) : "";

        return *colour ? arena_printf((struct arena *) &c->arena, "%s%s\x1b[0m", colour, state)
                       : state;
}

/* Waiting for a slot is no news. */
static bool is_quiet(const char *state) {
        return str_eq(state, "-") || str_eq(state, "scheduled") || str_eq(state, "queued");
}

/* For scripts only the end counts. */
static void tell(struct follow *f, const struct json *task) {
        const char *id = show_task(&f->c->arena, task), *state = show_text(task, "state");
        const char *try_number = show_any(&f->c->arena, task, "try_number"), *news;
        usec_t now = clock_now(clock_system());
        char when[TIMESTAMP_SIZE];
        bool ended, again;

        if (f->c->json || is_quiet(state))
                return;
        news = arena_printf(&f->c->arena, "%s %s", state, try_number);
        if (!news || str_eq(strmap_get(&f->states, id), news))
                return;
        again = !str_eq(try_number, "1") && str_eq(state, "running");
        ended = json_is(json_get(task, "end_date"), JSON_STRING);
        timestamp_print(now, TIMESTAMP_SECONDS | TIMESTAMP_SPACE, when);
        printf("%.8s  %-28s %s%s%s%s%s%s\n", when + 11, id, paint(f->c, state),
               ended ? " after " : "",
               ended ? show_span(&f->c->arena, task, "start_date", "end_date", now) : "",
               again ? ", try " : "", again ? try_number : "",
               str_eq(state, "up_for_retry") ? ": will be tried again" : "");
        fflush(stdout);
        (void) strmap_set(&f->states, id, arena_strdup(&f->told_arena, news));
        if (str_eq(state, "failed"))
                (void) log_text_tail(f->c, f->dag, f->run, task, N_LOG_LINES);
}

/* 0: the answer is there; 1: not now; negative: give up. */
static int ask(struct follow *f, const char *path, const struct json **ret) {
        usec_t now = clock_mono(clock_system());
        int r = path ? cli_call_get(f->c, "scheduler", path, ret) : cli_oom(f->c);

        if (r >= 0) {
                f->lost_at = 0;
                return 0;
        }
        if (r == -ENOENT || r == -EACCES || r == -ENOMEM)
                if (r != -ENOENT || strstr(f->c->em.text, "HTTP 404"))
                        return r;
        if (f->lost_at == 0)
                f->lost_at = now;
        return now - f->lost_at > PATIENCE ? r : 1;
}

static int tell_tasks(struct follow *f) {
        const char *path = cli_call_path(f->c, "api", "v2", "dags", f->dag, "dagRuns", f->run,
                                         "taskInstances", NULL);
        const struct json *answer, *task;
        int r = ask(f, cli_call_query(f->c, path, "limit", "1000"), &answer);

        if (r != 0)
                return r;
        json_each (task, json_get(answer, "task_instances"))
                tell(f, task);
        return 0;
}

static int tell_end(struct follow *f, const struct json *run, const char *state) {
        if (f->c->json)
                return cli_call_print(f->c, run) < 0 || !str_eq(state, "success") ? CLI_BAD : 0;
        printf("\n%s %s: %s after %s\n", f->dag, f->run, paint(f->c, state),
               show_span(&f->c->arena, run, "start_date", "end_date", clock_now(clock_system())));
        return str_eq(state, "success") ? 0 : CLI_BAD;
}

/* One look: 0 it goes on, 1 ended well, 2 ended badly, negative. */
static int look(struct follow *f) {
        const char *path =
                cli_call_path(f->c, "api", "v2", "dags", f->dag, "dagRuns", f->run, NULL);
        const struct json *run;
        const char *state;
        int r = ask(f, path, &run);

        if (r != 0)
                return r < 0 ? r : 0;
        state = show_text(run, "state");
        r = tell_tasks(f);
        if (r != 0)
                return r < 0 ? r : 0;
        if (!str_eq(state, "success") && !str_eq(state, "failed"))
                return 0;
        return 1 + (tell_end(f, run, state) != 0);
}

int follow_run(struct cli *c, const char *dag, const char *run) {
        struct follow f = {.c = c, .dag = dag, .run = run};
        struct arena kept = c->arena;
        int r;

        /* Each look's answers are forgotten before the next; what c had before stays. */
        arena_init(&f.told_arena, 0);
        arena_init(&c->arena, 0);
        while ((r = look(&f)) == 0) {
                arena_reset(&c->arena);
                (void) nanosleep(&(struct timespec){.tv_nsec = POLL_MSEC * 1000000L}, NULL);
        }
        arena_done(&c->arena);
        c->arena = kept;
        arena_done(&f.told_arena);
        strmap_done(&f.states);
        return r < 0 ? r : r == 1 ? 0 : CLI_BAD;
}
