// The entry. Owns nothing but the order in which things begin.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./app/App";
import { startLanguage } from "./i18n";
import { startTheme } from "./app/theme";
import "./styles/tokens.css";
import "./styles/base.css";

// Libraries that put a <style> into the page ask for this name; the server's policy admits no other styles.
const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
Object.assign(globalThis, { __webpack_nonce__: nonce });

startTheme();
await startLanguage();

const root = document.getElementById("root");
if (!root) throw new Error("the page has no #root");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
