/* crc32c: the Castagnoli checksum, as cloud storage has it. Pure. Threads: any. */
#pragma once

#include "lib/base/macros.h"

#define CRC32C_TEXT_SIZE 9 /* "AAAAAA==" and its NUL */

/* The checksum of what `crc` covers (0: nothing) and n bytes more. */
uint32_t crc32c_add(uint32_t crc, const void *p, size_t n);
/* How: the fastest the processor has, for crc32c_add(). */
enum crc32c_way { CRC32C_BY_TABLE, CRC32C_BY_INSTRUCTION, CRC32C_WIDE };
bool crc32c_has(enum crc32c_way way);
/* The same in one of the ways it has. */
uint32_t crc32c_add_by(enum crc32c_way way, uint32_t crc, const void *p, size_t n);
/* The checksum of two pieces one behind the other, from those of each. */
uint32_t crc32c_combine(uint32_t first, uint32_t second, uint64_t n_second);

/* Base64 of its four bytes, the highest first: as in x-goog-hash and an object's "crc32c". */
const char *crc32c_print(uint32_t crc, char ret[CRC32C_TEXT_SIZE]);
/* 0, or -EINVAL when it is not such a text. */
int crc32c_parse(const char *text, size_t len, uint32_t *ret);
