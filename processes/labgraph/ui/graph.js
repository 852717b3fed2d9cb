/**
 * A graph as LabGraph's monitor takes it, as a list: each node, and below it whom it hears, with the numbers on the way.
 *
 *   {"nodes":{NODE:{"upstreams":{UPSTREAM:[{"name","fields":{FIELD:{"type","content"}}}]}}}}
 */
const FIELDS_MAX = 6; // of one edge: a list is read, not searched

/** What is there already is kept, so that a selection or a scroll position is. */
export function showGraph(list, data) {
  const nodes = Object.entries(data?.nodes ?? {});
  resize(list, nodes.length, makeNode);
  for (const [index, [name, { upstreams = {} }]] of nodes.entries()) {
    const [title, edges] = list.children[index].children;
    set(title, name);
    const heard = Object.entries(upstreams);
    resize(edges, heard.length, makeEdge);
    for (const [place, [upstream, messages]] of heard.entries()) {
      const [from, fields] = edges.children[place].children;
      set(from, `← ${upstream} `);
      showFields(fields, messages);
    }
  }
  return {
    nodes: nodes.length,
    edges: nodes.reduce((sum, [, node]) => sum + Object.keys(node.upstreams ?? {}).length, 0),
  };
}

function showFields(place, messages) {
  const fields = messages.flatMap((message) => Object.entries(message.fields ?? {}));
  const shown = fields.filter(([, { content }]) => typeof content === "number").slice(0, FIELDS_MAX);
  resize(place, shown.length, makeField);
  for (const [index, [name, { content }]] of shown.entries()) set(place.children[index], `${name} ${round(content)}`);
}

function resize(place, count, make) {
  while (place.children.length > count) place.lastElementChild.remove();
  while (place.children.length < count) place.append(make());
}

function makeNode() {
  const item = document.createElement("li");
  item.append(document.createElement("b"), document.createElement("ul"));
  return item;
}

function makeEdge() {
  const item = document.createElement("li");
  item.append(document.createElement("span"), document.createElement("span"));
  return item;
}

function makeField() {
  const field = document.createElement("span");
  field.className = "field";
  return field;
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function round(value) {
  return Number(value.toPrecision(4));
}
