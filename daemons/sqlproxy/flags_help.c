/* The texts of --help and of usage errors, around the rows of flags.def. */
#include "daemons/sqlproxy/flags_help.h"

#include "daemons/sqlproxy/flags.h"

void flags_help_usage(FILE *to) {
        fputs("Usage:\n"
              "  onebox-sqlproxy INSTANCE_CONNECTION_NAME... [flags]\n"
              "  onebox-sqlproxy [command]\n\n"
              "Available Commands:\n"
              "  help        Help about any command\n"
              "  shutdown    Signal a running Proxy process to shut down\n"
              "  wait        Wait for another Proxy process to start\n\n"
              "Flags:\n",
              to);
        flags_print_rows(to);
        fputs("\nUse \"onebox-sqlproxy [command] --help\" for more information about a command.\n",
              to);
}

void flags_help_all(FILE *to) {
        fputs("onebox-sqlproxy authorizes and encrypts connections to Cloud SQL.\n\n"
              "For each INSTANCE_CONNECTION_NAME (PROJECT:REGION:INSTANCE, or a DNS name that "
              "stands "
              "for one)\nit listens as if the database ran here, on the engine's own port unless "
              "--port says where, and\ncarries what comes there to the instance under TLS 1.3. It "
              "takes the command line of\ncloud-sql-proxy; onebox-sqlproxy(8) describes it.\n\n"
              "  onebox-sqlproxy my-project:us-central1:my-db\n"
              "  onebox-sqlproxy my-project:us-central1:my-db "
              "'my-project:us-central1:other?address=0.0.0.0&port=7000'\n\n"
              "(*) indicates a flag that may be used as a query parameter. Every flag may also be "
              "set as\nCSQL_PROXY_FLAG in the environment, or in the file of --config-file.\n\n",
              to);
        flags_help_usage(to);
}
