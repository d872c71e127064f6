/* bench_fuse: what FUSE itself costs: a file system of one file, answered from one piece of memory,
 * read and written by dd's pattern of 1 MiB at a time. Answers go as the mount's do (handover.h).
 *
 *     bench_fuse                     by one thread: CPU seconds a GiB of the file system's process
 *                                    (this one; who reads is a child). With what receiving and
 *                                    sending the same bytes costs this is the limit of a mount that
 *                                    copies no byte more than it must.
 *     bench_fuse PORT GET POST MIB   by two threads, while a third one receives as many bytes from
 *                                    http://127.0.0.1:PORT/GET and drops them, or sends them to
 *                                    /POST: MiB a second until both are done. Neither waits for the
 *                                    other, nothing is looked up, kept or summed up, and the memory
 *                                    is always the same: a mount has all of this to do on the same
 *                                    processors, and more, so it is the limit of its speed. */
#define FUSE_USE_VERSION 314
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuse-gcs/device.h"
#include "fuse-gcs/handover.h"
#include "lib/base/fileio.h"

#define PIECE ((size_t) 1 << 20)

static char *memory;
static size_t size_of_file = (size_t) 1 << 30;
static struct {
        int port; /* 0: nobody else is there */
        const char *get, *post;
} server;

static double seconds_of(clockid_t clock) {
        struct timespec t;

        clock_gettime(clock, &t);
        return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

/* --- what goes over the network meanwhile ---------------------------------------------------- */

struct transfer {
        pthread_t thread;
        bool sends, works;
        double ended_at;
};

static bool ask(int fd, bool sends) {
        struct sockaddr_in at = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t) server.port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        char head[1024];
        int n = snprintf(head, sizeof(head),
                         "%s /%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %zu\r\n"
                         "Connection: close\r\n\r\n",
                         sends ? "POST" : "GET", sends ? server.post : server.get,
                         sends ? size_of_file : 0);

        return connect(fd, (struct sockaddr *) &at, sizeof(at)) == 0 &&
               fileio_write_all(fd, head, (size_t) n) == 0;
}

static void *transfer_main(void *ctx) {
        struct transfer *t = ctx;
        char *piece = malloc(PIECE);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        size_t n_came = 0;
        bool ok = fd >= 0 && piece && ask(fd, t->sends);
        ssize_t k;

        for (size_t n = 0; ok && t->sends && n < size_of_file; n += PIECE)
                ok = fileio_write_all(fd, memory, PIECE) == 0;
        while (ok && (k = recv(fd, piece, PIECE, MSG_WAITALL)) > 0)
                n_came += (size_t) k;
        t->works = ok && n_came > (t->sends ? 0 : size_of_file);
        t->ended_at = seconds_of(CLOCK_MONOTONIC);
        close(fd);
        free(piece);
        return NULL;
}

/* --- the file system ------------------------------------------------------------------------- */

static void on_init(void *ctx, struct fuse_conn_info *conn) {
        conn->max_write = PIECE;
        conn->max_read = HANDOVER_READ_MAX;
        conn->max_background = 64;
        conn->want |= conn->capable & FUSE_CAP_ASYNC_READ;
        conn->want &= ~(unsigned) (FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_SPLICE_READ |
                                   FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

static void attr(struct stat *st, fuse_ino_t ino) {
        *st = (struct stat){.st_ino = ino, .st_nlink = 1};
        st->st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644;
        st->st_size = ino == FUSE_ROOT_ID ? 0 : (off_t) size_of_file;
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name) {
        struct fuse_entry_param e = {.ino = 2, .attr_timeout = 60, .entry_timeout = 60};

        attr(&e.attr, 2);
        fuse_reply_entry(req, &e);
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
        struct stat st;

        attr(&st, ino);
        fuse_reply_attr(req, &st, 60);
}

static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
        fuse_reply_open(req, fi);
}

static void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at,
                    struct fuse_file_info *fi) {
        fuse_reply_buf(req, memory, size < PIECE ? size : PIECE);
}

static void on_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t at,
                     struct fuse_file_info *fi) {
        fuse_reply_write(req, size);
}

static void on_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
        fuse_reply_err(req, 0);
}

/* The child: reads or writes all of the file, then takes the mount away. */
static void use(const char *dir, const char *file, bool writes, double *ret_ended_at) {
        char *piece = malloc(PIECE);
        int fd;

        if (!piece)
                _exit(1);
        memset(piece, 'x', PIECE);
        fd = open(file, writes ? O_WRONLY : O_RDONLY);
        for (size_t at = 0; fd >= 0 && at < size_of_file; at += PIECE)
                if ((writes ? write(fd, piece, PIECE) : read(fd, piece, PIECE)) != (ssize_t) PIECE)
                        _exit(1);
        close(fd);
        *ret_ended_at = seconds_of(CLOCK_MONOTONIC);
        _exit(umount2(dir, 0) == 0 ? 0 : 1);
}

