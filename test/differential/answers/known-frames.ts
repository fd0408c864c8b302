/** Where the proxies differ rightly about what HTTP/2 upstreams answer, each with its reason. */
import type { Reason } from '../reason.ts'
import type { Told } from './compare.ts'
import type { FramedAnswer } from './frames.ts'
import { unexplainedBy } from './unexplained.ts'

const KNOWN: readonly Reason<FramedAnswer>[] = [
  {
    why: 'RFC 9110 5.3: fields of one name are one list; Envoy writes those that it knows by name in one line.',
    covers: ({ fact, ours, theirs }) => /\.(headers|trailers)\./.test(fact) && ours.replaceAll(' | ', ',') === theirs,
  },
  {
    why: 'RFC 9113 8.2.1: white space around a value makes a message malformed; Envoy hands it on.',
    covers: ({ fact }, { frames }) =>
      fact.startsWith('response.') &&
      frames.some((frame) => 'headers' in frame && frame.headers.some(([, value]) => value !== value.trim())),
  },
  {
    why: 'RFC 9110 15: a status is from 100 to 599, 600 to 999 are handed on; Envoy takes any number and may not be able to write it.',
    covers: ({ fact, ours }, { frames }) =>
      fact === 'response.start' && / (502|200)/.test(ours) && /^(0\d\d|\d\d?|\d{4,})$/.test(statusOf(frames)),
  },
  {
    why: 'RFC 9113 8.1.1: what never has content ends with its head; what the upstream does then, the client need not know.',
    covers: ({ fact, ours }, { frames }) =>
      /^[23]04$/.test(statusOf(frames)) &&
      ((fact === 'response.complete' && ours === 'true') || /^(log|response.trailers)\./.test(fact)),
  },
  {
    why: 'RFC 9110 8.6: a length of a 204 is taken away; to Envoy it is an error.',
    covers: ({ fact, ours }, { frames }) =>
      fact === 'response.start' && / 204/.test(ours) && statusOf(frames) === '204',
  },
  {
    why: 'By chance: the client leaves when it has what it was promised, and the upstream is not done.',
    covers: ({ fact, ours, theirs }) =>
      fact.startsWith('log.') && / DC downstream_remote_disconnect /.test(ours + theirs),
  },
  {
    why: 'A trailer that would say where or how long the message is (RFC 9110 6.5.1) breaks it off; Envoy hands it on.',
    covers: ({ fact }, { frames }) =>
      /^(response.(complete|trailers)|log)/.test(fact) &&
      frames.some((frame) => 'headers' in frame && frame.headers.some(([name]) => name === 'host')),
  },
  {
    why: 'RFC 9113 8.1: DATA before the headers is malformed; Envoy waits for what comes behind it.',
    covers: ({ fact, ours }, { frames }) => {
      const data = frames.findIndex((frame) => 'data' in frame)
      const head = frames.findIndex((frame) => 'headers' in frame && !frame.headers[0]?.[1].startsWith('1'))
      return fact === 'response.start' && / 502/.test(ours) && data !== -1 && (head === -1 || data < head)
    },
  },
  {
    why: 'More than was announced is told as that; Envoy may hear of the reset behind it first.',
    covers: ({ fact, ours, theirs }) => fact.startsWith('log.') && / UPE /.test(ours) && / UR /.test(theirs),
  },
  {
    why: 'RFC 9113 6.8: a request that a GOAWAY leaves out was not processed, whatever interim answer it had; to Envoy that one was wrong.',
    covers: ({ fact, ours }, { frames }) =>
      fact === 'response.start' && / 503/.test(ours) && frames.some((frame) => 'goaway' in frame && frame.last === 0),
  },
  {
    why: 'An interim answer that no client has seen begins no answer: what fails behind it may be tried again. In Envoy it begins one.',
    covers: ({ fact, ours, theirs }, { frames }) =>
      fact.startsWith('log.') &&
      frames.some((frame) => 'headers' in frame && frame.headers[0]?.[1].startsWith('1')) &&
      ours.replace('upstream_reset_before', 'upstream_reset_after') === theirs,
  },
]

/** That of the final answer. */
function statusOf(frames: FramedAnswer['frames']): string {
  const statuses = frames
    .flatMap((frame) => ('headers' in frame ? frame.headers : []))
    .filter(([name]) => name === ':status')
  return statuses.map(([, value]) => value).find((value) => !/^1\d\d$/.test(value)) ?? ''
}

export const unexplained = (answer: FramedAnswer, told: Told): string[] => unexplainedBy(KNOWN, answer, told)
