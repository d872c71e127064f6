/* onebox config: is the configuration good, and what is in force? */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/all_conf.h"
#include "cli/conf_rules.h"
#include "cli/table.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

struct config_words {
        struct cli_words words;
};

static const struct options_row rows[] = {CLI_ROWS(struct config_words)};
static const struct options_spec spec = {
        .program = "onebox config",
        .args = "check|show",
        .summary = "Check the configuration and its drop-ins, or show what is in force",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_min = 1,
        .n_args_max = 1,
};

static const char *join(struct arena *a, char *const *list) {
        const char *text = "";

        for (; list && *list && text; list++)
                text = arena_printf(a, "%s%s%s", text, *text ? " " : "", *list);
        return text;
}

/* The value in a field as a file would have it. */
static const char *value_text(struct arena *a, const struct conf_key *k, const void *conf) {
        const char *field = (const char *) conf + k->offset;
        char span[TIMESTAMP_SIZE];
        uint64_t number;
        char *string, **list;

        switch (k->type) {
        case CONF_STRING:
                memcpy(&string, field, sizeof(string));
                return string ? string : "";
        case CONF_BOOL:
                return *field ? "yes" : "no";
        case CONF_LIST:
                memcpy(&list, field, sizeof(list));
                return join(a, list);
        case CONF_SPAN:
                memcpy(&number, field, sizeof(number));
                return arena_strdup(a, timestamp_span_print(number, span));
        default:
                memcpy(&number, field, sizeof(number));
                return arena_printf(a, "%llu", (unsigned long long) number);
        }
}

static int show_json(struct cli *c, const struct all_conf *conf) {
        const struct conf_table *t = &all_conf_table;
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        json_write_init(&w, &b, JSON_WRITE_PRETTY);
        json_write_object(&w);
        for (size_t i = 0; i < t->n_keys; i++) {
                if (i == 0 || !str_eq(t->keys[i].section, t->keys[i - 1].section)) {
                        if (i > 0)
                                json_write_end(&w);
                        json_write_kv_object(&w, t->keys[i].section);
                }
                json_write_kv_str(&w, t->keys[i].key, value_text(&c->arena, &t->keys[i], conf));
        }
        if (t->n_keys > 0)
                json_write_end(&w);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return cli_oom(c);
        puts(buf_cstr(&b));
        return 0;
}

static int show(struct cli *c, const struct all_conf *conf) {
        const struct conf_table *t = &all_conf_table;

        for (size_t i = 0; i < t->n_keys; i++) {
                const struct conf_key *k = &t->keys[i];
                const char *value = value_text(&c->arena, k, conf);

                if (!value)
                        return cli_oom(c);
                if (i == 0 || !str_eq(k->section, t->keys[i - 1].section))
                        printf("%s[%s]\n", i ? "\n" : "", k->section);
                printf("%s%s = %s\n", *value ? "" : "# ", k->key, value);
        }
        return 0;
}

/* What the daemons would complain about: 1, each told. */
static int check(struct cli *c, const struct all_conf *conf) {
        const char *texts[CONF_RULES_MAX];
        int n = conf_rules_check(conf, &c->arena, texts);
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        if (n < 0)
                return cli_oom(c);
        if (!c->json) {
                for (int i = 0; i < n; i++)
                        fprintf(stderr, "onebox config: %s: %s\n", c->paths.config, texts[i]);
                if (n == 0)
                        printf("%s is good%s\n", c->paths.config,
                               access(c->paths.config, F_OK) < 0 ? " (there is none: all defaults)"
                                                                 : "");
                return n > 0 ? CLI_BAD : 0;
        }
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_bool(&w, "ok", n == 0);
        json_write_kv_array(&w, "faults");
        for (int i = 0; i < n; i++)
                json_write_str(&w, texts[i]);
        json_write_end(&w);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return cli_oom(c);
        puts(buf_cstr(&b));
        return n > 0 ? CLI_BAD : 0;
}

int config_cmd(struct cli *c, int argc, char **argv) {
        static struct config_words w;
        const struct all_conf *conf;
        const char *what;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        what = cli_arg(c, 0);
        if (!str_eq(what, "check") && !str_eq(what, "show"))
                return errmsg_fail(&c->em, -EINVAL, "\"%s\" is neither check nor show", what);
        r = all_conf_load(c, &conf);
        if (r < 0)
                return r;
        if (str_eq(what, "show"))
                return c->json ? show_json(c, conf) : show(c, conf);
        return check(c, conf);
}
