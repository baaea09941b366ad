// The text of a pipeline beside its graph: a stage that is chosen there is gone to here.
import { useState } from "react";
import { useLocation } from "react-router";

import type { components } from "../../api/schema";
import { Failed, Loading } from "../../parts/Empty";
import type { Target } from "../../parts/editor/Editor";
import type { Pipeline } from "./data";
import { FileEditor } from "./FileEditor";
import { useFiles } from "./files";
import "./files.css";

interface Props {
  pipeline: Pipeline;
  stage: string | undefined;
  data: components["schemas"]["PipelinesView"];
}

export function Beside({ pipeline, stage, data }: Props) {
  const files = useFiles();
  const { key } = useLocation();
  const place = (): Target | undefined => pipeline.stages.find((each) => each.name === stage)?.place ?? undefined;
  // Each click goes there once; that the place moves while the text is saved moves nobody.
  const [asked, setAsked] = useState({ key, spot: place() });
  if (asked.key !== key) setAsked({ key, spot: place() });

  if (files.error) return <Failed error={files.error} onRetry={() => void files.refetch()} />;
  const entry = files.data?.files.find((each) => each.name === pipeline.place?.file);
  return entry ? <FileEditor key={entry.name} entry={entry} data={data} spot={asked.spot} /> : <Loading />;
}
