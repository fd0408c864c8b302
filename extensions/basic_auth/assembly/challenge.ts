/** The value of `WWW-Authenticate`. Quoted only where RFC 9110 needs it: a plain word stays as Istio's extension sends it. */
export function challenge(realm: string): string {
  if (isToken(realm)) return `Basic realm=${realm}`
  return `Basic realm="${realm.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`
}

/** RFC 9110, 5.6.2; the empty text counts as one here. */
function isToken(text: string): bool {
  for (let i = 0, k = text.length; i < k; i++) {
    const code = text.charCodeAt(i)
    const alphanumeric =
      (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)
    if (!alphanumeric && !"!#$%&'*+-.^_`|~".includes(text.charAt(i))) return false
  }
  return true
}
