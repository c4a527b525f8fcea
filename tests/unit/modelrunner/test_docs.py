"""`aa-engine models docs generate`: the page, the Markdown, what they hold and what they never do."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli import main
from engine.modelrunner import docs_page

from .conftest import Toy

NODE = shutil.which("node")
EVIL = '</script><script>alert(1)</script><img src=x onerror=alert(2)> <!-- {{ "{{" }} ]]> \\u003c'
HARNESS = Path(__file__).parent / "page_in_node.js"


@pytest.fixture
def shop(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> Toy:
    toy.write({
        "models/staging/stg.sql": "{{ config(tags=['daily']) }} select id, amount from {{ source('raw', 'orders') }}",
        "models/fct.sql": "{{ config(materialized='table', meta={'owner': 'me'}, docs={'node_color': '#123456'}) }}"
                          " select id, sum(amount) as total -- </script> <b>\n from {{ ref('stg') }} group by 1",
        "models/hidden.sql": "{{ config(docs={'show': false}) }} select * from {{ ref('fct') }}",
        "macros/m.sql": "{% macro twice(n) %}{{ n }} * 2{% endmacro %}",
        "seeds/kinds.csv": "id,kind\n1,a\n",
        "tests/none_negative.sql": "select * from {{ ref('fct') }} where total < 0",
        "models/s.yml": """
models:
  - name: fct
    description: "{{ doc('about') }}"
    columns:
      - {name: id, description: "Key | of it", data_tests: [unique, not_null]}
      - {name: gone, description: "is not there"}
sources: [{name: raw, schema: main, description: The shop, tables: [{name: orders, description: Orders}]}]
macros: [{name: twice, description: Doubles, arguments: [{name: n, type: int}]}]
exposures: [{name: dash, type: dashboard, owner: {name: me}, url: "https://example.org/d", depends_on: [ref('fct')]}]
""",
        "models/d.md": "{% docs about %}{% raw %}" + EVIL + "{% endraw %}\n\n[x](javascript:alert(3)) **bold**"
                       "{% enddocs %}"
                       "{% docs __overview__ %}# The shop\n\n- one{% enddocs %}",
    })  # fmt: skip
    toy.execute("create table orders as select 1 as id, 2.5 as amount")
    monkeypatch.setenv("TOY_DB", str(toy.database))
    monkeypatch.setenv("HOME", str(toy.folder.parent))
    monkeypatch.setenv("DBT_PROFILES_DIR", ".")
    monkeypatch.chdir(toy.folder)
    assert main(["models", "build", "-q"]) == 0
    return toy


@pytest.fixture
def page(shop: Toy) -> Path:
    assert main(["models", "docs", "generate", "-q"]) == 0
    return shop.folder / "target/index.html"


class Reader(HTMLParser):
    """The elements of a page, as a browser would see them, and the text of its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._script = tag == "script"
        if self._script:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if self._script:
            self.scripts[-1] += data


def read(page: Path) -> Reader:
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    return reader


def data_of(page: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(read(page).scripts[0])
    return found


def node_of(page: Path, name: str) -> dict[str, Any]:
    return next(node for node in data_of(page)["nodes"] if node["name"] == name)


# The page --------------------------------------------------------------------------------------------------------


def test_the_page_loads_nothing(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for tag, attributes in read(page).elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "audio", "video")
        assert not {"src", "srcset", "background", "formaction", "action"} & set(attributes)
        assert (attributes.get("href") or "#").startswith("#")
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    script = read(page).scripts[1]
    for way in (
        "fetch(",
        "XMLHttpRequest",
        "import(",
        "WebSocket",
        "EventSource",
        "sendBeacon",
        "eval(",
        "new Function",
    ):
        assert way not in script


def test_its_policy_lets_only_its_own_script_run_and_nothing_be_fetched(page: Path) -> None:
    policy = next(a["content"] for tag, a in read(page).elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; base-uri 'none'; form-action 'none'; ")
    script = read(page).scripts[1]
    assert docs_page._hash_of(script) in policy
    assert "unsafe" not in policy


def test_what_files_say_ends_no_script(page: Path) -> None:
    found = read(page)
    assert [tag for tag, _ in found.elements].count("script") == 2
    assert "img" not in [tag for tag, _ in found.elements]
    assert "</script><script>alert(1)" in node_of(page, "fct")["description"]


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=30), max_size=4))
def test_any_data_comes_back_as_it_was(values: dict[str, str]) -> None:
    reader = Reader()
    reader.feed(docs_page.render({"project": "</title><script>", "values": values}))
    assert json.loads(reader.scripts[0])["values"] == values
    assert len(reader.scripts) == 2


