/* onebox audit: who did what to what, from the logs of all parts, the newest at the end.
 *
 * Of every log (and its nine older files) the last `lines` that match are kept, so what is held in
 * memory is bounded; the files are read from the oldest on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/audit_row.h"
#include "cli/cli.h"
#include "cli/table.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

enum { OLDER = 9, LINES_MAX = 100000 };

struct audit_words {
        struct cli_words words;
        char *user, *object, *action;
        usec_t since, before;
        uint64_t lines;
        bool refused, wide;
};

/* clang-format off */
static const struct options_row rows[] = {
        OPTIONS_ROW(struct audit_words, user, 'u', STRING, "NAME", "what this user did")
        OPTIONS_ROW(struct audit_words, object, 'o', STRING, "TEXT", "what was done to this: an id, a name or a part of one")
        OPTIONS_ROW(struct audit_words, action, 'a', STRING, "TEXT", "deeds that have this in their name, as delete")
        OPTIONS_ROW(struct audit_words, since, 's', SPAN, "SPAN", "not older than this, as 2d")
        OPTIONS_ROW(struct audit_words, before, 'b', SPAN, "SPAN", "older than this")
        OPTIONS_ROW(struct audit_words, refused, 'r', BOOL, NULL, "only what was refused or failed")
        OPTIONS_ROW(struct audit_words, lines, 'n', UINT, "N", "the last N (100)")
        OPTIONS_ROW(struct audit_words, wide, 'w', BOOL, NULL, "whole lines on a terminal, too, as in a pipe")
        CLI_ROWS(struct audit_words)};
/* clang-format on */
static const struct options_spec spec = {
        .program = "onebox audit",
        .summary = "Show who did what to what, from the audit logs of all parts",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
};

/* The last n of what matched, as lines; from `next` on when it is full. */
struct last {
        char **lines;
        size_t n, next, max, n_bad;
};

static void last_done(struct last *l) {
        for (size_t i = 0; i < l->n; i++)
                mem_free(l->lines[i]);
        mem_free(l->lines);
}

static int keep(struct last *l, const char *line) {
        char *copy = mem_strdup(line);

        if (!copy)
                return -ENOMEM;
        if (l->n < l->max) {
                l->lines[l->n++] = copy;
                return 0;
        }
        mem_free(l->lines[l->next]);
        l->lines[l->next] = copy;
        l->next = (l->next + 1) % l->max;
        return 0;
}

static int read_line(struct last *l, char *line, const struct audit_want *want) {
        _cleanup_(arena_done) struct arena a;
        struct audit_row row;
        int r;

        arena_init(&a, 0);
        r = audit_row_parse(line, &a, &row);
        if (r == -EBADMSG) {
                l->n_bad++;
                return 0;
        }
        return r < 0 ? r : audit_row_matches(&row, want) ? keep(l, line) : 0;
}

/* 0, also when there is no such file, or -errno. */
static int read_file(struct last *l, const char *path, const struct audit_want *want) {
        FILE *f = fopen(path, "re");
        char *line = NULL;
        size_t size = 0;
        ssize_t n;
        int r = 0;

        if (!f)
                return errno == ENOENT ? 0 : -errno;
        while (r == 0 && (n = getline(&line, &size, f)) >= 0) {
                if (n > 0 && line[n - 1] == '\n')
                        line[n - 1] = 0;
                if (*line)
                        r = read_line(l, line, want);
        }
        if (r == 0 && ferror(f))
                r = -EIO;
        free(line);
        (void) fclose(f);
        return r;
}

static int read_log(struct cli *c, struct last *l, const char *part,
                    const struct audit_want *want) {
        _cleanup_free_ char *path = paths_state(&c->paths, "auth/audit-%s.log", part);

        if (!path)
                return cli_oom(c);
        for (int i = OLDER; i >= 0; i--) {
                const char *file = i ? arena_printf(&c->arena, "%s.%d", path, i) : path;
                int r = file ? read_file(l, file, want) : -ENOMEM;

                if (r < 0)
                        return errmsg_errno(&c->em, r, "%s (are you allowed to? try sudo)",
                                            file ? file : path);
        }
        return 0;
}

