"""The demo's warehouse: one SQLite file that tasks beside each other may write."""

import os
import sqlite3


def connect():
    return sqlite3.connect(os.environ["WAREHOUSE"], timeout=60)


def rows(query):
    db = connect()
    db.row_factory = sqlite3.Row
    return [dict(r) for r in db.execute(query)]
