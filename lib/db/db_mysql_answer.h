/* db_mysql_answer.h: what a failure of MySQL or MariaDB is in db.h's words. Private to lib/db. */
#pragma once

/* DB_CONFLICT or -errno. */
int db_mysql_answer(unsigned number);
