/** Uploads one part, as the SDK does: a socket, a handshake, chunks of 128 KiB, a reply to each. */
import { readFileUploadResponse, writeFileUpload } from "../../../processes/hanami/protobuf/upload.ts";
import { RawSocket } from "../../support/sockets.ts";
import type { Client, HanamiNode } from "./node.ts";

const CHUNK = 128 * 1024; // bytes

/** A socket that has said what it is for. @returns what it was answered */
export async function handshake(hanami: HanamiNode, asked: object): Promise<{ socket: RawSocket; answer: unknown }> {
  const socket = await RawSocket.connect(hanami.port);
  await socket.upgrade();
  socket.sendText(JSON.stringify(asked));
  return { socket, answer: JSON.parse((await socket.nextBinary()).toString()) };
}

/** @throws {Error} it was refused */
export async function upload(hanami: HanamiNode, client: Client, uuid: string, bytes: Uint8Array): Promise<void> {
  const { socket, answer } = await handshake(hanami, { token: client.token, target: "file_upload", uuid });
  if ((answer as { success: boolean }).success !== true) throw new Error(JSON.stringify(answer));
  for (let position = 0; position < bytes.byteLength; position += CHUNK) {
    socket.sendBinary(writeFileUpload({ position, data: bytes.subarray(position, position + CHUNK) }));
    const response = readFileUploadResponse(await socket.nextBinary());
    if (!("success" in response) || !response.success) throw new Error(JSON.stringify(response));
  }
  socket.destroy();
}
