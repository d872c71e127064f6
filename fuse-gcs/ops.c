#include "fuse-gcs/ops.h"

#include <errno.h>
#include <inttypes.h>

#include "fuse-gcs/handle.h"
#include "fuse-gcs/interrupt.h"
#include "fuse-gcs/mnt.h"
#include "fuse-gcs/op_meter.h"
#include "fuse-gcs/ops_control.h"
#include "fuse-gcs/ops_file.h"

/* Writes of up to 1 MiB, reads of so much that an answer fits into a pipe; directories are read
 * with attributes where somebody wants them, unless it was said how. */
static void ops_init(void *ctx, struct fuse_conn_info *conn) {
        const struct mnt *m = ctx;

        conn->max_write = 1 << 20;
        conn->max_read = m->o.max_read;
        conn->max_background = 64;
        conn->congestion_threshold = 48;
        conn->want |= conn->capable &
                      (FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_ATOMIC_O_TRUNC |
                       FUSE_CAP_ASYNC_READ | FUSE_CAP_IOCTL_DIR | FUSE_CAP_PARALLEL_DIROPS |
                       FUSE_CAP_ASYNC_DIO);
        if (m->o.always_plus || m->o.never_plus)
                conn->want &= ~(unsigned) FUSE_CAP_READDIRPLUS_AUTO;
        if (m->o.never_plus)
                conn->want &= ~(unsigned) FUSE_CAP_READDIRPLUS;
        /* Pages are dropped by generation, not by guessing from times. */
        conn->want &= ~(unsigned) (FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_SPLICE_READ |
                                   FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

static void ops_statfs_all(fuse_req_t req, fuse_ino_t ino) {
        /* A bucket has no end: what tools that look for room want to see. */
        const struct statvfs s = {
                .f_bsize = 1 << 20, /* to read and write at once */
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

/* There are none; counted, so that who relies on them finds out. */
static void ops_no_xattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
                         size_t size, int flags) {
        ops_file_error(req, -ENOSYS);
}

/* Does it change nothing, so that it may be given up? (An open that does says so itself.) */
static bool ops_asks(enum op_meter_op op) {
        switch (op) {
        case OP_METER_lookup:
        case OP_METER_getattr:
        case OP_METER_readlink:
        case OP_METER_open:
        case OP_METER_read:
        case OP_METER_opendir:
        case OP_METER_readdir:
        case OP_METER_readdirplus:
                return true;
        default:
                return false;
        }
}

/* The same rows, counted. */
#define OP(row, name_of_it, function, parameters, arguments, ...)       \
        static void ops_##row parameters {                              \
                struct op_meter_call call;                              \
                                                                        \
                op_meter_begin(&call, OP_METER_##row, __VA_ARGS__);     \
                interrupt_begin(ops_asks(OP_METER_##row) ? req : NULL); \
                function arguments;                                     \
                interrupt_begin(NULL);                                  \
                op_meter_end(&call);                                    \
        }
#include "fuse-gcs/op_meter.def"
#undef OP

static const struct fuse_lowlevel_ops ops_rows = {
#define OP(name, ...) .name = ops_##name,
#include "fuse-gcs/op_meter.def"
#undef OP
        .init = ops_init,
        .forget = ops_name_forget,
        .forget_multi = ops_name_forget_multi,
        .ioctl = ops_control_ioctl,
        .fsyncdir = ops_dir_fsyncdir,
};

const struct fuse_lowlevel_ops *ops_table(void) {
        return &ops_rows;
}
