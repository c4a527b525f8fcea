"""dbt's selection grammar."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.modelrunner.choosing import VERB_TYPES, Selection, selected_ids
from engine.modelrunner.problems import SelectionProblem
from engine.modelrunner.project import Project
from engine.modelrunner.selection import INDIRECT, METHODS, Criterion, parse, parse_term
from engine.modelrunner.selector import Selector, fqn_matches

from .conftest import Toy

FILES = {
    "models/s.yml": """
sources: [{name: raw, tables: [{name: a, columns: [{name: id, data_tests: [not_null]}]}, {name: b}]}]
models:
  - name: mid
    columns: [{name: id, data_tests: [unique, {relationships: {arguments: {to: ref('other'), field: id}}}]}]
exposures: [{name: dash, type: dashboard, owner: {name: x}, depends_on: [ref('end')]}]
""",
    "models/staging/first.sql": "{{ config(tags=['nightly']) }} select * from {{ source('raw', 'a') }}",
    "models/staging/other.sql": "{{ config(meta={'owner': 'ann'}) }} select * from {{ source('raw', 'b') }}",
    "models/marts/mid.sql": "{{ config(materialized='table') }} select * from {{ ref('first') }}",
    "models/marts/end.sql": "select * from {{ ref('mid') }} join {{ ref('other') }} using (id)",
    "seeds/names.csv": "id\n1\n",
    "tests/single.sql": "select * from {{ ref('mid') }} join {{ ref('other') }} using (id)",
    "selectors.yml": """
selectors:
  - {name: up, definition: {method: fqn, value: end, parents: true, parents_depth: 1}}
  - {name: less, definition: {union: [{method: path, value: models/staging}, {exclude: [{tag: nightly}]}]}}
  - {name: both, definition: {intersection: ['+end', 'tag:nightly']}}
