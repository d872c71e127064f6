#include "lib/db/db_postgres_answer.h"

#include <errno.h>
#include <string.h>

#include "lib/base/macros.h"
#include "lib/db/db.h"

int db_postgres_answer(const char *sqlstate) {
        /* The first row whose beginning fits. */
        static const struct {
                char begin[6];
                int answer;
        } rows[] = {
                {"23505", DB_CONFLICT}, /* unique_violation */
                {"23P01", DB_CONFLICT}, /* exclusion_violation */
                {"25006", -EROFS},      /* read_only_sql_transaction */
                {"53100", -ENOSPC},     /* disk_full */
                {"53200", -ENOMEM},
                {"53300", -ENOTCONN},  /* too_many_connections */
                {"57014", -ECANCELED}, /* query_canceled */
                {"57P", -ENOTCONN},    /* the server stops or starts */
                {"08", -ENOTCONN},
                {"40", -ESTALE},       /* serialization_failure, deadlock_detected */
                {"55P03", -EBUSY},     /* lock_not_available */
                {"22001", -EOVERFLOW}, /* string_data_right_truncation */
                {"22003", -EOVERFLOW}, /* numeric_value_out_of_range */
                {"54", -EOVERFLOW},    /* program_limit_exceeded */
                {"28", -EACCES},       /* invalid_authorization */
                {"42501", -EACCES},    /* insufficient_privilege */
                {"3D", -ENOENT},       /* invalid_catalog_name */
                {"58", -EIO},
                {"XX001", -EUCLEAN}, /* data_corrupted */
                {"XX002", -EUCLEAN}, /* index_corrupted */
        };

        if (!sqlstate)
                return -ENOTCONN;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (strncmp(sqlstate, rows[i].begin, strlen(rows[i].begin)) == 0)
                        return rows[i].answer;
        return -EINVAL;
}
