"""Verbs about the project itself: parse, deps, debug, clean.

Owns what they check and remove. Refuses to touch tables.
"""

from __future__ import annotations

from engine.commands.models_work import Work


def parse(work: Work) -> int:
    """Read the project and write manifest.json."""
    from engine.modelrunner import artifacts

    project = work.project
    artifacts.write(project.target_folder / "manifest.json", artifacts.manifest(project))
    work.printer.say(f"{len(project.nodes)} nodes, {len(project.sources)} sources, {len(project.exposures)} exposures")
    return 0


def deps(work: Work) -> int:
    """Packages are there, or loading the project has said which one is not."""
    return parse(work)


def clean(work: Work) -> int:
    """Remove `clean-targets`; never anything outside the project."""
    import shutil

    project = work.project
    for name in project.root.values.get("clean-targets") or ("target",):
        place = (project.folder / str(name)).resolve()
        if place.is_relative_to(project.folder) and place != project.folder and place.is_dir():
            shutil.rmtree(place)
            work.printer.say(f"removed {place}")
    return 0


def debug(work: Work) -> int:
    """Open the database and say what would be used."""
    project = work.project
    work.connect().close()
    target = project.target
    work.printer.say(f"project   {project.name} in {project.folder}")
    work.printer.say(f"profile   {target.profile_name}, target {target.name}, schema {target.schema}")
    work.printer.say(f"database  {target.path}")
    work.printer.say("All checks passed!")
    return 0
