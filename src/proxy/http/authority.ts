/** RFC 3986 3.2 without userinfo (RFC 9110 4.2.4 deprecates it, and it hides the host from people). */
const AUTHORITY = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+,;=-]+)(?::[0-9]{0,5})?$/

/** Most requests in a row name one host. */
let last = 'localhost'

/** Whether it names a host, and a port or none. */
export function isAuthority(text: string): boolean {
  if (text === last) return true
  if (!AUTHORITY.test(text)) return false
  last = text
  return true
}