static int by_time(const void *pa, const void *pb) {
        const struct audit_row *a = pa, *b = pb;

        return a->at_usec < b->at_usec ? -1 : a->at_usec > b->at_usec;
}

static int print_json(const struct audit_row *found, size_t n) {
        for (size_t i = 0; i < n; i++)
                printf("%s%s", i ? ",\n " : "[", found[i].line);
        puts(n ? "]" : "[]");
        return 0;
}

/* Ids, paths and addresses are long: what matters less is cut first. */
static int print(struct cli *c, bool wide, const struct audit_row *found, size_t n) {
        struct table t;

        if (c->json)
                return print_json(found, n);
        table_init(&t, &c->arena, c->colour);
        t.is_whole = wide;
        table_column(&t, "WHEN", TABLE_LEFT);
        table_column(&t, "USER", TABLE_TEXT);
        table_column(&t, "RESULT", TABLE_LEFT);
        table_column(&t, "DEED", TABLE_TEXT);
        table_column(&t, "TO", TABLE_TEXT);
        table_column(&t, "BY", TABLE_TEXT);
        for (size_t i = 0; i < n; i++)
                table_row(&t, audit_row_when(&found[i], wide, &c->arena), found[i].user,
                          found[i].result, audit_row_deed(&found[i], wide, &c->arena),
                          found[i].object, found[i].how);
        return table_print(&t, "nothing in the audit logs matches", stdout) < 0 ? cli_oom(c) : 0;
}

/* Adds what the log of one part keeps. */
static int add_found(struct cli *c, const struct last *l, struct audit_row *found, size_t *n) {
        for (size_t i = 0; i < l->n; i++) {
                int r = audit_row_parse(l->lines[(l->next + i) % l->n], &c->arena, &found[*n]);

                if (r < 0)
                        return r;
                (*n)++;
        }
        return 0;
}

static int find(struct cli *c, size_t max, bool wide, const struct audit_want *want) {
        static const char *const parts[] = {"cli", "web", "tracking"};
        struct audit_row *found =
                arena_zalloc_array(&c->arena, max * ARRAY_SIZE(parts) + 1, sizeof(*found));
        size_t n = 0, n_bad = 0;
        int r = found ? 0 : cli_oom(c);

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(parts); i++) {
                _cleanup_(last_done) struct last l = {.max = max};

                l.lines = mem_alloc_array(max, sizeof(*l.lines));
                r = l.lines ? read_log(c, &l, parts[i], want) : cli_oom(c);
                if (r == 0 && add_found(c, &l, found, &n) < 0)
                        r = cli_oom(c);
                n_bad += l.n_bad;
        }
        if (r < 0)
                return r;
        if (n_bad > 0)
                fprintf(stderr, "onebox: %zu lines of the logs cannot be read\n", n_bad);
        qsort(found, n, sizeof(*found), by_time);
        return print(c, wide, n > max ? found + (n - max) : found, n > max ? max : n);
}

int audit_cmd(struct cli *c, int argc, char **argv) {
        static struct audit_words w;
        usec_t now_at = clock_now(clock_system());
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        if (w.lines > LINES_MAX)
                return errmsg_fail(&c->em, -EINVAL, "-n has at most %d", LINES_MAX);
        return find(c, w.lines ? (size_t) w.lines : 100, w.wide,
                    &(struct audit_want){
                            .user = w.user,
                            .object = w.object,
                            .action = w.action,
                            .from_at = w.since && w.since < now_at ? now_at - w.since : 0,
                            .until_at = w.before && w.before < now_at ? now_at - w.before : 0,
                            .refused = w.refused,
                    });
}
