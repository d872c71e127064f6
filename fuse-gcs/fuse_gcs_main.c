/* fuse-gcs: a bucket as a directory. Without --foreground the command ends as soon as the directory
 * is there, or says why it cannot be; the mount lives on in a process of its own. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuse-gcs/interrupt.h"
#include "fuse-gcs/log_file.h"
#include "fuse-gcs/mount_conf.h"
#include "fuse-gcs/mount_flags.h"
#include "fuse-gcs/mounter.h"
#include "lib/base/fault.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static int load_config(struct mount_flags *f, struct errmsg *em) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        size_t len;
        int r;

        if (!f->config_file)
                return 0;
        path = mount_conf_path(f->config_file);
        if (!path)
                return -ENOMEM;
        r = fileio_read(path, 1 << 20, &text, &len);
        if (r < 0)
                return errmsg_errno(em, r, "--config-file=%s", f->config_file);
        return mount_flags_file_parse(f, text, len, f->config_file, em);
}

/* -o may name flags and the configuration file. */
static int load(struct mount_flags *f, int argc, char **argv, struct errmsg *em) {
        _cleanup_buf_ struct buf ignored = {};
        bool ro;
        int r = mount_flags_parse(f, argc - 1, argv + 1, em);

        if (r >= 0 && !f->wants_help && !f->wants_version) {
                r = mount_conf_options(mount_flags_str(f, FLAGS_o), &ignored, f, &ro, em);
                if (r >= 0)
                        r = load_config(f, em);
                if (r >= 0)
                        r = mount_flags_check(f, em);
        }
        return r;
}

static void set_level(const struct mount_flags *f) {
        const char *s = mount_flags_str(f, FLAGS_log_severity);
        int level = LOG_INFO;

        if (str_eq_fold(s, "trace") || mount_flags_bool(f, FLAGS_debug_fuse) ||
            mount_flags_bool(f, FLAGS_debug_gcs))
                level = LOG_DEBUG;
        else if (str_eq_fold(s, "off"))
                level = LOG_EMERG;
        else
                for (const char *name = "error\0warning\0info\0debug\0"; *name;
                     name += strlen(name) + 1)
                        if (str_eq_fold(s, name))
                                (void) log_level_parse(name, &level);
        log_set_level(level);
}

/* The log goes to --log-file, else to where stderr is, or in the background to the journal. */
static int open_log(const struct mount_flags *f, const struct mount_conf *c, bool in_background,
                    struct errmsg *em) {
        if (c->log_file)
                return log_file_open(
                        &(struct log_file_options){
                                .path = c->log_file,
                                .json = str_eq(mount_flags_str(f, FLAGS_log_format), "json"),
                                .bytes_max = c->log_bytes_max,
                                .n_backups = c->n_log_backups,
                                .compress = mount_flags_bool(f, FLAGS_log_rotate_compress)},
                        em);
        if (in_background)
                log_to_journal();
        return 0;
}

/* A reason of the C library's is said in small letters, as Go has it: what waits for gcsfuse's
 * "no such file or directory" finds it. */
static void say_why(char *text) {
        char *reason = NULL;

        for (char *p = text; (p = strstr(p, ": ")); p += 2)
                reason = p + 2;
        for (int e = 1; reason && e < 134; e++)
                if (str_eq(reason, errmsg_strerror(e)) && reason[1] >= 'a' && reason[1] <= 'z')
                        reason[0] = (char) tolower((unsigned char) reason[0]);
        fprintf(stderr, "fuse-gcs: %s\n", text);
}

struct parent {
        int pipe; /* -1: none waits */
        const struct mount_conf *conf;
};

static void say(int fd, char what, const char *text) {
        if (fd < 0)
                return;
        (void) !write(fd, &what, 1);
        (void) !write(fd, text, strlen(text));
}

/* Where a library's last words go, beside a log that is a file: gcsfuse has its own there, too. */
static int open_last_words(const struct mount_conf *c) {
        _cleanup_free_ char *path = c->log_file ? str_printf("%s.stderr", c->log_file) : NULL;

        return path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644) : -1;
}

