// The dialog in which an account is added, or gets another login: by browser, by pasting, from the environment.
import { useTranslation } from "react-i18next";

import { Block } from "../../parts/Copy";
import { Dialog } from "../../parts/Dialog";
import { Tabs } from "../../parts/Tabs";
import type { Account } from "./accounts";
import { BrowserLogin } from "./BrowserLogin";
import { PasteLogin } from "./PasteLogin";

export const ADDING = ["browser", "paste", "environment"] as const;
export type Adding = (typeof ADDING)[number];

interface Props {
  way: Adding;
  /** The one that gets another login; none: a new one. */
  account: Account | undefined;
  /** The one of the environment, if there is one. */
  environment: Account | undefined;
  onWay: (way: Adding) => void;
  onClose: () => void;
}

export function AddAccount({ way, account, environment, onWay, onClose }: Props) {
  const { t } = useTranslation();
  const key = account?.id ?? "";
  const tabs = [
    {
      id: "browser",
      name: t("accounts.adding.browser"),
      content: <BrowserLogin key={key} account={account} onClose={onClose} />,
    },
    { id: "paste", name: t("accounts.adding.paste"), content: <PasteLogin key={key} account={account} /> },
    ...(account
      ? []
      : [
          {
            id: "environment",
            name: t("accounts.adding.environment"),
            content: <FromEnvironment environment={environment} />,
          },
        ]),
  ];
  return (
    <Dialog
      title={account ? t("accounts.adding.titleAgain", { account: account.label }) : t("accounts.adding.title")}
      open
      onClose={onClose}
    >
      <Tabs
        label={t("accounts.adding.ways")}
        tabs={tabs}
        chosen={way === "environment" && account ? "browser" : way}
        onChoose={(chosen) => onWay(ADDING.find((one) => one === chosen) ?? "browser")}
      />
    </Dialog>
  );
}

const EXAMPLE = `QWEN_AI_TOKEN='eyJ…' \\
QWEN_AI_COOKIES='token=…; refresh_token=…; acw_tc=…' \\
luna serve`;

function FromEnvironment({ environment }: { environment: Account | undefined }) {
  const { t } = useTranslation();
  return (
    <div className="dialog-form">
      <p>{t("accounts.environment.about")}</p>
      <Block label={t("accounts.environment.example")} text={EXAMPLE} />
      <p className="soft">
        {environment
          ? t("accounts.environment.there", { account: environment.label })
          : t("accounts.environment.notThere")}
      </p>
    </div>
  );
}
