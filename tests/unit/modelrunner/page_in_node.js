/* Runs the script of a documentation page without a browser: `node page_in_node.js PAGE ROUTE…` prints, per route, the
   HTML that the page made, as JSON. Stands in for just as much of a document as the script asks for. */
const fs = require("fs");
const vm = require("vm");

const [page, ...routes] = process.argv.slice(2);
const text = fs.readFileSync(page, "utf8");
const data = /<script type="application\/json" id="data">([^]*?)<\/script>/.exec(text)[1];
const script = /<script>([^]*?)<\/script>/.exec(text)[1];

function element() {
  const made = { innerHTML: "", textContent: "", value: "", dataset: {}, style: {}, clientWidth: 900, clientHeight: 600, handlers: {} };
  Object.assign(made, { classList: { toggle() {} }, setAttribute() {}, focus() {}, select() {}, scrollTo() {}, scrollIntoView() {},
    querySelector: () => null, querySelectorAll: () => [],
    addEventListener: (name, handler) => { made.handlers[name] = handler; } });
  return new Proxy(made, { get: (of, key) => key === "firstElementChild" ? element() : of[key] });
}

const found = {};
for (const route of routes) {
  const known = new Map();
  const get = (id) => { if (!known.has(id)) known.set(id, element()); return known.get(id); };
  get("data").textContent = data;
  const [hash, query = ""] = route.split("?");
  const world = { location: { hash }, matchMedia: () => ({ matches: false, addEventListener() {} }), navigator: {}, CSS: { escape: (one) => one },
    document: { getElementById: get, documentElement: element(), title: "" }, addEventListener() {}, scrollTo() {}, console };
  get("search").value = query;
  vm.runInNewContext(script, world);
  found[route] = { main: get("main").innerHTML, list: get("list").innerHTML, graph: get("graph").innerHTML, sql: get("sql").innerHTML, title: world.document.title };
}
process.stdout.write(JSON.stringify(found));
