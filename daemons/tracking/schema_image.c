#include "daemons/tracking/schema_image.h"

#ifdef SCHEMA_IMAGE_TO_BE_MADE
const struct db_sqlite_file_image schema_image = {};
#else
#include "daemons/tracking/schema_image.inc"
#endif
