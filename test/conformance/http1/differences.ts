/** Where Sluice and Envoy differ over HTTP/1.1, each with the reason. */
import type { Difference } from '../compare.ts'

export const DIFFERENCES: readonly Difference[] = [
  {
    who: 'envoy',
    cases: ['9110 7.6.2: Max-Forwards: 0 with OPTIONS ends here', '9110 9.3.8: Max-Forwards: 0 with TRACE ends here'],
    why: 'Envoy does not look at Max-Forwards, which RFC 9110 7.6.2 wants every hop to count down',
  },
  {
    who: 'envoy',
    cases: [
      '9112 2.2: a bare LF ends a line',
      '9112 7.1: a bare LF behind data',
      '9112 7.1: no line end behind the data',
    ],
    why: 'line ends that readers see differently are how requests are smuggled; Envoy’s parser takes them',
  },
  {
    who: 'envoy',
    cases: ['9112 2.2: a bare CR in a value', '9112 2.2: a bare CR in a value of a response (response)'],
    why: 'RFC 9112 2.2: a bare CR is invalid or a space; Envoy’s parser forwards it or drops it',
  },
  {
    who: 'envoy',
    cases: [
      '9112 2.3: a higher minor version, which nothing speaks',
      '9112 2.3: another major version',
      '9112 2.3: HTTP/2 of the upstream (response)',
      '9112 4: a status of four digits (response)',
    ],
    why: 'Envoy’s parser does not look closely at versions and statuses',
  },
  {
    who: 'envoy',
    cases: ['9112 3: two spaces', '9112 3: a tab'],
    why: 'RFC 9112 3 lets a server be lenient with white space in the request line and warns of it; Envoy is lenient',
  },
  {
    who: 'envoy',
    cases: [
      '9112 3.2: two Hosts',
      '9112 3.2: a Host with userinfo',
      '9112 3.2.2: userinfo in the target',
      '9112 3.2.2: an absolute target with nothing but a query',
    ],
    why: 'RFC 9112 3.2 and RFC 3986 3.2; Envoy joins two Hosts, keeps userinfo, and takes such a query for a part of the host',
  },
  {
    who: 'envoy',
    cases: ['9112 5.2: a folded line'],
    why: 'RFC 9112 5.2 has two ways: 400, as here, or a space; Envoy has the second',
  },
  {
    who: 'envoy',
    cases: ['9112 6.1: chunked in HTTP/1.0'],
    why: 'RFC 9112 6.1: such a message is faulty; Envoy trusts its framing',
  },
  {
    who: 'envoy',
    cases: ['9112 7.1.1: an extension of 100 KB'],
    why: 'RFC 9112 7.1.1: extensions are to be limited; Envoy skips any number of bytes',
  },
  {
    who: 'envoy',
    cases: [
      '9110 6.5.1: framing in trailers does not count',
      '9110 6.5.1: Host in trailers does not count',
      '9110 7.6.1: a field that Connection of a response names (response)',
    ],
    why: 'fields that must not be forwarded there; Envoy forwards them',
  },
  {
    who: 'envoy',
    cases: ['9110 10.1.1: no 100 for HTTP/1.0'],
    why: 'HTTP/1.0 does not know interim answers; Envoy sends one when it is asked',
  },
  {
    who: 'envoy',
    cases: ['9110 7.8: 101 that nobody asked for (response)'],
    why: 'RFC 9110 15.2.2; Envoy hands it on, and what follows is no HTTP for the client',
  },
  {
    who: 'free',
    cases: ['9110 7.6.1: a framing field that Connection names stays'],
    why: 'nobody says so in good faith: refused here; Envoy drops the field and frames the body anew',
  },
  {
    who: 'free',
    cases: ['9112 3.2.3: CONNECT where none is configured'],
    why: 'the method is not allowed (403), or, for Envoy, there is no route of such a kind (404)',
  },
  {
    who: 'free',
    cases: ['9112 3.2.4: OPTIONS of an absolute target without a path'],
    why: 'RFC 9112 3.2.4: that is OPTIONS *, which no prefix matches; Envoy makes it /',
  },
  {
    who: 'free',
    cases: ['9112 3.2: an empty Host'],
    why: 'no host was named: here that is as if there was none; Envoy routes it as an empty name',
  },
  {
    who: 'free',
    cases: ['9112 7.1.1: 10,000 extensions'],
    why: 'extensions are limited for a whole body here; Envoy has no limit',
  },
  {
    who: 'free',
    cases: ['9112 7.1.2: a folded trailer', '9112 5.2: a folded line of a response (response)'],
    why: 'RFC 9112 5.2: refused here like any folded line; Envoy unfolds it',
  },
  {
    who: 'free',
    cases: ['9110 10.1.1: an expectation without a body'],
    why: 'RFC 9110 10.1.1: 100 may be left out where there is nothing to wait for; Envoy sends it',
  },
]
