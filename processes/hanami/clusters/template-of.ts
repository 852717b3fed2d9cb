/** The template of a cluster, parsed once: a text of 256 KiB takes a tenth of a second of the node's thread. */
import type { ClusterRow } from "./asks.ts";
import type { ClusterLimits } from "./limits.ts";
import { NO_TEMPLATE, type Template } from "./template.ts";
import { isFault, parseTemplate } from "./template-parse.ts";

const parsed = new WeakMap<ClusterRow, Template>(); // rows are in the table of clusters

export function templateOf(row: ClusterRow, limits: ClusterLimits): Template {
  const known = parsed.get(row);
  if (known !== undefined) return known;
  const read = row.template === "" ? NO_TEMPLATE : parseTemplate(row.template, limits);
  const template = isFault(read) ? NO_TEMPLATE : read; // it was parsed when the cluster was made
  parsed.set(row, template);
  return template;
}
