// How luna is doing: figures, charts, what went wrong, accounts, what goes on. The range stands in the address.
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";

import { Failed, Loading } from "../../parts/Empty";
import { Page } from "../../parts/Page";
import { Charts } from "./Charts";
import { Figures } from "./Figures";
import { RANGES, rangeOf } from "./figures";
import { Start } from "./Start";
import { Accounts, ActiveRuns, Errors, Models } from "./Tables";
import { useOverview } from "./useOverview";
import "./overview.css";

export default function Overview() {
  const { t } = useTranslation();
  const [search, setSearch] = useSearchParams();
  const minutes = rangeOf(search.get("minutes"));
  const { data, error, refetch } = useOverview(minutes);
  const range = (
    <label className="overview-range">
      {t("overview.range")}
      <select value={minutes} onChange={(event) => setSearch({ minutes: event.target.value }, { replace: true })}>
        {RANGES.map((one) => (
          <option key={one} value={one}>
            {t(`overview.ranges.${one}`)}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <Page title={t("shell.pages.overview")} actions={range}>
      {error && !data ? <Failed error={error} onRetry={() => void refetch()} /> : null}
      {!data && !error ? <Loading /> : null}
      {data ? (
        <div className="overview">
          <Figures overview={data} minutes={minutes} />
          {data.total.requests === 0 ? <Start /> : <Charts overview={data} />}
          <ActiveRuns overview={data} />
          <div className="overview-tables">
            <Accounts overview={data} minutes={minutes} />
            <Models overview={data} minutes={minutes} />
            <Errors overview={data} minutes={minutes} />
          </div>
        </div>
      ) : null}
    </Page>
  );
}