/* The parent may go; nothing of its terminal is kept. */
static void on_mounted(void *ctx) {
        _cleanup_close_ int words_fd = -1;
        struct parent *p = ctx;

        /* gcsfuse's words, which scripts wait for. */
        log_info("File system has been successfully mounted: %s is on %s", p->conf->what,
                 p->conf->mountpoint);
        if (p->pipe < 0)
                return;
        say(p->pipe, '+', "");
        p->pipe = fileio_close(p->pipe);
        (void) dup2(STDIN_FILENO, STDOUT_FILENO);
        words_fd = open_last_words(p->conf);
        (void) dup2(words_fd >= 0 ? words_fd : STDIN_FILENO, STDERR_FILENO);
}

static int serve(struct mount_flags *f, struct mount_conf *c, int pipe) {
        struct parent p = {.pipe = pipe, .conf = c};
        struct mounter_options o = {
                .flags = f,
                .conf = c,
                .in_foreground = pipe < 0,
                .mounted = on_mounted,
                .ctx = &p,
        };
        struct errmsg em = {};
        int r;

        interrupt_set(!mount_flags_bool(f, FLAGS_ignore_interrupts));
        r = open_log(f, c, pipe >= 0, &em);
        if (r >= 0)
                r = mounter_run(&o, &em);
        if (r < 0) {
                say(p.pipe, '-', em.text);
                if (p.pipe < 0)
                        log_error("%s", em.text);
        }
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* What the child says decides how the command ends. */
static int wait_for_child(int fd) {
        char text[1024];
        size_t n = 0;
        ssize_t k;

        while (n < sizeof(text) - 1 && (k = read(fd, text + n, sizeof(text) - 1 - n)) != 0) {
                if (k < 0 && errno != EINTR)
                        break;
                n += k > 0 ? (size_t) k : 0;
                if (n > 0 && text[0] == '+')
                        return EXIT_SUCCESS;
        }
        text[n] = 0;
        if (n > 0)
                say_why(text + 1);
        else
                fputs("fuse-gcs: the mount's process died\n", stderr);
        return EXIT_FAILURE;
}

static int go_to_background(struct mount_flags *f, struct mount_conf *c) {
        int fds[2], null;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
                fprintf(stderr, "fuse-gcs: cannot start a process: %s\n", strerror(errno));
                return EXIT_FAILURE;
        }
        if (pid > 0) {
                fileio_close(fds[1]);
                return wait_for_child(fds[0]);
        }
        fileio_close(fds[0]);
        (void) setsid();
        (void) !chdir("/");
        null = open("/dev/null", O_RDWR);
        if (null >= 0) {
                (void) dup2(null, STDIN_FILENO);
                if (null > STDERR_FILENO)
                        close(null);
        }
        return serve(f, c, fds[1]);
}

int main(int argc, char **argv) {
        struct mount_flags f = {};
        struct mount_conf c = {};
        struct errmsg em = {};
        int r = load(&f, argc, argv, &em), status = EXIT_SUCCESS;

        /* Arenas of many threads hold memory that none of them uses. */
        (void) mallopt(M_ARENA_MAX, 2);
        /* What is large (a page of a list, a piece of an upload) goes back when it is freed,
         * always: left to itself malloc learns from the first of them to keep the later ones. */
        (void) mallopt(M_MMAP_THRESHOLD, 128 << 10);
        (void) mallopt(M_TRIM_THRESHOLD, 1 << 20);
        /* A connection that ended is an error, not an end. */
        (void) signal(SIGPIPE, SIG_IGN);
        log_init("fuse-gcs");
        if (r >= 0)
                r = fault_arm_environment(&em);
        set_level(&f);
        if (r >= 0 && f.wants_help) {
                mount_flags_print_help(stdout);
        } else if (r >= 0 && f.wants_version) {
                printf("fuse-gcs version %s\n", PACKAGE_VERSION);
        } else {
                if (r >= 0)
                        r = mount_conf_init(&c, &f, &em);
                if (r < 0) {
                        say_why(em.text);
                        status = EXIT_FAILURE;
                } else if (mount_flags_bool(&f, FLAGS_foreground)) {
                        status = serve(&f, &c, -1);
                } else {
                        status = go_to_background(&f, &c);
                }
        }
        mount_conf_done(&c);
        mount_flags_done(&f);
        return status;
}
