/** Why a node does not start on a data folder. Nothing in it was changed. */
import { KernelError } from "../lib/protocol/index.ts";

/**
 * - `data_locked`: another node has it: stop that one, or give this one another folder.
 * - `data_format`: it is of a format that this Jackfield does not read, of another node, or none of Jackfield's.
 */
export class DataFolderError extends KernelError {
  override readonly name = "DataFolderError";
  readonly folder: string;
  constructor(code: "data_locked" | "data_format", folder: string, rule: string, options?: ErrorOptions) {
    super(code, `Cannot start a node on "${folder}" as ${rule}`, options);
    this.folder = folder;
  }
}
