/* log_lines.h: the lines of a try's log, as onebox-task writes them: `TIME TAG TEXT`. Pure. */
#pragma once

#include "lib/base/json_write.h"
#include "lib/base/macros.h"

struct log_line {
        const char *time; /* time_len bytes; 0: the line has no such form, all of it is text */
        size_t time_len;
        char tag; /* o stdout, e stderr, s the supervisor */
        const char *text;
        size_t text_len;
};

/* One line without its end. */
void log_lines_parse(const char *line, size_t len, struct log_line *ret);

/* {"timestamp", "event", "stream": "stdout" | "stderr" | "onebox", "level": "info" | "error"} */
void log_lines_write(struct json_write *w, const struct log_line *line);
