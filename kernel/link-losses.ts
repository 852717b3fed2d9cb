/**
 * Who must hear that something between this node and another was lost, where neither sender nor receiver is told of it:
 * the http-server, whose channels between two nodes must have no hole (docs/adr/0035).
 */
import type { Address } from "../lib/protocol/index.ts";

export interface LossListener {
  /** Some of what `node` sent did not come. Called before what it sent later is taken. */
  missed(node: string): void;
  /** What no answer was wanted to did not come to `target`, of another node, or never left. */
  unsent(target: Address): void;
}
