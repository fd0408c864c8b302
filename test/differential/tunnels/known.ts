/** Where the proxies differ rightly, each with its reason. */
import { type Known, logged } from '../known-facts.ts'
import type { Field } from '../trial.ts'
import type { Step, Trial } from './trial.ts'

export const KNOWN: readonly Known<Trial>[] = [
  {
    why: 'counters that are not kept here: of bytes, of connections and requests by protocol, of flow control, and sums of others',
    fact: /\.(downstream_cx_(http\d_(total|active)|[rt]x_bytes_(total|buffered)|delayed_close_timeout)|downstream_rq_(completed|http\d_total|response_before_rq_complete)|rq_total|total_match_count|membership_change|nghttp2_upstream_connections|upstream_cx_([rt]x_bytes_\w+|protocol_error|close_notify)|no_route|remaining_cx_pools|remaining_retries|\w*flow_control\w*)$/,
    value: /^absent ≠/,
  },
  {
    why: 'the option’s name has no case (RFC 9110 7.6.1), and the others are of the client’s hop: it stands alone, in lower case',
    fact: /\.head\.connection$/,
    meaning: (value) => (/(^|, ?)upgrade(,|$)/i.test(value) ? 'upgrade' : value),
  },
  {
    why: 'a limit of 0 is reached; Envoy looks only when something is counted by it',
    fact: /circuit_breakers\.\w+\.(cx|rq|rq_pending)_open$/,
    value: /^1 ≠ absent$/,
  },
  {
    why: 'RFC 9113 7: who wants no more of a request cancels it; Envoy calls that an internal error',
    fact: /^upstream\.\d\.outcome$/,
    value: /reset 8 ≠ .*reset 2$/,
  },
  {
    why: 'RFC 9112 9.6, RFC 6455: a tunnel is ended by either side, which the other may answer; to Envoy a client that ends has gone',
    fact: /^(log\.|stats\.|(client|upstream)\.\d\.(heard|outcome)$)/,
    of: ({ clients }, [, theirs]) =>
      clients.some(({ does }) => does.includes('end')) && logged(theirs, / DC downstream_remote_disconnect /),
  },
  {
    why: 'the same of an upstream that ends, and where the end of a client is handed on: no reset is what the other gets, nor what is logged',
    fact: /^(log\.|stats\.|(client|upstream)\.\d\.(heard|outcome)$)/,
    of: ({ clients, upstream }, [, theirs]) =>
      [...clients.flatMap(({ does }) => does), ...upstream.does.flat()].includes('end') &&
      logged(theirs, / UC upstream_reset_after_response_started\{connection_termination\} /),
  },
  {
    why: 'the upstream’s answer is handed on; Envoy calls it an unsuccessful handshake, drops its body and does not count it',
    fact: /^(log\.|stats\.|client\.\d\.(heard|outcome|head\.[\w-]+)$|upstream\.\d\.outcome$)/,
    of: (_, [, theirs]) => logged(theirs, / websocket_handshake_unsuccessful /),
  },
  {
    why: 'an answer 101 opens the tunnel whatever protocol it names, or none; Envoy hands its head on and takes what follows for an error',
    fact: /./,
    of: ({ upstream }) =>
      upstream.does
        .flat()
        .some(
          (step) =>
            isHead(step) &&
            typeof step.head === 'string' &&
            /^HTTP\/1.1 101/.test(step.head) &&
            !/\nconnection: upgrade\r\nupgrade: /i.test(step.head),
        ),
  },
  {
    why: 'who switches protocols unasked is answered for with 502; Envoy hands it on and breaks off',
    fact: /./,
    of: ({ upstream }, [ours, theirs]) =>
      upstream.speaks === 'http1' &&
      logged(ours, / 502 UPE /) &&
      logged(theirs, / 101 /) &&
      ![...ours.keys()].some((fact) => fact.endsWith('.head.upgrade')),
  },
  {
    why: 'RFC 8441 3: only who says that it takes extended CONNECT is asked for it',
    fact: /^(log\.|stats\.cluster\.)/,
    of: ({ upstream }) => upstream.extended === false,
  },
  {
    why: 'RFC 9113 6.8: who closes a connection says so by GOAWAY; Envoy as a client does not',
    fact: /\.http2\.goaway_sent$/,
    value: / absent$/,
  },
  {
    why: 'the last stream of a connection that takes no more is reset before it is closed; Envoy closes it alone',
    fact: /\.http2\.tx_reset$/,
    of: ({ cluster }) => JSON.stringify(cluster).includes('max_requests_per_connection'),
  },
  {
    why: 'what goes into a tunnel within HTTP/2 can be taken for nothing else, and does not wait for the answer; in Envoy it does',
    fact: /^upstream\.\d\.(heard|outcome)$/,
    value: /^<?\d* ?[a-f].* ≠ $|^(their end|reset 8) ≠ reset 2$/,
    of: ({ upstream: { speaks } }) => speaks === 'http2',
  },
  {
    why: 'by chance: a connection that is closed before all was read is reset, which may come first',
    fact: /\.\d\.outcome$/,
    value: /^(their end ≠ ECONNRESET|ECONNRESET ≠ their end)$/,
  },
  {
    why: 'by chance: a connection that takes no more closes with its last stream, and may be seen first',
    fact: /^client\.\d\.outcome$/,
    value: /^(closed ≠ no connection|no connection ≠ closed)$/,
  },
  {
    why: 'where both ends close a connection at once, who was first is left to chance',
    fact: /\.downstream_cx_destroy_(local|remote)$/,
  },
  {
    why: 'an upstream that ends ends its connection; where it was asked for a tunnel, Envoy counts that as its own end',
    fact: /\.upstream_cx_destroy_(local|remote)(_with_active_rq)?$/,
    of: ({ upstream }) => upstream.does.flat().includes('end'),
  },
  {
    why: 'an answer that opens a tunnel says nothing of how long the connection lasts',
    fact: /^client\.\d\.head\.connection$/,
    value: /^absent ≠ close$/,
  },
  {
    why: 'RFC 9112 6.1: Transfer-Encoding in an answer to HEAD is optional',
    fact: /head\.transfer-encoding$/,
    value: /^absent ≠ chunked$/,
  },
  {
    why: 'tunnels are left as they are, whatever compresses answers and has caches know of it',
    fact: /^(client\.\d\.(heard|head\.(vary|content-encoding))|stats\.http\.\.compressor\..*)$/,
    of: ({ filters }) => JSON.stringify(filters).includes('compressor'),
  },
  {
    why: 'the length of a CONNECT is that of no content (RFC 9110 9.3.6), and goes no further',
    fact: /^upstream\.\d\.head\.content-length$/,
    value: /^absent ≠/,
  },
  {
    why: 'flags stand in an order of their own; in Envoy in that in which they came up',
    fact: /^log\./,
    meaning: (line) => line.replace(/\b[A-Z]{2}(,[A-Z]{2})+\b/, (flags) => flags.split(',').sort().join()),
  },
  {
    why: 'how long it took is told where the request was complete; Envoy’s answer for a tunnel that ends there comes within the request',
    fact: /head\.x-envoy-upstream-service-time$/,
    of: ({ upstream }) => upstream.speaks === 'bytes',
  },
]

function isHead(step: Step): step is { head: string | readonly Field[] } {
  return typeof step === 'object' && 'head' in step
}
