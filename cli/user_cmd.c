/* onebox user: the users file, auth.db. */
#include <errno.h>
#include <stdio.h>

#include "cli/show.h"
#include "cli/table.h"
#include "cli/user_import.h"
#include "cli/users.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

struct user_words {
        struct cli_words words;
        char *role;
        bool no_password;
};

static const struct options_row rows[] = {
        OPTIONS_ROW(struct user_words, role, 'r', STRING, "ROLE",
                    "viewer, user (add's default), op or admin")
                OPTIONS_ROW(struct user_words, no_password, 0, BOOL, NULL,
                            "add a user who cannot log in by a password")
                        CLI_ROWS(struct user_words)};
static const struct options_spec spec = {
        .program = "onebox user",
        .args = "list | add NAME | role NAME --role=ROLE | remove NAME | logout NAME | "
                "import FILE",
        .summary = "List, add, change and remove users. A password is asked for, or read from "
                   "standard input",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_max = 2,
};

static int list_json(struct cli *c, const struct auth_store_user *users, size_t n) {
        _cleanup_buf_ struct buf b = {};
        char when[TIMESTAMP_SIZE];
        struct json_write w;

        json_write_init(&w, &b, JSON_WRITE_PRETTY);
        json_write_array(&w);
        for (size_t i = 0; i < n; i++) {
                json_write_object(&w);
                json_write_kv_str(&w, "name", users[i].name);
                json_write_kv_str(&w, "role", auth_role_print(users[i].role));
                json_write_kv_bool(&w, "has_password", users[i].hash != NULL);
                json_write_kv_str(&w, "created_at",
                                  timestamp_print(users[i].created_at, TIMESTAMP_SECONDS, when));
                json_write_end(&w);
        }
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return cli_oom(c);
        puts(buf_cstr(&b));
        return 0;
}

static int list(struct cli *c, struct users *u) {
        struct auth_store_user *users;
        char when[TIMESTAMP_SIZE];
        struct table t;
        size_t n;
        int r = auth_store_user_list(u->store, &c->arena, &users, &n);

        if (r < 0)
                return errmsg_errno(&c->em, r, "cannot list users");
        if (c->json)
                return list_json(c, users, n);
        table_init(&t, &c->arena, c->colour);
        table_column(&t, "USER", TABLE_LEFT);
        table_column(&t, "ROLE", TABLE_LEFT);
        table_column(&t, "PASSWORD", TABLE_LEFT);
        table_column(&t, "SINCE", TABLE_LEFT);
        for (size_t i = 0; i < n; i++)
                table_row(&t, users[i].name, auth_role_print(users[i].role),
                          users[i].hash ? "yes" : "-",
                          arena_strdup(&c->arena,
                                       timestamp_print(users[i].created_at,
                                                       TIMESTAMP_SECONDS | TIMESTAMP_SPACE, when)));
        return table_print(&t, "no users: onebox user add NAME", stdout) < 0 ? cli_oom(c) : 0;
}

static int parse_role(struct cli *c, const char *text, enum auth_role *ret) {
        if (auth_role_parse(text, ret) < 0)
                return errmsg_fail(&c->em, -EINVAL, "\"%s\" is no role: viewer, user, op or admin",
                                   text);
        return 0;
}

static int add(struct cli *c, struct users *u, const struct user_words *w, const char *name) {
        char password[AUTH_STORE_PASSWORD_MAX + 1] = "";
        enum auth_role role;
        int r = parse_role(c, w->role ? w->role : "user", &role);

        if (r < 0)
                return r;
        if (!w->no_password) {
                r = users_read_password(c, name, password);
                if (r < 0)
                        return r;
        }
        r = auth_store_user_insert(u->store, name, w->no_password ? NULL : password, role, &c->em);
        explicit_bzero(password, sizeof(password));
        if (r == AUTH_STORE_EXISTS)
                return errmsg_fail(&c->em, -EEXIST,
                                   "the user %s exists: onebox passwd %s, or onebox user role %s",
                                   name, name, name);
        return users_done(c, u, r, "user add", name);
}

static int change(struct cli *c, struct users *u, const struct user_words *w, const char *verb,
                  const char *name) {
        enum auth_role role;
        int r;

        if (str_eq(verb, "remove"))
                return users_done(c, u, auth_store_user_delete(u->store, name), "user remove",
                                  name);
        if (str_eq(verb, "logout"))
                return users_done(c, u, auth_store_user_end_sessions(u->store, name), "user logout",
                                  name);
        if (!w->role)
                return errmsg_fail(&c->em, -EINVAL, "--role is missing");
        r = parse_role(c, w->role, &role);
        return r < 0 ? r
                     : users_done(c, u, auth_store_user_set_role(u->store, name, role), "user role",
                                  name);
}

int user_cmd(struct cli *c, int argc, char **argv) {
        static const char *const verbs[] = {"list", "add", "role", "remove", "logout", "import"};
        static struct user_words w;
        _cleanup_(users_close) struct users u = {};
        const char *verb, *name;
        size_t i = 0;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        verb = c->n_args ? cli_arg(c, 0) : "list";
        name = cli_arg(c, 1);
        while (i < ARRAY_SIZE(verbs) && !str_eq(verbs[i], verb))
                i++;
        if (i == ARRAY_SIZE(verbs))
                return errmsg_fail(&c->em, -EINVAL,
                                   "\"%s\" is none of list, add, role, remove, logout, import",
                                   verb);
        if (i > 0 && !name)
                return errmsg_fail(&c->em, -EINVAL, "whom? onebox user %s %s", verb,
                                   str_eq(verb, "import") ? "FILE" : "NAME");
        r = users_open(c, &u, i > 0);
        if (r < 0)
                return r;
        if (i == 0)
                return list(c, &u);
        if (str_eq(verb, "import"))
                return user_import(c, &u, name);
        return i == 1 ? add(c, &u, &w, name) : change(c, &u, &w, verb, name);
}
