// A length of time as exactly as it is worth reading.
import { duration } from "../../../parts/Time";

export function exact(milliseconds: number): string {
  if (milliseconds < 1) return `${milliseconds.toFixed(2)} ms`;
  return milliseconds < 100 ? `${milliseconds.toFixed(1)} ms` : duration(milliseconds);
}