""",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Toy(Path(tmp_path_factory.mktemp("selection"))).write(FILES).load()


def chosen(project: Project, *select: str, models_only: bool = True, **rest: object) -> set[str]:
    """Names that a selection gives."""
    ids = selected_ids(project, Selection(select, **rest), VERB_TYPES["ls"])  # type: ignore[arg-type]
    names = {uid: project.member(uid).name for uid in ids}
    return {name for uid, name in names.items() if not models_only or uid.startswith("model.")}


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        (["mid"], {"mid"}),
        (["+mid"], {"first", "mid"}),
        (["mid+"], {"mid", "end"}),
        (["1+end"], {"mid", "other", "end"}),
        (["first+1"], {"first", "mid"}),
        (["@mid"], {"first", "other", "mid", "end"}),
        (["first", "other"], {"first", "other"}),
        (["first other"], {"first", "other"}),
        (["first+,+mid"], {"first", "mid"}),
        (["tag:nightly"], {"first"}),
        (["tag:night*"], {"first"}),
        (["path:models/marts"], {"mid", "end"}),
        (["models/marts/mid.sql"], {"mid"}),
        (["mid.sql"], {"mid"}),
        (["file:mid"], {"mid"}),
        (["staging"], {"first", "other"}),
        (["toy.staging.*"], {"first", "other"}),
        (["fqn:*"], {"first", "other", "mid", "end"}),
        (["config.materialized:table"], {"mid"}),
        (["config.meta.owner:ann"], {"other"}),
        (["source:raw.a+"], {"first", "mid", "end"}),
        (["source:raw+1"], {"first", "other"}),
        (["+exposure:dash"], {"first", "other", "mid", "end"}),
        (["package:this"], {"first", "other", "mid", "end"}),
        (["package:toy,resource_type:model"], {"first", "other", "mid", "end"}),
        (["nothing_like_this"], set()),
    ],
)  # fmt: skip
def test_terms(project: Project, select: list[str], expected: set[str]) -> None:
    assert chosen(project, *select) == expected


def test_nothing_selected_is_everything(project: Project) -> None:
    assert len(chosen(project, models_only=False)) == len(project.members())


def test_exclusion_wins(project: Project) -> None:
    assert chosen(project, "+end", exclude=("mid+", "tag:nightly")) == {"other"}


@pytest.mark.parametrize(
    ("name", "expected"), [("up", {"mid", "other", "end"}), ("less", {"other"}), ("both", {"first"})]
)
def test_selectors_of_the_file(project: Project, name: str, expected: set[str]) -> None:
    assert chosen(project, selector=name) == expected


def names_of_tests(project: Project, mode: str) -> set[str]:
    ids = selected_ids(project, Selection(("mid",), indirect=mode), ("test",))
    return {project.member(uid).name for uid in ids}


def test_eager_takes_every_test_that_touches_a_selected_node(project: Project) -> None:
    assert names_of_tests(project, "eager") == {"unique_mid_id", "relationships_mid_id__id__ref_other_", "single"}


def test_cautious_takes_tests_whose_parents_are_all_selected(project: Project) -> None:
    assert names_of_tests(project, "cautious") == {"unique_mid_id"}
    ids = selected_ids(project, Selection(("mid", "other"), indirect="cautious"), ("test",))
    assert {project.member(uid).name for uid in ids} == {
        "unique_mid_id",
        "relationships_mid_id__id__ref_other_",
        "single",
    }


def test_buildable_counts_ancestors_as_selected(project: Project) -> None:
    ids = selected_ids(project, Selection(("end",), indirect="buildable"), ("test",))
    assert {project.member(uid).name for uid in ids} == set()
    assert names_of_tests(project, "buildable") == {"unique_mid_id"}


def test_empty_takes_no_test_along(project: Project) -> None:
    assert names_of_tests(project, "empty") == set()


def test_kinds_of_tests(project: Project) -> None:
    assert chosen(project, "test_type:singular", models_only=False) == {"single"}
    assert chosen(project, "test_name:not_null", models_only=False) == {"source_not_null_raw_a_id"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tagg:x", "did you mean 'tag'"),
        ("line\nbreak", "cannot read selector"),
        ("@mid+", "both @ and"),
        ("resource_type:modell", "did you mean 'model'"),
        ("test_type:unitt", "did you mean 'unit'"),
    ],
)
def test_wrong_terms_name_the_nearest(project: Project, text: str, said: str) -> None:
    with pytest.raises(SelectionProblem) as caught:
        chosen(project, text)
    assert said in caught.value.line()
    assert caught.value.exit_code == 2


def test_an_unknown_mode_is_refused(project: Project) -> None:
    with pytest.raises(SelectionProblem):
        parse((), (), "keen")
    assert "eager" in INDIRECT


VALUE = st.from_regex(r"[a-z_][a-z0-9_.*/]{0,10}", fullmatch=True).filter(lambda text: not text.endswith("+"))
DEPTH = st.none() | st.integers(0, 20)


@given(
    method=st.none() | st.sampled_from(METHODS), value=VALUE, parents=st.booleans(), up=DEPTH, children=st.booleans(),
    down=DEPTH,
)  # fmt: skip
def test_a_term_says_what_was_written(
    method: str | None, value: str, parents: bool, up: int | None, children: bool, down: int | None
) -> None:
    text = f"{'' if up is None else up}+" if parents else ""
    text += value if method is None else f"{method}:{value}"
    text += f"+{'' if down is None else down}" if children else ""
    term = parse_term(text)
    assert term.value == value
    assert (term.parents, term.children) == (parents, children)
    assert term.parents_depth == (up if parents else None)
    assert term.children_depth == (down if children else None)
    if method is not None:
        assert term.method == method


@given(st.text(alphabet="+@:,.*?[]a1 _/", max_size=14))
def test_any_text_is_a_selection_or_a_clear_refusal(text: str) -> None:
    try:
        term = parse_term(text)
    except SelectionProblem:
        return
    assert isinstance(term, Criterion)


NAMES = ("first", "other", "mid", "end")


@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3), st.lists(st.sampled_from(NAMES), max_size=2))
def test_unions_and_exclusions_are_sets(select: list[str], exclude: list[str]) -> None:
    project = _shared()
    found = Selector(project).select(parse(select, exclude, "empty"))
    assert {project.member(uid).name for uid in found} == set(select) - set(exclude)


_PROJECT: list[Project] = []


def _shared() -> Project:
    if not _PROJECT:
        import tempfile

        _PROJECT.append(Toy(Path(tempfile.mkdtemp())).write(FILES).load())
    return _PROJECT[0]


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        ("b", True),
        ("p.a", True),
        ("a", True),
        ("a.b", True),
        ("p.a.b.c", False),
        ("p.x", False),
        ("p.*", True),
        ("?", True),
    ],
)
def test_names_match_like_dbts(wanted: str, matches: bool) -> None:
    assert fqn_matches(("p", "a", "b"), wanted) is matches
