/* instance_arg: one instance as the user writes it, "P:R:I?port=5000&private-ip=true". Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

enum instance_arg_bool { INSTANCE_ARG_UNSET, INSTANCE_ARG_FALSE, INSTANCE_ARG_TRUE };

#define INSTANCE_ARG_TEXT_MAX 1024

struct instance_arg {
        char name[INSTANCE_ARG_TEXT_MAX];
        char address[64];                        /* "" = none */
        uint16_t port;                           /* 0 = none */
        char unix_socket[INSTANCE_ARG_TEXT_MAX]; /* a directory; "" = none */
        char unix_socket_path[INSTANCE_ARG_TEXT_MAX];
        enum instance_arg_bool iam, private_ip, psc, sql_data;
};

/* auto_ip: --auto-ip is given. 0 or -EINVAL with em in the words of cloud-sql-proxy. */
int instance_arg_parse(const char *text, bool auto_ip, struct instance_arg *ret, struct errmsg *em);
