/** Where the proxies differ rightly about what HTTP/2 clients send, each with its reason. */
import { Setting, Type } from '../../conformance/http2/frames.ts'
import { type BothTold, type Known, logged } from '../known-facts.ts'
import type { Piece, Trial } from './trial.ts'

export const KNOWN: readonly Known<Trial>[] = [
  {
    why: 'counters that are not kept here: of bytes, of connections and requests by protocol, of flow control, and sums of others',
    fact: /\.(downstream_cx_(http\d_(total|active)|[rt]x_bytes_(total|buffered)|delayed_close_timeout)|downstream_rq_(completed|http\d_total|response_before_rq_complete)|rq_total|no_route|\w*flow_control\w*|pending_send_bytes|streams_active|outbound_\w+_active|nghttp2_downstream_connections|trailers|\w*headers_with_underscores|requests_rejected_with_underscores_in_headers)$/,
    value: /^absent ≠|≠ absent$/,
  },
  {
    why: 'RFC 9113 5.4.1: who ends a connection says why by GOAWAY; Envoy closes it without a word for what its own checks refuse',
    fact: /^(client\.connection|stats\.http2\.goaway_sent)$/,
    value: /^(\w+_\w+ ≠ closed|1 ≠ absent)$/,
  },
  {
    why: 'what cannot be read as headers at all is no request; in Envoy it has a line in the log, and counts as one that was reset',
    fact: /^(malformed|stats\.http\.downstream_(rq_(rx_reset|(http2_)?total)|cx_destroy(_local)?_active_rq)|stats\.http2\.rx_messaging_error)$/,
    of: (_, [, theirs]) => theirs.get('malformed')?.includes(' codec_error:') === true,
  },
  {
    why: 'a connection that is in error is not read to the end of what came with it',
    fact: /^(log\.\d|stats\.http\.downstream_(rq_(rx_reset|(http2_)?total)|cx_destroy(_local)?_active_rq)|stats\.http2\.(rx_messaging_error|rx_reset|tx_reset|header_overflow))$/,
    of: broken,
  },
  {
    why: 'requests that come in one read with what ends their connection go no further; in Envoy they are under way by then, and may have an answer',
    fact: /^(client\.\d+|upstream .*|stats\.http\.downstream_rq_\dxx)$/,
    of: broken,
  },
  {
    why: 'what the client has broken is told as that; Envoy names the place in its codec that found it',
    fact: /^log\.\d$/,
    meaning: (line) => line.replace(/ DPE \S+ \d+ /, ' DPE … '),
  },
  {
    why: 'RFC 6585 5: headers beyond the limit are answered by 431; Envoy resets the stream',
    fact: /./,
    of: (_, [ours]) => logged(ours, / 431 DPE http2.too_many_headers /),
  },
  {
    why: 'RFC 9110 7.2: a request without a host is answered by 400, as over HTTP/1.1; Envoy ends the connection',
    fact: /./,
    of: (_, [ours]) => logged(ours, / 400 - missing_host_header /),
  },
  {
    why: 'a path that is none is answered by 404, as over HTTP/1.1; Envoy resets the stream, or ends the connection',
    fact: /./,
    of: (_, [ours]) => logged(ours, / 404 - absolute_path_rejected /),
  },
  {
    why: 'frames on a stream that the client itself has reset are STREAM_CLOSED (RFC 9113 5.1); Envoy passes over them',
    fact: /./,
    of: ({ pieces }) => pieces.some((piece) => typeof piece === 'object' && 'reset' in piece),
  },
  {
    why: 'RFC 9113 6.3: PRIORITY belongs to a stream; nghttp2 passes over it',
    fact: /./,
    of: ({ pieces }) => pieces.some((piece) => isFrame(piece, Type.PRIORITY) && piece.other[2] === 0),
  },
  {
    why: 'RFC 9113 6.8: who sends GOAWAY may go on with requests of its own; Envoy closes when there are none',
    fact: /./,
    of: ({ pieces }) => pieces.some((piece) => isFrame(piece, Type.GOAWAY)),
  },
  {
    why: 'a stream beyond the limit is refused by a reset, which counts as one',
    fact: /^stats\.http2\.tx_reset$/,
    of: ({ manager }) => JSON.stringify(manager).includes('max_concurrent_streams'),
  },
  {
    why: 'RFC 9110 10.1.1: 100 may be left out where all of the request is here; and it is no answer, which Envoy logs it as',
    fact: /^(client\.\d+|log\.\d)$/,
    meaning: (value) => value.replaceAll('[100] ', '').replace(/ HTTP\/2 100 /, ' HTTP/2 0 '),
  },
  {
    why: 'and is not counted then',
    fact: /\.downstream_rq_1xx$/,
  },
  {
    why: 'RFC 9113 6.9.1: a window of a stream that overflows ends the stream; Envoy ends the connection',
    fact: /./,
    of: ({ pieces }) =>
      pieces.some((piece) => typeof piece === 'object' && 'window' in piece && piece.stream > 0 && piece.window > 1),
  },
  {
    why: 'what stands in the first line over HTTP/1.1 is no header that counts towards max_headers_count; to Envoy it is',
    fact: /./,
    of: ({ manager }) => JSON.stringify(manager).includes('"max_headers_count":5'),
  },
  {
    why: 'RFC 9110 5.3: fields of one name are one list; Envoy writes those that it knows by name in one line',
    fact: /^upstream /,
    meaning: (value) =>
      value
        .replace(/(?<=[ ,])[\w-]+=/g, '')
        .split(/, ?/)
        .sort()
        .join(),
  },
  {
    why: 'a trailer that would say where or how long the message is (RFC 9110 6.5.1) breaks it off; Envoy hands it on',
    fact: /./,
    of: ({ pieces }) =>
      pieces.some(
        (piece) =>
          typeof piece === 'object' &&
          'fields' in piece &&
          piece.fields.every(([name]) => !name.startsWith(':')) &&
          piece.fields.some(([name]) => name === 'host' || name === 'content-length'),
      ),
  },
  {
    why: 'what has ended a connection counts as an error of the client’s; in Envoy not all of it does',
    fact: /\.downstream_cx_protocol_error$/,
    value: /^1 ≠ absent$/,
    of: broken,
  },
  {
    why: 'what is refused for its names is answered by 400, as over HTTP/1.1; Envoy resets the stream',
    fact: /./,
    of: (_, [ours]) => logged(ours, / http1\.unexpected_underscore /),
  },
  {
    why: 'frames without content count also on streams that are over; Envoy does not see those',
    fact: /./,
    of: (_, [ours]) => ours.has('stats.http2.inbound_empty_frames_flood'),
  },
  {
    why: 'headers of a stream that is refused are read and dropped, however large; Envoy ends the connection for those beyond the limit',
    fact: /./,
    of: ({ manager }, [ours]) =>
      JSON.stringify(manager).includes('max_concurrent_streams') && ours.has('stats.http2.header_overflow'),
  },
  {
    why: 'an answer that only waits for the client’s window is over; in Envoy it is under way, and what else the request has can break it off',
    fact: /^(client\.\d+|log\.\d|stats\.http\.downstream_(rq_rx_reset|cx_destroy(_remote)?_active_rq)|stats\.http2\.tx_reset)$/,
    of: ({ settings }) => settings.some(([id, value]) => id === Setting.INITIAL_WINDOW_SIZE && value < 2),
  },
  {
    why: 'RFC 9113 has left the tree of priorities out; a stream that depends on itself stays an error of the stream, as in RFC 7540. Envoy ends the connection',
    fact: /./,
    of: ({ pieces }) =>
      pieces.some((piece) => typeof piece === 'object' && 'fields' in piece && piece.priority === piece.stream),
  },
  {
    why: 'RFC 9113 8.3.1: a Host other than :authority SHOULD be malformed, as it is here; Envoy drops the Host',
    fact: /./,
    of: ({ pieces }) => JSON.stringify(pieces).includes('["host","b.example"]'),
  },
]

function isFrame(piece: Piece, type: number): piece is Extract<Piece, { other: unknown }> {
  return typeof piece === 'object' && 'other' in piece && piece.other[0] === type
}

/** Both have ended the connection. */
function broken(_: Trial, told: BothTold): boolean {
  return told.every((facts) => facts.get('client.connection') !== 'alive')
}
