/**
 * Whether LabGraph's monitor can draw this: written from the shape it expects (contract labgraph §9), not from what ours makes.
 *
 *   {"nodes":{NODE:{"upstreams":{UP:[{"name":MESSAGE,"fields":{FIELD:{"type":TYPE,"content":VALUE}}}]}}}}
 */

const TYPES = new Set(["float", "ndarray", "str", "float64", "int"]); // Python's
const MESSAGE_BYTES = 1_048_576; // what a client of LabGraph takes

/** What is wrong with it; nothing: it can be drawn. */
export function graphFaults(data: unknown): readonly string[] {
  const faults: string[] = [];
  const fault = (where: string, what: string): void => void faults.push(`${where} ${what}`);
  if (!isRecord(data) || !isRecord(data.nodes)) return ["there are no nodes"];
  if (Object.keys(data).join() !== "nodes") fault("the graph", "has more than nodes: a name is for topology-only mode");
  const { nodes } = data;
  const edges = new Set<string>();
  for (const [node, value] of Object.entries(nodes)) {
    if (!isRecord(value) || !isRecord(value.upstreams)) {
      fault(node, "has no upstreams");
      continue;
    }
    for (const [up, messages] of Object.entries(value.upstreams)) {
      const edge = `${up} → ${node}`;
      if (!Object.hasOwn(nodes, up)) fault(edge, "begins at no node");
      if (!Array.isArray(messages) || messages.length === 0) fault(edge, "has no messages");
      for (const message of Array.isArray(messages) ? messages : []) {
        if (edges.has(edge)) fault(edge, "would be two elements of one id");
        edges.add(edge);
        messageFaults(edge, message, fault);
      }
    }
  }
  if (JSON.stringify(data).length > MESSAGE_BYTES / 2) fault("the graph", "is too large");
  return faults;
}

function messageFaults(edge: string, message: unknown, fault: (where: string, what: string) => void): void {
  if (!isRecord(message) || typeof message.name !== "string" || !isRecord(message.fields)) {
    fault(edge, "has a message without name or fields");
    return;
  }
  for (const [field, value] of Object.entries(message.fields)) {
    const where = `${edge}: ${field}`;
    if (!isRecord(value)) {
      fault(where, "is no field");
      continue;
    }
    const { type, content } = value;
    if (typeof type !== "string" || !TYPES.has(type)) fault(where, `has type ${String(type)}`);
    const numbers = Array.isArray(content) ? content : [content];
    if (!numbers.every((number) => Number.isFinite(number))) fault(where, "is no number, nor a list of numbers");
    if ((type === "ndarray") !== Array.isArray(content)) fault(where, "is not of its type");
    if (type === "int" && !Number.isInteger(content)) fault(where, "is not of its type");
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
