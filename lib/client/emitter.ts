/**
 * Listeners by event name.
 *
 * 1. They run in the order they were added; one added or removed meanwhile counts from the next event on.
 * 2. One that throws stops nobody: its error is thrown again on its own, for window.onerror or uncaughtException.
 */
export type Emitter<Events> = {
  /** @returns a function that removes it */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void;
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void;
};

export function makeEmitter<Events>(): Emitter<Events> {
  const listeners: { [Name in keyof Events]?: ((event: Events[Name]) => void)[] } = {};
  return {
    on(name, listener) {
      const entry: typeof listener = (event) => listener(event); // its own: the same function may listen twice
      listeners[name] = [...(listeners[name] ?? []), entry]; // a new array: emit may be walking the old one
      return () => {
        listeners[name] = listeners[name]?.filter((other) => other !== entry) ?? [];
      };
    },
    emit(name, event) {
      for (const listener of listeners[name] ?? []) {
        try {
          listener(event);
        } catch (thrown) {
          queueMicrotask(() => {
            throw thrown;
          });
        }
      }
    },
  };
}
