"""penjing plan --try: what is installed, on the task's own data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penjing.errors import MissingExtraError, TaskError

if TYPE_CHECKING:
    from penjing.data.dataset import Splits
    from penjing.select.plan import Plan
    from penjing.select.probes import Probe


def tried_here(splits: Splits | None, plan: Plan) -> list[Probe]:
    """Return how n-grams and each model of the plan that is installed did, showing how far it is.

    Raises:
        TaskError: the task is not one to classify.
    """
    if splits is None:
        raise TaskError("--try judges classifiers", rule='a task with kind = "classify"')
    from importlib.util import find_spec

    from rich.console import Console

    if find_spec("sklearn") is None or find_spec("torch") is None:
        raise MissingExtraError("scikit-learn or torch", extra="train")
    from penjing.cli.progress import StageBars
    from penjing.select.probes import installed, probe_all
    from penjing.train.cached_folder import default_cache

    planned = {candidate.model for candidate in plan.candidates}
    with StageBars(Console(stderr=True)) as reporter:
        return probe_all(splits, models=[model for model in installed() if model in planned],
                         cache=default_cache(), reporter=reporter)  # fmt: skip
