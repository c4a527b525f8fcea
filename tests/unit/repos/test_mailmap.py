"""engine.repos.mailmap: what a repository says of its authors' addresses."""

from __future__ import annotations

from engine.repos.mailmap import addresses
from engine.repos.scanner import Scanner
from tests.unit.repos.conftest import Kept, Repo

MAILMAP = """\
# who is who
Ada Lovelace <Ada@Example.com> <ada@home.example>
<ada@example.com> <ADA@old.example>   # moved
Ada Lovelace <only-a-name@example.com>
Grace <grace@example.com> Shared Machine <build@example.com>
<same@example.com> <Same@example.com>
<not an address> <also not>
<grace@example.com> <g@example.com>
<grace@new.example> <g@example.com>
"""


def test_lines_with_two_addresses_say_who_is_meant() -> None:
    assert addresses(MAILMAP) == {
        "ada@home.example": "ada@example.com",
        "ada@old.example": "ada@example.com",
        "g@example.com": "grace@new.example",
    }


def said(kept: Kept) -> set[tuple[str, str]]:
    columns = kept.rows.tables.get("developer_identities", {"value": [], "developer_id": []})
    return set(zip(columns["value"], columns["developer_id"], strict=True))


def test_a_scan_reads_the_file_of_the_default_branch_when_that_moved(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    repo.commit("without")
    scanner.scan(repo.path)
    assert said(kept) == set()
    repo.commit("with", **{".mailmap": "<ada@example.com> <ada@home.example>\n"})
    scanner.scan(repo.path)
    assert said(kept) == {("ada@home.example", "ada@example.com")}


def test_files_that_are_none_or_too_large_say_nothing(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    repo.commit("huge", **{".mailmap": "<ada@example.com> <ada@home.example>\n" + "#" * (1 << 20)})
    scanner.scan(repo.path)
    repo.git("rm", "-q", ".mailmap")
    repo.commit("a folder", **{".mailmap/x": "<ada@example.com> <ada@home.example>\n"})
    scanner.scan(repo.path)
    assert said(kept) == set()
