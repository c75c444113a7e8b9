// What comes in is looked at here, before the library is called: whatever a caller's getters, iterators and conversions
// do is over by then.

export function string(value, what) {
  if (typeof value !== "string") {
    throw new TypeError(`${what} has to be a string`);
  }
  return value;
}

export function boolean(value, what) {
  if (typeof value !== "boolean") {
    throw new TypeError(`${what} has to be true or false`);
  }
  return value;
}

/** A whole number from `least` to `most`. */
export function whole(value, what, most = Number.MAX_SAFE_INTEGER, least = 0) {
  if (typeof value !== "number") {
    throw new TypeError(`${what} has to be a number`);
  }
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${what} has to be a whole number from ${least} to ${most}`);
  }
  return value;
}

/** The same as the 64 bits of it that the library takes. */
export function wide(value, what) {
  return BigInt(whole(value, what));
}

/** 64 bits, which a number has not got. */
export function seed(value) {
  if (typeof value === "number") {
    return wide(value, "seed");
  }
  if (typeof value !== "bigint") {
    throw new TypeError("seed has to be a bigint: all the chance there is, from the system's entropy");
  }
  if (value < 0n || value >= 2n ** 64n) {
    throw new RangeError("seed has to be from 0n to 2n ** 64n - 1n");
  }
  return value;
}

/** The bytes of any view, without a copy. */
export function bytes(value, what) {
  if (!ArrayBuffer.isView(value)) {
    throw new TypeError(`${what} has to be a Uint8Array`);
  }
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/** Pairs of strings, from `Headers`, a `Map`, an array of pairs or a plain object. */
export function headers(value) {
  if (value === null || typeof value !== "object") {
    throw new TypeError("headers has to be a Headers, an array of pairs or an object");
  }
  const pairs = typeof value[Symbol.iterator] === "function" ? value : Object.entries(value);
  return Array.from(pairs, (pair) => {
    const [name, text] = pair;
    return [string(name, "a header's name"), string(text, "a header's value")];
  });
}

/** The object that options are in, none of which has another name. */
export function options(value, what, names) {
  if (value === null || typeof value !== "object") {
    throw new TypeError(`${what} has to be an object`);
  }
  for (const name of Object.keys(value)) {
    if (!names.includes(name)) {
      throw new RangeError(`${what} has nothing called ${name}`);
    }
  }
  return value;
}
