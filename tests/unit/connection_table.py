#!/usr/bin/env python3
"""Writes connection_table.tsv: URIs and what Airflow's own Connection reads in them.

    VENV/bin/python tests/unit/connection_table.py > tests/unit/connection_table.tsv

Columns: URI, then "error" or JSON of type, host, login, password, schema, port and extra.
"""
import json
import logging
import os
import tempfile

os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp()
os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = "sqlite:///" + os.environ["AIRFLOW_HOME"] + "/x"
logging.disable(logging.CRITICAL)

from airflow.models.connection import Connection  # noqa: E402

URIS = [
    "postgres://u:p@h:5432/db", "postgresql://u@h/db", "mysql://h", "s3://key:secret@S3", "http://", "a-b-c://h",
    "aws://AKIA%2FX:se%2Bcr%2Fet%3D@/?region_name=eu-central-1&role=%7B%22a%22%3A1%7D", "fs:///?path=%2Ftmp",
    "http://https%3A%2F%2Fexample.org/", "http://https://example.org:8443/x?a=1&b=true&c=&d=x+y&e=%5B1%2C2%5D",
    "postgres://u%40x:p%3A%2F%3F%23@host.example:5432/db%2Fname?sslmode=require", "mysql://user:@h/d", "x://:p@h",
    "google-cloud-platform://?__extra__=%7B%22key_path%22%3A+%22%2Fk.json%22%2C+%22n%22%3A+1%7D", "ssh://me@Example.COM:22",
    "x://h/a/b/c", "x://h?q", "x://h?q=1&q=2", "x://h/#frag", "x://h/s?a=1#frag", "x://[::1]:80/s", "x://h:notaport/",
    "x://h:99999/", "x://a://b://c", "x://u:p://h", "sqlite:////tmp/x.db", "sqlite://%2Ftmp%2Fx.db", "x://%41%zz%4",
    "X-Y://h", "x://u:p:q@h", "x://u@v@h:1", "x://h:", "x://h/%20s%20", "x://h?%C3%A9=%C3%BC", "x://h?a=%7Bbroken",
]


def read(uri):
    c = Connection(uri=uri)
    extra = json.loads(c.extra) if c.extra else None
    fields = {"conn_type": c.conn_type, "host": c.host or None, "login": c.login or None,
              "password": c.get_password() or None, "schema": c.schema or None, "port": c.port or None, "extra": extra}
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


print("# Written by connection_table.py from Airflow 3.3.2: not to be edited.")
for uri in URIS:
    try:
        print(uri, read(uri), sep="\t")
    except Exception:
        print(uri, "error", sep="\t")
