/* bench_fuse: what FUSE itself costs: a file system of one file, answered from one piece of memory
 * by one thread, read and written by dd's pattern of 1 MiB at a time. With what receiving and
 * sending the same bytes costs this is the limit of a mount that copies no byte more than it must.
 *
 * Prints CPU seconds a GiB of the file system's process (this one; who reads is a child). */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIECE ((size_t) 1 << 20)
#define SIZE ((size_t) 1 << 30)

static char *memory;

static double cpu_now(void) {
        struct timespec t;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static void on_init(void *ctx, struct fuse_conn_info *conn) {
        conn->max_write = PIECE;
        conn->max_background = 64;
        conn->want |= conn->capable & FUSE_CAP_ASYNC_READ;
        conn->want &= ~(unsigned) (FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_SPLICE_READ |
                                   FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

static void attr(struct stat *st, fuse_ino_t ino) {
        *st = (struct stat){.st_ino = ino, .st_nlink = 1};
        st->st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644;
        st->st_size = ino == FUSE_ROOT_ID ? 0 : (off_t) SIZE;
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
static void use(const char *dir, const char *file, bool writes) {
        char *piece = malloc(PIECE);
        int fd;

        if (!piece)
                _exit(1);
        memset(piece, 'x', PIECE);
        fd = open(file, writes ? O_WRONLY : O_RDONLY);
        for (size_t at = 0; fd >= 0 && at < SIZE; at += PIECE)
                if ((writes ? write(fd, piece, PIECE) : read(fd, piece, PIECE)) != (ssize_t) PIECE)
                        _exit(1);
        close(fd);
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
        fputs("4096", f);
        fclose(f);
}

static int run(const char *dir, bool writes) {
        static const struct fuse_lowlevel_ops ops = {.init = on_init,
                                                     .lookup = on_lookup,
                                                     .getattr = on_getattr,
                                                     .open = on_open,
                                                     .read = on_read,
                                                     .write = on_write,
                                                     .flush = on_flush};
        static const char *argv[] = {"bench", "-o", "fsname=bench"};
        struct fuse_args args = FUSE_ARGS_INIT(3, (char **) argv);
        struct fuse_session *s = fuse_session_new(&args, &ops, sizeof(ops), NULL);
        struct fuse_buf buf = {};
        char file[64];
        double began;
        int status;
        pid_t child;

        fuse_opt_free_args(&args);
        if (!s || fuse_session_mount(s, dir) != 0)
                return -1;
        snprintf(file, sizeof(file), "%s/file", dir);
        child = fork();
        if (child == 0) {
                /* The session's descriptor would keep the mount alive. */
                close(fuse_session_fd(s));
                read_ahead(dir);
                use(dir, file, writes);
        }
        began = cpu_now();
        while (fuse_session_receive_buf(s, &buf) > 0)
                fuse_session_process_buf(s, &buf);
        printf("  FUSE alone, %s: %.3f CPU s/GiB\n", writes ? "write" : "read", cpu_now() - began);
        free(buf.mem);
        fuse_session_destroy(s);
        return waitpid(child, &status, 0) == child && status == 0 ? 0 : -1;
}

int main(void) {
        char dir[] = "/tmp/onebox-bench-fuse-XXXXXX";
        int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
        int r = 0;

        if (fd < 0 || geteuid() != 0) {
                printf("bench_fuse: needs root and /dev/fuse\n");
                return 0;
        }
        close(fd);
        memory = malloc(PIECE);
        if (!memory || !mkdtemp(dir))
                return 1;
        memset(memory, 'y', PIECE);
        setvbuf(stdout, NULL, _IOLBF, 0);
        r = run(dir, false);
        if (r == 0)
                r = run(dir, true);
        rmdir(dir);
        free(memory);
        return r == 0 ? 0 : 1;
}
