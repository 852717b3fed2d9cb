/** The only door to nkeys in the command: who a node is to the NATS servers (its public half), and its seed. */
import { createUser } from "@nats-io/nkeys";

/** @property user the public half, `U…`: servers have it @property seed `SU…`: whoever has it is that user */
export type UserKey = { readonly user: string; readonly seed: string };

export function newUserKey(): UserKey {
  const pair = createUser();
  return { user: pair.getPublicKey(), seed: new TextDecoder().decode(pair.getSeed()) };
}
