/* ops_control: what `onebox bucket` asks, by ioctl: lib/base/mount_control.h. */
#pragma once

#include "fuse-gcs/ops_file.h"

void ops_control_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg,
                       struct fuse_file_info *fi, unsigned flags, const void *in_buf,
                       size_t in_size, size_t out_size);
