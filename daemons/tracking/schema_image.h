/* schema_image.h: the file of a new SQLite database with all tables and indexes that
 * tracking_schema.c makes, made by it when this program was built: a new database is one write. Its
 * size is 0 in the program that makes it.
 */
#pragma once

#include "lib/db/db_sqlite_file.h"

extern const struct db_sqlite_file_image schema_image;