def test_it_knows_nodes_columns_tests_and_code(page: Path) -> None:
    fct = node_of(page, "fct")
    nodes = data_of(page)["nodes"]
    assert [column["name"] for column in fct["columns"]] == ["id", "total", "gone"]
    key, total, gone = fct["columns"]
    assert (key["type"], key["tests"], key["description"]) == ("INTEGER", ["unique", "not_null"], "Key | of it")
    assert [(nodes[place]["name"], name) for place, name in total["from"]] == [("stg", "amount")]
    assert total["steps"] == ["SUM(stg.amount)"]
    assert "type" not in gone
    assert [nodes[place]["name"] for place in fct["parents"]] == ["stg"]
    assert {nodes[place]["name"] for place in fct["children"]} == {"hidden", "dash"}
    assert {test["name"] for test in fct["tests"]} == {"unique", "not_null", "none_negative"}
    assert fct["raw"].startswith("{{ config(")
    assert '"toy"."main"."stg"' in fct["compiled"]
    assert (fct["color"], fct["built"], fct["facts"]["meta"]) == ("#123456", True, {"owner": "me"})


def test_it_knows_the_overview_sources_exposures_and_macros(page: Path) -> None:
    data = data_of(page)
    assert data["overview"].startswith("# The shop")
    assert node_of(page, "orders")["description"] == "Orders\n\nThe shop"
    assert node_of(page, "dash")["facts"]["url"] == "https://example.org/d"
    assert [(macro["name"], macro["arguments"]) for macro in data["macros"]] == [
        ("twice", [{"name": "n", "type": "int", "description": ""}])
    ]
    assert node_of(page, "hidden")["hidden"] is True
    assert node_of(page, "stg")["tags"] == ["daily"]


def test_the_page_of_our_own_models_is_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AA_DATABASE", str(tmp_path / "aa.duckdb"))
    monkeypatch.setenv("AA_DATA_DIR", str(tmp_path))
    target = tmp_path / "target"
    words = ["models", "docs", "generate", "-q", "--no-compile", "--target-path", str(target)]
    monkeypatch.chdir(tmp_path)
    assert main(words) == 0
    assert 100_000 < (target / "index.html").stat().st_size < 1_500_000
    assert "fct_sessions" in {node["name"] for node in data_of(target / "index.html")["nodes"]}


# The files -------------------------------------------------------------------------------------------------------


def test_catalog_manifest_and_page_are_written(shop: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "docs", "generate"]) == 0
    said = capsys.readouterr().out
    assert f"Catalog written to {shop.folder / 'target/catalog.json'}" in said
    catalog = json.loads((shop.folder / "target/catalog.json").read_text())
    manifest = json.loads((shop.folder / "target/manifest.json").read_text())
    assert set(catalog["nodes"]) == {"model.toy.stg", "model.toy.fct", "model.toy.hidden", "seed.toy.kinds"}
    assert manifest["nodes"]["model.toy.fct"]["compiled_code"]


