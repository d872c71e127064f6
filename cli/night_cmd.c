/* onebox night: why this machine is on, when it stops, and saying otherwise. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli_call.h"
#include "cli/show.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"

struct night_words {
        struct cli_words words;
};

static const struct options_row rows[] = {CLI_ROWS(struct night_words)};
static const struct options_spec spec = {
        .program = "onebox night",
        .args = "[stay SPAN | go | stop]",
        .summary =
                "Say why this machine is on and when it stops; keep it on for a while, take that "
                "back, or switch it off now",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_max = 2,
};

struct phrase {
        const char *name, *text;
};

static const struct phrase reasons[] = {
        {"tasks", "tasks run"},
        {"runs", "runs are not over: they wait for a retry, a slot or a time"},
        {"due-soon", "a run is due soon"},
        {"people", "somebody is logged in or looks at a page"},
        {"stay", "somebody asked for it (onebox night stay)"},
        {"recent", "it was needed a moment ago"},
        {"no-idle-stop", "idleness does not stop it: [night] idle_stop is not set"},
};

static const struct phrase stops[] = {
        {"planned", "as [night] stop says"},
        {"idle", "because nothing needs it"},
        {"notice", "because the cloud takes it"},
};

static const char *phrase(const struct phrase *p, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (str_eq(p[i].name, name))
                        return p[i].text;
        return name;
}

static void line(struct cli *c, const struct json *night, const char *key, const char *text,
                 const char *more) {
        const char *at;

        if (json_str(json_get(night, key), &at) == 0)
                printf("%-12s%s (%s)%s%s\n", text,
                       show_relative(&c->arena, night, key, clock_now(clock_system())), at,
                       *more ? ", " : "", more);
}

static int print(struct cli *c, const struct json *night) {
        const struct json *one;
        const char *why = "", *notice = NULL;
        bool closed = false, waits = false;

        printf("on because  ");
        json_each (one, json_get(night, "on_because"))
                printf("%s%s", one == json_at(json_get(night, "on_because"), 0) ? "" : "; ",
                       json_str(one, &why) == 0 ? phrase(reasons, ARRAY_SIZE(reasons), why) : "");
        printf("%s\n", json_at(json_get(night, "on_because"), 0) ? "" : "nothing needs it");
        if (json_str(json_get(night, "stop_reason"), &why) == 0)
                line(c, night, "stop_at", "stops", phrase(stops, ARRAY_SIZE(stops), why));
        else
                printf("stops       not by itself\n");
        if (json_str(json_get(night, "notice"), &notice) == 0)
                printf("notice      %s\n", notice);
        if (json_bool(json_get(night, "closed"), &closed) == 0 && closed)
                printf("            nothing new is started any more\n");
        if (json_bool(json_get(night, "shutdown_waits"), &waits) == 0 && waits)
                printf("shutdown    waits until nothing new is started (systemd-inhibit lists "
                       "it)\n");
        line(c, night, "stay_until", "stays", "");
        line(c, night, "next_run_at", "next run", "");
        line(c, night, "wake_at", "wanted", "were it to stop now");
        return 0;
}

static int post(struct cli *c, const char *body, const struct json **ret) {
        struct cli_call call = {.daemon = "scheduler",
                                .method = "POST",
                                .target = "/api/onebox/v1/night",
                                .body = body,
                                .body_size = body ? strlen(body) : 0};

        return body ? cli_call_json(c, &call, ret) : cli_oom(c);
}

static int act(struct cli *c, const struct json **ret) {
        const char *what = cli_arg(c, 0), *span = cli_arg(c, 1);
        usec_t for_usec = 0;

        if (!what)
                return cli_call_get(c, "scheduler", "/api/onebox/v1/night", ret);
        if (str_eq(what, "stop") && !span)
                return post(c, "{\"stop\": true}", ret);
        if (str_eq(what, "go") && !span)
                return post(c, "{\"stay_s\": 0}", ret);
        if (!str_eq(what, "stay") || !span)
                return errmsg_fail(&c->em, -EINVAL,
                                   "use `onebox night`, `… stay SPAN`, `… go` or `… stop`");
        if (str_to_span(span, &for_usec) < 0 || for_usec == USEC_INFINITY)
                return errmsg_fail(&c->em, -EINVAL, "\"%s\" is no span of time: use 2h, 30min",
                                   span);
        return post(c,
                    arena_printf(&c->arena, "{\"stay_s\": %llu}",
                                 (unsigned long long) (for_usec / USEC_PER_SEC)),
                    ret);
}

int night_cmd(struct cli *c, int argc, char **argv) {
        static struct night_words w;
        const struct json *answer;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r == 0)
                r = act(c, &answer);
        if (r != 0)
                return r;
        return c->json ? cli_call_print(c, answer) : print(c, answer);
}
