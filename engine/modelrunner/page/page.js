/* What the page shows: routes in the address's fragment, nodes from the data in the page, nothing from elsewhere. */
if (typeof document !== "undefined") (() => {
  const { html, raw, escape } = pure;
  const data = JSON.parse(document.getElementById("data").textContent);
  const nodes = data.nodes;
  const byId = new Map(nodes.map((node, place) => [node.id, place]));
  const byMacro = new Map(data.macros.map((macro) => [macro.id, macro]));
  const used = pure.users(nodes);
  const find = (id) => document.getElementById(id);
  const main = find("main"), list = find("list"), box = find("search");
  const remembered = { get: (key) => { try { return localStorage.getItem(key); } catch { return null; } },
    set: (key, value) => { try { localStorage.setItem(key, value); } catch { /* a file:// page may not remember */ } } };
  const state = { by: "folder", at: null, steps: 2, code: "raw" };

  /* Addresses */
  const address = (place, column) => `#/n/${encodeURIComponent(nodes[place].id)}${column ? `/c/${encodeURIComponent(column)}` : ""}`;
  const go = (to) => { if (location.hash === to) draw(); else location.hash = to; };
  const dot = (node) => html`<i class="dot t-${node.type}" title="${node.kind}"></i>`;
  const nodeLink = (place) => typeof place === "number"
    ? html`${dot(nodes[place])}<a href="${address(place)}">${nodes[place].label}</a>` : html`<span class="none">${place}</span>`;
  const columnLink = (place, name) => typeof place === "number"
    ? html`<a href="${address(place, name)}">${nodes[place].label}<b>.${name}</b></a>` : html`<span class="none">${place}.${name}</span>`;

  /* Theme */
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => { document.documentElement.dataset.theme = remembered.get("aa-docs-theme") ?? (dark.matches ? "dark" : "light"); };
  const turn = () => { remembered.set("aa-docs-theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark"); paint(); };
  dark.addEventListener("change", paint);
  find("theme").addEventListener("click", turn);
  paint();

  /* The list on the left */
  const TABS = [["folder", "Folders"], ["type", "Types"], ["tag", "Tags"]];
  function drawTabs() {
    find("tabs").innerHTML = TABS.map(([by, name]) => html`<button type="button" role="tab" data-by="${by}" aria-selected="${by === state.by}">${name}</button>`).join("");
  }
  function entry(place, extra) {
    const current = state.at === place ? raw(' aria-current="page"') : "";
    return html`<a href="${address(place, extra)}"${current}>${dot(nodes[place])}<span>${nodes[place].label}${extra ? html` <small>${extra}</small>` : ""}</span></a>`;
  }
  const shut = new Set();
  function drawList() {
    const query = box.value.trim();
    if (query) {
      const found = pure.search(nodes, query);
      list.innerHTML = found.length ? found.map(({ place, column }) => entry(place, column)).join("") : html`<p class="none">Nothing matches “${query}”</p>`.text;
      return;
    }
    const groups = pure.groups(nodes, state.by).map(([name, places]) => html`<details data-name="${name}"${raw(shut.has(name) ? "" : " open")}><summary>${name}<span class="n">${places.length}</span></summary>${places.map((place) => entry(place))}</details>`);
    const macros = state.by !== "type" || !data.macros.length ? "" : html`<details data-name="macro"${raw(shut.has("macro") ? "" : " open")}><summary>macro<span class="n">${data.macros.length}</span></summary>${data.macros.map((macro) => html`<a href="#/m/${encodeURIComponent(macro.id)}"><i class="dot t-macro"></i><span>${macro.name}</span></a>`)}</details>`;
    list.innerHTML = groups.join("") + macros;
  }
  list.addEventListener("toggle", (event) => { const name = event.target.dataset?.name; if (name) shut[event.target.open ? "delete" : "add"](name); }, true);
  find("tabs").addEventListener("click", (event) => {
    const by = event.target.dataset.by;
    if (by) { state.by = by; drawTabs(); drawList(); }
  });
  box.addEventListener("input", drawList);

  /* The graph */
  const picked = { picture: null, at: null };
  function picture(places, here) {
    const found = pure.layout(nodes, places);
    const { w, h } = found.size, pad = 14;
    const edges = found.edges.map((edge) => html`<path class="edge" data-from="${edge.from}" data-to="${edge.to}" d="${pure.curve(edge.points)}"></path>`);
    const boxes = found.boxes.map(({ place, x, y }) => {
      const node = nodes[place], name = node.label.length > 25 ? `${node.label.slice(0, 24)}…` : node.label;
      const own = /^#[0-9a-f]{3,8}$|^[a-z]{3,20}$/i.test(node.color ?? "") ? html`<rect class="own" x="0" y="0" width="5" height="${h}" rx="2" fill="${node.color}"></rect>`
        : html`<rect class="s-${node.type}" x="0" y="0" width="5" height="${h}" rx="2"></rect>`;
      return html`<g class="box${place === here ? " here" : ""}" data-place="${place}" transform="translate(${x},${y.toFixed(1)})"><title>${node.label}: ${node.kind}</title><rect class="frame" width="${w}" height="${h}" rx="6"></rect>${own}<text x="14" y="${h / 2 + 4}">${name}</text></g>`;
    });
    return { found, svg: html`<svg width="${found.width + 2 * pad}" height="${found.height + 2 * pad}" role="img" aria-label="Graph of ${places.length} nodes"><g transform="translate(${pad},${pad})">${edges}${boxes}</g></svg>` };
  }
  function showGraph(holder, places, here) {
    const { found, svg } = picture(places, here);
    holder.innerHTML = svg.text;
    holder.tabIndex = 0;
    const drawing = holder.firstElementChild, whole = [found.width + 28, found.height + 28];
    drawing.setAttribute("viewBox", `0 0 ${whole[0]} ${whole[1]}`);
    let scale = 1;
    const zoom = (to) => {
      scale = Math.min(2, Math.max(0.2, to));
      drawing.setAttribute("width", whole[0] * scale);
      drawing.setAttribute("height", whole[1] * scale);
    };
    const fit = () => zoom(Math.min(1, Math.max(0.6, Math.min((holder.clientWidth - 4) / whole[0], (holder.clientHeight - 4) / whole[1]))));
    fit();
    const bar = find("zoom");
    if (bar) bar.onclick = (event) => { const by = event.target.dataset.zoom; if (by) { if (by === "fit") fit(); else zoom(scale * Number(by)); shown(); } };
    holder.onwheel = (event) => { if (event.ctrlKey || event.metaKey) { event.preventDefault(); zoom(scale * (event.deltaY < 0 ? 1.1 : 0.9)); } };
    picked.picture = found;
    picked.at = here ?? null;
    const shown = () => {
      holder.querySelectorAll(".box").forEach((one) => one.classList.toggle("at", Number(one.dataset.place) === picked.at));
      holder.querySelectorAll(".edge").forEach((one) => one.classList.toggle("on", Number(one.dataset.from) === picked.at || Number(one.dataset.to) === picked.at));
      const at = found.boxes.find((one) => one.place === picked.at);
      if (at) holder.scrollTo({ left: at.x * scale - holder.clientWidth / 2 + 100, top: at.y * scale - holder.clientHeight / 2 + 20 });
    };
    shown();
    holder.onclick = (event) => { const at = event.target.closest?.(".box"); if (at && !holder.dataset.moved) go(address(Number(at.dataset.place))); };
    holder.onmouseover = (event) => { const at = event.target.closest?.(".box"); if (at && picked.at !== Number(at.dataset.place)) {
      const now = Number(at.dataset.place);
      holder.querySelectorAll(".edge").forEach((one) => one.classList.toggle("on", Number(one.dataset.from) === now || Number(one.dataset.to) === now)); } };
    holder.onkeydown = (event) => {
      if (event.key.startsWith("Arrow")) { picked.at = pure.step(found, nodes, picked.at, event.key) ?? picked.at; shown(); event.preventDefault(); event.stopPropagation(); }
      const factor = { "+": 1.2, "=": 1.2, "-": 1 / 1.2 }[event.key];
      if (factor) zoom(scale * factor);
      if (event.key === "0") fit();
      if (factor || event.key === "0") { shown(); event.preventDefault(); }
      if (event.key === "Enter" && picked.at !== null) { go(address(picked.at)); event.preventDefault(); }
    };
    holder.onpointerdown = (event) => {
      const from = [event.clientX, event.clientY, holder.scrollLeft, holder.scrollTop];
      delete holder.dataset.moved;
      const move = (next) => { const x = next.clientX - from[0], y = next.clientY - from[1];
        if (Math.abs(x) + Math.abs(y) > 5) { holder.dataset.moved = "1"; holder.scrollTo(from[2] - x, from[3] - y); } };
      const end = () => { removeEventListener("pointermove", move); removeEventListener("pointerup", end); };
      addEventListener("pointermove", move); addEventListener("pointerup", end);
    };
  }

  /* Pages */
  const prose = (text) => text ? html`<div class="prose">${raw(pure.markdown(text))}</div>` : html`<p class="none">No description</p>`;
  const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

  function overview() {
    document.title = data.project;
    const kinds = new Map();
    nodes.forEach((node) => { if (!node.hidden) kinds.set(node.type, (kinds.get(node.type) ?? 0) + 1); });
    const tests = nodes.reduce((sum, node) => sum + node.tests.length, 0);
    main.innerHTML = html`<div class="crumbs">Project</div><h1>${data.project}</h1>
      <div class="counts">${[...kinds].map(([kind, number]) => html`<a class="card" href="#/t/${kind}"><b>${number}</b><span>${kind}${number === 1 ? "" : kind === "analysis" ? "" : "s"}</span></a>`)}<a class="card" href="#/graph"><b>${tests}</b><span>${tests === 1 ? "test" : "tests"}</span></a></div>
      ${prose(data.overview)}
      ${Object.entries(data.packages).map(([name, text]) => html`<h2>${name} <small>package</small></h2>${prose(text)}`)}`.text;
  }

  function facts(node) {
    const rows = Object.entries(node.facts).map(([name, value]) => html`<dt>${name}</dt><dd>${typeof value === "string" ? (/^https?:/.test(value) ? raw(pure.inline(`<${value}>`)) : value) : JSON.stringify(value, null, 1)}</dd>`);
    return rows.length ? html`<h2>Details</h2><dl class="card facts">${rows}</dl>` : "";
  }

  const expressions = (steps) => steps.map((text) => html`<code class="expr">= ${raw(pure.highlight(text))}</code>`);
  function trailOf(tree, level = 0) {
    return html`<ul>${tree.below.map((one) => {
      const self = html`${columnLink(one.place, one.name)}${one.again ? html` <span class="none">(above)</span>` : ""}${one.known ? "" : html` <span class="badge warn">unknown</span>`}`;
      const steps = one.again ? "" : expressions(one.steps.slice(0, 4));
      if (!one.below.length) return html`<li class="leaf">${self}${steps}</li>`;
      return html`<li><details${raw(level < 2 ? " open" : "")}><summary>${self}</summary>${steps}${trailOf(one, level + 1)}</details></li>`;
    })}</ul>`;
  }
  function columnPanel(place, column) {
    const up = pure.trail(nodes, place, column.name), down = pure.trail(nodes, place, column.name, used);
    const origin = column.known === false ? "a part of it could not be followed" : nodes[place].type === "source" || nodes[place].type === "seed" ? "comes from outside" : "is made of no column";
    return html`<tr class="panel"><td colspan="4"><div class="trail">${expressions(column.steps ?? [])}
      ${up.below.length ? html`<p>is made of${column.known === false ? ", as far as it could be followed" : ""}</p>${trailOf(up)}` : html`<p class="none">${origin}</p>`}
      ${down.below.length ? html`<p>goes into</p>${trailOf(down)}` : html`<p class="none">goes into nothing</p>`}</div></td></tr>`;
  }

  function columnsTable(place, chosen) {
    const node = nodes[place];
    if (!node.columns.length) return html`<p class="none">No columns are known: nothing is built and nothing described</p>`;
    return html`<div class="card wide"><table class="columns"><thead><tr><th>Column</th><th>Type</th><th>Description</th><th>Lineage</th></tr></thead><tbody>${node.columns.map((column) => {
      const goes = used.get(`${place}\0${column.name.toLowerCase()}`)?.length ?? 0, comes = column.from?.length ?? 0;
      const on = chosen && column.name.toLowerCase() === chosen.toLowerCase();
      return html`<tr${raw(on ? ' class="on" id="column"' : "")}><td class="col">${column.name}</td><td class="type mono">${column.type ?? ""}</td>
        <td>${column.description ? raw(pure.markdown(column.description)) : ""}<div class="chips">${(column.tests ?? []).map((test) => html`<span class="chip">${test}</span>`)}${(column.tags ?? []).map((tag) => html`<span class="chip">#${tag}</span>`)}</div></td>
        <td><a href="${address(place, column.name)}" title="What ${column.name} is made of and goes into">${column.known === false ? "unknown" : comes ? `← ${comes}` : ""} ${goes ? `→ ${goes}` : ""}${!comes && !goes && column.known !== false ? "·" : ""}</a></td></tr>${on ? columnPanel(place, column) : ""}`;
    })}</tbody></table></div>`;
  }

  function drawNode(place, chosen) {
    const node = nodes[place];
    state.at = place;
    document.title = `${node.label} · ${data.project}`;
    const side = (title, places) => html`<div class="card"><ul><li class="none">${title}</li>${places.length ? places.map((one) => html`<li>${nodeLink(one)}</li>`) : html`<li class="none">nothing</li>`}</ul></div>`;
    main.innerHTML = html`<div class="crumbs">${node.package} / ${node.path}</div><h1>${node.label}</h1>
      <div class="badges"><span class="badge">${dot(node)} ${node.kind}</span>${node.relation ? html`<span class="badge mono">${node.relation}</span>` : ""}${node.built === false ? html`<span class="badge warn">not in the database</span>` : ""}${(node.tags ?? []).map((tag) => html`<span class="badge">#${tag}</span>`)}</div>
      <h2>Description</h2>${prose(node.description)}
      ${node.type === "exposure" || node.type === "analysis" ? "" : html`<h2>Columns <small>${node.columns.length || ""}</small></h2>${columnsTable(place, chosen)}`}
      <h2>Graph</h2><div class="bar" id="steps">${[1, 2, 99].map((steps) => html`<button type="button" data-steps="${steps}" aria-pressed="${state.steps === steps}">${steps === 99 ? "all" : count(steps, "step")}</button>`)}<span id="zoom"><button type="button" data-zoom="0.8" aria-label="smaller">−</button> <button type="button" data-zoom="fit">fit</button> <button type="button" data-zoom="1.25" aria-label="larger">+</button></span><span class="hint">arrow keys move, Enter opens</span></div><div class="card graph" id="graph"></div>
      <h2>Stands on and is used by</h2><div class="two">${side("Parents", node.parents)}${side("Children", node.children)}</div>
      ${node.tests.length ? html`<h2>Tests <small>${node.tests.length}</small></h2><div class="card wide"><table class="columns"><tbody>${node.tests.map((test) => html`<tr><td class="col">${test.name}</td><td class="type">${test.column ?? ""}</td><td>${test.description ? raw(pure.markdown(test.description)) : ""}${test.detail ? html`<code>${test.detail}</code>` : ""}</td><td class="type">${test.severity ?? ""}</td></tr>`)}</tbody></table></div>` : ""}
      ${node.raw || node.compiled ? html`<h2>Code</h2><div class="bar" id="code"><button type="button" data-code="raw" aria-pressed="${state.code === "raw"}">Source</button>${node.compiled ? html`<button type="button" data-code="compiled" aria-pressed="${state.code === "compiled"}">Compiled</button>` : ""}<button type="button" data-code="copy">Copy</button></div><pre class="sql" id="sql"></pre>` : ""}
      ${facts(node)}`.text;
    const drawGraph = () => {
      const places = pure.around(nodes, place, state.steps, state.steps), holder = find("graph");
      const { found } = picture(places, place);
      holder.style.height = `${Math.min(460, found.height + 46)}px`;
      showGraph(holder, places, place);
    };
    drawGraph();
    find("steps").onclick = (event) => { if (event.target.dataset.steps) { state.steps = Number(event.target.dataset.steps); pressed(find("steps"), "steps", state.steps); drawGraph(); } };
    const bar = find("code");
    if (bar) {
      const text = () => (state.code === "compiled" && node.compiled) || node.raw || node.compiled;
      const show = () => { find("sql").innerHTML = pure.highlight(text()); pressed(bar, "code", state.code); };
      show();
      bar.onclick = (event) => {
        const wanted = event.target.dataset.code;
        if (wanted === "copy") navigator.clipboard?.writeText(text()).then(() => { event.target.textContent = "Copied"; }, () => {});
        else if (wanted) { state.code = wanted; show(); }
      };
    }
    if (chosen) find("column")?.scrollIntoView({ block: "center" });
  }
  const pressed = (bar, key, value) => bar.querySelectorAll("button").forEach((one) => one.setAttribute("aria-pressed", String(one.dataset[key] === String(value))));

  function wholeGraph() {
    document.title = `Graph · ${data.project}`;
    main.innerHTML = html`<h1>Graph</h1><div class="bar"><span id="zoom"><button type="button" data-zoom="0.8" aria-label="smaller">−</button> <button type="button" data-zoom="fit">fit</button> <button type="button" data-zoom="1.25" aria-label="larger">+</button></span><span class="hint">drag to move, arrow keys walk along the edges, Enter opens</span></div><div class="card graph full" id="graph"></div>`.text;
    showGraph(find("graph"), nodes.map((_, place) => place).filter((place) => !nodes[place].hidden && (nodes[place].parents.length || nodes[place].children.length)), state.at);
    find("graph").focus();
  }

  function macroPage(macro) {
    document.title = `${macro.name} · ${data.project}`;
    main.innerHTML = html`<div class="crumbs">${macro.package} / ${macro.path}</div><h1>${macro.name}</h1><div class="badges"><span class="badge">macro</span></div>
      <h2>Description</h2>${prose(macro.description)}
      ${macro.arguments.length ? html`<h2>Arguments</h2><div class="card wide"><table class="columns"><tbody>${macro.arguments.map((one) => html`<tr><td class="col">${one.name}</td><td class="type">${one.type ?? ""}</td><td>${one.description ? raw(pure.markdown(one.description)) : ""}</td></tr>`)}</tbody></table></div>` : ""}
      <h2>Code</h2><pre class="sql">${raw(pure.highlight(macro.code))}</pre>`.text;
  }

  const KEYS = [["/", "search"], ["↑ ↓", "walk the list (from the search too); in a graph along a layer"], ["← →", "in a graph to a parent or a child"], ["+ − 0", "in a graph larger, smaller, all of it"], ["Enter", "open"], ["g", "graph of everything"], ["o", "overview"], ["[ ]", "first parent, first child"], ["t", "light or dark"], ["Esc", "leave the search"], ["?", "this page"]];
  function keysPage() {
    document.title = `Keys · ${data.project}`;
    main.innerHTML = html`<h1>Keys</h1><dl class="card facts">${KEYS.map(([key, what]) => html`<dt><kbd>${key}</kbd></dt><dd>${what}</dd>`)}</dl>`.text;
  }

  function draw() {
    const parts = location.hash.replace(/^#\/?/, "").split("/").map((one) => { try { return decodeURIComponent(one); } catch { return one; } });
    const [kind, name, , column] = parts;
    main.classList.toggle("wide", kind === "graph");
    state.at = kind === "n" ? byId.get(name) ?? null : state.at;
    if (kind === "n" && state.at !== null) drawNode(state.at, column);
    else if (kind === "m" && byMacro.has(name)) macroPage(byMacro.get(name));
    else if (kind === "graph") wholeGraph();
    else if (kind === "keys") keysPage();
    else { state.at = null; if (kind === "t") { state.by = "type"; drawTabs(); } overview(); }
    drawList();
    if (kind === "t") list.querySelector(`[data-name="${CSS.escape(name)}"]`)?.scrollIntoView();
    list.querySelector('[aria-current="page"]')?.scrollIntoView({ block: "nearest" });
    if (!column) scrollTo(0, 0);
  }

  addEventListener("hashchange", draw);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target === box;
    if (event.key === "Escape") { box.value = ""; drawList(); main.focus(); return; }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const links = [...list.querySelectorAll("a")].filter((one) => one.offsetParent !== null);
      const at = links.indexOf(document.activeElement);
      if (!typing && at < 0) return;
      const next = links[at < 0 ? (event.key === "ArrowDown" ? 0 : links.length - 1) : at + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) next.focus(); else if (at === 0) box.focus();
      event.preventDefault();
      return;
    }
    if (typing) { if (event.key === "Enter") { const first = list.querySelector("a"); if (first) go(first.getAttribute("href")); } return; }
    const node = state.at === null ? null : nodes[state.at];
    const moves = { "/": () => { box.focus(); box.select(); }, g: () => go("#/graph"), o: () => go("#/"), t: turn, "?": () => go("#/keys"),
      "[": () => { if (node?.parents.length) go(address(node.parents[0])); }, "]": () => { if (node?.children.length) go(address(node.children[0])); } };
    if (moves[event.key]) { moves[event.key](); event.preventDefault(); }
  });

  find("name").textContent = data.project;
  find("made").textContent = data.made.slice(0, 10);
  find("made").title = `Written ${data.made} by ${data.by}`;
  drawTabs();
  draw();
})();
