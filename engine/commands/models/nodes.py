"""Verbs that work on nodes one after another: run, build, test, seed, snapshot, retry, source freshness, run-operation.

Owns what is announced before and summed up after. Refuses the work itself: engine.modelrunner does it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.commands.models.work import Work

if TYPE_CHECKING:
    from engine.modelrunner.results import RunOutcome
    from engine.modelrunner.runner import Selection


def run(work: Work) -> int:
    """The verb of the same name of the runner."""
    report = work.report()
    runner, chosen = work.runner(report), work.selection()
    report.begin(work.verb)
    if work.log.strictness.says_anything and not _selects(work, chosen):
        # Which of these warnings are errors is a matter of their names, which the runner does not know.
        say_unmatched(work)
        work.log.say("NothingToDo", "Nothing to do: the selection matches no node")
        return 0
    outcome: RunOutcome = getattr(runner, work.verb)(chosen)
    if not outcome.results:
        say_unmatched(work)
    return report.end(work.verb, outcome)


def _selects(work: Work, chosen: Selection) -> bool:
    from engine.modelrunner.runner import VERB_TYPES, selected_ids

    return bool(selected_ids(work.project, chosen, VERB_TYPES[work.verb], work.previous()))


def freshness(work: Work) -> int:
    """`source freshness`."""
    file = work.choices.path("output_file")
    report = work.report()
    report.begin(work.verb)
    outcome = work.runner(report).freshness(work.selection(), None if file is None else work.place.path(file))
    return report.end(work.verb, outcome)


def retry(work: Work) -> int:
    """What failed or was skipped, by the verb of the last run."""
    report = work.report()
    report.begin(work.verb)
    verb, outcome = work.runner(report).retry()
    return report.end(verb, outcome)


def operation(work: Work) -> int:
    """`run-operation`: what the macro prints is data on standard output."""
    from engine.modelrunner.runner import Runner

    runner = Runner(work.project, work.connect)
    outcome = runner.run_operation(str(work.words["macro"]), work.choices.mapping("arguments"))
    for result in outcome.results:
        if result.failed:
            said = f"Encountered an error while running operation: {result.message}"
            work.log.say("RunningOperationCaughtError", said, exc=result.message or "")
    return outcome.exit_code


def say_unmatched(work: Work) -> None:
    """Name the criteria of a selection that matches nothing."""
    for criterion in (*work.choices.many("select"), *work.choices.many("models")):
        said = f"The selection criterion '{criterion}' does not match any enabled nodes"
        work.log.say("NoNodesForSelectionCriteria", said, spec_raw=criterion)
