// What a caller can get wrong. What a server or a network gets wrong is no error: it is handed in, and decides.
//
// Beside these, what is of the wrong type is a TypeError, and a number or a name that means nothing a RangeError. No
// message has a token in it.

/** What the library refuses: `code` is one of `Code.E_*`. */
export class DormouseError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.code = code;
  }

  get name() {
    return "DormouseError";
  }
}

/** A watch or a decoder was used after it was closed. */
export class ClosedError extends Error {
  get name() {
    return "ClosedError";
  }
}
