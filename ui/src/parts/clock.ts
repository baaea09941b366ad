// Times of day for long lists: the formatters are made once for each language, for that is what costs.

const formats = new Map<string, Intl.DateTimeFormat>();

function format(language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${language} ${JSON.stringify(options)}`;
  const known = formats.get(key);
  if (known) return known;
  const made = new Intl.DateTimeFormat(language, options);
  formats.set(key, made);
  return made;
}

const TIME: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const DAY: Intl.DateTimeFormatOptions = { month: "2-digit", day: "2-digit" };

/** 19:40:05, and the day before it where that is not today. Milliseconds since the epoch. */
export function clock(at: number, language: string, now = Date.now()): string {
  const date = new Date(at);
  const time = format(language, TIME).format(date);
  return date.toDateString() === new Date(now).toDateString() ? time : `${format(language, DAY).format(date)} ${time}`;
}
