// Line ends: an editor has one kind, a file may have another. Pure.

/** The text as an editor shows it. */
export function unixEnds(text: string): string {
  return text.replace(/\r\n?/g, "\n");
}

/** The edited text with the line ends of the one it began as. Mixed ones become those of its first line. */
export function endsOf(original: string, edited: string): string {
  return /^[^\n]*\r\n/.test(original) ? edited.replace(/\n/g, "\r\n") : edited;
}
