/** Where the proxies differ rightly about what upstreams answer, each with its reason. */
import type { Difference, Reason } from '../reason.ts'
import type { Answer } from './answer.ts'
import type { Told } from './compare.ts'
import { unexplainedBy } from './unexplained.ts'

const KNOWN: readonly Reason<Answer>[] = [
  {
    why: 'RFC 9112 2.3: a server answers in the highest version that it speaks of that major version; Envoy echoes HTTP/1.0.',
    covers: ({ fact, ours, theirs }) => fact === 'response.start' && ours.replace('HTTP/1.1', 'HTTP/1.0') === theirs,
  },
  {
    why: 'RFC 9112 6.1: Transfer-Encoding in an answer to HEAD is optional.',
    covers: ({ fact }, { request }) => request.method === 'HEAD' && fact === 'response.headers.transfer-encoding',
  },
  {
    why: 'RFC 9110 5.3: fields of one name are one list; Envoy writes those that it knows by name in one line.',
    covers: ({ fact, ours, theirs }) => fact.includes('.headers.') && ours.replaceAll(' | ', ',') === theirs,
  },
  {
    why: 'RFC 9112 4: one space stands on either side of a status of three digits; RFC 9110 15: it is from 100 to 599, 600 to 999 are handed on. What is no version of HTTP/1 is none. Envoy takes any.',
    covers: (one, answer) =>
      refused(one) &&
      (/^HTTP\/1.1( {2}|\t)/.test(final(answer)) ||
        /^HTTP\/(2.0|0.9|1.2) /.test(final(answer)) ||
        /^HTTP\/1.1 (\d\d?|\d{4,}|0\d\d) /.test(final(answer))),
  },
  {
    why: 'RFC 9112 2.2: a lone CR or LF ends no line, nor is it part of one; Envoy takes both.',
    covers: (one, answer) => refused(one) && /\r(?!\n)|(?<!\r)\n/.test(final(answer).slice(0, head(answer).length + 2)),
  },
  {
    why: 'The same within a chunked body, and for what extensions and trailers may not have (RFC 9112 7.1.1, RFC 9110 5.5); nor is white space part of a size.',
    covers: (one, answer) =>
      brokenOff(one) &&
      /chunked/i.test(head(answer)) &&
      /\r(?!\n)|(?<!\r)\n|\0|\r\n[ \t]|^[\da-f]+[ \t]+\r|:status/im.test(body(answer)),
  },
  {
    why: 'A trailer that would say how long the message is (RFC 9110 6.5.1) breaks it off; Envoy hands it on.',
    covers: (one, answer) => brokenOff(one) && /\r\n(content-length|transfer-encoding|host):/.test(body(answer)),
  },
  {
    why: 'RFC 9112 7.1: a size has at most 16 digits here, a length as many, and no more data than the size says; Envoy drops what is too much.',
    covers: (one, answer) =>
      brokenOff(one) &&
      (/[\da-f]{17}/i.test(body(answer)) ||
        /length: \d{17}/.test(head(answer)) ||
        (/chunked/i.test(head(answer)) && isOverlong(body(answer)))),
  },
  {
    why: 'A length that is none is refused also where there is no body (RFC 9112 6.3), and so are options of Connection that would remove what frames the message.',
    covers: (one, answer) =>
      refused(one) &&
      (/HTTP\/1.1 [23]04/.test(final(answer)) ||
        /connection: (content-length|transfer-encoding|te|set-cookie)/.test(answer.pieces.join(''))),
  },
  {
    why: 'RFC 9112 6.1: a transfer coding in HTTP/1.0 is faulty framing.',
    covers: (one, answer) => refused(one) && /^HTTP\/1\.0[\s\S]*transfer-encoding/i.test(final(answer)),
  },
  {
    why: 'Who switches protocols unasked is answered for with 502; Envoy breaks off.',
    covers: (one, answer) => refused(one) && /^HTTP\/1.1 101/.test(final(answer)),
  },
  {
    why: 'RFC 9110 7.6.1: Connection as a trailer is for this hop as well; Envoy hands it on, and cannot over HTTP/2.',
    covers: ({ fact, ours, theirs }, answer) =>
      /\r\nconnection: close\r\n/.test(body(answer)) &&
      (fact === 'response.trailers.connection' ||
        (fact === 'response.complete' && ours === 'true' && theirs !== 'true')),
  },
  {
    why: 'What no line may have is seen when the head is there; Envoy looks line by line, and the rest does not come.',
    covers: ({ fact, ours }, answer) =>
      fact === 'response.start' && / 504/.test(ours) && !/\r\n\r\n/.test(final(answer)),
  },
  {
    why: 'An upstream that closes in the middle of a body is logged as what it is; Envoy’s parser calls it a protocol error.',
    covers: ({ fact, ours, theirs }) =>
      fact.startsWith('log.') &&
      ours.replace(' UC ', ' UPE ').replace('connection_termination', 'protocol_error') === theirs,
  },
  {
    why: 'An interim answer that no client has seen begins no answer: what fails behind it may be tried again. In Envoy it begins one.',
    covers: ({ fact, ours, theirs }, { pieces }) =>
      fact.startsWith('log.') &&
      /^HTTP\/1.1 1/.test(pieces.join('')) &&
      ours.replace('upstream_reset_before', 'upstream_reset_after') === theirs,
  },
  {
    why: 'RFC 9110 7.8: the answer to who would not switch protocols is any other; Envoy takes its body away.',
    covers: ({ fact, ours }, answer) =>
      answer.request.headers.some(([name]) => name === 'upgrade') &&
      !/^HTTP\/1.1 101/.test(final(answer)) &&
      !refused({ fact, ours, theirs: '' }),
  },
  {
    why: 'RFC 9112 5.2: an answer with folded lines may be replaced with 502; Envoy joins them.',
    covers: (one, answer) => refused(one) && /\r\n[ \t]/.test(head(answer)),
  },
  {
    why: 'RFC 9110 7.6.1: what Connection names, and TE, are for this hop only; Envoy hands them on.',
    covers: ({ fact, ours }, answer) =>
      ours === '(absent)' &&
      (fact === 'response.headers.te' ||
        /connection:.*(x-a|set-cookie)/.exec(head(answer))?.[1] === fact.replace('response.headers.', '')),
  },
  {
    why: 'A reset is no end of a body that only the end of the connection ends (RFC 9112 8); Envoy takes it for one.',
    covers: ({ fact, ours, theirs }, { end }) =>
      end === 'reset' &&
      ((fact === 'response.complete' && ours !== 'true') ||
        (fact.startsWith('log.') && / UC /.test(ours) && / via_upstream /.test(theirs))),
  },
]

