/* s3_xml.h: the XML that S3 answers with, as a row of elements. Pure.
 *
 * What S3 writes is taken: elements, text, the five named and the numbered entities; attributes,
 * comments and declarations are passed over. No DTD is read. */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/macros.h"

enum { S3_XML_DEPTH = 8 };

struct s3_xml {
        const char *at, *end;
        struct buf text; /* of the innermost element that just ended, entities decoded */
        struct {
                const char *name;
                size_t n;
        } open[S3_XML_DEPTH]; /* from the outside in */
        unsigned depth;
        bool has_closed; /* the last event was S3_XML_CLOSE */
};

enum s3_xml_event {
        S3_XML_END = 0, /* of the document */
        S3_XML_OPEN,    /* an element began: open[depth - 1] */
        S3_XML_CLOSE,   /* it ended; text is its text; open[depth] still names it */
};

void s3_xml_init(struct s3_xml *x, const char *data, size_t size);
void s3_xml_done(struct s3_xml *x);
/* An event; -EBADMSG: not such XML, or deeper than S3_XML_DEPTH; -ENOMEM. */
int s3_xml_next(struct s3_xml *x);
/* After S3_XML_CLOSE: is it this element, in that parent (NULL = whatever)? */
bool s3_xml_is(const struct s3_xml *x, const char *parent, const char *name);
/* Appends text with the entities XML needs. */
int s3_xml_escape(struct buf *out, const char *text);
/* The text of the first element of this name; "" when there is none. */
int s3_xml_find(const char *data, size_t size, const char *name, char *ret, size_t ret_size);
