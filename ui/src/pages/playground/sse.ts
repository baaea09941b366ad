// Server-sent events out of bytes, however they are cut (WHATWG HTML, section 9.2.6). Pure.

export interface Message {
  /** `message` where the stream names none; "" for a comment, which is a sign of life. */
  event: string;
  data: string;
}

export class SseReader {
  #decoder = new TextDecoder();
  #rest = "";
  /** The last piece ended in CR: an LF that follows belongs to it. */
  #returned = false;
  #event = "";
  #data: string[] = [];

  /** The messages that these bytes complete. */
  feed(bytes: Uint8Array): Message[] {
    return this.#read(this.#decoder.decode(bytes, { stream: true }));
  }

  /** The stream has ended: a message without its blank line is none (as browsers have it), half a letter neither. */
  end(): Message[] {
    return this.#read(this.#decoder.decode());
  }

  #read(text: string): Message[] {
    const messages: Message[] = [];
    let piece = text;
    if (this.#returned && piece.startsWith("\n")) piece = piece.slice(1);
    if (text) this.#returned = text.endsWith("\r");
    const lines = (this.#rest + piece).split(/\r\n|\r|\n/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const message = this.#line(line);
      if (message) messages.push(message);
    }
    return messages;
  }

  #line(line: string): Message | null {
    if (line === "") return this.#dispatch();
    if (line.startsWith(":")) return { event: "", data: line.slice(1).trim() };
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
    return null;
  }

  #dispatch(): Message | null {
    const message = { event: this.#event || "message", data: this.#data.join("\n") };
    const said = this.#data.length > 0;
    this.#event = "";
    this.#data = [];
    return said ? message : null;
  }
}
