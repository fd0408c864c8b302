/** RFC 3986 3.2 without userinfo (RFC 9110 4.2.4 deprecates it, and it hides the host from people). */
export const AUTHORITY = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+,;=-]+)(?::[0-9]{0,5})?$/
