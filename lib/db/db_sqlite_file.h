/* db_sqlite_file.h: a new database file: empty, or with the pages of one that was made before.
 * SQLite would make it readable for everyone. It gets its name when it is whole and its mode is
 * right: others may open it at once.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct errmsg;

/* All of the file that is not zero. */
struct db_sqlite_file_image {
        const struct db_sqlite_file_part {
                uint32_t offset, size; /* in the file, the next so many of the bytes */
        } * parts;
        const char *bytes;
        size_t n_parts, size; /* size: of the file */
};

/* Where there is a file nothing is done. NULL image: an empty one. 0 or -errno. */
int db_sqlite_file_make(const char *path, const struct db_sqlite_file_image *image,
                        struct errmsg *em);
