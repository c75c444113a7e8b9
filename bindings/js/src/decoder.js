// The event-stream decoder on its own: it knows nothing of the watch protocol.

import * as check from "./check.js";
import { Code } from "./code.js";
import { Handle, Library, Struct, View } from "./library.js";

const SLICE = new Struct([["ptr", "pointer"], ["len", "usize"]]);

export const ITEM = new Struct([
  ["kind", "u32"],
  ["code", "u32"],
  ["name", "slice"],
  ["data", "slice"],
  ["id", "slice"],
  ["retry_ms", "u64"],
]);

/** Decodes one `text/event-stream`, as the WHATWG HTML standard has it, cut into pieces of any size. */
export class Decoder {
  #handle;

  constructor(options = {}) {
    check.options(options, "options", ["lineLimit", "dataLimit"]);
    const limits = ["lineLimit", "dataLimit"].map((name) => {
      const limit = options[name];
      // 0 is the default to the library.
      return limit === undefined ? 0 : check.whole(limit, name, 2 ** 32 - 1, 1);
    });
    const library = Library.present;
    const pointer = library.lend((take) => {
      const out = take(4);
      library.call("decoder_new", out, ...limits);
      return library.data.getUint32(out, true);
    });
    this.#handle = new Handle(this, "decoder", library, "decoder_free", pointer);
  }

  decode(bytes) {
    const view = check.bytes(bytes, "bytes");
    const { library, pointer } = this.#handle;
    return library.lend((take) => {
      const rest = take(SLICE.size);
      const found = take(ITEM.size);
      const input = library.put(take, view);
      library.data.setUint32(rest, input.pointer, true);
      library.data.setUint32(rest + 4, input.length, true);
      const items = [];
      for (;;) {
        library.call("decoder_decode", pointer, rest, found);
        const item = read(new View(ITEM, library, found));
        if (item === undefined) {
          return items;
        }
        items.push(item);
        if (item.kind === "limit") {
          return items;
        }
      }
    });
  }

  get lastEventId() {
    const { library, pointer } = this.#handle;
    return library.lend((take) => {
      const out = take(ID.size);
      library.call("decoder_last_event_id", pointer, out);
      return new View(ID, library, out).text("id") ?? "";
    });
  }

  reset() {
    this.#handle.library.call("decoder_reset", this.#handle.pointer);
  }

  close() {
    this.#handle.close();
  }
}

const ID = new Struct([["id", "slice"]]);

if (Symbol.dispose) {
  Decoder.prototype[Symbol.dispose] = Decoder.prototype.close;
}

function read(item) {
  switch (item.u32("kind")) {
    case Code.ITEM_EVENT:
      return Object.freeze({
        kind: "event",
        name: item.text("name"),
        data: item.text("data") ?? "",
        id: item.text("id") ?? "",
      });
    case Code.ITEM_COMMENT:
      return Object.freeze({ kind: "comment" });
    case Code.ITEM_RETRY:
      return Object.freeze({ kind: "retry", retryMs: item.u64("retry_ms") });
    case Code.ITEM_LIMIT: {
      const code = item.u32("code");
      return Object.freeze({ kind: "limit", code, limit: code === Code.LIMIT_LINE ? "line" : "data" });
    }
    default:
      return undefined;
  }
}
