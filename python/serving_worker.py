"""The worker side of a python_server service: user functions behind one socket.

onebox-serving starts this program with a stream socket as file descriptor 3 and speaks frames
over it, one request at a time:

    4 bytes   length of the head, big endian
    4 bytes   length of the body, big endian
    head      JSON
    body      bytes, untouched

The first frame goes from the worker to the server: {"ready": true}, or {"ready": false, "error":
text} when a function cannot be found, after which the worker ends. Then each request
{"id", "endpoint", "method", "headers"} gets one reply {"id", "status", "type"}. A closed socket
ends the worker. Whatever user code prints goes to stderr, and so into the log.
"""

import importlib
import json
import os
import socket
import struct
import sys
import traceback

FRAME = struct.Struct("!II")
HTML = "text/html; charset=utf-8"
JSON = "application/json"
BROKEN = (500, HTML, b"Internal Server Error")


def read_exactly(stream, size):
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def read_frame(stream):
    head_size, body_size = FRAME.unpack(read_exactly(stream, FRAME.size))
    head = json.loads(read_exactly(stream, head_size))
    return head, read_exactly(stream, body_size)


def write_frame(stream, head, body=b""):
    packed = json.dumps(head).encode()
    stream.write(FRAME.pack(len(packed), len(body)) + packed)
    stream.write(body)
    stream.flush()


def plain(value):
    """What JSON has no form for but knows its own plain form: NumPy scalars and arrays."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def render(result):
    """A function's result as (status, content type, body)."""
    status = 200
    if isinstance(result, tuple):
        result, status = result
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise TypeError(f"{status!r} is no HTTP status")
    if isinstance(result, str):
        return status, HTML, result.encode()
    if isinstance(result, (bytes, bytearray)):
        return status, HTML, bytes(result)
    if isinstance(result, (dict, list)):
        return status, JSON, json.dumps(result, default=plain, allow_nan=False).encode() + b"\n"
    raise TypeError(f"the function returned {type(result).__name__}: return a str, dict or list")


def answer(function, body):
    try:
        return render(function(body))
    except Exception:
        traceback.print_exc()
        return BROKEN
    except SystemExit as error:
        print(f"the function ended the program ({error.code}): taken as an error", file=sys.stderr)
        return BROKEN


def load(endpoints):
    """The functions by their endpoint; raises LookupError with what is missing."""
    functions = {}
    for row in endpoints:
        place = f"endpoint {row['endpoint']}: {row['module']}.{row['function']}"
        try:
            function = getattr(importlib.import_module(row["module"]), row["function"])
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            raise LookupError(f"{place}: {type(error).__name__}: {error}") from error
        if not callable(function):
            raise LookupError(f"{place} is not a function")
        functions[row["endpoint"]] = function
    return functions


def serve(stream, functions):
    while True:
        head, body = read_frame(stream)
        status, kind, reply = answer(functions[head["endpoint"]], body)
        write_frame(stream, {"id": head["id"], "status": status, "type": kind}, reply)


def main():
    # The socket is ours alone: user code that reads stdin or prints must not touch it.
    stream = socket.socket(fileno=3).makefile("rwb")
    os.set_inheritable(3, False)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)
    sys.path.insert(0, os.getcwd())
    try:
        functions = load(json.loads(os.environ.pop("ONEBOX_ENDPOINTS")))
    except LookupError as error:
        write_frame(stream, {"ready": False, "error": str(error)})
        return 1
    write_frame(stream, {"ready": True})
    try:
        serve(stream, functions)
    except (EOFError, ConnectionError):
        return 0


if __name__ == "__main__":
    sys.exit(main())
