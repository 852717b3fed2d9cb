/**
 * A client of LabGraph's WebSocket API: one session, and a new one when the connection is lost.
 *
 *   const api = new LabGraphApi(url, { onState });
 *   const stop = api.start("device.stream1", { onSample, onRefused });
 *
 * Streams that were started are started again in the next session. A refused one is asked for again by and by.
 */
const RETRY_MIN = 1000; // ms, doubled each time
const RETRY_MAX = 30_000; // ms
const REFUSED_RETRY = 5000; // ms: its source may come

export class LabGraphApi {
  #url;
  #onState;
  #socket;
  #streams = new Map(); // by stream id: what was started
  #next = 0; // request and stream ids, as LabGraph's Python client counts them
  #retry = RETRY_MIN;

  /** @param onState called with `connecting`, `connected` or `lost` */
  constructor(url, { onState }) {
    this.#url = url;
    this.#onState = onState;
    this.#connect();
  }

  /** @param onSample called with each sample and its batch's number @param onRefused with code and sentence @returns ends it */
  start(name, { onSample, onRefused }) {
    const id = `${name}-${this.#next}`;
    const stream = { name, onSample, onRefused, requestId: this.#next++ };
    this.#streams.set(id, stream);
    this.#ask(id, stream);
    return () => {
      clearTimeout(stream.timer);
      this.#streams.delete(id);
      this.#send({
        api_version: "0.1",
        api_request: { request_id: stream.requestId, end_stream_request: { stream_id: id } },
      });
    };
  }

  #connect() {
    this.#onState("connecting");
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => {
      this.#retry = RETRY_MIN;
      this.#onState("connected");
      for (const [id, stream] of this.#streams) this.#ask(id, stream);
    };
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = () => {
      this.#onState("lost");
      for (const stream of this.#streams.values()) clearTimeout(stream.timer);
      setTimeout(() => this.#connect(), this.#retry);
      this.#retry = Math.min(this.#retry * 2, RETRY_MAX);
    };
  }

  #ask(id, { name, requestId }) {
    // A computed name is a name, `__proto__` too.
    const start = Object.fromEntries([
      ["stream_id", id],
      [name, {}],
      ["app_id", "live page"],
    ]);
    this.#send({ api_version: "0.1", api_request: { request_id: requestId, start_stream_request: start } });
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #receive({ stream_batch: batch, api_event: event }) {
    if (batch !== undefined) {
      const stream = this.#streams.get(batch.stream_id);
      if (stream === undefined) return; // it has been ended meanwhile
      const { samples, batch_num: number } = batch[stream.name];
      for (const sample of samples) stream.onSample(sample, number);
    } else if (event?.error_event !== undefined) this.#refused(event);
  }

  #refused({ request_id: requestId, error_event: { error_code: code, desc } }) {
    const [id, stream] = [...this.#streams].find(([, each]) => each.requestId === requestId) ?? [];
    if (stream === undefined) return;
    stream.onRefused(code, desc);
    clearTimeout(stream.timer);
    stream.timer = setTimeout(() => this.#ask(id, stream), REFUSED_RETRY);
  }
}
