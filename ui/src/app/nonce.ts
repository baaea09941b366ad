/** The name under which the server's policy admits styles that a library makes while it runs. */
export function nonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
}
