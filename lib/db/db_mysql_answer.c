#include "lib/db/db_mysql_answer.h"

#include <errno.h>

#include "lib/base/macros.h"
#include "lib/db/db.h"

int db_mysql_answer(unsigned number) {
        static const struct {
                unsigned number;
                int answer;
        } rows[] = {
                {1062, DB_CONFLICT}, /* ER_DUP_ENTRY */
                {1586, DB_CONFLICT}, /* ER_DUP_ENTRY_WITH_KEY_NAME */
                {1557, DB_CONFLICT}, /* ER_FOREIGN_DUPLICATE_KEY: by a cascade */
                {1761, DB_CONFLICT}, /* the same with the child's table named */
                {1762, DB_CONFLICT}, /* … and without */
                {1021, -ENOSPC},     /* ER_DISK_FULL */
                {1114, -ENOSPC},     /* ER_RECORD_FILE_FULL */
                {3, -EIO},           /* EE_WRITE */
                {1026, -EIO},        /* ER_ERROR_ON_WRITE */
                {1030, -EIO},        /* ER_GET_ERRNO: of the storage engine */
                {1037, -ENOMEM},     {1038, -ENOMEM}, {2008, -ENOMEM}, /* CR_OUT_OF_MEMORY */
                {1205, -EBUSY},                                        /* ER_LOCK_WAIT_TIMEOUT */
                {1213, -ESTALE},                                       /* ER_LOCK_DEADLOCK */
                {1317, -ECANCELED},                                    /* ER_QUERY_INTERRUPTED */
                {1969, -ETIME},     /* ER_STATEMENT_TIMEOUT of MariaDB */
                {3024, -ETIME},     /* ER_QUERY_TIMEOUT of MySQL */
                {1290, -EROFS},     /* ER_OPTION_PREVENTS_STATEMENT: --read-only */
                {1792, -EROFS},     /* ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION */
                {1836, -EROFS},     /* ER_READ_ONLY_MODE */
                {1153, -EOVERFLOW}, /* ER_NET_PACKET_TOO_LARGE */
                {1264, -EOVERFLOW}, /* ER_WARN_DATA_OUT_OF_RANGE */
                {1406, -EOVERFLOW}, /* ER_DATA_TOO_LONG */
                {1044, -EACCES},    /* ER_DBACCESS_DENIED_ERROR */
                {1045, -EACCES},    /* ER_ACCESS_DENIED_ERROR */
                {1142, -EACCES},    /* ER_TABLEACCESS_DENIED_ERROR */
                {1698, -EACCES},    /* ER_ACCESS_DENIED_NO_PASSWORD_ERROR */
                {1049, -ENOENT},    /* ER_BAD_DB_ERROR */
                {1034, -EUCLEAN},   /* ER_NOT_KEYFILE */
                {1194, -EUCLEAN},   /* ER_CRASHED_ON_USAGE */
                {1040, -ENOTCONN},  /* ER_CON_COUNT_ERROR */
                {1053, -ENOTCONN},  /* ER_SERVER_SHUTDOWN */
                {1203, -ENOTCONN},  /* ER_TOO_MANY_USER_CONNECTIONS */
                {1927, -ENOTCONN},  /* ER_CONNECTION_KILLED */
                {4031, -ENOTCONN},  /* ER_CLIENT_INTERACTION_TIMEOUT */
                {2002, -ENOTCONN},  /* CR_CONNECTION_ERROR */
                {2003, -ENOTCONN},  /* CR_CONN_HOST_ERROR */
                {2005, -ENOTCONN},  /* CR_UNKNOWN_HOST */
                {2006, -ENOTCONN},  /* CR_SERVER_GONE_ERROR */
                {2013, -ENOTCONN},  /* CR_SERVER_LOST */
                {2026, -ENOTCONN},  /* CR_SSL_CONNECTION_ERROR */
                {2027, -ENOTCONN},  /* CR_MALFORMED_PACKET */
                {2055, -ENOTCONN},  /* CR_SERVER_LOST_EXTENDED */
                {5014, -ENOTCONN},  /* CR_ERR_NET_READ of libmariadb */
                {5015, -ENOTCONN},  /* CR_ERR_NET_WRITE */
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (rows[i].number == number)
                        return rows[i].answer;
        return -EINVAL;
}
