/** Where the proxies differ rightly, each with its reason; test/parity/differences.yaml has those that its cases show. */
import type { Difference } from './differences.ts'
import { isExplained, type Reason } from './reason.ts'
import type { Request, Trial } from './trial.ts'

const REASONS: readonly Reason<Trial, Difference>[] = [
  {
    why: 'RFC 9112 2.3: a server answers in the highest version that it speaks of that major version; Envoy echoes HTTP/1.0.',
    covers: ({ fact, ours, theirs }) => fact === 'response.start' && ours === theirs.replace('HTTP/1.0', 'HTTP/1.1'),
  },
  {
    why: 'RFC 9112 6.1: Transfer-Encoding in an answer to HEAD is optional.',
    covers: ({ fact, request }, { requests }) =>
      requests[request]?.method === 'HEAD' && /^response.headers.(transfer-encoding|content-length)$/.test(fact),
  },
  {
    why: 'RFC 9110 6.4.1: no answer to HEAD, no 204 and no 304 has a body; Envoy sends that of a direct response.',
    covers: ({ fact, ours, theirs }) =>
      fact === 'rest' ||
      (fact === 'response.complete' && ours === 'true') ||
      (fact === 'response.start' && /^HTTP.2 [23]04$/.test(ours) && theirs === 'reset 1'),
  },
  {
    why: 'Over HTTP/2 what is refused for its names is told so with 400, as over HTTP/1; Envoy resets the stream.',
    covers: ({ fact, theirs }, { manager }) =>
      fact === 'response.start' && theirs === 'reset 2' && configured(manager, {}, 'REJECT_REQUEST'),
  },
  {
    why: 'What is no scheme of HTTP is replaced by that of the connection; Envoy hands it on, and takes no route where it is empty.',
    covers: ({ fact, ours, theirs, request }, { manager, routes, requests }) => {
      const schemes = fieldsOf(requests[request], 'x-forwarded-proto')
      if (schemes.length === 0 || (schemes.length === 1 && /^https?$/.test(schemes[0]))) return false
      if (fact === 'response.start' && schemes.join('') === '') return true
      const shows =
        /^upstream\d?.headers.x-forwarded-proto$/.test(fact) || configured(manager, routes, 'x-forwarded-proto')
      return shows && ours !== theirs
    },
  },
  {
    why: 'What is refused for its names is answered as all else is; Envoy has not kept the request by then.',
    covers: ({ fact, log, request }, { requests, manager }) =>
      fact.startsWith('response.') &&
      log.includes('unexpected_underscore') &&
      configured(manager, {}, '"headers_with_underscores_action":"REJECT_REQUEST"') &&
      requests[request]?.headers.some(([name]) => name.includes('_')) === true,
  },
  {
    why: 'RFC 9110 5.3: fields of one name are one list; Envoy writes those that it knows by name in one line.',
    covers: ({ fact, ours, theirs }) => fact.includes('.headers.') && combined(ours) === combined(theirs),
  },
  {
    why: 'RFC 9110 4.2.3: an absolute URI without a path has the path /, which routes take; to Envoy it has none.',
    covers: ({ request }, { requests }) => /^[a-z]+:[/][/][^/]*$/i.test(requests[request]?.target ?? ''),
  },
  {
    why: 'What is refused for its version, host or path is so before it has a route; Envoy may have looked for one by then.',
    covers: ({ fact, ours, theirs }) =>
      fact.startsWith('log.') &&
      ours === theirs.replace(/route=\S+/, 'route=-') &&
      /path_normalization_failed|missing_host_header/.test(ours),
  },
  {
    why: 'Answers to HTTP/1.0 where it is not accepted are made as all others; Envoy has not kept the request by then.',
    covers: ({ fact, log, request }, { requests }) =>
      fact.startsWith('response.') && log.includes('low_version') && requests[request]?.version === '1.0',
  },
  {
    why: 'A path that is refused is shown as it came; Envoy shows it with its slashes unescaped.',
    covers: ({ fact, log, request }, { manager, requests }) =>
      /^response.(headers|body)/.test(fact) &&
      log.includes('path_normalization_failed') &&
      manager['path_with_escaped_slashes_action'] === 'REJECT_REQUEST' &&
      /%2f|%5c/i.test(requests[request]?.target ?? ''),
  },
  {
    why: 'The answer to what cannot be read knows its response flags; in Envoy only the log does.',
    covers: ({ fact, ours, theirs, log }, { manager }) =>
      configured(manager, {}, '%RESPONSE_FLAGS%') &&
      (ours.replaceAll('DPE', '-') === theirs ||
        (fact === 'response.headers.content-length' && !/^\d+ - /.test(log) && Number(ours) - Number(theirs) === 2)),
  },
  {
    why: 'What is refused for its fragment has no route; Envoy finds one, and its headers, where the client has sent x-forwarded-proto.',
    covers: ({ fact, log, request }, { requests }) =>
      fact.startsWith('response.headers.') &&
      log.includes('path_normalization_failed') &&
      requests[request]?.target.includes('#') === true &&
      fieldsOf(requests[request], 'x-forwarded-proto').length > 0,
  },
  {
    why: 'Headers of an answer of our own can tell its status; to those of routes Envoy says 0.',
    covers: ({ fact, ours, theirs }, { routes }) =>
      fact.startsWith('response.headers.') &&
      configured({}, routes, '%RESPONSE_CODE%') &&
      combined(ours.replace(/[1-5]\d\d/g, '0')) === combined(theirs),
  },
  {
    why: 'RFC 9110 8.6: a length of 0 says nothing about a request that has no body by its method; Envoy knows few methods.',
    covers: ({ fact, ours, theirs }) =>
      /^upstream.*content-length$/.test(fact) && ours === '(absent)' && theirs === '0',
  },
  {
    why: 'RFC 9110 10.1.1: 100-continue is met by the proxy, also where it is said twice; Envoy then hands it on.',
    covers: ({ fact, ours, theirs }) =>
      /^upstream\d?.headers.expect$/.test(fact) && ours === '(absent)' && theirs === '100-continue,100-continue',
  },
  {
    why: 'RFC 9110 7.2: a host is one host; what a header says beyond that is not written into the request. Envoy writes it.',
    covers: ({ fact, ours, theirs, request }, { routes, requests }) =>
      fact === 'response.start' &&
      / 502\b/.test(ours) &&
      !/ 502\b/.test(theirs) &&
      configured({}, routes, 'host_rewrite_header') &&
      /[, ]/.test([...fieldsOf(requests[request], 'x-a'), ...fieldsOf(requests[request], 'x-none')].join()),
  },
  {
    why: 'RFC 3986 4.2: two slashes at the beginning are those of another host; Envoy redirects there before it merges them.',
    covers: ({ fact, ours, theirs }, { manager }) =>
      fact === 'response.headers.location' &&
      configured(manager, {}, '"merge_slashes":true') &&
      theirs.startsWith('//') &&
      theirs.replace(/\/\/+/g, '/') === ours,
  },
  {
    why: 'merge_slashes makes one of adjacent slashes; Envoy leaves two of a path that is nothing else, which as a location is another host.',
    covers: ({ request }, { manager, requests }) =>
      configured(manager, {}, '"merge_slashes":true') &&
      /^\/(?:\/|%2f|%5c)+(?:\?|$)/i.test(requests[request]?.target ?? ''),
  },
  {
    why: 'A header without a value is handed on; Envoy joins the pieces of a cookie over HTTP/2 (RFC 9113 8.2.3), of which this leaves none.',
    covers: ({ fact, ours, theirs, request }, { requests }) =>
      fact === 'upstream.headers.cookie' && requests[request]?.version === '2' && ours === '' && theirs === '(absent)',
  },
  {
    why: 'What cannot mean anything is refused; Envoy ignores an empty name of a header in some places.',
    covers: ({ fact, ours }) => fact === 'refused' && /_headers_to_remove\[\d\]: a header name is missing/.test(ours),
  },
  {
    why: 'What cannot mean anything is refused; Envoy ignores a code that is none of a redirect.',
    covers: ({ fact, ours }) => fact === 'refused' && /redirect_response_codes\[\d\]: must be one of/.test(ours),
  },
  {
    why: 'By chance: a port was free only a moment ago.',
    covers: ({ fact, ours, theirs }) => fact === 'refused' && /address already in use/i.test(ours + theirs),
  },
  {
    why: 'RFC 9110 5.1: what is no token cannot be sent as the name of a header; Envoy refuses only CR, LF and NUL.',
    covers: ({ fact, ours }) => fact === 'refused' && ours.includes('«x y» is not a header name'),
  },
]

function fieldsOf(request: Request | undefined, name: string): string[] {
  return (request?.headers ?? []).filter(([key]) => key.toLowerCase() === name).map(([, value]) => value)
}

function configured(manager: object, routes: object, text: string): boolean {
  return JSON.stringify([manager, routes]).includes(text)
}

function combined(values: string): string {
  return values
    .split(/ \| |; |, ?/)
    .filter((one) => one !== '')
    .join()
}

export function onPurpose(trial: Trial, difference: Difference): boolean {
  return isExplained(REASONS, difference, trial)
}
