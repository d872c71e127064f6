"""Runs a file of SQL in the warehouse and says how many rows its table has."""

import sys

from warehouse import connect


def main(path, table):
    db = connect()
    with open(path) as f:
        db.executescript("BEGIN IMMEDIATE;" + f.read() + "COMMIT;")
    print(db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0], "rows in", table)


if __name__ == "__main__":
    main(*sys.argv[1:])
