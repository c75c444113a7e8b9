// The library as it is: one wasm file without imports, its memory, and C's structs in it.
//
// Everything that knows of pointers is here. An instance is shared by all watches and decoders, since it has no state
// but theirs. If it ever hits a mistake of its own it is left as it stands: what lives in it is refused from then on, and
// what is made later lives in a new one.

import { Code } from "./code.js";
import { ClosedError, DormouseError } from "./error.js";

/** Room for the arguments of most calls; what needs more gets memory of its own for as long as the call lasts. */
const SCRATCH = 64 * 1024;
/** Holds every sentence there is. */
const SENTENCE = 512;
/** `DORMOUSE_NEVER`, which is no time. */
const NEVER = 2n ** 64n - 1n;

const encoder = new TextEncoder();
// A mark at the beginning of a text is part of it.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const location = new URL("./dormouse.wasm", import.meta.url);
const module = await WebAssembly.compile(await bytes(location));

async function bytes(url) {
  // Node's fetch knows no files. Bundlers are to leave this import alone: what they make never comes here.
  if (url.protocol === "file:" && globalThis.process?.versions?.node) {
    const { readFile } = await import(/* webpackIgnore: true */ /* @vite-ignore */ "node:fs/promises");
    return readFile(url);
  }
  const response = await fetch(url);
  if (!response.ok) {
    throw new Error(`dormouse.wasm: HTTP ${response.status}`);
  }
  return response.arrayBuffer();
}

/** A C struct: where each of its fields is, by the rules of wasm32. */
export class Struct {
  constructor(fields) {
    this.fields = fields;
    this.offsets = new Map();
    let end = 0;
    let widest = 1;
    for (const [name, type] of fields) {
      const { size, align } = TYPES[type];
      end = Math.ceil(end / align) * align;
      this.offsets.set(name, end);
      end += size;
      widest = Math.max(widest, align);
    }
    this.size = Math.ceil(end / widest) * widest;
  }
}

const TYPES = {
  u32: { size: 4, align: 4 },
  i32: { size: 4, align: 4 },
  usize: { size: 4, align: 4 },
  pointer: { size: 4, align: 4 },
  slice: { size: 8, align: 4 },
  u64: { size: 8, align: 8 },
};

/** One struct in memory. Good until the next call into the library. */
export class View {
  #struct;
  #library;
  #at;

  constructor(struct, library, at) {
    this.#struct = struct;
    this.#library = library;
    this.#at = at;
  }

  #offset(field) {
    return this.#at + this.#struct.offsets.get(field);
  }

  u32(field) {
    return this.#library.data.getUint32(this.#offset(field), true);
  }

  i32(field) {
    return this.#library.data.getInt32(this.#offset(field), true);
  }

  /** A 64-bit number. Beyond 2^53, which no time or count reaches in practice, it is the nearest. */
  u64(field) {
    return Number(this.#library.data.getBigUint64(this.#offset(field), true));
  }

  /** A time, or `Infinity` for never. */
  time(field) {
    const time = this.#library.data.getBigUint64(this.#offset(field), true);
    return time === NEVER ? Infinity : Number(time);
  }

  /** A text, or `undefined` where there is none. */
  text(field) {
    const pointer = this.#library.data.getUint32(this.#offset(field), true);
    const length = this.#library.data.getUint32(this.#offset(field) + 4, true);
    return pointer === 0 ? undefined : this.#library.text(pointer, length);
  }

  setU32(field, value) {
    this.#library.data.setUint32(this.#offset(field), value, true);
  }

  setSlice(field, { pointer, length }) {
    this.#library.data.setUint32(this.#offset(field), pointer, true);
    this.#library.data.setUint32(this.#offset(field) + 4, length, true);
  }
}

/** An instance, and the calls into it. */
export class Library {
  #exports;
  #memory;
  #bytes;
  #data;
  #scratch;
  #broken = false;
  #names = new Map();

  constructor(instance) {
    this.#exports = instance.exports;
    this.#memory = instance.exports.memory;
    this.#scratch = this.#alloc(SCRATCH);
  }

  /** The one that new watches and decoders live in. */
  static get present() {
    if (present.#broken) {
      present = new Library(new WebAssembly.Instance(module));
    }
    return present;
  }

  get bytes() {
    this.#look();
    return this.#bytes;
  }

