// An account by its name, on the pages that know only its id.
import { useAccounts } from "./accounts";

export function AccountName({ id }: { id: string }) {
  const accounts = useAccounts();
  const label = accounts.data?.find((account) => account.id === id)?.label;
  return <span title={id}>{label || id}</span>;
}
