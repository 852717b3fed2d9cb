/** A program without defineProcess: echoes requests and frames. */
export default {
  start: (host) => ({
    handle(message) {
      if (message.kind !== "request") return;
      if (message.rsvp !== null) host.respond({ body: message.body, blob: message.blob });
      else if (message.body?.WebSocketPush !== undefined)
        host.push(message.body.WebSocketPush.channel_id, message.body.WebSocketPush.message_type, message.blob);
    },
  }),
};
