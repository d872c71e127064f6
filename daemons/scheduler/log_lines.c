#include "daemons/scheduler/log_lines.h"

#include <ctype.h>
#include <string.h>

/* 2026-01-02T03:04:05.678901Z */
enum { TIME_LEN = 27 };

static bool is_time(const char *s, size_t len) {
        static const char form[] = "dddd-dd-ddTdd:dd:dd.ddddddZ";

        if (len < TIME_LEN)
                return false;
        for (size_t i = 0; i < TIME_LEN; i++)
                if (form[i] == 'd' ? !isdigit((unsigned char) s[i]) : s[i] != form[i])
                        return false;
        return true;
}

void log_lines_parse(const char *line, size_t len, struct log_line *ret) {
        size_t head = TIME_LEN + 3;

        *ret = (struct log_line){.tag = 'o', .text = line, .text_len = len};
        if (len < head || !is_time(line, len) || line[TIME_LEN] != ' ' ||
            !memchr("oes", line[TIME_LEN + 1], 3) || line[TIME_LEN + 2] != ' ')
                return;
        ret->time = line;
        ret->time_len = TIME_LEN;
        ret->tag = line[TIME_LEN + 1];
        ret->text = line + head;
        ret->text_len = len - head;
}

/* A NUL is no text: it becomes U+FFFD, as every byte does that is not UTF-8. */
static void write_text(struct json_write *w, const char *text, size_t len) {
        _cleanup_buf_ struct buf b = {};

        if (!memchr(text, 0, len) || buf_add(&b, text, len) < 0) {
                json_write_strn(w, text, len);
                return;
        }
        for (size_t i = 0; i < b.len; i++)
                if (b.data[i] == 0)
                        b.data[i] = (char) 0xff;
        json_write_strn(w, b.data, b.len);
}

void log_lines_write(struct json_write *w, const struct log_line *line) {
        json_write_object(w);
        json_write_key(w, "timestamp");
        if (line->time_len > 0)
                json_write_strn(w, line->time, line->time_len);
        else
                json_write_null(w);
        json_write_key(w, "event");
        write_text(w, line->text, line->text_len);
        json_write_kv_str(w, "stream",
                          line->tag == 'e'   ? "stderr"
                          : line->tag == 's' ? "onebox"
                                             : "stdout");
        json_write_kv_str(w, "level", line->tag == 'e' ? "error" : "info");
        json_write_end(w);
}
