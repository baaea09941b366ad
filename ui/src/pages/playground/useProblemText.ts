// What is wrong with a draft, in words.
import { useTranslation } from "react-i18next";

import type { Problem } from "./request";

/** Says what is wrong at a place; "" when nothing is. */
export function useProblemText(problems: readonly Problem[]): (place: string) => string {
  const { t } = useTranslation();
  return (place) => {
    const problem = problems.find((one) => one.place === place);
    return problem ? t(`playground.problems.${problem.kind}`, { said: problem.said }) : "";
  };
}
