/* artifact_mime.h: the media type of an artifact by its name. Pure. */
#pragma once

/* What people read is text/plain, so that no browser runs it; unknown ones are
 * application/octet-stream. */
const char *artifact_mime_of(const char *name);
