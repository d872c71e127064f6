/* onebox doctor: what is wrong here, why, and what puts it right. */
#include <errno.h>
#include <stdio.h>

#include "cli/doctor.h"
#include "cli/doctor_fix.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"

struct doctor_words {
        struct cli_words words;
        bool fix, dry_run;
};

/* clang-format off */
static const struct options_row rows[] = {
        OPTIONS_ROW(struct doctor_words, fix, 0, BOOL, NULL,
                    "make the directories that are missing; set the owners and modes that are wrong")
        OPTIONS_ROW(struct doctor_words, dry_run, 'n', BOOL, NULL,
                    "with --fix: only say what it would do")
        CLI_ROWS(struct doctor_words)
};
/* clang-format on */
static const struct options_spec spec = {
        .program = "onebox doctor",
        .summary = "Look for what is wrong here, say why, and put it right",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
};

static void (*const checks[])(struct doctor *d) = {
#define DOCTOR_CHECK(name) doctor_##name,
#include "cli/doctor_checks.def"
#undef DOCTOR_CHECK
};

static void look(struct doctor *d, struct cli *c) {
        doctor_init(d, c);
        for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
                checks[i](d);
}

static void print(const struct doctor *d) {
        static const char *const signs[] = {"✓", "–", "!", "✗"};
        static const char *const colours[] = {"\x1b[32m", "\x1b[2m", "\x1b[33m", "\x1b[31m"};

        for (const struct doctor_finding *f = d->first; f; f = f->next) {
                printf("%s%s%s  %s: %s\n", d->c->colour ? colours[f->state] : "", signs[f->state],
                       d->c->colour ? "\x1b[0m" : "", f->name, f->text);
                if (f->remedy && f->state != DOCTOR_OK)
                        printf("   → %s\n", f->remedy);
        }
}

/* *ret_n: how many there were to do. */
static int fix(struct doctor *d, bool dry_run, size_t *ret_n) {
        int r = 0;

        *ret_n = 0;
        for (const struct doctor_finding *f = d->first; f && r >= 0; f = f->next)
                for (const struct doctor_fix *x = f->fixes; x && r >= 0; x = x->next) {
                        const char *text = doctor_fix_text(d, x);

                        if (!text)
                                return cli_oom(d->c);
                        if (!d->c->json)
                                printf("%s%s\n", dry_run ? "would do: " : "", text);
                        (*ret_n)++;
                        if (!dry_run)
                                r = doctor_fix_run(x, &d->c->em);
                }
        return r;
}

static int print_json(struct doctor *d, size_t n_fixed) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        json_write_init(&w, &b, JSON_WRITE_PRETTY);
        json_write_object(&w);
        json_write_kv_bool(&w, "ok", doctor_worst(d) != DOCTOR_FAULT);
        json_write_kv_u64(&w, "fixed", n_fixed);
        json_write_kv_array(&w, "findings");
        for (const struct doctor_finding *f = d->first; f; f = f->next) {
                json_write_object(&w);
                json_write_kv_str(&w, "name", f->name);
                json_write_kv_str(&w, "state", doctor_state_name(f->state));
                json_write_kv_str(&w, "text", f->text);
                json_write_kv_str(&w, "remedy", f->remedy);
                json_write_kv_array(&w, "fixes");
                for (const struct doctor_fix *x = f->fixes; x; x = x->next)
                        json_write_str(&w, doctor_fix_text(d, x));
                json_write_end(&w);
                json_write_end(&w);
        }
        json_write_end(&w);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return cli_oom(d->c);
        puts(buf_cstr(&b));
        return 0;
}

static void print_end(const struct doctor *d, bool is_fixing) {
        size_t n[DOCTOR_FAULT + 1] = {};
        bool fixable = false;

        for (const struct doctor_finding *f = d->first; f; f = f->next) {
                n[f->state]++;
                fixable |= f->fixes && !is_fixing;
        }
        if (n[DOCTOR_FAULT] == 0 && n[DOCTOR_WARNING] == 0)
                printf("\nnothing is wrong%s\n",
                       n[DOCTOR_SKIPPED] ? ", as far as you may see" : "");
        else
                printf("\n%zu fault%s, %zu warning%s%s\n", n[DOCTOR_FAULT],
                       n[DOCTOR_FAULT] == 1 ? "" : "s", n[DOCTOR_WARNING],
                       n[DOCTOR_WARNING] == 1 ? "" : "s",
                       fixable ? "; onebox doctor --fix --dry-run says what it can put right" : "");
}

int doctor_cmd(struct cli *c, int argc, char **argv) {
        static struct doctor_words w;
        struct doctor d;
        size_t n_fixes = 0;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        if (w.dry_run && !w.fix)
                return errmsg_fail(&c->em, -EINVAL,
                                   "--dry-run is for --fix: onebox doctor alone "
                                   "changes nothing");
        look(&d, c);
        if (w.fix && !d.failed) {
                r = fix(&d, w.dry_run, &n_fixes);
                if (r < 0)
                        return r;
                if (!w.dry_run && n_fixes > 0)
                        look(&d, c);
        }
        if (d.failed)
                return cli_oom(c);
        if (c->json) {
                r = print_json(&d, w.dry_run ? 0 : n_fixes);
                return r < 0 ? r : doctor_worst(&d) == DOCTOR_FAULT;
        }
        if (n_fixes > 0)
                putchar('\n');
        print(&d);
        print_end(&d, w.fix);
        return doctor_worst(&d) == DOCTOR_FAULT;
}
