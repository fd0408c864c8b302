/** Where the proxies differ rightly, each with its reason. */
import type { BothTold, Facts, Known } from '../known-facts.ts'
import type { Field } from '../trial.ts'
import type { Head } from './actor.ts'
import { NUMBER } from './log.ts'
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
  ...ofClients({
    why: 'RFC 9112 9.6, RFC 6455: a tunnel is ended by either side, which the other may answer; to Envoy a client that ends has gone',
    fact: /^(log|(client|upstream)\.\d\.(heard|outcome)$)/,
    is: ({ clients }, [, theirs], n) =>
      clients[n].does.includes('end') && logs(theirs, n, / DC downstream_remote_disconnect /),
  }),
  ...ofClients({
    why: 'the same of an upstream that ends, and where the end of a client is handed on: no reset is what the other gets, nor what is logged',
    fact: /^(log|(client|upstream)\.\d\.(heard|outcome)$)/,
    is: ({ clients, upstream }, [, theirs], n) =>
      [...clients[n].does, ...upstream.does.flat()].includes('end') &&
      logs(theirs, n, / UC upstream_reset_after_response_started\{connection_termination\} /),
  }),
  ...ofClients({
    why: 'the upstream’s answer is handed on; Envoy calls it an unsuccessful handshake, drops its body and does not count it',
    fact: /^(log|client\.\d\.(heard|outcome|head\.[\w-]+)$|upstream\.\d\.outcome$)/,
    is: (_, [, theirs], n) => logs(theirs, n, / websocket_handshake_unsuccessful /),
  }),
  ...ofClients({
    why: 'an answer 101 opens the tunnel whatever protocol it names; Envoy hands its head on and takes what follows for an error',
    fact: /^(log|client|upstream)/,
    is: ({ upstream }, [ours], n) => logs(ours, n, / 101 /) && upstream.does.flat().some(isOddSwitch),
  }),
  ...ofClients({
    why: 'who switches protocols unasked, or does not say to which (RFC 9110 15.2.2), is answered for with 502; Envoy hands it on and breaks off',
    fact: /^(log|client|upstream)/,
    is: ({ upstream }, [ours, theirs], n) =>
      upstream.speaks === 'http1' &&
      logs(ours, n, / (502|200) UPE /) &&
      logs(theirs, n, / 101 /) &&
      (![...ours.keys()].some((fact) => fact.endsWith('.head.upgrade')) ||
        upstream.does.flat().some((step) => isOddSwitch(step) && !/\nupgrade: /i.test(String((step as Head).head)))),
  }),
  {
    why: 'RFC 8441 3: only who says that it takes extended CONNECT is asked for it',
    fact: /^stats\.cluster\.-up\.(http2\.rx_reset|upstream_rq_tx_reset)$/,
    value: /^absent ≠/,
    of: ({ upstream }) => upstream.extended === false && upstream.speaks === 'http2',
    most: ({ clients, upstream }) => clients.length * upstream.does.length,
  },
  {
    why: 'and so the answer comes at once, before more of the tunnel has; Envoy’s comes from the upstream',
    fact: /^log/,
    meaning: (line) => line.replace(/( 502 UPE \S+ -) \d+/, '$1 …'),
    of: ({ upstream }) => upstream.extended === false && upstream.speaks === 'http2',
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
    most: ({ clients }) => clients.length,
  },
  {
    why: 'an upstream that ends ends its connection; where it was asked for a tunnel, Envoy counts that as its own end',
    fact: /\.upstream_cx_destroy_(local|remote)(_with_active_rq)?$/,
    of: ({ upstream }) => upstream.does.flat().includes('end'),
    most: ({ clients, upstream }) => clients.length * upstream.does.length,
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
    of: ({ filters, manager }) => JSON.stringify([filters, manager]).includes('compressor'),
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
    why: 'an interim answer is none (RFC 9110 15.2); in Envoy an answer has begun with it, and is counted by it',
    fact: /^(log|stats\.cluster\.-up\.(external\.)?upstream_rq_(103|1xx|502|5xx)$)/,
    value: /^(absent ≠ 1|1 ≠ absent|.* 502 UPE .* ≠ .* 502 UPE .*)$/,
    of: ({ upstream, clients }) =>
      clients.length === 1 &&
      upstream.does.flat().some((step) => isHead(step) && String(step.head).startsWith('HTTP/1.1 103')),
  },
  {
    why: 'how much is read of what is too much is up to the network',
    fact: /^log/,
    meaning: (line) => line.replace(/( 413 - request_payload_too_large -) \d+/, '$1 …'),
  },
  {
    why: 'a request that comes in one read with its end is complete when it is answered; Envoy answers in between',
    fact: /\.downstream_rq_(response_before_rq_complete|rx_reset)$/,
    most: ({ clients }) => clients.filter(({ speaks, does }) => speaks === 'http2' && does.includes('end')).length,
  },
  {
    why: 'RFC 9113 8.1: an answer before the end of its request ends with NO_ERROR; for CONNECT Envoy says CONNECT_ERROR, and who has not read the answer by then loses it',
    fact: /^client\.\d\.(heard|outcome)$/,
    value: /^(closed ≠ reset 10|.+ ≠ )$/s,
    of: ({ clients }, told, fact) => {
      const client = clientOf(fact, told) ?? 0
      return clients[client].does.includes('deaf') && told[1].get(`client.${client}.outcome`) === 'reset 10'
    },
  },
  {
    why: 'how long it took is told where the request was complete; Envoy’s answer for a tunnel that ends there comes within the request',
    fact: /head\.x-envoy-upstream-service-time$/,
    of: ({ upstream }) => upstream.speaks === 'bytes',
  },
]

