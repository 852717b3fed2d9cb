/** ClusterIO_Message as a client writes it, by hand: nothing of the server's is used. Contract hanami §5. */

export type ClientMessage = {
  readonly dialect: "W1" | "W2";
  readonly name: string;
  readonly isLast: boolean;
  readonly processType: "request" | "train";
  readonly values: readonly number[];
  /** W2 only. Default input. */
  readonly target?: "input" | "output" | "expected";
  /** Default: as many as there are. */
  readonly count?: number;
};

export function clientMessage(said: ClientMessage): Uint8Array {
  const { dialect, name, isLast, processType, values, target = "input", count = values.length } = said;
  const floats = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => {
    floats.writeFloatLE(value, 4 * index);
  });
  const shift = dialect === "W2" ? 1 : 0;
  const kind = ["input", "output", "expected"].indexOf(target);
  return Buffer.concat([
    field(1, Buffer.from(name)),
    number(2, isLast ? 1 : 0),
    number(3, processType === "train" ? 1 : 0),
    dialect === "W2" ? number(4, kind) : Buffer.alloc(0),
    number(4 + shift, count),
    field(5 + shift, floats),
  ]);
}

/** Zero values stay off the wire. */
function number(id: number, value: number): Buffer {
  return value === 0 ? Buffer.alloc(0) : Buffer.concat([varint(id << 3), varint(value)]);
}

function field(id: number, bytes: Buffer): Buffer {
  return bytes.length === 0 ? bytes : Buffer.concat([varint((id << 3) | 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}
