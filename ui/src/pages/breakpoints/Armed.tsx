// The breakpoints that are armed.
import { useTranslation } from "react-i18next";

import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Empty } from "../../parts/Empty";
import { duration } from "../../parts/Time";
import { useToast } from "../../parts/Toast";
import { Scroll } from "../network/Scroll";
import { useDisarm, type Breakpoint } from "./breakpoints";

export function Armed({ armed }: { armed: readonly Breakpoint[] }) {
  const { t } = useTranslation();
  const disarm = useDisarm();
  const say = useToast();

  async function remove(id: string): Promise<void> {
    try {
      await disarm.mutateAsync(id);
      say.done(t("breakpoints.list.disarmed"));
    } catch (error) {
      say.failed(error);
    }
  }

  return (
    <section className="card" aria-labelledby="armed">
      <h2 id="armed">{t("breakpoints.list.title")}</h2>
      {armed.length === 0 ? (
        <Empty title={t("breakpoints.list.empty")}>
          <p>{t("breakpoints.list.emptyAbout")}</p>
        </Empty>
      ) : (
        <Scroll label={t("breakpoints.list.title")}>
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">{t("breakpoints.list.where")}</th>
                <th scope="col">{t("breakpoints.list.filter")}</th>
                <th scope="col">{t("breakpoints.list.how")}</th>
                <th scope="col">{t("breakpoints.list.limit")}</th>
                <th scope="col">{t("breakpoints.list.hits")}</th>
                <th scope="col">
                  <span className="visually-hidden">{t("breakpoints.list.actions")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {armed.map((one) => (
                <tr key={one.id}>
                  <th scope="row">{one.boundary || t("breakpoints.list.anywhere")}</th>
                  <td>{one.filter ? <code>{one.filter}</code> : t("breakpoints.list.every")}</td>
                  <td>
                    <span className="row">
                      <Badge>{t(one.repeated ? "breakpoints.list.repeated" : "breakpoints.list.once")}</Badge>
                      {one.whole ? <Badge>{t("breakpoints.list.whole")}</Badge> : null}
                    </span>
                  </td>
                  <td>{duration(one.limitMs)}</td>
                  <td>{one.hits}</td>
                  <td>
                    <Button disabled={disarm.isPending} onClick={() => void remove(one.id)}>
                      {t("breakpoints.list.disarm")}
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}