/** A reason that holds for clients one by one, and what it does to counters. */
interface OfClients {
  readonly why: string
  readonly fact: RegExp
  is(trial: Trial, told: BothTold, client: number): boolean
}

function ofClients({ why, fact: pattern, is }: OfClients): Known<Trial>[] {
  const those = (trial: Trial, told: BothTold) => trial.clients.flatMap((_, n) => (is(trial, told, n) ? [n] : []))
  return [
    {
      why,
      fact: pattern,
      of: (trial, told, fact) => {
        const client = clientOf(fact, told)
        const found = those(trial, told)
        return (client === undefined ? found.length > 0 : found.includes(client)) && isCutShort(fact, told)
      },
    },
    {
      why,
      fact: /^stats\./,
      of: (trial, told) => those(trial, told).length > 0,
      most: (trial, told) => those(trial, told).length * trial.upstream.does.length,
    },
  ]
}

/** Whose fact it is; of an upstream that knows of no HTTP nobody can tell. */
function clientOf(fact: string, told: BothTold): number | undefined {
  const [, who, number] = /^(client|log|upstream)\.(\d+)/.exec(fact) ?? []
  if (who !== 'upstream') return number === undefined ? undefined : Number(number)
  const named = told.map((facts) => facts.get(`upstream.${number}.head.${NUMBER}`)).find((one) => one !== undefined)
  return named === undefined ? undefined : Number(named)
}

/** However a tunnel ends, what has come through it is the beginning of what was said. */
function isCutShort(fact: string, told: BothTold): boolean {
  if (!fact.endsWith('.heard')) return true
  const [ours, theirs] = told.map((facts) => runs(facts.get(fact) ?? ''))
  return ours.startsWith(theirs) || theirs.startsWith(ours)
}

function runs(heard: string): string {
  return heard.replace(/<(\d+) (.)>/gs, (_, count, byte) => byte.repeat(Number(count)))
}

function logs(facts: Facts, client: number, line: RegExp): boolean {
  return line.test(facts.get(`log.${client}`) ?? '')
}

/** A 101 that does not say what to. */
function isOddSwitch(step: Step): boolean {
  return (
    isHead(step) &&
    typeof step.head === 'string' &&
    /^HTTP\/1.1 101/.test(step.head) &&
    !/\nconnection: upgrade\r\nupgrade: /i.test(step.head)
  )
}

function isHead(step: Step): step is { head: string | readonly Field[] } {
  return typeof step === 'object' && 'head' in step
}
