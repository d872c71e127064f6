#pragma once
/* DNS messages (RFC 1035): a question out, an answer in. Pure.
 *
 * Limits: one question; DNS_MESSAGE_RECORDS_MAX records of an answer are looked at; aliases inside
 * an answer are followed DNS_MESSAGE_ALIASES_MAX times. */
#include <stddef.h>
#include <stdint.h>

#define DNS_MESSAGE_NAME_MAX 256 /* as text, with its NUL */
#define DNS_MESSAGE_QUERY_MAX 300
#define DNS_MESSAGE_RECORDS_MAX 256
#define DNS_MESSAGE_ALIASES_MAX 10

enum dns_type {
        DNS_A = 1,
        DNS_CNAME = 5,
        DNS_TXT = 16,
        DNS_AAAA = 28,
};

/* -EINVAL: no name DNS can carry. */
int dns_message_query(uint16_t id, const char *name, enum dns_type type,
                      uint8_t ret[DNS_MESSAGE_QUERY_MAX], size_t *ret_size);

/* The records of the asked type as text, in the answer's order: addresses, names without their last
 * dot, the joined strings of a TXT (bytes beyond ASCII's print become '?'). *ret_texts is
 * NULL-terminated and the caller's (str_free_list), NULL when there are none.
 * 0; -EBADMSG: malformed, or no answer to this question; -EMSGSIZE: cut, ask by TCP; -ENOENT: there
 * is no such name; -EAGAIN: the server cannot say. */
int dns_message_parse(const uint8_t *data, size_t size, uint16_t id, const char *name,
                      enum dns_type type, char ***ret_texts);
