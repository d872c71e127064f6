"""Registers the validated model and moves the alias production to it."""

import os

import mlflow

from lineage import finished_runs

MODEL = os.environ.get("MODEL", "iris")
ALIAS = "production"


def main():
    runs = finished_runs("train", ["metrics.accuracy DESC", "metrics.log_loss ASC"])
    best = next((run for run in runs if run.data.tags.get("validated") == "yes"), None)
    if best is None:
        raise SystemExit("no model of this pipeline run has been validated")
    version = mlflow.register_model(f"runs:/{best.info.run_id}/model", MODEL).version
    mlflow.MlflowClient().set_registered_model_alias(MODEL, ALIAS, version)
    print(f"{MODEL} version {version} is in {ALIAS}: {best.info.run_name}")


if __name__ == "__main__":
    main()
