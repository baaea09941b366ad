// Pictures for a message: files from this machine, or addresses.
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { Button } from "../../parts/Button";
import { Field } from "../../parts/Field";

interface Props {
  pictures: readonly string[];
  onChange: (pictures: readonly string[]) => void;
}

export function PictureList({ pictures, onChange }: Props) {
  const { t } = useTranslation();
  const [url, setUrl] = useState("");
  const address = url.trim();
  const fits = /^(https?:\/\/\S+|data:image\/\S+)$/.test(address);

  async function take(files: FileList | null): Promise<void> {
    const read = await Promise.all([...(files ?? [])].map(dataUrl));
    if (read.length > 0) onChange([...pictures, ...read]);
  }

  return (
    <details className="play-add">
      <summary>{t("playground.pictures", { count: pictures.length })}</summary>
      {pictures.length > 0 ? (
        <ul className="play-pictures">
          {pictures.map((picture, index) => (
            <li key={index}>
              {picture.startsWith("data:") ? (
                <img src={picture} alt={t("playground.picture", { number: index + 1 })} />
              ) : (
                <code>{picture}</code>
              )}
              <Button
                quiet
                aria-label={t("playground.removePicture", { number: index + 1 })}
                onClick={() => onChange(pictures.filter((_, at) => at !== index))}
              >
                <span aria-hidden="true">✕</span>
              </Button>
            </li>
          ))}
        </ul>
      ) : null}
      <div className="play-picture-ways">
        <Field label={t("playground.pictureFile")}>
          {(field) => (
            <input
              {...field}
              type="file"
              accept="image/*"
              multiple
              onChange={(event) => {
                void take(event.target.files);
                event.target.value = "";
              }}
            />
          )}
        </Field>
        <Field label={t("playground.pictureUrl")} problem={address && !fits ? t("playground.pictureWrong") : undefined}>
          {(field) => (
            <input
              {...field}
              type="url"
              value={url}
              spellCheck={false}
              onChange={(event) => setUrl(event.target.value)}
            />
          )}
        </Field>
        <Button
          disabled={!fits}
          onClick={() => {
            onChange([...pictures, address]);
            setUrl("");
          }}
        >
          {t("common.add")}
        </Button>
      </div>
    </details>
  );
}

function dataUrl(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error ?? new Error(file.name));
    reader.readAsDataURL(file);
  });
}