def test_a_selection_narrows_the_catalog_not_the_page(shop: Toy) -> None:
    assert main(["models", "docs", "generate", "-q", "--select", "fct", "--static"]) == 0
    catalog = json.loads((shop.folder / "target/catalog.json").read_text())
    assert (set(catalog["nodes"]), catalog["sources"]) == ({"model.toy.fct"}, {})
    page = shop.folder / "target/static_index.html"
    assert {node["name"] for node in data_of(page)["nodes"]} >= {"fct", "stg", "orders", "kinds"}
    assert "compiled" not in node_of(page, "stg")


def test_an_empty_catalog_asks_nothing(shop: Toy) -> None:
    assert main(["models", "docs", "generate", "-q", "--empty-catalog"]) == 0
    catalog = json.loads((shop.folder / "target/catalog.json").read_text())
    assert (catalog["nodes"], catalog["sources"]) == ({}, {})


def test_without_compiling_an_old_manifest_stays(shop: Toy) -> None:
    manifest = shop.folder / "target/manifest.json"
    before = manifest.read_bytes()
    assert main(["models", "docs", "generate", "-q", "--no-compile"]) == 0
    assert manifest.read_bytes() == before
    manifest.unlink()
    assert main(["models", "docs", "generate", "-q", "--no-compile"]) == 0
    assert manifest.exists()


def test_a_model_that_does_not_compile_is_exit_2_and_writes_no_catalog(
    shop: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.write({"models/fct.sql": "select {{ no_such_macro() }} from {{ ref('stg') }}"})
    assert main(["models", "docs", "generate"]) == 2
    assert "models/fct.sql:1: 'no_such_macro' is undefined" in capsys.readouterr().err
    assert not (shop.folder / "target/catalog.json").exists()


def test_an_ephemeral_model_has_a_result_only_where_compile_names_nodes(shop: Toy) -> None:
    shop.write({"models/e.sql": "{{ config(materialized='ephemeral') }} select 1 as id"})
    for words, there in ((["docs", "generate"], False), (["compile"], False), (["compile", "-s", "e"], True)):
        assert main(["models", *words, "-q"]) == 0
        results = json.loads((shop.folder / "target/run_results.json").read_text())["results"]
        assert ("model.toy.e" in {result["unique_id"] for result in results}) is there
        manifest = json.loads((shop.folder / "target/manifest.json").read_text())
        assert manifest["nodes"]["model.toy.e"]["compiled_code"].strip() == "select 1 as id"


def test_assets_lie_beside_the_page(shop: Toy) -> None:
    project = (shop.folder / "dbt_project.yml").read_text()
    shop.write({"dbt_project.yml": project + "asset-paths: [assets, ../outside]\n", "assets/a/b.txt": "b"})
    (shop.folder.parent / "outside").mkdir()
    assert main(["models", "docs", "generate", "-q"]) == 0
    assert (shop.folder / "target/assets/a/b.txt").read_text() == "b"
    assert {path.name for path in (shop.folder / "target").iterdir()} >= {"assets", "index.html"}


def test_serve_says_to_open_the_file(shop: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "docs", "serve"]) == 2
    assert f"open {shop.folder / 'target/index.html'}" in capsys.readouterr().err


# Markdown --------------------------------------------------------------------------------------------------------


@pytest.fixture
def pages(shop: Toy) -> Path:
    assert main(["models", "docs", "generate", "-q", "--markdown", "docs"]) == 0
    return shop.folder / "docs"


def test_markdown_is_an_index_and_a_page_per_node(pages: Path) -> None:
    files = sorted(path.relative_to(pages).as_posix() for path in pages.rglob("*.md"))
    assert files == [
        "exposure/dash.md",
        "index.md",
        "model/fct.md",
        "model/stg.md",
        "seed/kinds.md",
        "source/raw.orders.md",
    ]


def test_every_link_leads_to_a_page(pages: Path) -> None:
    for path in pages.rglob("*.md"):
        for target in re.findall(r"\]\(((?!https?:|javascript:)[^)]+)\)", path.read_text()):
            assert (path.parent / target).resolve().is_file(), (path, target)


