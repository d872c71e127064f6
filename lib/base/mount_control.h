/* mount_control: what may be asked of a mount of fuse-gcs by ioctl(2) on anything open in it. The
 * answer is JSON of at most MOUNT_CONTROL_SIZE bytes with its NUL. */
#pragma once

#include <sys/ioctl.h>

#define MOUNT_CONTROL_SIZE 4096
struct mount_control_text {
        char text[MOUNT_CONTROL_SIZE];
};
/* What it holds: caches, files being written. */
#define MOUNT_CONTROL_STAT _IOR('O', 0xb1, struct mount_control_text)
/* Brings all that is being written to the bucket; for root and the mount's owner. */
#define MOUNT_CONTROL_FLUSH _IOR('O', 0xb2, struct mount_control_text)
/* Which object the file is of: its generation, 0 while the bucket has none. */
#define MOUNT_CONTROL_OBJECT _IOR('O', 0xb7, struct mount_control_text)
/* The file's content comes into the caches, or out of them; pinned it stays on the disk until it is
 * unpinned or dropped. */
#define MOUNT_CONTROL_WARM _IOR('O', 0xb3, struct mount_control_text)
#define MOUNT_CONTROL_PIN _IOR('O', 0xb5, struct mount_control_text)
#define MOUNT_CONTROL_UNPIN _IOR('O', 0xb6, struct mount_control_text)
#define MOUNT_CONTROL_DROP _IOR('O', 0xb4, struct mount_control_text)
