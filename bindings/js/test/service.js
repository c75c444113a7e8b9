// The other end, for tests: the reference server as a process, and a server whose every connection is in a test's hands.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Long enough for a machine that is busy with other tests, and never slept through. */
const SOON_MS = 60_000;
const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** What comes of a promise, or a failure that shows all that is known. */
export async function soon(promise, what, known = () => "") {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} came:\n${known()}`)), SOON_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Lines that come, and those who wait for one. */
export class Lines {
  #all = [];
  #read = 0;
  #waiting = [];

  push(line) {
    this.#all.push(line);
    for (const wake of this.#waiting.splice(0)) {
      wake();
    }
  }

  get all() {
    return this.#all.join("\n");
  }

  /** The next one that has this in it. Lines before it are passed over. */
  async next(wanted) {
    for (;;) {
      while (this.#read < this.#all.length) {
        const line = this.#all[this.#read++];
        if (line.includes(wanted)) {
          return line;
        }
      }
      const more = new Promise((resolve) => this.#waiting.push(resolve));
      await soon(more, JSON.stringify(wanted), () => this.all);
    }
  }
}

/** A process that is listened to. */
export class Process {
  lines = new Lines();

  constructor(command, parameters, options = {}) {
    this.child = spawn(command, parameters, { stdio: ["ignore", "pipe", "pipe"], ...options });
    this.ended = once(this.child, "close");
    for (const stream of [this.child.stdout, this.child.stderr]) {
      let rest = "";
      stream.setEncoding("utf8").on("data", (text) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop();
        lines.forEach((line) => this.lines.push(line));
      });
    }
  }

  async end(signal) {
    if (signal !== undefined) {
      this.child.kill(signal);
    }
    const [code] = await soon(this.ended, "end", () => this.lines.all);
    return code;
  }
}

let program;
/** The program `dormouse`, which has the server and the operator. */
function dormouse() {
  if (program === undefined) {
    const target = join(ROOT, "target");
    execFileSync("cargo", ["build", "--locked", "--package", "dormouse", "--target-dir", target], {
      cwd: ROOT,
      stdio: ["ignore", "ignore", "inherit"],
    });
    program = join(target, "debug/dormouse");
  }
  return program;
}

/** The reference server, with a device named laptop whose token is `canary-device`. */
export class Service {
  #room = mkdtempSync(join(tmpdir(), "dormouse-js-"));

  static async start(context) {
    const service = new Service();
    writeFileSync(join(service.#room, "devices"), "device laptop canary-device\noperator canary-operator\n");
    await service.#serve("127.0.0.1:0");
    context.after(async () => {
      await service.process.end("SIGKILL");
      rmSync(service.#room, { recursive: true });
    });
    return service;
  }

  async #serve(listen) {
    // An interval long enough that nobody is thought dead on a machine that is busy.
    this.process = new Process(dormouse(), [
      "serve", "--listen", listen, "--heartbeat-interval", "3s",
      "--devices", join(this.#room, "devices"), "--state-file", join(this.#room, "leases"),
    ]);
    const line = await this.process.lines.next("http://");
    this.url = line.match(/http:\/\/\S+/)[0];
  }

  /** As after `kill -9`, on the same port. */
  async restart() {
    await this.process.end("SIGKILL");
    await this.#serve(new URL(this.url).host);
  }

  async wake() {
    const operator = new Process(dormouse(), ["wake", this.url, "laptop", "--to", "wss://relay.example/1?t=canary-url"], {
      env: { ...process.env, DORMOUSE_OPERATOR_TOKEN: "canary-operator", DORMOUSE_WAKE_TOKEN: "canary-wake" },
    });
    assert.equal(await operator.end(), 0, operator.lines.all);
  }
}

/** A server whose connections are handed out one by one, each with the request that came over it. */
export class Peer {
  #requests = [];
  #waiting = [];
  open = new Set();

  static async start(context) {
    const peer = new Peer();
    const server = createServer((socket) => peer.#accept(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    peer.url = `http://127.0.0.1:${server.address().port}`;
    peer.stop = async () => {
      server.close();
      peer.open.forEach((socket) => socket.destroy());
    };
    context.after(peer.stop);
    return peer;
  }

  #accept(socket) {
    this.open.add(socket);
    const closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.open.delete(socket);
        resolve();
      });
    });
    socket.on("error", () => {});
    let text = "";
    socket.setEncoding("latin1").on("data", (more) => {
      text += more;
      const [, head, body] = text.match(/^([^]*?)\r\n\r\n([^]*)$/) ?? [];
      if (head !== undefined) {
        const [first, ...lines] = head.split("\r\n");
        const headers = Object.fromEntries(
          lines.map((line) => [line.split(": ")[0].toLowerCase(), line.slice(line.indexOf(": ") + 2)]),
        );
        if (body.length >= Number(headers["content-length"] ?? 0)) {
          text = "";
          this.#requests.push({ socket, closed, first, headers, body });
          this.#waiting.shift()?.();
        }
      }
    });
  }

  async request() {
    if (this.#requests.length === 0) {
      await soon(new Promise((resolve) => this.#waiting.push(resolve)), "request");
    }
    return this.#requests.shift();
  }

  get unread() {
    return this.#requests.length;
  }
}
