// What of a page stands in the address, read and changed by name. A change is seen at once: the router tells of it only
// later, and a field that waited for that would put the cursor at its end and break what is typed in Vietnamese or
// Chinese.
import { startTransition, useCallback, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";

/** An empty value, or null, takes the name out of the address. */
export type Changes = Readonly<Record<string, string | null>>;

const NONE: readonly string[] = [];

/** The parameters, and how to change some of them; the page before stays what the way back leads to. `empty` are the
 * names that stay in the address also when they are empty; it must be the same at every call. */
export function useAddress(empty: readonly string[] = NONE): [URLSearchParams, (changes: Changes) => void] {
  const [known] = useSearchParams();
  const navigate = useNavigate();
  const [ahead, setAhead] = useState<URLSearchParams | null>(null);
  const now = ahead ?? known;
  const change = useCallback(
    (changes: Changes) => {
      const next = changed(now, changes, empty);
      setAhead(next);
      const arrived = () => startTransition(() => setAhead((latest) => (latest === next ? null : latest)));
      void Promise.resolve(navigate({ search: next.toString() }, { replace: true })).finally(arrived);
    },
    [now, navigate, empty],
  );
  return [now, change];
}

/** The parameters after the changes. */
export function changed(before: URLSearchParams, changes: Changes, empty: readonly string[] = NONE): URLSearchParams {
  const after = new URLSearchParams(before);
  for (const [name, value] of Object.entries(changes)) {
    if (value || (value === "" && empty.includes(name))) after.set(name, value);
    else after.delete(name);
  }
  return after;
}
