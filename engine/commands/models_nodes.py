"""Verbs that work on nodes one after another: run, build, test, seed, snapshot, retry, source freshness, run-operation.

Owns what is announced before and summed up after. Refuses the work itself: engine.modelrunner does it.
"""

from __future__ import annotations

from engine.commands.models_work import Work


def run(work: Work) -> int:
    """The verb of the same name of the runner."""
    runner, chosen = work.runner(), work.selection()
    work.printer.begin(work.verb)
    return work.printer.end(work.verb, getattr(runner, work.verb)(chosen))


def freshness(work: Work) -> int:
    """`source freshness`."""
    file = work.choices.path("output_file")
    work.printer.begin(work.verb)
    outcome = work.runner().freshness(work.selection(), None if file is None else work.place.path(file))
    return work.printer.end(work.verb, outcome)


def retry(work: Work) -> int:
    """What failed or was skipped, by the verb of the last run."""
    work.printer.begin(work.verb)
    verb, outcome = work.runner().retry()
    return work.printer.end(verb, outcome)


def operation(work: Work) -> int:
    """`run-operation`."""
    outcome = work.runner().run_operation(str(work.words["macro"]), work.choices.mapping("args"))
    return work.printer.end(work.verb, outcome)
