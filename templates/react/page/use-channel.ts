/** A channel to a process as React state: it lives as long as its component, and reconnects by itself. */
import { type Channel, type ChannelState, connect } from "jackfield/client";
import { useEffect, useEffectEvent, useRef, useState } from "react";

export type Connection = {
  readonly state: ChannelState;
  send(value: unknown): void;
};

/** @param heard called with each message's JSON */
export function useChannel(process: string, heard: (message: unknown) => void): Connection {
  const [state, setState] = useState<ChannelState>("connecting");
  const channel = useRef<Channel | null>(null);
  const onMessage = useEffectEvent(heard);
  useEffect(() => {
    const opened = connect({ process });
    channel.current = opened;
    opened.on("state", ({ value }) => setState(value));
    opened.on("message", (message) => onMessage(message.json()));
    return () => opened.close();
  }, [process]);
  return { state, send: (value) => channel.current?.send(value) };
}
