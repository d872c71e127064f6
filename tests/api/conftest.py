"""What all modules of this directory share."""

import gc
import os

import pytest
from daemon_test import remove_directories

# Two processes share the modules out, each whole to one of them: those that last longest first, so that both end together. Most
# of these wait more than they work.
LONG_ONES = ["test_sqlproxy_databases.py", "test_sqlproxy.py", "test_sources_mount.py", "test_tracking_crashes.py", "test_mount.py",
             "test_mount_away.py", "test_task_runs.py", "test_scheduler.py", "test_scheduler_hurt.py", "test_serving.py"]


def pytest_collection_modifyitems(items):
    order = {name: n for n, name in enumerate(LONG_ONES)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


def pytest_collection_finish():
    """What was collected stays to the end: the garbage collector need not go through it again and again."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish():
    remove_directories()  # a process that shares the modules ends without its atexit


@pytest.fixture(scope="module", autouse=True)
def own_environment():
    """What a module leaves in the environment is not the next one's: mlflow.set_registry_uri() does."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
