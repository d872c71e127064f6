"""What all modules of this directory share."""

import os

import pytest


@pytest.fixture(scope="module", autouse=True)
def own_environment():
    """What a module leaves in the environment is not the next one's: mlflow.set_registry_uri() does."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
