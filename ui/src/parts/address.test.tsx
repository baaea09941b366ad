import { act, fireEvent, render, screen } from "@testing-library/react";
import { createMemoryRouter, RouterProvider } from "react-router";
import { describe, expect, it } from "vitest";

import { changed, useAddress } from "./address";

describe("changed", () => {
  it("sets, takes away and leaves alone", () => {
    const before = new URLSearchParams("a=1&b=2&c=3");
    expect(changed(before, { a: "9", b: "", d: null, e: "5" }).toString()).toBe("a=9&c=3&e=5");
    expect(before.toString()).toBe("a=1&b=2&c=3");
  });

  it("keeps an empty value where that means something", () => {
    expect(changed(new URLSearchParams("a=1&b=2"), { a: "", b: "" }, ["a"]).toString()).toBe("a=");
    expect(changed(new URLSearchParams("a=1"), { a: null }, ["a"]).toString()).toBe("");
  });
});

function Search() {
  const [query, change] = useAddress();
  return <input value={query.get("q") ?? ""} onChange={(event) => change({ q: event.target.value })} />;
}

describe("useAddress", () => {
  it("shows a change at once and the address a little later", async () => {
    const router = createMemoryRouter([{ path: "/", element: <Search /> }], { initialEntries: ["/?other=1"] });
    render(<RouterProvider router={router} />);
    const input = screen.getByRole<HTMLInputElement>("textbox");
    fireEvent.change(input, { target: { value: "one" } });
    expect(input.value).toBe("one");
    fireEvent.change(input, { target: { value: "one two" } });
    expect(input.value).toBe("one two");
    await act(async () => {});
    expect(router.state.location.search).toBe("?other=1&q=one+two");
    await act(() => router.navigate("/?q=elsewhere"));
    expect(input.value).toBe("elsewhere");
  });
});
