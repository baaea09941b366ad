import { useTranslation } from "react-i18next";

/** A moment, in milliseconds since the epoch: short to see, whole for who points at it. */
export function Time({ at }: { at: number | null | undefined }) {
  const { i18n } = useTranslation();
  if (at === null || at === undefined) return <>–</>;
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  const shown = today
    ? date.toLocaleTimeString(i18n.language)
    : date.toLocaleString(i18n.language, { dateStyle: "short", timeStyle: "short" });
  return (
    <time dateTime={date.toISOString()} title={date.toLocaleString(i18n.language)}>
      {shown}
    </time>
  );
}

/** A length of time in words as short as they can be. */
export function duration(milliseconds: number | null | undefined): string {
  if (milliseconds === null || milliseconds === undefined) return "–";
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  if (milliseconds < 3_600_000)
    return `${Math.floor(milliseconds / 60_000)} min ${Math.round((milliseconds % 60_000) / 1000)} s`;
  return `${(milliseconds / 3_600_000).toFixed(1)} h`;
}

export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  if (count < 1024 * 1024) return `${(count / 1024).toFixed(1)} KB`;
  return `${(count / 1024 / 1024).toFixed(1)} MB`;
}
