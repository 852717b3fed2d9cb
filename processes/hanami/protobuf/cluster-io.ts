/**
 * ClusterIO_Message, what goes both ways in direct mode: two dialects, W1 and W2 (contract hanami §5).
 *
 * 1. They are told apart per message (§5.2): field 6, or field 5 as a number, is W2; field 5 as values is W1. One with an
 *    empty vector says nothing of its dialect.
 * 2. Fields come in any order, the last of several counts, values are packed or not, what is unknown is passed over.
 * 3. Zero values stay off the wire, as with any proto3 encoder. Whatever bytes come, decoding does not throw.
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

export type WireDialect = "W1" | "W2";
export type ProcessType = "request" | "train";
/** W2 only. */
export type BufferType = "input" | "output" | "expected";

/**
 * @property dialect null: the message does not say
 * @property target what W2 says; a message of W1 leaves it to the brick
 * @property count what the client says there are; its word, not looked at here
 */
export type ClusterIo = {
  readonly dialect: WireDialect | null;
  readonly name: string;
  readonly isLast: boolean;
  readonly processType: ProcessType;
  readonly target: BufferType;
  readonly count: number;
  readonly values: Float32Array;
};

/** Why bytes are no message; at most some 60 characters, so that it fits a close reason. */
export type Undecodable = { readonly undecodable: string };

const PROCESS_TYPES: readonly ProcessType[] = ["request", "train"]; // by number
const BUFFER_TYPES: readonly BufferType[] = ["input", "output", "expected"];

/**
 * @param fallback the dialect of a message that does not say: the connection's last, or the cluster's. It decides what field
 * 4 means.
 */
export function decodeClusterIo(bytes: Uint8Array, fallback: WireDialect): ClusterIo | Undecodable {
  const fields = readFields(bytes);
  if ("undecodable" in fields) return fields;
  const { five, six, fiveIsNumber } = fields;
  const dialect = six.seen || fiveIsNumber ? "W2" : five.seen ? "W1" : null;
  const isW2 = (dialect ?? fallback) === "W2";
  const processType = PROCESS_TYPES[fields.processType];
  if (processType === undefined) return { undecodable: `there is no process type ${fields.processType}` };
  const target = BUFFER_TYPES[isW2 ? fields.four : 0];
  if (target === undefined) return { undecodable: `there is no buffer type ${fields.four}` };
  return {
    dialect,
    name: fields.name,
    isLast: fields.isLast,
    processType,
    target,
    count: isW2 ? fields.five.number : fields.four,
    values: (isW2 ? six : five).values(),
  };
}

/** What the server says; in W2 without a target, as the original. */
export type ClusterIoReply = {
  readonly name: string;
  readonly isLast: boolean;
  readonly processType: ProcessType;
  readonly values: Float32Array;
};

export function encodeClusterIo(reply: ClusterIoReply, dialect: WireDialect): Uint8Array {
  const { name, isLast, processType, values } = reply;
  const writer = new BinaryWriter();
  const shift = dialect === "W2" ? 1 : 0; // W2 has the target in between
  if (name !== "") writer.tag(1, WireType.LengthDelimited).string(name);
  if (isLast) writer.tag(2, WireType.Varint).bool(true);
  if (processType === "train") writer.tag(3, WireType.Varint).int32(1);
  if (values.length > 0) {
    writer.tag(4 + shift, WireType.Varint).uint64(values.length);
    writer.tag(5 + shift, WireType.LengthDelimited).bytes(littleEndian(values));
  }
  return writer.finish();
}

type Fields = {
  readonly name: string;
  readonly isLast: boolean;
  readonly processType: number;
  readonly four: number;
  readonly five: Values;
  readonly fiveIsNumber: boolean;
  readonly six: Values;
};

/** A field that is values in one dialect and a number in the other. */
class Values {
  seen = false;
  number = 0;
  readonly #parts: Uint8Array[] = []; // of 4 bytes each, or packed

  add(part: Uint8Array): void {
    this.seen = true;
    this.#parts.push(part);
  }

  values(): Float32Array {
    const length = this.#parts.reduce((total, part) => total + part.byteLength, 0) / 4;
    const values = new Float32Array(length);
    let at = 0;
    for (const part of this.#parts) {
      const view = new DataView(part.buffer, part.byteOffset, part.byteLength);
      for (let offset = 0; offset < part.byteLength; offset += 4) values[at++] = view.getFloat32(offset, true);
    }
    return values;
  }
}

function readFields(bytes: Uint8Array): Fields | Undecodable {
  const fields = { name: "", isLast: false, processType: 0, four: 0, five: new Values(), six: new Values() };
  let fiveIsNumber = false;
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, wire] = reader.tag();
      if (field === 1 && wire === WireType.LengthDelimited) fields.name = reader.string(true);
      else if (field === 2 && wire === WireType.Varint) fields.isLast = reader.bool();
      else if (field === 3 && wire === WireType.Varint) fields.processType = reader.int32();
      else if (field === 4 && wire === WireType.Varint) fields.four = Number(reader.uint64());
      else if (field === 5 && wire === WireType.Varint) {
        fields.five.number = Number(reader.uint64());
        fiveIsNumber = true;
      } else if ((field === 5 || field === 6) && (wire === WireType.LengthDelimited || wire === WireType.Bit32)) {
        const part = wire === WireType.Bit32 ? fixed32(reader) : reader.bytes();
        if (part.byteLength % 4 !== 0) return { undecodable: "its values are no whole number of floats" };
        (field === 5 ? fields.five : fields.six).add(part);
      } else reader.skip(wire, field);
    }
  } catch {
    return { undecodable: "it is no ClusterIO_Message" };
  }
  return { ...fields, fiveIsNumber };
}

function fixed32(reader: BinaryReader): Uint8Array {
  const part = new Uint8Array(4);
  new DataView(part.buffer).setUint32(0, reader.fixed32(), true);
  return part;
}

function littleEndian(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    view.setFloat32(index * 4, value, true);
  });
  return bytes;
}
