import type { Case } from '../../parity/case.ts'
import { isExplained, type Reason } from '../reason.ts'

/** Where the proxies rightly differ when upstreams fail, or by chance, and why. */
const KNOWN: readonly Reason<Case>[] = [
  {
    why: 'counters of settings and protocols that either does not have, and that nothing was counted by',
    fact: /^stats\./,
    value: /^"0" ≠ absent$|^absent ≠ "0"$/,
  },
  {
    why: 'counters that are not kept here: of bytes, of connections and requests by protocol, and sums of others',
    fact: /\.(downstream_cx_(http\d_total|[rt]x_bytes_total|delayed_close_timeout)|downstream_rq_(completed|http\d_total|max_duration_reached|response_before_rq_complete)|rq_total|total_match_count|membership_change|nghttp2_upstream_connections|upstream_cx_[rt]x_bytes_\w+|remaining_cx_pools|remaining_retries|streams_active|\w*flow_control\w*)$/,
    value: /^absent ≠/,
  },
  {
    why: 'what a canary answered, and what a client wants counted by a name of its own, is not counted once more',
    fact: /-(up|shadow)\.(canary|other)\./,
    value: /^absent ≠/,
  },
  {
    why: 'where the hosts change, Envoy may begin its turns anywhere',
    fact: /\.upstream\d?\.host$/,
    of: ({ clusters }) => clusters?.['up']?.['outlier_detection'] !== undefined,
  },
  {
    why: 'where both ends close a connection at once, who was first is left to chance',
    fact: /\.downstream_cx_destroy_(local|remote)$/,
  },
  {
    why: 'a host is ejected at once; Envoy’s worker hears of it later, perhaps behind the next try',
    fact: /\.lb_healthy_panic$/,
  },
  {
    why: 'the connection of an ejected host is closed with its last stream, which is reset before; Envoy closes it alone',
    fact: /\.http2\.tx_reset$/,
  },
  {
    why: 'RFC 9113 6.8: who closes a connection says so by GOAWAY; Envoy as a client does not',
    fact: /\.http2\.goaway_sent$/,
  },
  {
    why: 'where the route’s conditions do not hold for a request it is not tried again; in Envoy it is hedged nevertheless, without its body',
    fact: /./,
    of: (one) =>
      /"hedge_on_per_try_timeout":true|x-envoy-hedge/.test(JSON.stringify(one)) &&
      JSON.stringify(one).includes('retriable_request_headers'),
  },
  {
    why: 'RFC 9112 6.1: Transfer-Encoding in an answer to HEAD is optional',
    fact: /response\.headers\.transfer-encoding$/,
    of: (one) => one.steps.some(({ send }) => send.method === 'HEAD'),
  },
  {
    why: 'an upstream that closes in the middle of a body is logged as what it is; Envoy’s parser calls it a protocol error',
    fact: /^log\./,
    meaning: (value) => value.replace('UPE', 'UC').replace('protocol_error', 'connection_termination'),
  },
  {
    why: 'neither a body that is cut off nor a GOAWAY with NO_ERROR breaks the protocol; Envoy’s codecs count both',
    fact: /\.upstream_cx_protocol_error$/,
    value: /^"0" ≠/,
    of: (one) => /"stops":"unfinished"|"goAway":0/.test(JSON.stringify(one)),
  },
  {
    why: "Envoy's client for copies runs them through a router of its own, which adds these",
    fact: /upstream\d?\.headers\.(x-envoy-internal|x-envoy-expected-rq-timeout-ms|x-forwarded-for)$/,
    of: ({ clusters }) => clusters?.['shadow'] !== undefined,
  },
  {
    why: 'a limit of 0 is reached; Envoy looks only when something is counted by it',
    fact: /circuit_breakers\.\w+\.(cx|rq|rq_pending|rq_retry)_open$/,
    value: /^"1" ≠ "0"$/,
  },
]

/** `what`: what is ours and theirs. */
export function isKnown(one: Case, fact: string, what: string): boolean {
  const [ours = '', theirs = ''] = what.split(' ≠ ')
  return isExplained(KNOWN, { fact, ours, theirs }, one)
}
