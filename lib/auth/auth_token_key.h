/* auth_token_key.h: the key of auth_token.h. Private to lib/auth. */
#pragma once

#include "lib/auth/auth_token.h"

struct auth_token_key {
        unsigned char bytes[AUTH_TOKEN_KEY_BYTES];
};
