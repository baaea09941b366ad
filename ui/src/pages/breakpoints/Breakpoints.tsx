// The page of breakpoints: which flow waits, which breakpoints are armed, arming one. The flow looked at is in the URL.
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";

import { Failed, Loading } from "../../parts/Empty";
import { Page } from "../../parts/Page";
import { Arm } from "./Arm";
import { Armed } from "./Armed";
import { useBreakpoints } from "./breakpoints";
import { Decide } from "./Decide";
import { Waiting } from "./Waiting";
import "./breakpoints.css";

export default function Breakpoints() {
  const { t } = useTranslation();
  const { id = "" } = useParams();
  const all = useBreakpoints();
  return (
    <Page title={t("shell.pages.breakpoints")}>
      {id ? <Decide key={id} id={id} waits={all.data?.halted.some((one) => one.id === id)} /> : null}
      {all.isPending ? <Loading /> : null}
      {all.error ? <Failed error={all.error} onRetry={() => void all.refetch()} /> : null}
      {all.data ? (
        <>
          <Waiting halted={all.data.halted} chosen={id} />
          <Armed armed={all.data.armed} />
        </>
      ) : null}
      <Arm />
      <p className="soft">{t("breakpoints.about")}</p>
    </Page>
  );
}
