import { type FormEvent, type ReactNode, useState } from "react";
import { useChannel } from "./use-channel.ts";

/** What the process (src/app.ts) tells. */
type Told = { readonly count: number; readonly said: string | null };

const SHOWN = 20; // sayings

export function App(): ReactNode {
  const [count, setCount] = useState<number | null>(null);
  const [sayings, setSayings] = useState<readonly { readonly number: number; readonly text: string }[]>([]);
  const [text, setText] = useState("");
  const { state, send } = useChannel("app-name:app-name:publisher.os", (message) => {
    const { count: now, said } = message as Told;
    setCount(now);
    if (said !== null) setSayings((before) => [{ number: now, text: said }, ...before].slice(0, SHOWN));
  });

  const say = (event: FormEvent): void => {
    event.preventDefault();
    send(text);
    setText("");
  };

  return (
    <main>
      <h1>app-name</h1>
      <p>
        Said so far: <output>{count ?? "–"}</output>{" "}
        <span className="soft" role="status">
          {state === "open" ? "" : `${state}…`}
        </span>
      </p>
      <form onSubmit={say}>
        <input
          value={text}
          onChange={(event) => setText(event.target.value)}
          maxLength={200}
          placeholder="Say something"
          aria-label="Say something"
          required
        />
        <button type="submit">Say</button>
      </form>
      <ul aria-live="polite">
        {sayings.map(({ number, text: said }) => (
          <li key={number}>{said}</li>
        ))}
      </ul>
      <p className="hint soft">
        The process is <code>src/app.ts</code>, this page <code>page/App.tsx</code>: change one while{" "}
        <code>npm run dev</code> runs.
      </p>
    </main>
  );
}
