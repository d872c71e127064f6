#pragma once
/* Lists of networks ("10.0.0.0/8 fd00::/8 192.0.2.7"). Pure. */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/errmsg.h"

#define HTTP_CIDR_MAX 32

struct http_cidr_list {
        size_t n;
        struct {
                sa_family_t family;
                uint8_t prefix; /* bits */
                uint8_t bytes[16];
        } nets[HTTP_CIDR_MAX];
};

/* Separated by spaces or commas; without a prefix length: one address. -EINVAL, -E2BIG. */
int http_cidr_parse_list(const char *text, struct http_cidr_list *ret);
/* The same, and em says what is no such list. */
int http_cidr_read_list(const char *text, struct http_cidr_list *ret, struct errmsg *em);
bool http_cidr_contains(const struct http_cidr_list *l, const struct sockaddr *sa);
