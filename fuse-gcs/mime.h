/* mime: the content type a name stands for. Pure. */
#pragma once

/* By the last ending, in any case; NULL when it says nothing. */
const char *mime_of(const char *name);