/* As a mount run by root does it. */
static void read_ahead(const char *dir) {
        char path[64];
        struct stat st;
        FILE *f;

        if (stat(dir, &st) < 0)
                return;
        snprintf(path, sizeof(path), "/sys/class/bdi/0:%u/read_ahead_kb",
                 (unsigned) (st.st_dev & 0xff));
        f = fopen(path, "w");
        if (!f)
                return;
        fprintf(f, "%u", 4 * HANDOVER_READ_MAX / 1024);
        fclose(f);
}

static void *serve(void *ctx) {
        struct fuse_session *s = ctx;
        struct fuse_buf buf = {};

        while (fuse_session_receive_buf(s, &buf) > 0)
                fuse_session_process_buf(s, &buf);
        free(buf.mem);
        return NULL;
}

/* Until both are done, which is what is measured. */
static bool serve_beside(struct fuse_session *s, bool writes, double *ret_ended_at) {
        struct transfer t = {.sends = writes};
        pthread_t second;

        if (pthread_create(&t.thread, NULL, transfer_main, &t) != 0)
                return false;
        if (pthread_create(&second, NULL, serve, s) == 0) {
                serve(s);
                pthread_join(second, NULL);
        }
        pthread_join(t.thread, NULL);
        *ret_ended_at = t.ended_at;
        return t.works;
}

static struct fuse_session *new_session(void) {
        static const struct fuse_lowlevel_ops ops = {.init = on_init,
                                                     .lookup = on_lookup,
                                                     .getattr = on_getattr,
                                                     .open = on_open,
                                                     .read = on_read,
                                                     .write = on_write,
                                                     .flush = on_flush};
        char options[64];
        char *argv[] = {"bench", "-o", options};
        struct fuse_args args = FUSE_ARGS_INIT(3, argv);
        struct fuse_session *s;

        snprintf(options, sizeof(options), "fsname=bench,max_read=%u", HANDOVER_READ_MAX);
        s = fuse_session_new(&args, &ops, sizeof(ops), NULL);
        fuse_opt_free_args(&args);
        return s;
}

static int run(const char *dir, bool writes, double *child_ended_at) {
        struct fuse_session *s = new_session();
        const char *what = writes ? "write" : "read";
        double began_at, cpu, ended_at;
        bool works = true;
        char file[64];
        int status;
        pid_t child;

        if (!s || fuse_session_mount(s, dir) != 0 || device_init(s) < 0)
                return -1;
        snprintf(file, sizeof(file), "%s/file", dir);
        child = fork();
        if (child == 0) {
                /* The session's descriptor would keep the mount alive. */
                close(fuse_session_fd(s));
                device_done();
                read_ahead(dir);
                use(dir, file, writes, child_ended_at);
        }
        cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        began_at = seconds_of(CLOCK_MONOTONIC);
        if (server.port > 0)
                works = serve_beside(s, writes, &ended_at);
        else
                serve(s);
        cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        device_done();
        fuse_session_destroy(s);
        if (waitpid(child, &status, 0) != child || status != 0 || !works)
                return -1;
        if (server.port == 0) {
                printf("  FUSE alone, %s: %.3f CPU s/GiB\n", what,
                       cpu * (double) (1 << 30) / (double) size_of_file);
                return 0;
        }
        ended_at = *child_ended_at > ended_at ? *child_ended_at : ended_at;
        printf("  both at once, %s: %.0f MiB/s\n", what,
               (double) size_of_file / (double) PIECE / (ended_at - began_at));
        return 0;
}

int main(int argc, char **argv) {
        char dir[] = "/tmp/onebox-bench-fuse-XXXXXX";
        int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
        double *child_ended_at; /* which the child says */
        int r = 0;

        if (fd < 0 || geteuid() != 0) {
                printf("bench_fuse: needs root and /dev/fuse\n");
                return 0;
        }
        close(fd);
        if (argc == 5) {
                server.port = atoi(argv[1]);
                server.get = argv[2];
                server.post = argv[3];
                size_of_file = strtoul(argv[4], NULL, 10) * PIECE;
        }
        memory = malloc(PIECE);
        child_ended_at = mmap(NULL, sizeof(*child_ended_at), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (!memory || child_ended_at == MAP_FAILED || !mkdtemp(dir))
                return 1;
        memset(memory, 'y', PIECE);
        signal(SIGPIPE, SIG_IGN);
        setvbuf(stdout, NULL, _IOLBF, 0);
        r = run(dir, false, child_ended_at);
        if (r == 0)
                r = run(dir, true, child_ended_at);
        rmdir(dir);
        munmap(child_ended_at, sizeof(*child_ended_at));
        free(memory);
        return r == 0 ? 0 : 1;
}
