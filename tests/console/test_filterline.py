"""Typing a filter: what stands under it, and what tab completes."""

from __future__ import annotations

from console.line_editor import LineEditor
from console.views.filterline import coloured, command_advice, complete, field_help, filter_advice, typed
from console.views.line import plain, width_of


def editor(text: str) -> LineEditor:
    made = LineEditor()
    made.set(text)
    return made


def advice(text: str, width: int = 80) -> str:
    return plain([filter_advice(editor(text), width)])


def test_an_unknown_field_gets_carets_and_the_nearest_one() -> None:
    assert advice("devv:alice") == "  ^^^^ unknown field devv; did you mean dev?"


def test_carets_stand_under_the_wrong_word() -> None:
    assert advice("agent:codex cots>5").startswith(" " * 14 + "^^^^")


def test_a_long_line_says_it_before_the_carets() -> None:
    shown = advice("branch:" + "x" * 50 + " devv:alice")
    assert shown.endswith("^^^^")
    assert "unknown field devv" in shown


def test_a_value_still_to_come_is_no_mistake() -> None:
    assert advice("cost>") == "  cost: US dollars; none where no price is known"


def test_under_a_right_filter_stands_what_can_follow() -> None:
    assert advice("ag") == "  agent  age"
    assert "dev" in advice("")


def test_fields_are_set_apart_by_role() -> None:
    roles = [(span.text, span.role) for span in coloured("-dev:bot free cost>5")]
    assert ("-dev:", "field") in roles
    assert ("free", "input") in roles
    assert ("cost>", "field") in roles


def test_a_long_text_shows_the_part_at_the_caret() -> None:
    line = typed("/", editor("a" * 200 + "END"), 40)
    assert "END" in plain([line])
    assert width_of(line) <= 40


def test_completion_takes_the_only_word_that_fits() -> None:
    line = editor("bra")
    complete(line, ["branch", "dev"], "bra", "", ":")
    assert line.text == "branch:"


def test_completion_stops_where_words_part() -> None:
    line = editor("-a")
    complete(line, ["agent", "age", "dev"], "a", "-", ":")
    assert line.text == "-age"


def test_commands_are_offered_and_unknown_ones_named() -> None:
    names = ("live", "cost", "commits")
    assert plain([command_advice(editor("co"), names, names, 80)]) == "  cost  commits"
    assert "did you mean live?" in plain([command_advice(editor("lvie"), names, names, 80)])
    assert "with a filter" in plain([command_advice(editor("cost "), names, names, 80)])


def test_help_of_a_field_at_the_caret() -> None:
    assert field_help("-repo:web").startswith("project:")
    assert field_help("xyz") == "text: any column that contains it"


class TestLineEditor:
    def test_typing_and_erasing(self) -> None:
        line = editor("dev:alice")
        line.press("backspace")
        line.press("home")
        line.insert("-")
        assert (line.text, line.caret) == ("-dev:alic", 1)

    def test_words_go_at_once(self) -> None:
        line = editor("dev:alice since:7d ")
        line.press("ctrl+w")
        assert line.text == "dev:alice "

    def test_pasted_line_breaks_become_spaces(self) -> None:
        line = editor("")
        line.insert("dev:alice\nsince:7d")
        assert line.text == "dev:alice since:7d"

    def test_keys_without_meaning_say_so(self) -> None:
        assert not editor("x").press("f1")

    def test_to_the_ends(self) -> None:
        line = editor("abc")
        line.press("ctrl+a")
        line.press("ctrl+k")
        assert line.text == ""