  get data() {
    this.#look();
    return this.#data;
  }

  /** Memory that has grown is another buffer. */
  #look() {
    if (this.#bytes?.buffer !== this.#memory.buffer) {
      this.#bytes = new Uint8Array(this.#memory.buffer);
      this.#data = new DataView(this.#memory.buffer);
    }
  }

  /** Calls a function. What is thrown from within was thrown in the middle of it: nothing there is to be trusted. */
  raw(name, ...parameters) {
    if (this.#broken) {
      throw new DormouseError(Code.E_BROKEN, "the library hit a mistake of its own: close this and make another");
    }
    try {
      return this.#exports[`dormouse_${name}`](...parameters);
    } catch (cause) {
      this.#broken = true;
      throw new DormouseError(Code.E_BROKEN, "the library hit a mistake of its own", { cause });
    }
  }

  /** Calls a function that gives a code, and throws where that says so. */
  call(name, ...parameters) {
    const code = this.raw(name, ...parameters);
    if (code < 0) {
      throw new DormouseError(code, this.string(this.raw("strerror", code)));
    }
    return code;
  }

  /** Runs `body` with memory for its arguments, which is had from what it is given: `take(size)`. */
  lend(body) {
    const own = [];
    let used = 0;
    const take = (size) => {
      const begin = Math.ceil(used / 8) * 8;
      if (begin + size <= SCRATCH) {
        used = begin + size;
        return this.#scratch + begin;
      }
      const pointer = this.#alloc(size);
      own.push([pointer, size]);
      return pointer;
    };
    try {
      return body(take);
    } finally {
      if (!this.#broken) {
        for (const [pointer, size] of own) {
          this.raw("free", pointer, size);
        }
      }
    }
  }

  /** Puts bytes there. */
  put(take, bytes) {
    const pointer = take(bytes.length);
    this.bytes.set(bytes, pointer);
    return { pointer, length: bytes.length };
  }

  /** Puts a text there, as UTF-8. */
  putText(take, text) {
    return this.put(take, encoder.encode(text));
  }

  /** The sentence that `body` writes to a place of a size. */
  sentence(take, body) {
    const pointer = take(SENTENCE);
    body(pointer, SENTENCE);
    return this.string(pointer);
  }

  text(pointer, length) {
    return decoder.decode(this.bytes.subarray(pointer, pointer + length));
  }

  /** A text that NUL ends. */
  string(pointer) {
    return this.text(pointer, this.bytes.indexOf(0, pointer) - pointer);
  }

  /** The stable name of a code, or `undefined`. */
  name(code) {
    if (!this.#names.has(code)) {
      const pointer = this.raw("name", code);
      this.#names.set(code, pointer === 0 ? undefined : this.string(pointer));
    }
    return this.#names.get(code);
  }

  #alloc(size) {
    const pointer = this.raw("alloc", size);
    if (pointer === 0) {
      throw new RangeError(`there is no memory for ${size} bytes`);
    }
    return pointer;
  }
}

let present = new Library(await WebAssembly.instantiate(module));

/** What is forgotten unclosed is freed when it is collected. */
const forgotten = new FinalizationRegistry(({ library, free, pointer }) => release(library, free, pointer));

function release(library, free, pointer) {
  try {
    library.raw(free, pointer);
  } catch (error) {
    // In a library that is broken there is nothing to free.
    if (error?.code !== Code.E_BROKEN) {
      throw error;
    }
  }
}

/** What a watch and a decoder hold of the library: freed once, by whoever comes first. */
export class Handle {
  #what;
  #free;
  #pointer;
  library;

  constructor(owner, what, library, free, pointer) {
    this.#what = what;
    this.#free = free;
    this.#pointer = pointer;
    this.library = library;
    forgotten.register(owner, { library, free, pointer }, this);
  }

  /** The pointer, for the next call only. */
  get pointer() {
    if (this.#pointer === 0) {
      throw new ClosedError(`this ${this.#what} is closed`);
    }
    return this.#pointer;
  }

  close() {
    const pointer = this.#pointer;
    if (pointer !== 0) {
      this.#pointer = 0;
      forgotten.unregister(this);
      release(this.library, this.#free, pointer);
    }
  }
}

/** The version of the library, which is that of this package. */
export const version = present.string(present.raw("version"));
