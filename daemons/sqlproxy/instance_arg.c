/* See instance_arg.h. */
#include "daemons/sqlproxy/instance_arg.h"

#include <errno.h>
#include <string.h>

#include "daemons/sqlproxy/flags_rules.h"
#include "daemons/sqlproxy/flags_value.h"
#include "lib/base/str.h"
#include "lib/net/http_target.h"

enum key { ADDRESS, PORT, UNIX_SOCKET, UNIX_SOCKET_PATH, SQL_DATA, IAM, PRIVATE_IP, PSC, N_KEYS };
static const char *const key_names[N_KEYS] = {"address",          "port",     "unix-socket",
                                              "unix-socket-path", "sql-data", "auto-iam-authn",
                                              "private-ip",       "psc"};

struct query {
        bool is_there[N_KEYS], is_twice[N_KEYS];
        char value[N_KEYS][INSTANCE_ARG_TEXT_MAX]; /* the first */
};

/* "key=value", both encoded. */
static int take_pair(const char *pair, size_t len, struct query *q) {
        const char *equals = memchr(pair, '=', len);
        size_t key_len = equals ? (size_t) (equals - pair) : len;
        char key[INSTANCE_ARG_TEXT_MAX], value[INSTANCE_ARG_TEXT_MAX] = "";

        if (key_len >= sizeof key || len - key_len >= sizeof value ||
            memchr(pair, ';', len) != NULL || http_target_decode(key, pair, key_len, true) < 0)
                return -EINVAL;
        if (equals && http_target_decode(value, equals + 1, len - key_len - 1, true) < 0)
                return -EINVAL;
        for (size_t i = 0; i < N_KEYS; i++) {
                if (!str_eq(key, key_names[i]))
                        continue;
                q->is_twice[i] = q->is_there[i];
                if (!q->is_there[i])
                        memcpy(q->value[i], value, sizeof value);
                q->is_there[i] = true;
        }
        return 0;
}

static int take_query(const char *text, struct query *q, struct errmsg *em) {
        const char *p = text;
        size_t len;

        for (;;) {
                len = strcspn(p, "&");
                if (len > 0 && take_pair(p, len, q) < 0)
                        return errmsg_fail(em, -EINVAL, "could not parse query: \"%s\"", text);
                if (!p[len])
                        return 0;
                p += len + 1;
        }
}

static int check_pairs(const struct query *q, struct errmsg *em) {
        static const enum key never[][2] = {
                {ADDRESS, UNIX_SOCKET},          {PORT, UNIX_SOCKET},
                {ADDRESS, UNIX_SOCKET_PATH},     {PORT, UNIX_SOCKET_PATH},
                {UNIX_SOCKET_PATH, UNIX_SOCKET},
        };

        for (size_t i = 0; i < ARRAY_SIZE(never); i++)
                if (q->is_there[never[i][0]] && q->is_there[never[i][1]])
                        return errmsg_fail(em, -EINVAL,
                                           "cannot specify both %s and %s query params",
                                           key_names[never[i][0]], key_names[never[i][1]]);
        for (size_t i = 0; i < N_KEYS; i++)
                if (q->is_twice[i])
                        return errmsg_fail(em, -EINVAL,
                                           "%s query param should be only one value: \"%s\"",
                                           key_names[i], q->value[i]);
        return 0;
}

static int take_bool(const struct query *q, enum key k, enum instance_arg_bool *ret,
                     struct errmsg *em) {
        const char *v = q->value[k];

        if (!q->is_there[k])
                return 0;
        if (str_eq_fold(v, "true") || str_eq_fold(v, "t") || !*v)
                *ret = INSTANCE_ARG_TRUE;
        else if (str_eq_fold(v, "false") || str_eq_fold(v, "f"))
                *ret = INSTANCE_ARG_FALSE;
        else
                return errmsg_fail(em, -EINVAL,
                                   "%s query param should be true or false, got: \"%s\"",
                                   key_names[k], v);
        return 0;
}

static int take_place(const struct query *q, struct instance_arg *a, struct errmsg *em) {
        int64_t port;

        if (q->is_there[ADDRESS] &&
            (!flags_rules_is_ip(q->value[ADDRESS]) ||
             str_copy(a->address, sizeof a->address, q->value[ADDRESS]) < 0))
                return errmsg_fail(em, -EINVAL,
                                   "address query param is not a valid IP address: \"%s\"",
                                   q->value[ADDRESS]);
        if (q->is_there[PORT]) {
                if (str_to_i64(q->value[PORT], &port) < 0 || port < 0 || port > UINT16_MAX)
                        return errmsg_fail(em, -EINVAL,
                                           "port query param is not a valid integer: \"%s\"",
                                           q->value[PORT]);
                a->port = (uint16_t) port;
        }
        memcpy(a->unix_socket, q->value[UNIX_SOCKET], sizeof a->unix_socket);
        memcpy(a->unix_socket_path, q->value[UNIX_SOCKET_PATH], sizeof a->unix_socket_path);
        return 0;
}

static int take_switches(const struct query *q, bool auto_ip, struct instance_arg *a,
                         struct errmsg *em) {
        int r = take_bool(q, IAM, &a->iam, em);

        if (r >= 0)
                r = take_bool(q, SQL_DATA, &a->sql_data, em);
        if (r >= 0)
                r = take_bool(q, PRIVATE_IP, &a->private_ip, em);
        if (r >= 0 && a->private_ip == INSTANCE_ARG_TRUE && auto_ip)
                r = errmsg_fail(em, -EINVAL, "cannot use --auto-ip with private-ip");
        if (r >= 0)
                r = take_bool(q, PSC, &a->psc, em);
        if (r >= 0 && a->private_ip && a->psc)
                r = errmsg_fail(em, -EINVAL, "cannot specify both private-ip and psc query params");
        if (r >= 0 && a->sql_data == INSTANCE_ARG_TRUE)
                r = errmsg_fail(em, -EINVAL,
                                "sql-data is not supported: this proxy has no tunnel through the "
                                "Admin API: give it network access to the instance");
        return r;
}

int instance_arg_parse(const char *text, bool auto_ip, struct instance_arg *ret,
                       struct errmsg *em) {
        const char *question = strchr(text, '?');
        size_t len = question ? (size_t) (question - text) : strlen(text);
        struct query q = {};
        int r = 0;

        *ret = (struct instance_arg){};
        if (len >= sizeof ret->name)
                return errmsg_fail(em, -EINVAL, "the instance connection name is too long");
        memcpy(ret->name, text, len);
        if (!question)
                return 0;
        r = take_query(question + 1, &q, em);
        if (r >= 0)
                r = check_pairs(&q, em);
        if (r >= 0)
                r = take_place(&q, ret, em);
        return r < 0 ? r : take_switches(&q, auto_ip, ret, em);
}
