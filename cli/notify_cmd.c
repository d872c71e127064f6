/* onebox notify: what a callback by webhook or mail runs, as the user of its pipeline. What has
 * happened is JSON in $ONEBOX_CALLBACK, where to in $ONEBOX_NOTIFY_TO: an address may hold a
 * secret, and a command line is everybody's to read. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/all_conf.h"
#include "cli/cli.h"
#include "lib/base/clock.h"
#include "lib/base/fileio.h"
#include "lib/base/json.h"
#include "lib/base/mem.h"
#include "lib/base/process.h"
#include "lib/base/str.h"
#include "lib/net/http_fetch.h"
#include "lib/net/mail_send.h"

#define TRIES 4
#define ADDRESSES_MAX 64

struct notify_words {
        struct cli_words words;
};

static const struct options_row rows[] = {CLI_ROWS(struct notify_words)};
static const struct options_spec spec = {
        .program = "onebox notify",
        .args = "webhook|mail",
        .summary = "Tell $ONEBOX_NOTIFY_TO what $ONEBOX_CALLBACK says; callbacks run this",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_min = 1,
        .n_args_max = 1,
};

/* --- webhook ------------------------------------------------------------------------------------
 */

static int post(struct cli *c, struct http_fetch *f, const char *to, const char *facts) {
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        int r = http_fetch(f,
                           &(struct http_fetch_call){.url = to,
                                                     .body = facts,
                                                     .body_size = strlen(facts),
                                                     .max_body = 1 << 20,
                                                     .total_for = 30 * USEC_PER_SEC},
                           &a, &c->em);

        if (r < 0)
                return r;
        if (a.status / 100 == 2)
                return 0;
        return errmsg_fail(&c->em, a.status / 100 == 5 || a.status == 429 ? -EAGAIN : -EPROTO,
                           "the webhook answered %d", a.status);
}

static int webhook(struct cli *c, const char *to, const char *facts) {
        _cleanup_(http_fetch_freep) struct http_fetch *f = NULL;
        int r = http_fetch_new(NULL, &f);

        if (r < 0)
                return cli_oom(c);
        for (unsigned i = 0; i < TRIES; i++) {
                if (i > 0)
                        sleep(1u << i);
                r = post(c, f, to, facts);
                if (r == 0 || r == -EINVAL || r == -EPROTO || r == -EKEYREJECTED)
                        break;
        }
        return r;
}

/* --- mail ---------------------------------------------------------------------------------------
 */

static const char *text_of(const struct json *j, const char *key) {
        const char *text = "";

        (void) json_want_str(j, key, &text, NULL);
        return text;
}

/* One line of a head: no break can come into it. */
static const char *one_line(struct cli *c, const char *text) {
        char *copy = arena_strdup(&c->arena, text);

        for (char *p = copy; p && *p; p++)
                if ((unsigned char) *p < ' ')
                        *p = ' ';
        return copy;
}

static int compose(struct cli *c, const char *from, const char *to, const char *facts,
                   struct buf *out) {
        struct json *j, empty = {.type = JSON_OBJECT};
        const char *task, *subject;

        if (json_parse_copy(&c->arena, facts, strlen(facts), &j, NULL) < 0)
                j = &empty;
        task = text_of(j, "task_id");
        subject = arena_printf(&c->arena, "[onebox] %s%s%s: %s", text_of(j, "dag_id"),
                               *task ? "." : "", task, text_of(j, "event"));
        subject = subject ? one_line(c, subject) : NULL;
        if (!subject)
                return cli_oom(c);
        (void) buf_printf(out,
                          "From: %s\r\nTo: %s\r\nSubject: %s\r\nMIME-Version: 1.0\r\n"
                          "Content-Type: text/plain; charset=utf-8\r\n"
                          "Auto-Submitted: auto-generated\r\n\r\n",
                          one_line(c, from), one_line(c, to), subject);
        (void) buf_printf(out,
                          "Pipeline: %s\r\nRun: %s\r\nTask: %s\r\nEvent: %s\r\nState: %s\r\n"
                          "Why: %s\r\nAt: %s\r\n",
                          text_of(j, "dag_id"), one_line(c, text_of(j, "run_id")), task,
                          text_of(j, "event"), text_of(j, "state"),
                          one_line(c, text_of(j, "message")), text_of(j, "at"));
        return buf_error(out) ? cli_oom(c) : 0;
}

