"""The service: the model behind the alias production, swapped when the alias moves.

Each function gets the request's body as bytes and answers with a dict (JSON), a string (HTML) or
a pair of body and status.
"""

import json
import os
import time

import mlflow
import pandas as pd

MODEL = os.environ.get("MODEL", "iris")
ALIAS = "production"
LOOK_AGAIN_AFTER = 5.0  # seconds between two looks at the alias
SPECIES = ("setosa", "versicolor", "virginica")

_loaded = {"version": None, "model": None, "looked_at": float("-inf")}


def current():
    """The model in production as (version, model)."""
    now = time.monotonic()
    if now - _loaded["looked_at"] >= LOOK_AGAIN_AFTER:
        try:
            _look(now)
        except mlflow.MlflowException:
            if _loaded["model"] is None:
                raise
            # The tracking server is away: what is loaded keeps serving.
    return _loaded["version"], _loaded["model"]


def _look(now):
    version = mlflow.MlflowClient().get_model_version_by_alias(MODEL, ALIAS).version
    if version != _loaded["version"]:
        model = mlflow.sklearn.load_model(f"models:/{MODEL}/{version}")
        _loaded.update(version=version, model=model)
    _loaded["looked_at"] = now


def predict(body):
    try:
        width = float(json.loads(body)["petal_width"])
    except (ValueError, KeyError, TypeError):
        return {"error": 'send {"petal_width": "2.1"}'}, 400
    version, model = current()
    species = SPECIES[int(model.predict(pd.DataFrame({"petal_width": [width]}))[0])]
    return {"result": species, "version": str(version)}


def healthcheck(body):
    return "Server is up!"


def version(body):
    return str(current()[0])
