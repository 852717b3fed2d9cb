/** What a process in a realm asks the node and waits for; and the node's answers. */
import { type Capability, type Host, toAddress } from "../../lib/protocol/index.ts";
import { packOnExit, unpackOnExit } from "./on-exit-codec.ts";

export type Question =
  | { readonly name: "list" | "getOnExit" }
  | { readonly name: "save" | "drop"; readonly capabilities: readonly Capability[] }
  | { readonly name: "has"; readonly capability: Capability }
  /** Text of an address. */
  | { readonly name: "canMessage"; readonly target: string }
  | { readonly name: "setOnExit"; readonly onExit: unknown };

/** @throws what `host` throws, and TypeError for a question that is none */
export function answerQuestion(host: Host, question: Question): unknown {
  const { capabilities } = host;
  switch (question.name) {
    case "list":
      return capabilities.list();
    case "save":
      return capabilities.save(question.capabilities);
    case "drop":
      return capabilities.drop(question.capabilities);
    case "has":
      return capabilities.has(question.capability);
    case "canMessage":
      return capabilities.canMessage(toAddress(question.target, host.our.node));
    case "getOnExit":
      return packOnExit(host.getOnExit());
    case "setOnExit":
      return host.setOnExit(unpackOnExit(question.onExit));
  }
}
