/** A text of luna's in which what is to be typed stands between backticks. */
export function Prose({ text }: { text: string }) {
  return text
    .split("`")
    .map((piece, index) => (index % 2 === 1 ? <code key={index}>{piece}</code> : <span key={index}>{piece}</span>));
}
