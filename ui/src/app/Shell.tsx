// What is around every page: navigation, connection, language, theme.
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { NavLink, Outlet, useRouteError } from "react-router";

import { useConnection } from "../api/live";
import { chooseLanguage, LANGUAGES, type Language } from "../i18n";
import { Button } from "../parts/Button";
import { BreakpointBanner } from "./BreakpointBanner";
import { DriftBanner } from "./DriftBanner";
import { IsolationBanner } from "./IsolationBanner";
import { useLanguageOfSettings } from "./language";
import { signOut } from "./Login";
import { SHOWN, useOpened, useVersion } from "./opened";
import { OpenedBanner } from "./OpenedBanner";
import { pages } from "./pages";
import { chooseTheme, useTheme, type Theme } from "./theme";
import "./shell.css";

export function Shell() {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const opened = useOpened();
  const version = useVersion();
  useLanguageOfSettings();
  return (
    <div className="shell" data-open={open || undefined}>
      <a className="shell-skip" href="#content">
        {t("shell.skip")}
      </a>
      <header className="shell-top">
        <Button
          quiet
          className="shell-menu"
          aria-expanded={open}
          aria-controls="navigation"
          onClick={() => setOpen(!open)}
        >
          <span aria-hidden="true">☰</span>
          <span className="visually-hidden">{t("shell.menu")}</span>
        </Button>
        <NavLink to="/" className="shell-name">
          luna
        </NavLink>
        <ConnectionMark />
        <div className="shell-choices">
          <Choices />
        </div>
      </header>
      <nav className="shell-nav" id="navigation" aria-label={t("shell.navigation")}>
        <ul>
          {pages.map(({ path, name }) =>
            name && (!opened || SHOWN.includes(name)) ? (
              <li key={path}>
                <NavLink to={`/${path}`} end={path === ""} onClick={() => setOpen(false)}>
                  {t(`shell.pages.${name}`)}
                </NavLink>
              </li>
            ) : null,
          )}
        </ul>
        {version ? <p className="shell-version">luna {version}</p> : null}
      </nav>
      <main className="shell-content" id="content" tabIndex={-1}>
        <OpenedBanner />
        <IsolationBanner />
        <DriftBanner />
        <BreakpointBanner />
        <Outlet />
      </main>
    </div>
  );
}

function ConnectionMark() {
  const { t } = useTranslation();
  const connection = useConnection();
  return (
    <span className="shell-connection" data-state={connection} role="status">
      {t(`shell.connection.${connection}`)}
    </span>
  );
}

function Choices() {
  const { t, i18n } = useTranslation();
  const theme = useTheme();
  return (
    <>
      <label>
        <span className="visually-hidden">{t("shell.language")}</span>
        <select value={i18n.language} onChange={(event) => void chooseLanguage(event.target.value as Language)}>
          {Object.entries(LANGUAGES).map(([code, name]) => (
            <option key={code} value={code} lang={code}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span className="visually-hidden">{t("shell.theme")}</span>
        <select value={theme} onChange={(event) => chooseTheme(event.target.value as Theme)}>
          {(["system", "light", "dark"] as const).map((name) => (
            <option key={name} value={name}>
              {t(`shell.themes.${name}`)}
            </option>
          ))}
        </select>
      </label>
      <Button quiet onClick={() => void signOut()}>
        {t("shell.signOut")}
      </Button>
    </>
  );
}

/** In the place of a page that threw. */
export function Broken() {
  const { t } = useTranslation();
  const error = useRouteError();
  return (
    <section className="shell-broken" role="alert">
      <h1>{t("shell.broken")}</h1>
      <p>{t("shell.brokenHint")}</p>
      <pre>{error instanceof Error ? (error.stack ?? error.message) : String(error)}</pre>
      <Button onClick={() => location.reload()}>{t("common.retry")}</Button>
    </section>
  );
}