def test_a_page_has_columns_neighbours_tests_and_code(pages: Path) -> None:
    text = (pages / "model/fct.md").read_text()
    assert "| `id` | INTEGER | Key \\| of it | unique, not_null | stg.id |" in text
    assert "| `total` |" in text
    assert "## Stands on\n\n- [stg](../model/stg.md) (view model)" in text
    assert "## Is used by\n\n- hidden (view model)\n- [dash](../exposure/dash.md) (exposure)" in text
    assert "- unique of `id`" in text
    assert "```sql\n{{ config(" in text


def test_the_index_starts_with_the_overview_and_draws_the_graph(pages: Path) -> None:
    text = (pages / "index.md").read_text()
    assert "# The shop" in text
    assert "- [stg](model/stg.md)" in text
    assert "```mermaid\nflowchart LR" in text


def test_only_markdown_leaves_the_page_alone(shop: Toy) -> None:
    assert main(["models", "docs", "generate", "-q", "--format", "markdown"]) == 0
    assert (shop.folder / "target/docs/model/fct.md").is_file()
    assert not (shop.folder / "target/index.html").exists()


# The script, where Node.js is on the machine: no browser is needed to know that it runs ----------------------------

if NODE is not None:

    def node(*words: str) -> str:
        done = subprocess.run([str(NODE), *words], capture_output=True, text=True, check=True, timeout=60)
        return done.stdout

    def pure(expression: str) -> Any:
        """What an expression over the script's pure part gives."""
        path = json.dumps(str(docs_page.PARTS / "pure.js"))
        return json.loads(node("-e", f"const p = require({path}); console.log(JSON.stringify({expression}));"))

    ROUTES = ("#/", "#/n/model.toy.fct", "#/n/model.toy.fct/c/total", "#/graph", "#/keys", "#/m/macro.toy.twice",
              "#/t/model", "#/n/no.such.node", "#/?amount")  # fmt: skip

    @pytest.fixture
    def shown(page: Path) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = json.loads(node(str(HARNESS), str(page), *ROUTES))
        return found

    def test_the_script_draws_every_route(shown: dict[str, dict[str, str]]) -> None:
        assert "<h2>The shop</h2><ul><li>one</li></ul>" in shown["#/"]["main"]
        assert shown["#/n/model.toy.fct"]["title"] == "fct · toy"
        assert shown["#/n/model.toy.fct"]["graph"].count('<g class="box') == 5
        assert shown["#/graph"]["graph"].count('<g class="box') == 4
        assert "twice" in shown["#/m/macro.toy.twice"]["main"]
        assert shown["#/n/no.such.node"]["main"] == shown["#/"]["main"]

    def test_a_column_opens_with_its_lineage(shown: dict[str, dict[str, str]]) -> None:
        main_part = shown["#/n/model.toy.fct/c/total"]["main"]
        assert "is made of" in main_part
        assert 'href="#/n/model.toy.stg/c/amount"' in main_part
        assert 'href="#/n/source.toy.raw.orders/c/amount"' in main_part

    def test_a_search_finds_columns(shown: dict[str, dict[str, str]]) -> None:
        assert "<small>amount</small>" in shown["#/?amount"]["list"]
        assert "kinds" not in shown["#/?amount"]["list"]

    def test_nothing_hidden_is_listed(shown: dict[str, dict[str, str]]) -> None:
        assert "hidden" not in shown["#/"]["list"]

    def test_what_files_say_becomes_no_element(shown: dict[str, dict[str, str]]) -> None:
        for route in shown.values():
            for part in route.values():
                reader = Reader()
                reader.feed(part)
                tags = {tag for tag, _ in reader.elements}
                assert not tags & {"script", "img", "iframe", "b>", "object", "style", "link"}
                for _, attributes in reader.elements:
                    assert not [name for name in attributes if name.startswith("on")]
                    assert not (attributes.get("href") or "").lower().startswith(("javascript:", "data:"))
        assert "&lt;/script&gt;&lt;script&gt;alert(1)" in shown["#/n/model.toy.fct"]["main"]
        assert "<strong>bold</strong>" in shown["#/n/model.toy.fct"]["main"]

    @pytest.mark.parametrize(
        ("text", "html"),
        [
            ("# A `b`", "<h2>A <code>b</code></h2>"),
            ("one\ntwo\n\nthree", "<p>one\ntwo</p><p>three</p>"),
            ("- a\n  - b\n- c", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"),
            ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
            ("```sql\nselect 1\n```", '<pre><code><span class="k">select</span> <span class="d">1</span></code></pre>'),
            ("> a\n> b", "<blockquote><p>a\nb</p></blockquote>"),
            ("a | b\n--|--\n1 | `x\\|y`",
             "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td><code>x|y</code></td></tr>"
             "</tbody></table>"),
            ("cost_usd_total and _it_ **is**", "<p>cost_usd_total and <em>it</em> <strong>is</strong></p>"),
            ("[a](https://e.org/x_(y))",
             '<p><a href="https://e.org/x_(y)" rel="noopener noreferrer" target="_blank">a</a></p>'),
            ("[a](JavaScript:alert(1))", "<p>a</p>"),
            ("![a](https://e.org/i.png)",
             '<p><a href="https://e.org/i.png" rel="noopener noreferrer" target="_blank">a</a></p>'),
            ('[a](https://e.org/"onclick=x)',
             '<p><a href="https://e.org/&quot;onclick=x" rel="noopener noreferrer" target="_blank">a</a></p>'),
            ("<b onclick=x>&amp;", "<p>&lt;b onclick=x&gt;&amp;amp;</p>"),
            ("`a``", "<p>`a``</p>"),
            ("", ""),
        ],
    )  # fmt: skip
    def test_markdown_becomes_safe_html(text: str, html: str) -> None:
        assert pure(f"p.markdown({json.dumps(text)})") == html

    def test_a_layout_puts_children_right_of_parents_and_no_box_on_another() -> None:
        above = [[], [0], [0], [1, 2], [3, 5], []]
        below = [[1, 2], [3], [3], [4], [], [4]]
        nodes = [{"parents": up, "children": down} for up, down in zip(above, below, strict=True)]
        found = pure(f"p.layout({json.dumps(nodes)}, [0, 1, 2, 3, 4, 5])")
        boxes = {box["place"]: box for box in found["boxes"]}
        for place, each in enumerate(nodes):
            assert all(boxes[child]["x"] > boxes[place]["x"] for child in each["children"])
        assert boxes[5]["layer"] == boxes[4]["layer"] - 1
        for one in found["boxes"]:
            for other in found["boxes"]:
                apart = abs(one["y"] - other["y"]) >= found["size"]["h"]
                assert one is other or one["layer"] != other["layer"] or apart

    def test_a_circle_in_what_it_is_given_ends() -> None:
        nodes = [{"parents": [1], "children": [1]}, {"parents": [0], "children": [0]}]
        assert len(pure(f"p.layout({json.dumps(nodes)}, [0, 1]).boxes")) == 2

    def test_arrow_keys_walk_along_edges_and_layers() -> None:
        nodes = json.dumps([{"parents": [], "children": [1, 2]}, *[{"parents": [0], "children": []}] * 2])
        walk = "['ArrowLeft', 'ArrowDown', 'ArrowUp', 'ArrowRight'].map((key) => p.step(l, n, 1, key))"
        assert pure(f"((n) => {{ const l = p.layout(n, [0, 1, 2]); return {walk}; }})({nodes})") == [0, 2, 1, 1]
        assert pure(f"((n) => p.step(p.layout(n, [0, 1, 2]), n, 0, 'ArrowRight'))({nodes})") in (1, 2)
        assert pure(f"((n) => p.step(p.layout(n, [0, 1, 2]), n, null, 'ArrowRight'))({nodes})") == 0
