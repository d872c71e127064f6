/* ops: the kernel's requests: the table of them. Each is translated, carried out by the layers
 * below and answered exactly once. */
#pragma once

struct fuse_lowlevel_ops;

const struct fuse_lowlevel_ops *ops_table(void);
