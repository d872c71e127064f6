"""A real PostgreSQL or MariaDB of Debian's for a test, by tests/fake/db_server.sh."""

import shutil
import subprocess

import pytest
from daemon_test import TOP

KINDS = ("postgres", "mysql")


class DbServer:
    def __init__(self, kind):
        self.kind, self.n = kind, 0
        self.process = subprocess.Popen([TOP / "tests/fake/db_server.sh", kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        said = self.process.stdout.readline().split()
        if not said:
            assert self.process.wait() == 77, "the database server did not start"
            pytest.skip(f"no {kind} server is installed here")
        _, self.directory, self.port = said

    def do(self, word):
        """stop, start or kill."""
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def end(self):
        self.process.stdin.close()
        self.process.wait()

    def sql(self, text, database="onebox"):
        """Rows of tab-separated fields."""
        if self.kind == "postgres":
            command = [shutil.which("psql") or "psql", "-qAtX", "-F", "\t", "-h", self.directory, "-p", self.port, "-U", "onebox", "-d", database, "-c", text]
        else:
            command = ["mariadb", "--no-defaults", "-S", f"{self.directory}/mysql.sock", "-u", "root", "-N", "-B", database, "-e", text]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return [line.split("\t") for line in out.splitlines()]

    def fresh(self):
        """The name of a new, empty database."""
        self.n += 1
        name = f"d{self.n}"
        self.sql(f"CREATE DATABASE {name}")
        return name

    def uri(self, database, driver=True):
        if self.kind == "postgres":
            return f"postgresql{'+psycopg2' if driver else ''}://onebox@/{database}?host={self.directory}&port={self.port}"
        return f"mysql{'+pymysql' if driver else ''}://onebox@localhost/{database}?unix_socket={self.directory}/mysql.sock"

    # Everything that makes one schema differ from another, as sorted rows. Our own indexes are left out.
    SHAPES = {
        "postgres": (
            "SELECT 'column', table_name, column_name, data_type, character_maximum_length, is_nullable, column_default FROM information_schema.columns WHERE table_schema = 'public'",
            "SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE 'onebox_%'",
            "SELECT 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
            "SELECT 'trigger', tgrelid::regclass, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
            "SELECT 'function', proname, md5(prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
            "SELECT 'sequence', sequencename, data_type, start_value, increment_by FROM pg_sequences",
        ),
        "mysql": (
            "SELECT 'column', table_name, column_name, ordinal_position, column_type, is_nullable, column_default, extra, collation_name FROM information_schema.columns WHERE table_schema = database()",
            "SELECT 'index', table_name, index_name, non_unique, seq_in_index, column_name, sub_part FROM information_schema.statistics WHERE table_schema = database() AND index_name NOT LIKE 'onebox_%'",
            "SELECT 'foreign', table_name, constraint_name, referenced_table_name, delete_rule, update_rule FROM information_schema.referential_constraints WHERE constraint_schema = database()",
            "SELECT 'check', table_name, constraint_name, check_clause FROM information_schema.check_constraints WHERE constraint_schema = database()",
            "SELECT 'trigger', trigger_name, event_manipulation, event_object_table, action_timing, md5(action_statement) FROM information_schema.triggers WHERE trigger_schema = database()",
            "SELECT 'table', table_name, engine, table_collation FROM information_schema.tables WHERE table_schema = database()",
        ),
    }

    def shape(self, database):
        rows = [row for text in self.SHAPES[self.kind] for row in self.sql(text, database)
                if not any(field.startswith("onebox_") for field in row)]  # tables and indexes of our own
        assert len(rows) > 500, rows[:3]
        return sorted(tuple(row) for row in rows)
