#!/usr/bin/env python3
"""Makes lib/base/json_number_table.h: the 128 leading bits of each power of ten, rounded down.

    build-aux/make_powers.py >lib/base/json_number_table.h
"""
FIRST, LAST = -342, 324


def leading_bits(k):
    if k >= 0:
        v = 10 ** k
        shift = v.bit_length() - 128
        return v >> shift if shift >= 0 else v << -shift
    v = 10 ** -k
    bits = v.bit_length() + 127
    q = (1 << bits) // v
    return q if q.bit_length() == 128 else (1 << (bits + 1)) // v >> (((1 << (bits + 1)) // v).bit_length() - 128)


print("/* json_number_table: 10^k = (high, low) * 2^e, the 128 leading bits rounded down, for k from")
print(" * JSON_NUMBER_TABLE_FIRST to JSON_NUMBER_TABLE_LAST. Made by build-aux/make_powers.py. */")
print("#pragma once\n\n#include <stdint.h>\n")
print(f"#define JSON_NUMBER_TABLE_FIRST ({FIRST})\n#define JSON_NUMBER_TABLE_LAST {LAST}\n")
print("/* clang-format off */")
print("static const uint64_t json_number_table[][2] = {")
row = []
for k in range(FIRST, LAST + 1):
    g = leading_bits(k)
    assert 1 << 127 <= g < 1 << 128
    row.append("{0x%016x, 0x%016x}," % (g >> 64, g & (1 << 64) - 1))
    if len(row) == 2 or k == LAST:
        print("        " + " ".join(row))
        row = []
print("};\n/* clang-format on */")
