"""The grammar: what each kind of term means, and that an error points at what is wrong."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.filters.errors import FilterError
from engine.filters.fields import BY_NAME, FIELDS, names
from engine.filters.parse import (
    LONGEST,
    Duration,
    Filter,
    Known,
    Number,
    Term,
    Text,
    Time,
    Value,
    parse,
    read_duration,
    read_number,
    render,
)
from engine.filters.times import Ago, Day, Days, read_moment, write_moment


def only(text: str) -> Term:
    (term,) = parse(text).terms
    return term


def error(text: str) -> FilterError:
    with pytest.raises(FilterError) as raised:
        parse(text)
    return raised.value


class TestTerms:
    def test_nothing_is_an_empty_filter(self) -> None:
        assert parse("  ") == Filter()

    def test_terms_are_joined_in_order(self) -> None:
        assert [term.field for term in parse("dev:alice cost>5 refund").terms] == ["dev", "cost", None]

    def test_commas_are_alternatives(self) -> None:
        assert only("agent:claude_code,codex").values == (Text(("claude_code",)), Text(("codex",)))

    def test_a_minus_negates(self) -> None:
        assert only("-dev:bot") == Term("dev", ":", (Text(("bot",)),), negated=True)
        assert only("-refund").negated

    @pytest.mark.parametrize(
        ("alias", "name"),
        [("repo:web", "project"), ("link:none", "assisted"), ("ai:yes", "assisted"), ("DEV:x", "dev")],
    )
    def test_aliases_and_case(self, alias: str, name: str) -> None:
        assert only(alias).field == name

    def test_a_wildcard_splits_text_into_pieces(self) -> None:
        assert only("model:*opus*4").values == (Text(("", "opus", "4")),)

    def test_two_wildcards_are_one(self) -> None:
        assert only("model:a**b") == only("model:a*b")

    def test_a_lone_wildcard_means_any_value(self) -> None:
        assert only("dev:*").values == (Known(True),)

    def test_quotes_keep_spaces_and_commas(self) -> None:
        assert only('repo:"my repo, old"').values == (Text(("my repo, old",)),)

    def test_quotes_escape_quotes_backslashes_and_wildcards(self) -> None:
        assert only(r'"a \"b\" \\ \*"').values == (Text(('a "b" \\ *',)),)

    def test_a_quoted_field_is_a_word(self) -> None:
        assert only('"dev:alice"') == Term(None, ":", (Text(("dev:alice",)),))

    def test_hyphens_inside_words_do_not_negate(self) -> None:
        assert only("payments-api") == Term(None, ":", (Text(("payments-api",)),))

    def test_positions_are_kept_for_messages(self) -> None:
        second = parse("dev:alice -cost>5").terms[1]
        assert (second.column, second.length) == (11, 7)


class TestNumbers:
    @pytest.mark.parametrize(
        ("written", "number"),
        [
            ("5", "5"),
            ("$5", "5"),
            ("5k", "5000"),
            ("1.5M", "1500000"),
            ("1e6", "1000000"),
            ("2.5e-3", "0.0025"),
            (".5", "0.5"),
            ("1g", "1000000000"),
            ("-0", "0"),
        ],
    )
    def test_units(self, written: str, number: str) -> None:
        assert read_number(written) == Decimal(number)

    @pytest.mark.parametrize("written", ["", "$", "abc", "1.2.3", "0x10", "1e99", "9" * 30, "5$", "nan", "inf", "٣"])
    def test_what_is_no_number(self, written: str) -> None:
        assert read_number(written) is None

    @pytest.mark.parametrize("operator", [":", ">", ">=", "<", "<="])
    def test_operators(self, operator: str) -> None:
        assert only(f"cost{operator}5") == Term("cost", operator, (Number(Decimal(5)),))

    def test_none_asks_for_the_unknown(self) -> None:
        assert only("cost:none").values == (Known(False),)

    @pytest.mark.parametrize(
        ("written", "seconds"),
        [
            ("90", "90"),
            ("90s", "90"),
            ("10m", "600"),
            ("2h", "7200"),
            ("1h30m", "5400"),
            ("250ms", "0.25"),
            ("1.5h", "5400"),
        ],
    )
    def test_durations(self, written: str, seconds: str) -> None:
        assert read_duration(written) == Decimal(seconds)

    @pytest.mark.parametrize("written", ["", "m", "1x", "-5m", "1h-5m", "9" * 50])
    def test_what_is_no_duration(self, written: str) -> None:
        assert read_duration(written) is None


class TestChoices:
    @pytest.mark.parametrize(
        ("written", "choice"), [("yes", "assisted"), ("no", "none"), ("Possible", "possible"), ("none", "none")]
    )
    def test_assisted(self, written: str, choice: str) -> None:
        assert only(f"assisted:{written}").values == (Text((choice,)),)

    def test_times(self) -> None:
        assert only("since:7d").values == (Time(Days(7)),)
        assert only("until:15m").values == (Time(Ago(900)),)


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "column", "length", "says"),
        [
            ("devv:alice", 1, 4, "did you mean dev?"),
            ("dev:alice modle:x", 11, 5, "did you mean model?"),
            ("cost>abc", 6, 3, "abc is no number; write 5, $5, 1.5M or 2e6"),
            ("cost>5,x", 8, 1, "x is no number"),
            ("dur>fast", 5, 4, "no duration"),
            ("since:soon", 7, 4, "soon is no time"),
            ("since:2026-13-01", 7, 10, "no time"),
            ("since:7d,8d", 10, 2, "takes one moment"),
            ("since>7d", 6, 1, "since takes no >"),
            ("dev>alice", 4, 1, "dev takes no >"),
            ("-since:7d", 1, 1, "cannot be negated"),
            ("state:lve", 7, 3, "did you mean live?"),
            ("cost=5", 5, 1, "write cost:"),
            ("cost!=5", 5, 2, "write -cost:"),
            ("dev:", 5, 1, "a value is missing"),
            ("dev:a,", 7, 1, "a value is missing"),
            ("dev:,a", 5, 1, "a value is missing"),
            ('dev:""', 5, 1, "a value is missing"),
            ("- dev:a", 1, 1, "nothing follows the minus sign"),
            ('"open', 1, 5, "not closed"),
            ('"a"b', 4, 1, "a space or a comma is missing"),
            ('a"b"', 2, 1, "a quote inside a word"),
            ("cost>*", 6, 1, "cannot be compared"),
            ("cost>none", 6, 4, "write cost:none"),
            ("dev:a\x00", 6, 1, "no text"),
        ],
    )
    def test_an_error_points_and_says(self, text: str, column: int, length: int, says: str) -> None:
        found = error(text)
        assert (found.column, found.length) == (column, length)
        assert says in found.line()

    def test_the_caret_stands_under_the_mistake(self) -> None:
        assert error("dev:alice modle:x").caret() == "dev:alice modle:x\n          ^^^^^"

    def test_an_unknown_field_far_from_all_names_them(self) -> None:
        assert "quote it to search for text" in error("https://example.org").line()

    def test_too_long(self) -> None:
        assert error("a" * (LONGEST + 1)).column == LONGEST + 1


class TestRegistry:
    def test_names_and_aliases_are_unique(self) -> None:
        assert len(names()) == len(set(names())) == len(BY_NAME)

    @pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
    def test_every_example_parses_to_its_field(self, field: object) -> None:
        assert only(field.example).field == field.name  # type: ignore[attr-defined]

    def test_the_fields_of_the_interface_are_there(self) -> None:
        wanted = (
            "dev agent model project repo branch team state tool kind since until cost tokens cache dur age commits "
            "lines assisted link ai err ticket session sha"
        )
        assert set(wanted.split()) <= set(names())


texts = st.text(max_size=60)
grammar_like = st.lists(
    st.one_of(
        st.sampled_from(list('-:<>=,"*\\ $%_')),
        st.sampled_from(names()),
        st.sampled_from(["7d", "today", "none", "1.5M", "1h30m", "live", "2026-11-01T10:00Z"]),
        st.text(max_size=4),
    ),
    max_size=14,
).map("".join)


@given(st.one_of(texts, grammar_like))
def test_any_text_parses_or_is_a_filter_error_within_the_text(text: str) -> None:
    found: FilterError | None = None
    try:
        parse(text)
    except FilterError as raised:
        found = raised
    if found is not None:
        assert 1 <= found.column <= len(text) + 1
        assert "\n" not in found.line()
        assert found.caret().count("\n") == 1


@given(st.one_of(texts, grammar_like))
def test_what_parses_renders_to_text_of_the_same_meaning(text: str) -> None:
    try:
        tree = parse(text)
    except FilterError:
        return
    assert parse(render(tree)) == tree
    assert render(parse(render(tree))) == render(tree)


pieces = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=8)


def text_values() -> st.SearchStrategy[Value]:
    whole = pieces.filter(bool).map(lambda piece: Text((piece,)))
    split = st.lists(pieces.filter(bool), min_size=1, max_size=2).flatmap(
        lambda middle: st.tuples(pieces, pieces).map(lambda ends: Text((ends[0], *middle, ends[1])))
    )
    return st.one_of(whole, split, st.just(Known(True)))


numbers = st.decimals(-(10**12), 10**12, places=4, allow_nan=False)


@st.composite
def terms(draw: st.DrawFn) -> Term:
    field = draw(st.sampled_from([None, *FIELDS]))
    negated = draw(st.booleans())
    if field is None:
        words = draw(st.lists(text_values().filter(lambda value: isinstance(value, Text)), min_size=1, max_size=3))
        return Term(None, ":", tuple(words), negated)
    values: st.SearchStrategy[Value]
    match field.kind:
        case "time":
            written = st.sampled_from(["7d", "15m", "today", "2026-11-01", "2026-11-01T10:00:00+02:00"])
            moment = read_moment(draw(written))
            assert moment is not None
            return Term(field.name, ":", (Time(moment),))
        case "text":
            values = text_values()
        case "choice":
            values = st.one_of(st.just(Known(True)), st.sampled_from(field.choices).map(lambda choice: Text((choice,))))
        case "number":
            values = numbers.map(lambda number: Number(number.normalize() + 0))
        case "duration":
            values = numbers.map(lambda number: Duration(abs(number).normalize() + 0))
    operator = draw(st.sampled_from(field.operators))
    if operator == ":" and field.kind in ("number", "duration"):
        values = st.one_of(values, st.sampled_from([Known(True), Known(False)]))
    return Term(field.name, operator, tuple(draw(st.lists(values, min_size=1, max_size=3))), negated)


@given(st.lists(terms(), max_size=4))
def test_every_tree_survives_rendering(made: list[Term]) -> None:
    tree = Filter(tuple(made))
    if len(render(tree)) <= LONGEST:
        assert parse(render(tree)) == tree


@given(
    st.sampled_from(
        ["7d", "3w", "1h30m", "now", "yesterday", "2026-11-01", "2026-11-01T10:00", "2026-11-01 10:00:05.5Z"]
    )
)
def test_moments_survive_writing(text: str) -> None:
    moment = read_moment(text)
    assert moment is not None
    assert read_moment(write_moment(moment)) == moment


def test_a_day_is_a_day_not_an_instant() -> None:
    assert isinstance(read_moment("2026-11-01"), Day)
