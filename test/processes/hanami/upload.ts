/** Uploads one part, as the SDK does: a socket of its own, chunks of 128 KiB, each after the answer to the one before. */
import { readFileUploadResponse, writeFileUpload } from "../../../processes/hanami/protobuf/upload.ts";
import { RawSocket } from "../../support/sockets.ts";
import type { Client, HanamiNode } from "./node.ts";

const CHUNK = 131_072; // bytes

/** @throws {Error} it was refused */
export async function upload(hanami: HanamiNode, client: Client, part: string, bytes: Uint8Array): Promise<void> {
  const socket = await RawSocket.connect(hanami.port);
  try {
    await socket.upgrade({ path: "/" });
    socket.sendText(JSON.stringify({ token: client.token, target: "file_upload", uuid: part }));
    const answer = JSON.parse((await socket.nextBinary()).toString()) as { readonly success: boolean };
    if (!answer.success) throw new Error(`the handshake was refused: ${JSON.stringify(answer)}`);
    for (let position = 0; position < bytes.byteLength; position += CHUNK) {
      socket.sendBinary(writeFileUpload({ position, data: bytes.subarray(position, position + CHUNK) }));
      const response = readFileUploadResponse(await socket.nextBinary());
      if (!("success" in response) || !response.success) throw new Error(`a chunk: ${JSON.stringify(response)}`);
    }
    socket.sendClose(1000);
    await socket.nextClose();
  } finally {
    socket.destroy();
  }
}
