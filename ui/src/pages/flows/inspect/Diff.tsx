// Lines with a sign in front of each: what was there, and what is there now.
export function Diff({ text }: { text: string }) {
  return (
    <pre className="diff">
      {text.split("\n").map((line, at) => (
        <span key={`${at} ${line.slice(0, 20)}`} data-sign={line.slice(0, 1)}>
          {line}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}

export function signed(sign: string, text: string): string {
  return text
    .split("\n")
    .map((line) => `${sign} ${line}`)
    .join("\n");
}
