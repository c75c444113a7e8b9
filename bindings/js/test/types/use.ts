// What a user of the types may write, and, where `@ts-expect-error` stands, what not. It is compiled and not run.

import {
  ClosedError,
  Code,
  Decoder,
  DormouseError,
  Watch,
  version,
  watch,
  type Action,
  type Event,
  type Status,
} from "dormouse-watch";

declare const socket: { close(): void };

export async function device(token: string, signal: AbortSignal): Promise<Status> {
  const stream = watch(new URL("https://api.example.com"), {
    token,
    signal,
    log: (sentence, action) => console.log(sentence, action?.kind),
    guards: { jitter: false },
    onUnauthorized: "park",
  });
  for await (const event of stream) {
    if (event.kind === "wake") {
      const { url, token } = event;
      console.log(url.length, token.expose().length, event.session?.length, event.waitForViewerMs);
      // @ts-expect-error A token is no string by accident.
      const text: string = token;
      console.log(text);
      stream.handOverFailed();
    } else {
      const status: Status = event.status;
      console.log(status, event.reason);
    }
  }
  await using other = watch("https://api.example.com", { token, fetch });
  const { value, done } = await other.next();
  const first: Event | undefined = done ? undefined : value;
  console.log(first?.kind);
  return stream.status;
}

export function loop(action: Action): number | undefined {
  switch (action.kind) {
    case "connect":
    case "heartbeat":
      void fetch(action.url, { method: action.method, headers: [...action.headers] });
      return action.kind === "connect" ? action.attempt : action.beat;
    case "disconnect":
      socket.close();
      return action.attempt;
    case "abandon":
      return action.beat;
    case "report":
      switch (action.report) {
        case "ended":
          return action.delay?.totalMs ?? action.cause.codes[0];
        case "heartbeat":
          // @ts-expect-error Only one that was not accepted has a cause.
          console.log(action.cause);
          return action.accepted ? action.tookMs : action.cause.httpStatus;
        default:
          return undefined;
      }
    case "status":
      return action.code === Code.STATUS_CONNECTED ? 1 : 0;
    case "wake":
      return action.waitForViewerMs;
    case "stop":
      return action.code;
    case "sleep":
      return action.until;
    default: {
      const never: never = action;
      return never;
    }
  }
}

export function machine(): void {
  using it = new Watch("https://api.example.com", { token: "t", seed: 7n, now: 0 });
  it.handleHead(1, 200, new Headers({ "content-type": "text/event-stream" }), 1);
  it.handleHead(1, 200, [["content-type", "text/event-stream"]], 1);
  it.handleHead(1, 200, { "content-type": "text/event-stream" }, 1);
  it.handleData(1, new Uint8Array(3), 2);
  it.handleFailed(1, "tls", 3);
  it.handleHint("resumed", 4);
  it.handleSleepAgain("failed", 5);
  const until: number = it.deadline;
  console.log(until, it.stats.connects, it.isOffline, it.describe(), version);
  // @ts-expect-error Not a fault.
  it.handleFailed(1, "tired", 3);
  // @ts-expect-error Times are numbers.
  it.handleTick(1n);
  // @ts-expect-error It needs a seed.
  new Watch("https://api.example.com", { token: "t", now: 0 });
  // @ts-expect-error There is no such setting.
  watch("https://api.example.com", { token: "t", retries: 3 });
  // @ts-expect-error What comes out is not changed.
  it.poll().kind = "sleep";
  // @ts-expect-error A code is what it is.
  const code: 1 = Code.CONNECT_CONFLICT;
  console.log(code);
}

export function stream(bytes: Uint8Array): string[] {
  using decoder = new Decoder({ lineLimit: 1024 });
  return decoder.decode(bytes).flatMap((item) => (item.kind === "event" ? [item.name, item.data, item.id] : []));
}

export function refused(error: unknown): number | undefined {
  return error instanceof DormouseError ? error.code : error instanceof ClosedError ? 0 : undefined;
}
