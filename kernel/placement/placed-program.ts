/** A program that runs in a realm: to the kernel, a program like any other. */
import type { Host, Placement, Program } from "../../lib/protocol/index.ts";
import type { Incarnation } from "../incarnation.ts";
import type { PlaceableInstance } from "./placeable.ts";

export class PlacedProgram implements Program {
  readonly placement: Exclude<Placement, "inline">;
  /** Of the file that it is in. */
  readonly path: string;

  constructor(placement: PlacedProgram["placement"], path: string) {
    this.placement = placement;
    this.path = path;
  }

  start(host: Host): PlaceableInstance {
    const incarnation = host as Incarnation; // only a kernel runs what a kernel has placed
    return incarnation.placements.start(incarnation, this);
  }
}
