/**
 * The limit of bench/upload: bare uWebSockets.js that writes each chunk by its position, and answers when it is written.
 *
 * It checks nothing and remembers nothing: no token, no bounds, no record of what is there. A message's memory is lent, so
 * its bytes are copied, into buffers that are used again.
 */

import { App, us_socket_local_port, type WebSocket } from "uWebSockets.js";
import { open, write } from "node:fs";
import { readFileUpload, writeFileUploadResponse } from "../../processes/hanami/protobuf/upload.ts";
import { announce } from "./announce.ts";

const { file, bytes } = JSON.parse(process.argv[2] ?? "") as { readonly file: string; readonly bytes: number }; // bench/upload.ts wrote it
const SUCCESS = writeFileUploadResponse({ success: true, errorMessage: "" });
const CHUNK = 128 * 1024;

const spare: Buffer[] = [];

function take(fd: number, ws: WebSocket<unknown>, message: ArrayBuffer): void {
  const asked = readFileUpload(new Uint8Array(message));
  if ("error" in asked) throw new Error(asked.error);
  const { position, data } = asked;
  if (position + data.byteLength > bytes) throw new Error("the load sends no more than it said");
  const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK);
  buffer.set(data);
  write(fd, buffer, 0, data.byteLength, position, (error) => {
    if (error !== null) throw error;
    spare.push(buffer);
    ws.cork(() => ws.send(SUCCESS, true));
  });
}

open(file, "w", (error, fd) => {
  if (error !== null) throw error;
  App()
    .ws("/*", {
      maxPayloadLength: 4 * 1024 * 1024,
      message: (ws, message, isBinary) => {
        if (isBinary) take(fd, ws, message);
        else ws.send(JSON.stringify({ success: true }), true); // the handshake
      },
    })
    .listen("127.0.0.1", 0, (listening) => {
      if (listening === false) throw new Error("Cannot listen on 127.0.0.1 as no port is free");
      announce({ port: us_socket_local_port(listening), path: "/" });
    });
});
