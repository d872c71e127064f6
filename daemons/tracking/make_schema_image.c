/* make_schema_image FILE: writes schema_image.c's FILE, C of an empty database's pages. Run by
 * make. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemons/tracking/tracking_schema.h"
#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"
#include "lib/base/macros.h"
#include "lib/base/mem.h"

/* So many zeros are worth a part of its own. */
#define GAP 16
#define FILE_MAX ((size_t) 64 << 20)

struct pages {
        char *data;
        size_t len;
};

static void pages_done(struct pages *p) {
        mem_free(p->data);
}

static size_t count_zeros(const char *data, size_t n) {
        size_t i = 0;

        while (i < n && data[i] == '\0')
                i++;
        return i;
}

/* Up to the next gap. */
static size_t part_at(const struct pages *file, size_t at) {
        size_t end = at;

        while (end < file->len) {
                size_t zeros = count_zeros(file->data + end, file->len - end);

                if (zeros >= GAP || end + zeros == file->len)
                        break;
                end += zeros + 1;
        }
        return end - at;
}

static void print_bytes(FILE *out, const char *data, size_t n) {
        fputs("        \"", out);
        for (size_t i = 0; i < n; i++)
                fprintf(out, i % 20 == 19 ? "\\%03o\"\n        \"" : "\\%03o",
                        (unsigned) (unsigned char) data[i]);
        fputs("\"\n", out);
}

static size_t next_part(const struct pages *file, size_t at) {
        return at + count_zeros(file->data + at, file->len - at);
}

static void print(FILE *out, const struct pages *file) {
        size_t n_parts = 0;

        fputs("static const struct db_sqlite_file_part parts[] = {\n", out);
        for (size_t at = next_part(file, 0); at < file->len; n_parts++) {
                size_t size = part_at(file, at);

                fprintf(out, "        {%zu, %zu},\n", at, size);
                at = next_part(file, at + size);
        }
        fputs("};\nstatic const char bytes[] =\n", out);
        for (size_t at = next_part(file, 0); at < file->len;) {
                size_t size = part_at(file, at);

                print_bytes(out, file->data + at, size);
                at = next_part(file, at + size);
        }
        fprintf(out,
                ";\nconst struct db_sqlite_file_image schema_image = {\n        parts, bytes, %zu, "
                "%zu};\n",
                n_parts, file->len);
}

static int write_image(const char *path, const struct pages *file) {
        FILE *out = fopen(path, "w");

        if (!out)
                return -errno;
        print(out, file);
        return ferror(out) | fclose(out) ? -EIO : 0;
}

int main(int argc, char **argv) {
        struct pages file _cleanup_(pages_done) = {};
        char path[4096], uri[4200];
        struct errmsg em = {};
        int r;

        if (argc != 2 || snprintf(path, sizeof(path), "%s.db", argv[1]) >= (int) sizeof(path))
                return 2;
        (void) unlink(path);
        (void) snprintf(uri, sizeof(uri), "sqlite:///%s", path);
        r = tracking_schema_make(uri, &em);
        if (r >= 0)
                r = fileio_read(path, FILE_MAX, &file.data, &file.len);
        (void) unlink(path);
        if (r >= 0)
                r = write_image(argv[1], &file);
        if (r < 0)
                fprintf(stderr, "%s: %s\n", argv[0], *em.text ? em.text : errmsg_strerror(r));
        return r < 0;
}
