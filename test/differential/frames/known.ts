/** Where the proxies differ rightly about what HTTP/2 clients send, each with its reason. */
import { Setting } from '../../conformance/http2/frames.ts'
import type { Facts, Known } from '../known-facts.ts'
import { CAUSED } from './causes.ts'
import type { Trial } from './trial.ts'

export const KNOWN: readonly Known<Trial>[] = [
  {
    why: 'counters that are not kept here: of bytes, of flow control and of headers with underscores',
    fact: /\.(downstream_cx_([rt]x_bytes_(total|buffered)|delayed_close_timeout)|no_route|\w*flow_control\w*|pending_send_bytes|streams_active|outbound_\w+_active|nghttp2_downstream_connections|trailers|\w*headers_with_underscores|requests_rejected_with_underscores_in_headers)$/,
    value: /^absent ≠/,
  },
  {
    why: 'RFC 9113 5.4.1: who ends a connection says why by GOAWAY; Envoy closes it without a word for what its own checks refuse',
    fact: /^(client\.connection|stats\.http2\.goaway_sent)$/,
    value: /^(\w+_\w+ ≠ closed|1 ≠ absent)$/,
  },
  { why: 'when an end is seen is no fact of the proxies', fact: /^sent$/ },
  {
    why: 'what cannot be read as headers at all is no request; in Envoy it has a line in the log',
    fact: /^malformed$/,
    of: (_, [, theirs]) => unreadable(theirs) > 0,
  },
  {
    why: 'and counts there as one that was reset',
    fact: /^stats\.(http\.(downstream_(rq_(rx_reset|(http2_)?total)|cx_destroy(_local)?_active_rq)|rq_total)|http2\.rx_messaging_error)$/,
    most: (_, [, theirs]) => unreadable(theirs),
  },
  {
    why: 'what the client has broken is told as that; Envoy names the place in its codec that found it',
    fact: /^log\./,
    meaning: (line) => unanswered(line.replace(/ DPE \S+ \d+ /, ' DPE … ')),
  },
  {
    why: 'RFC 9110 10.1.1: 100 may be left out where all of the request is here; and it is no answer, which Envoy logs it as',
    fact: /^(client\.\d+|log\.)/,
    meaning: (value) => unanswered(value.replaceAll('[100] ', '')),
  },
  {
    why: 'and is not counted then',
    fact: /\.downstream_rq_(1xx|completed)$/,
    most: ({ pieces }) => pieces.filter((piece) => JSON.stringify(piece).includes('["expect",')).length,
  },
  {
    why: 'RFC 9110 5.3: fields of one name are one list; Envoy writes those that it knows by name in one line',
    fact: /^upstream /,
    meaning: lists,
  },
  {
    why: 'what has ended a connection counts as an error of the client’s; in Envoy not all of it does',
    fact: /\.downstream_cx_protocol_error$/,
    value: /^1 ≠ absent$/,
    of: (_, told) => told.every((facts) => facts.get('client.connection') !== 'alive'),
  },
  {
    why: 'an answer that only waits for the client’s window is over; in Envoy it is under way, and what else the request has can break it off',
    fact: /^(client\.\d+|log\..*|stats\.http\.downstream_(rq_rx_reset|cx_destroy(_remote)?_active_rq)|stats\.http2\.tx_reset)$/,
    of: ({ settings }) => settings.some(([id, value]) => id === Setting.INITIAL_WINDOW_SIZE && value < 2),
  },
  ...CAUSED,
]

/** To Envoy's log 100 is an answer. */
function unanswered(line: string): string {
  return line.replace(/ HTTP\/2 100 /, ' HTTP/2 0 ')
}

/** How many lines there are of what no codec can read. */
function unreadable(facts: Facts): number {
  return facts.get('malformed')?.match(/ codec_error:/g)?.length ?? 0
}

/** With the values of each name in one line. */
function lists(value: string): string {
  const fields = value.split(/, (?=[^ ,=]+=)/).map((field) => /^([^=]*)=?(.*)$/s.exec(field) as RegExpExecArray)
  return [...Map.groupBy(fields, ([, name]) => name)]
    .map(([name, all]) => `${name}=${all.map(([, , text]) => text.replaceAll(', ', ',')).join()}`)
    .join()
}
