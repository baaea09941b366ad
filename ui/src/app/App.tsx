// Puts the page together: data, routes, the way in for strangers.
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { createBrowserRouter, RouterProvider } from "react-router";

import { ApiError, onStranger } from "../api/client";
import { ToastProvider } from "../parts/Toast";
import { Login } from "./Login";
import { pages } from "./pages";
import { Broken, Shell } from "./Shell";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: true,
      retry: (count, error) => !(error instanceof ApiError) && count < 2,
    },
  },
});

const router = createBrowserRouter([
  {
    path: "/",
    element: <Shell />,
    errorElement: <Broken />,
    hydrateFallbackElement: <></>,
    children: pages.map(({ path, load }) => ({
      path,
      errorElement: <Broken />,
      lazy: async () => ({ Component: (await load()).default }),
    })),
  },
]);

export function App() {
  const [stranger, setStranger] = useState(false);
  useEffect(() => onStranger(() => setStranger(true)), []);
  return (
    <QueryClientProvider client={queries}>
      <ToastProvider>
        {stranger ? (
          <Login
            onEntered={() => {
              setStranger(false);
              void queries.invalidateQueries();
            }}
          />
        ) : (
          <RouterProvider router={router} />
        )}
      </ToastProvider>
    </QueryClientProvider>
  );
}
