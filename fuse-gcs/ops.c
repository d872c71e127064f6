#include "fuse-gcs/ops.h"

#include "fuse-gcs/ops_control.h"
#include "fuse-gcs/ops_file.h"

/* Requests of up to 1 MiB; directories are read with attributes where somebody wants them. */
static void ops_init(void *ctx, struct fuse_conn_info *conn) {
        conn->max_write = 1 << 20;
        conn->max_background = 64;
        conn->congestion_threshold = 48;
        conn->want |= conn->capable &
                      (FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_ATOMIC_O_TRUNC |
                       FUSE_CAP_ASYNC_READ | FUSE_CAP_IOCTL_DIR | FUSE_CAP_PARALLEL_DIROPS |
                       FUSE_CAP_ASYNC_DIO);
        /* Pages are dropped by generation, not by guessing from times. */
        conn->want &= ~(unsigned) (FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_SPLICE_READ |
                                   FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

static void ops_statfs(fuse_req_t req, fuse_ino_t ino) {
        /* A bucket has no end: what tools that look for room want to see. */
        const struct statvfs s = {
                .f_bsize = 1 << 17,
                .f_frsize = 1 << 17,
                .f_blocks = UINT64_C(1) << 40,
                .f_bfree = UINT64_C(1) << 40,
                .f_bavail = UINT64_C(1) << 40,
                .f_files = UINT64_C(1) << 50,
                .f_ffree = UINT64_C(1) << 50,
                .f_favail = UINT64_C(1) << 50,
                .f_namemax = 1024,
        };

        fuse_reply_statfs(req, &s);
}

static const struct fuse_lowlevel_ops ops_rows = {
        .init = ops_init,
        .statfs = ops_statfs,
        .lookup = ops_name_lookup,
        .forget = ops_name_forget,
        .forget_multi = ops_name_forget_multi,
        .mkdir = ops_name_mkdir,
        .rmdir = ops_name_rmdir,
        .unlink = ops_name_unlink,
        .symlink = ops_name_symlink,
        .readlink = ops_name_readlink,
        .rename = ops_name_rename,
        .getattr = ops_file_getattr,
        .setattr = ops_file_setattr,
        .open = ops_file_open,
        .create = ops_file_create,
        .mknod = ops_file_mknod,
        .read = ops_file_read,
        .write = ops_file_write,
        .flush = ops_file_flush,
        .fsync = ops_file_fsync,
        .release = ops_file_release,
        .ioctl = ops_control_ioctl,
        .opendir = ops_dir_opendir,
        .readdir = ops_dir_readdir,
        .readdirplus = ops_dir_readdirplus,
        .releasedir = ops_dir_releasedir,
        .fsyncdir = ops_dir_fsyncdir,
};

const struct fuse_lowlevel_ops *ops_table(void) {
        return &ops_rows;
}
