/* onebox token: personal access tokens, for scripts and notebooks (MLFLOW_TRACKING_TOKEN). */
#include <errno.h>
#include <stdio.h>

#include "cli/show.h"
#include "cli/table.h"
#include "cli/users.h"
#include "lib/base/clock.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

struct token_words {
        struct cli_words words;
        char *role;
        char *label;
        usec_t expires;
};

static const struct options_row rows[] = {
        OPTIONS_ROW(struct token_words, role, 'r', STRING, "ROLE", "at most this role (user)")
                OPTIONS_ROW(struct token_words, label, 'l', STRING, "TEXT", "what it is for")
                        OPTIONS_ROW(struct token_words, expires, 'e', SPAN, "SPAN",
                                    "how long it is good, as 90d; without it, for ever")
                                CLI_ROWS(struct token_words)};
static const struct options_spec spec = {
        .program = "onebox token",
        .args = "list [USER] | add USER | remove ID",
        .summary = "List, make and remove personal access tokens; a new one is shown this once",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_max = 2,
};

static const char *time_text(struct arena *a, usec_t at, const char *never) {
        char when[TIMESTAMP_SIZE];

        if (at == 0)
                return never;
        return arena_strdup(a, timestamp_print(at, TIMESTAMP_SECONDS | TIMESTAMP_SPACE, when));
}

static int list_json(struct cli *c, const struct auth_store_token *tokens, size_t n) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        json_write_init(&w, &b, JSON_WRITE_PRETTY);
        json_write_array(&w);
        for (size_t i = 0; i < n; i++) {
                json_write_object(&w);
                json_write_kv_i64(&w, "id", tokens[i].id);
                json_write_kv_str(&w, "user", tokens[i].user);
                json_write_kv_str(&w, "label", tokens[i].label);
                json_write_kv_str(&w, "role", auth_role_print(tokens[i].role));
                json_write_kv_str(&w, "created_at",
                                  time_text(&c->arena, tokens[i].created_at, NULL));
                json_write_kv_str(&w, "used_at", time_text(&c->arena, tokens[i].used_at, NULL));
                json_write_kv_str(&w, "expires_at",
                                  time_text(&c->arena, tokens[i].expires_at, NULL));
                json_write_end(&w);
        }
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return cli_oom(c);
        puts(buf_cstr(&b));
        return 0;
}

static int list(struct cli *c, struct users *u, const char *user) {
        struct auth_store_token *tokens;
        struct table t;
        size_t n;
        int r = auth_store_token_list(u->store, user, &c->arena, &tokens, &n);

        if (r < 0)
                return errmsg_errno(&c->em, r, "cannot list tokens");
        if (c->json)
                return list_json(c, tokens, n);
        table_init(&t, &c->arena, c->colour);
        table_column(&t, "ID", TABLE_RIGHT);
        table_column(&t, "USER", TABLE_LEFT);
        table_column(&t, "ROLE", TABLE_LEFT);
        table_column(&t, "MADE", TABLE_LEFT);
        table_column(&t, "USED", TABLE_LEFT);
        table_column(&t, "EXPIRES", TABLE_LEFT);
        table_column(&t, "FOR", TABLE_LEFT);
        for (size_t i = 0; i < n; i++)
                table_row(&t, arena_printf(&c->arena, "%lld", (long long) tokens[i].id),
                          tokens[i].user, auth_role_print(tokens[i].role),
                          time_text(&c->arena, tokens[i].created_at, "-"),
                          time_text(&c->arena, tokens[i].used_at, "never"),
                          time_text(&c->arena, tokens[i].expires_at, "never"), tokens[i].label);
        return table_print(&t, "no tokens: onebox token add USER", stdout) < 0 ? cli_oom(c) : 0;
}

static int add(struct cli *c, struct users *u, const struct token_words *w, const char *user) {
        usec_t expires_at = w->expires ? clock_now(clock_system()) + w->expires : 0;
        char token[AUTH_STORE_TOKEN_SIZE];
        enum auth_role role;
        int r;

        if (auth_role_parse(w->role ? w->role : "user", &role) < 0)
                return errmsg_fail(&c->em, -EINVAL, "\"%s\" is no role: viewer, user, op or admin",
                                   w->role);
        r = auth_store_token_insert(u->store, user, w->label ? w->label : "", role, expires_at,
                                    token);
        if (r != 0)
                return users_done(c, u, r, "token add", user);
        users_audit(u, "token add", user, true);
        printf(c->json ? "{\"token\": \"%s\"}\n" : "%s\n", token);
        return 0;
}

static int remove_token(struct cli *c, struct users *u, const char *text) {
        int64_t id;
        int r;

        if (str_to_i64(text, &id) < 0)
                return errmsg_fail(&c->em, -EINVAL, "\"%s\" is no token's ID: onebox token list",
                                   text);
        r = auth_store_token_delete(u->store, id, NULL);
        if (r == AUTH_STORE_ABSENT)
                return errmsg_fail(&c->em, -ENOENT, "there is no token %s: onebox token list",
                                   text);
        return users_done(c, u, r, "token remove", text);
}

int token_cmd(struct cli *c, int argc, char **argv) {
        static struct token_words w;
        _cleanup_(users_close) struct users u = {};
        const char *verb;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        verb = c->n_args ? cli_arg(c, 0) : "list";
        if (!str_eq(verb, "list") && !str_eq(verb, "add") && !str_eq(verb, "remove"))
                return errmsg_fail(&c->em, -EINVAL, "\"%s\" is none of list, add, remove", verb);
        if (!str_eq(verb, "list") && !cli_arg(c, 1))
                return errmsg_fail(&c->em, -EINVAL,
                                   "use onebox token add USER, or onebox token "
                                   "remove ID");
        r = users_open(c, &u, !str_eq(verb, "list"));
        if (r < 0)
                return r;
        if (str_eq(verb, "list"))
                return list(c, &u, cli_arg(c, 1));
        return str_eq(verb, "add") ? add(c, &u, &w, cli_arg(c, 1))
                                   : remove_token(c, &u, cli_arg(c, 1));
}