static int by_sendmail(struct cli *c, const char *program, char *const *to,
                       const struct buf *message) {
        const char *argv[ADDRESSES_MAX + 5] = {program, "-i", "--"};
        int p[2], status = 0, n, n_args = 3;
        pid_t pid;

        for (; *to; to++)
                argv[n_args++] = *to;
        if (pipe(p) < 0)
                return errmsg_errno(&c->em, -errno, "cannot make a pipe");
        n = process_spawn(&(struct process_spec){.path = program,
                                                 .argv = argv,
                                                 .envp = (const char *const *) environ,
                                                 .fd_in = p[0],
                                                 .fd_out = STDOUT_FILENO,
                                                 .fd_err = STDERR_FILENO},
                          &pid, NULL, &c->em);
        close(p[0]);
        if (n >= 0)
                n = fileio_write_all(p[1], message->data, message->len);
        close(p[1]);
        if (n < 0)
                return n;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return errmsg_errno(&c->em, -errno, "%s", program);
        if (status != 0)
                return errmsg_fail(&c->em, -EIO, "%s did not take the mail (status %d)", program,
                                   status);
        return 0;
}

static int by_smtp(struct cli *c, const struct all_conf *conf, char *const *to,
                   const struct buf *message) {
        _cleanup_free_ char *password = NULL;
        int r;

        if (conf->notify.smtp_password_file) {
                r = fileio_read(conf->notify.smtp_password_file, 4096, &password, NULL);
                if (r < 0)
                        return errmsg_errno(&c->em, r, "[notify] smtp_password_file \"%s\"",
                                            conf->notify.smtp_password_file);
                password[strcspn(password, "\r\n")] = 0;
        }
        return mail_send(&(struct mail_send){.url = conf->notify.smtp_url,
                                             .user = conf->notify.smtp_user,
                                             .password = password,
                                             .from = conf->notify.mail_from,
                                             .to = (const char *const *) to,
                                             .message = message->data,
                                             .n_bytes = message->len},
                         &c->em);
}

/* "a@b,c@d" */
static int split(struct cli *c, const char *to, char **ret) {
        const char *word;
        size_t n = 0, len;

        while (str_word(&to, ", ", &word, &len)) {
                if (n == ADDRESSES_MAX || *word == '-')
                        return errmsg_fail(&c->em, -EINVAL,
                                           "at most %d addresses, none with a dash first",
                                           ADDRESSES_MAX);
                ret[n] = arena_strndup(&c->arena, word, len);
                if (!ret[n++])
                        return cli_oom(c);
        }
        ret[n] = NULL;
        return n > 0 ? 0 : errmsg_fail(&c->em, -EINVAL, "$ONEBOX_NOTIFY_TO names nobody");
}

static int mail(struct cli *c, const char *to, const char *facts) {
        _cleanup_buf_ struct buf message = {};
        char *list[ADDRESSES_MAX + 1];
        const struct all_conf *conf;
        int r = all_conf_load(c, &conf);

        if (r >= 0)
                r = split(c, to, list);
        if (r >= 0)
                r = compose(c, conf->notify.mail_from, to, facts, &message);
        if (r < 0)
                return r;
        return conf->notify.smtp_url ? by_smtp(c, conf, list, &message)
                                     : by_sendmail(c, conf->notify.sendmail, list, &message);
}

int notify_cmd(struct cli *c, int argc, char **argv) {
        static struct notify_words w;
        const char *to = getenv("ONEBOX_NOTIFY_TO"), *facts = getenv("ONEBOX_CALLBACK");
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        if (str_empty(to) || str_empty(facts))
                return errmsg_fail(&c->em, -EINVAL,
                                   "$ONEBOX_NOTIFY_TO and $ONEBOX_CALLBACK must be set: callbacks "
                                   "of pipelines run this");
        if (str_eq(cli_arg(c, 0), "webhook"))
                return webhook(c, to, facts);
        if (str_eq(cli_arg(c, 0), "mail"))
                return mail(c, to, facts);
        return errmsg_fail(&c->em, -EINVAL, "\"%s\" is neither webhook nor mail", cli_arg(c, 0));
}