function refused({ fact, ours }: Difference): boolean {
  return fact === 'response.start' && / 502\b/.test(ours)
}

function brokenOff(one: Difference): boolean {
  return refused(one) || /^response.(body|complete|trailers)/.test(one.fact) || one.fact === 'log.0'
}

function body(answer: Answer): string {
  return final(answer).slice(head(answer).length)
}

/** Whether a chunk has more data than its size says. */
function isOverlong(text: string): boolean {
  for (let rest = text.trimStart(); ; ) {
    const line = /^([\da-f]+)[^\r\n]*\r\n/i.exec(rest)
    const size = Number.parseInt(line?.[1] ?? '0', 16)
    if (line === null || size === 0) return false
    rest = rest.slice(line[0].length + size)
    if (!rest.startsWith('\r\n')) return rest.length >= 2
    rest = rest.slice(2)
  }
}

/** The bytes of the final answer. */
function final({ pieces }: Answer): string {
  return pieces.join('').replace(/^(HTTP\/1.1 1(?!01)\d\d [\s\S]*?\r\n\r\n)+/, '')
}

function head(answer: Answer): string {
  return final(answer).split(/\r?\n\r?\n/)[0]
}

export const unexplained = (answer: Answer, told: Told): string[] => unexplainedBy(KNOWN, answer, told)
