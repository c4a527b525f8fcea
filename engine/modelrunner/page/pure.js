"use strict";
/* What the page computes: text to safe HTML, search, the layout of a graph, the trail of a column. Touches no document. */
const pure = (() => {
  const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  const escape = (value) => String(value ?? "").replace(/[&<>"']/g, (sign) => ESCAPES[sign]);

  /* A template whose values are escaped; `raw` marks what is HTML already. */
  class Safe { constructor(text) { this.text = text; } toString() { return this.text; } }
  const raw = (text) => new Safe(text);
  const part = (value) => Array.isArray(value) ? value.map(part).join("")
    : value instanceof Safe ? value.text
    : value === null || value === undefined || value === false ? "" : escape(value);
  const html = (texts, ...values) => raw(texts.reduce((done, text, place) => done + part(values[place - 1]) + text));

  /* Markdown --------------------------------------------------------------------------------------------------- */
  const INLINE = new RegExp([
    "(?<ticks>`+)(?<code>[^]*?[^`])\\k<ticks>(?!`)",
    "!?\\[(?<label>[^\\]]*)\\]\\((?<target>[^()\\s]+(?:\\([^()\\s]*\\)[^()\\s]*)?)(?:\\s+\"[^\"]*\")?\\)",
    "<(?<auto>https?:[^>\\s]+)>",
    "\\\\(?<sign>[\\\\`*_{}\\[\\]()#+.!~|<>-])",
    "(?<strong>\\*\\*|(?<!\\w)__)(?=\\S)(?<bold>[^]*?\\S)\\k<strong>",
    "(?<em>\\*|(?<!\\w)_(?!_))(?=\\S)(?<italic>[^]*?\\S)\\k<em>(?!\\w)",
    "~~(?<gone>[^]+?)~~",
  ].join("|"), "g");
  const link = (target, label) => /^(https?:|mailto:)/i.test(target)
    ? `<a href="${escape(target)}" rel="noopener noreferrer" target="_blank">${label}</a>` : label;

  function inline(text, depth = 0) {
    if (depth > 8) return escape(text);
    let done = "", at = 0;
    for (const found of text.matchAll(INLINE)) {
      const group = found.groups;
      done += escape(text.slice(at, found.index));
      at = found.index + found[0].length;
      if (group.code !== undefined) done += `<code>${escape(group.code.trim())}</code>`;
      else if (group.label !== undefined) done += link(group.target, inline(group.label, depth + 1) || escape(group.target));
      else if (group.auto !== undefined) done += link(group.auto, escape(group.auto));
      else if (group.sign !== undefined) done += escape(group.sign);
      else if (group.bold !== undefined) done += `<strong>${inline(group.bold, depth + 1)}</strong>`;
      else if (group.italic !== undefined) done += `<em>${inline(group.italic, depth + 1)}</em>`;
      else done += `<del>${inline(group.gone, depth + 1)}</del>`;
    }
    return done + escape(text.slice(at));
  }

  const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => inline(cell.trim().replace(/\\\|/g, "|")));

  function items(lines, place, indent) {
    const kind = /\d/.test(ITEM.exec(lines[place])[2]) ? "ol" : "ul";
    let done = "";
    while (place < lines.length) {
      const found = ITEM.exec(lines[place]);
      if (!found || found[1].length < indent) break;
      if (found[1].length > indent) {
        const inner = items(lines, place, found[1].length);
        done = done.replace(/(<\/li>)?$/, `${inner.html}$1`);
        place = inner.place;
        continue;
      }
      let text = found[3];
      place += 1;
      while (place < lines.length && lines[place].trim() && !ITEM.test(lines[place])) text += "\n" + lines[place++].trim();
      done += `<li>${inline(text)}</li>`;
    }
    return { html: `<${kind}>${done}</${kind}>`, place };
  }

  /* Markdown as HTML: no tag of the text survives, no image and no script is ever made. */
  function markdown(text) {
    const lines = String(text ?? "").replace(/\r\n?/g, "\n").split("\n");
    let done = "", place = 0;
    while (place < lines.length) {
      const line = lines[place];
      const fence = /^\s*(`{3,}|~{3,})\s*(\S*)/.exec(line);
      const head = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
      if (!line.trim()) { place += 1; }
      else if (fence) {
        const body = [];
        place += 1;
        while (place < lines.length && !lines[place].trim().startsWith(fence[1])) body.push(lines[place++]);
        place += 1;
        const code = body.join("\n");
        done += `<pre><code>${/^(sql|jinja|duckdb)$/i.test(fence[2]) ? highlight(code) : escape(code)}</code></pre>`;
      } else if (head) {
        const level = Math.min(head[1].length + 1, 6);
        done += `<h${level}>${inline(head[2])}</h${level}>`;
        place += 1;
      } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) { done += "<hr>"; place += 1; }
      else if (/^\s*>/.test(line)) {
        const body = [];
        while (place < lines.length && /^\s*>/.test(lines[place])) body.push(lines[place++].replace(/^\s*> ?/, ""));
        done += `<blockquote>${markdown(body.join("\n"))}</blockquote>`;
      } else if (ITEM.test(line)) {
        const found = items(lines, place, ITEM.exec(line)[1].length);
        done += found.html;
        place = found.place;
      } else if (line.includes("|") && /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(lines[place + 1] ?? "")) {
        const names = cells(line);
        const rows = [];
        place += 2;
        while (place < lines.length && lines[place].includes("|") && lines[place].trim()) rows.push(cells(lines[place++]));
        const row = (tag, values) => `<tr>${values.map((value) => `<${tag}>${value}</${tag}>`).join("")}</tr>`;
        done += `<table><thead>${row("th", names)}</thead><tbody>${rows.map((values) => row("td", values)).join("")}</tbody></table>`;
      } else {
        const body = [];
        while (place < lines.length && lines[place].trim() && !/^\s*(`{3,}|~{3,}|>|#{1,6}\s)/.test(lines[place])
          && !(body.length && ITEM.test(lines[place]))) body.push(lines[place++].trim());
        if (!body.length) body.push(lines[place++].trim());
        done += `<p>${inline(body.join("\n"))}</p>`;
      }
    }
    return done;
  }

  /* SQL --------------------------------------------------------------------------------------------------------- */
  const KEYWORDS = new Set(("all and any anti array as asc asof at between both by case cast coalesce columns cross current_date"
    + " current_timestamp date decimal default delete desc describe distinct double else end escape except exclude exists extract"
    + " false filter following for from full group having ilike in inner insert intersect interval into is join lateral left like"
    + " limit list map materialized name natural not null nulls offset on or order outer over partition pivot positional"
    + " preceding qualify range recursive replace right row rows select semi set similar struct table then timestamp to true try_cast"
    + " unbounded union unnest unpivot update using values varchar view when where window with within bigint integer boolean").split(" "));
  const TOKENS = /(--[^\n]*|\/\*[^]*?\*\/|\{#[^]*?#\})|(\{\{[^]*?\}\}|\{%[^]*?%\})|('(?:[^']|'')*')|("(?:[^"]|"")*")|(\b\d[\d_.]*(?:e[+-]?\d+)?\b)|([A-Za-z_]\w*)/gi;
  function highlight(sql) {
    let done = "", at = 0;
    for (const found of String(sql ?? "").matchAll(TOKENS)) {
      const [text, comment, jinja, string, , number, word] = found;
      done += escape(sql.slice(at, found.index));
      at = found.index + text.length;
      const kind = comment ? "c" : jinja ? "j" : string ? "s" : number ? "d" : word && KEYWORDS.has(word.toLowerCase()) ? "k" : "";
      done += kind ? `<span class="${kind}">${escape(text)}</span>` : escape(text);
    }
    return done + escape(String(sql ?? "").slice(at));
  }

  /* Search ------------------------------------------------------------------------------------------------------ */
  function search(nodes, query, limit = 60) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    const found = [];
    nodes.forEach((node, place) => {
      if (node.hidden) return;
      const name = node.label.toLowerCase();
      const tags = (node.tags ?? []).join(" ").toLowerCase();
      const about = `${node.description ?? ""} ${node.path ?? ""} ${node.kind} ${tags}`.toLowerCase();
      let score = 0, column = null;
      for (const word of words) {
        const inColumn = (node.columns ?? []).find((one) => one.name.toLowerCase().includes(word));
        if (name === word) score += 100;
        else if (name.startsWith(word)) score += 60;
        else if (name.includes(word)) score += 40;
        else if (inColumn) { score += inColumn.name.toLowerCase() === word ? 25 : 12; column = inColumn.name; }
        else if (about.includes(word)) score += 4;
        else return;
      }
      found.push({ place, score, column });
    });
    return found.sort((one, other) => other.score - one.score || nodes[one.place].label.localeCompare(nodes[other.place].label)).slice(0, limit);
  }

  /* Graph ------------------------------------------------------------------------------------------------------- */
  /* Places within `up` steps above and `down` steps below. */
  function around(nodes, start, up, down) {
    const reach = (key, steps) => {
      const seen = new Set([start]);
      let level = [start];
      for (let step = 0; step < steps && level.length; step += 1) {
        level = level.flatMap((place) => nodes[place][key]).filter((place) => !seen.has(place) && seen.add(place));
      }
      return seen;
    };
    return [...new Set([...reach("parents", up), ...reach("children", down)])];
  }

  /* Layers from left to right: {boxes: [{place, x, y, layer}], edges: [{from, to, points}], width, height}. */
  function layout(nodes, places, size = { w: 190, h: 30, gapX: 60, gapY: 12 }) {
    const chosen = new Set(places);
    const parents = new Map(places.map((place) => [place, nodes[place].parents.filter((other) => chosen.has(other))]));
    const children = new Map(places.map((place) => [place, nodes[place].children.filter((other) => chosen.has(other))]));
    const layer = new Map();
    const depth = (place, path = new Set()) => {
      if (layer.has(place)) return layer.get(place);
      if (path.has(place)) return 0;
      path.add(place);
      const found = Math.max(-1, ...parents.get(place).map((other) => depth(other, path))) + 1;
      path.delete(place);
      layer.set(place, found);
      return found;
    };
    places.forEach((place) => depth(place));
    // What nothing stands below of on the left is moved next to what first uses it.
    for (const place of places) {
      if (!parents.get(place).length && children.get(place).length) {
        layer.set(place, Math.max(0, Math.min(...children.get(place).map((other) => layer.get(other))) - 1));
      }
    }
    const columns = [];
    const put = (item, at) => { (columns[at] ??= []).push(item); item.layer = at; };
    const boxes = new Map(places.map((place) => [place, { place, left: [], right: [] }]));
    places.forEach((place) => put(boxes.get(place), layer.get(place)));
    const edges = [];
    for (const place of places) {
      for (const child of children.get(place)) {
        const chain = [boxes.get(place)];
        for (let at = layer.get(place) + 1; at < layer.get(child); at += 1) {
          const bend = { bend: true, left: [], right: [] };
          put(bend, at);
          chain.push(bend);
        }
        chain.push(boxes.get(child));
        for (let step = 1; step < chain.length; step += 1) { chain[step - 1].right.push(chain[step]); chain[step].left.push(chain[step - 1]); }
        edges.push({ from: place, to: child, chain });
      }
    }
    for (let at = 0; at < columns.length; at += 1) (columns[at] ??= []).forEach((item, order) => { item.order = order; });
    const mean = (items, key) => items.reduce((sum, item) => sum + item[key], 0) / items.length;
    for (let sweep = 0; sweep < 12; sweep += 1) {
      const side = sweep % 2 ? "right" : "left";
      for (const column of sweep % 2 ? [...columns].reverse() : columns) {
        column.forEach((item) => { item.rank = item[side].length ? mean(item[side], "order") : item.order; });
        column.sort((one, other) => one.rank - other.rank || one.order - other.order).forEach((item, order) => { item.order = order; });
      }
    }
    const height = (item) => (item.bend ? 8 : size.h);
    for (const column of columns) {
      let y = 0;
      for (const item of column) { item.y = y; y += height(item) + size.gapY; }
    }
    const middle = (item) => item.y + height(item) / 2;
    for (let sweep = 0; sweep < 16; sweep += 1) {
      const side = sweep % 2 ? "right" : "left";
      for (const column of sweep % 2 ? [...columns].reverse() : columns) {
        const wanted = column.map((item) => (item[side].length ? mean(item[side].map((other) => ({ y: middle(other) })), "y") - height(item) / 2 : item.y));
        column.forEach((item, at) => {
          const above = column[at - 1];
          item.y = above ? Math.max(wanted[at], above.y + height(above) + size.gapY) : wanted[at];
        });
        // What had no room moved down; the whole column moves back by as much as its items are off on average.
        const off = column.reduce((sum, item, at) => sum + item.y - wanted[at], 0) / (column.length || 1);
        column.forEach((item) => { item.y -= off; });
      }
    }
    const all = columns.flat();
    const top = Math.min(0, ...all.map((item) => item.y));
    all.forEach((item) => { item.y -= top; item.x = item.layer * (size.w + size.gapX); });
    return {
      boxes: [...boxes.values()].map(({ place, x, y, layer: at }) => ({ place, x, y, layer: at })),
      edges: edges.map(({ from, to, chain }) => ({ from, to, points: chain.flatMap((item, step) => {
        const y = middle(item);
        if (item.bend) return [[item.x, y], [item.x + size.w, y]];
        return step === 0 ? [[item.x + size.w, y]] : [[item.x, y]];
      }) })),
      width: columns.length * (size.w + size.gapX) - size.gapX,
      height: Math.max(size.h, ...all.map((item) => item.y + height(item))),
      size,
    };
  }

  /* A path through points: level at every one of them. */
  function curve(points) {
    let path = `M${points[0][0]},${points[0][1].toFixed(1)}`;
    for (let at = 1; at < points.length; at += 1) {
      const [x0, y0] = points[at - 1], [x1, y1] = points[at];
      const half = (x0 + x1) / 2;
      path += `C${half},${y0.toFixed(1)} ${half},${y1.toFixed(1)} ${x1},${y1.toFixed(1)}`;
    }
    return path;
  }

  /* Where an arrow key leads in a layout: to the nearest box of a neighbour, or up and down in the same layer. */
  function step(picture, nodes, at, key) {
    const here = picture.boxes.find((box) => box.place === at);
    if (!here) return [...picture.boxes].sort((one, other) => one.layer - other.layer || one.y - other.y)[0]?.place ?? null;
    const near = (boxes) => boxes.sort((one, other) => Math.abs(one.y - here.y) - Math.abs(other.y - here.y))[0]?.place ?? here.place;
    const of = (places) => near(picture.boxes.filter((box) => places.includes(box.place)));
    if (key === "ArrowLeft") return of(nodes[here.place].parents);
    if (key === "ArrowRight") return of(nodes[here.place].children);
    const column = picture.boxes.filter((box) => box.layer === here.layer && (key === "ArrowUp" ? box.y < here.y : box.y > here.y));
    return near(column);
  }

  /* Columns ----------------------------------------------------------------------------------------------------- */
  const columnOf = (nodes, place, name) => (nodes[place]?.columns ?? []).find((one) => one.name.toLowerCase() === name.toLowerCase());

  /* Column → columns made of it: Map "place\0name" → [[place, name]]. */
  function users(nodes) {
    const found = new Map();
    nodes.forEach((node, place) => (node.columns ?? []).forEach((column) => (column.from ?? []).forEach(([of, name]) => {
      const key = `${of}\0${name.toLowerCase()}`;
      if (!found.has(key)) found.set(key, []);
      found.get(key).push([place, column.name]);
    })));
    return found;
  }

  /* The tree of a column, upwards by what it is made of or downwards by `used`: {place, name, steps, known, below, again}. */
  function trail(nodes, place, name, used = null, seen = new Set()) {
    const column = typeof place === "number" ? columnOf(nodes, place, name) : null;
    const key = `${place}\0${name.toLowerCase()}`;
    const next = used ? used.get(key) ?? [] : column?.from ?? [];
    const again = seen.has(key) && next.length > 0;
    seen.add(key);
    return {
      place, name, steps: column?.steps ?? [], known: column?.known !== false, again,
      below: again ? [] : next.map(([of, inner]) => trail(nodes, of, inner, used, seen)),
    };
  }

  /* Nodes in groups by folder, type or tag: [[group, [place]]], sorted. */
  function groups(nodes, by) {
    const found = new Map();
    nodes.forEach((node, place) => {
      if (node.hidden) return;
      const names = by === "tag" ? (node.tags?.length ? node.tags : ["no tag"]) : [by === "type" ? node.type : node.folder || node.package];
      names.forEach((name) => { if (!found.has(name)) found.set(name, []); found.get(name).push(place); });
    });
    for (const places of found.values()) places.sort((one, other) => nodes[one].label.localeCompare(nodes[other].label));
    return [...found].sort(([one], [other]) => one.localeCompare(other));
  }

  return { escape, html, raw, markdown, inline, highlight, search, around, layout, curve, step, columnOf, users, trail, groups };
})();
if (typeof module !== "undefined") module.exports = pure;
