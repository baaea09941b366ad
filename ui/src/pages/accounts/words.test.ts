import { describe, expect, it } from "vitest";

import { distance } from "./AccountFacts";
import { canTryAgain, endsSoon, isHeld, toneOf, type Account } from "./accounts";
import { isOver, stepOf, type Job } from "./capture";
import { left } from "./Countdown";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function account(changes: Partial<Account> = {}): Account {
  return {
    id: "a",
    label: "Anna",
    providerId: "qwen-ai",
    source: "file",
    site: "https://chat.qwen.ai",
    enabled: true,
    state: "ready",
    reason: "",
    wayOut: "",
    until: null,
    retryAfter: null,
    cooldowns: {},
    circuit: { state: "closed", failures: 0, until: null },
    inFlight: 0,
    maxConcurrentRuns: null,
    networkProfileId: "",
    fingerprint: "12345678",
    renewable: true,
    expiresAt: null,
    tokenExpiresAt: null,
    lastUsedAt: null,
    running: 0,
    limit: 4,
    ...changes,
  };
}

describe("time that is left", () => {
  it.each([
    [-5000, "0:00"],
    [1, "0:01"],
    [42_000, "0:42"],
    [MINUTE + 1000, "1:01"],
    [HOUR, "1:00:00"],
    [HOUR + 3 * MINUTE + 9000, "1:03:09"],
    [2 * DAY + 5 * MINUTE, "2 d 0:05:00"],
  ])("%d ms is %s", (milliseconds, shown) => {
    expect(left(milliseconds)).toBe(shown);
  });

  it("is told in words of the page's language", () => {
    expect(distance(3 * DAY + HOUR, "en")).toBe("in 3 days");
    expect(distance(90 * MINUTE, "en")).toBe("in 1 hour");
    expect(distance(5000, "en")).toBe("in 1 minute");
    expect(distance(2 * DAY, "zh")).toBe("2天后");
  });
});

describe("how an account is", () => {
  it("is good, unless something holds it back", () => {
    expect(toneOf(account())).toBe("good");
    const held = account({ reason: "Nothing may leave." });
    expect([isHeld(held), toneOf(held)]).toEqual([true, "warn"]);
    expect(isHeld(account({ state: "disabled", reason: "Switched off by hand." }))).toBe(false);
  });

  it.each([
    ["cooling", "warn"],
    ["circuit-open", "warn"],
    ["blocked", "bad"],
    ["login-needed", "bad"],
    ["disabled", "plain"],
    ["of-a-newer-luna", "bad"],
  ])("%s is %s", (state, tone) => {
    expect(toneOf(account({ state }))).toBe(tone);
  });

  it("can be forgiven when there is something to forgive", () => {
    expect(canTryAgain(account())).toBe(false);
    expect(canTryAgain(account({ state: "login-needed" }))).toBe(false);
    expect(canTryAgain(account({ state: "blocked" }))).toBe(true);
    expect(canTryAgain(account({ circuit: { state: "half-open", failures: 2, until: null } }))).toBe(true);
    expect(canTryAgain(account({ cooldowns: { media: { until: null, reason: "" } } }))).toBe(true);
  });

  it("ends soon within three days, if it says when", () => {
    expect(endsSoon(account(), 0)).toBe(false);
    expect(endsSoon(account({ expiresAt: 3 * DAY + 1 }), 0)).toBe(false);
    expect(endsSoon(account({ expiresAt: 3 * DAY - 1 }), 0)).toBe(true);
  });
});

describe("a login by browser", () => {
  const job = (state: Job["state"]): Job => ({
    id: "login_1",
    state,
    createdAt: 0,
    endsAt: 1,
    accountId: "",
    account: null,
    error: "",
    hint: "",
    endedAt: null,
  });

  it.each([
    ["starting", "opening", false],
    ["opening", "opening", false],
    ["waiting", "waiting", false],
    ["reading", "validating", false],
    ["validating", "validating", false],
    ["done", "done", true],
    ["failed", "waiting", true],
    ["cancelled", "waiting", true],
    ["timed-out", "waiting", true],
  ] as const)("that is %s is at the step %s", (state, step, over) => {
    expect([stepOf(job(state)), isOver(job(state))]).toEqual([step, over]);
  });
});
