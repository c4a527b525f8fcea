"""engine.repos.log: the stream of `git log`, whatever names, messages and paths hold."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.repos.log import FIELDS, MARK, Moment, TornHistoryError, moment, parse, tokens, trailers
from engine.repos.paths import is_written

without_nul = st.binary(max_size=30).map(lambda value: value.replace(b"\0", b""))
paths = st.binary(min_size=1, max_size=20).map(lambda value: value.replace(b"\0", b"x"))
figures = st.one_of(st.just((b"-", b"-")), st.tuples(st.integers(0, 999), st.integers(0, 999)))


@st.composite
def histories(draw: st.DrawFn) -> tuple[bytes, list[tuple[str, int, int]]]:
    """Bytes as git prints them, and (hash, files, added lines in all) of each commit."""
    output = bytearray()
    expected = []
    for number in range(draw(st.integers(0, 4))):
        commit_hash = f"{number:040x}".encode()
        fields = [commit_hash, b"", b"tip", *[draw(without_nul) for _ in FIELDS[3:]]]
        output += MARK + b"\0" + b"\0".join(fields) + b"\0\0"
        files = draw(st.lists(st.tuples(figures, paths, st.none() | paths), max_size=4))
        added = 0
        for position, ((plus, minus), path, renamed) in enumerate(files):
            output += b"\n" if position == 0 else b""
            added += plus if isinstance(plus, int) else 0
            for figure in (plus, minus):
                output += (str(figure).encode() if isinstance(figure, int) else figure) + b"\t"
            output += path + b"\0" if renamed is None else b"\0" + path + b"\0" + renamed + b"\0"
        expected.append((commit_hash.decode(), len(files), added))
    return bytes(output), expected


@given(histories())
def test_every_history_is_read_back(history: tuple[bytes, list[tuple[str, int, int]]]) -> None:
    output, expected = history
    found = [
        (commit.commit_hash, commit.files_changed, commit.lines_added_total) for commit in parse(io.BytesIO(output))
    ]
    assert found == expected


@given(histories(), st.data())
def test_a_history_that_breaks_off_gives_whole_commits_or_an_error(
    history: tuple[bytes, list[tuple[str, int, int]]], data: st.DataObject
) -> None:
    output, expected = history
    cut = data.draw(st.integers(0, len(output)))
    try:
        found = [commit.commit_hash for commit in parse(io.BytesIO(output[:cut]))]
    except TornHistoryError:
        return
    assert found == [name for name, _, _ in expected][: len(found)]


def test_output_that_is_no_history_is_an_error() -> None:
    with pytest.raises(TornHistoryError):
        list(parse(io.BytesIO(b"hello\0")))


@given(st.lists(paths, max_size=5), st.integers(1, 7))
def test_tokens_do_not_depend_on_how_the_stream_is_cut(parts: list[bytes], size: int) -> None:
    class Dripping(io.BytesIO):
        def read(self, _: int | None = -1) -> bytes:
            return super().read(size)

    assert list(tokens(Dripping(b"".join(part + b"\0" for part in parts)))) == parts


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"1700000000 +0200", Moment(1_700_000_000, 120)),
        (b"1700000000 -0330", Moment(1_700_000_000, -210)),
        (b"1700000000", Moment(1_700_000_000, 0)),
        (b"-5 +0000", Moment(0, 0)),
        (b"999999999999999 +0000", Moment(0, 0)),
        (b"1 +9999", Moment(1, 0)),
        (b"", Moment(0, 0)),
    ],
)
def test_moments(value: bytes, expected: Moment) -> None:
    assert moment(value) == expected


@given(st.binary(max_size=20))
def test_any_moment_is_read(value: bytes) -> None:
    found = moment(value)
    assert found.seconds >= 0
    assert abs(found.offset_minutes) <= 1440


def test_trailers_are_keys_and_values() -> None:
    assert trailers("Key: a: b\nnone\n: empty\nOther:c\n") == (("Key", "a: b"), ("Other", "c"))


@pytest.mark.parametrize(
    "path",
    [
        b"package-lock.json",
        b"web/yarn.lock",
        b"Cargo.lock",
        b"go.sum",
        b"vendor/github.com/x/y.go",
        b"a/node_modules/b.js",
        b"static/app.min.css",
        b"api/v1/service.pb.go",
        b"api/service_pb2.py",
        b"tests/__snapshots__/x.test.js.snap",
        b"third_party/zlib/adler.c",
    ],
)
def test_files_that_nobody_wrote(path: bytes) -> None:
    assert not is_written(path)


@pytest.mark.parametrize(
    "path", [b"src/main.py", b"locks.py", b"vendor.py", b"src/vendors/list.py", b"mypackage-lock.json.md", b"go.mod"]
)
def test_files_that_somebody_wrote(path: bytes) -> None:
    assert is_written(path)
