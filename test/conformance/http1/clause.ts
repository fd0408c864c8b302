/** A clause of RFC 9110 or RFC 9112 as bytes to a proxy, and what must be seen at both of its ends. */

export interface Clause {
  readonly id: string
  readonly send: string
  /** The statuses of the answers, `|` between alternatives; '' where the connection just ends. */
  readonly statuses: string
  /** What the upstream says; 200 with five bytes unless told. */
  readonly reply?: string
  /** Patterns in all that the client gets. */
  readonly client?: readonly RegExp[]
  readonly clientNot?: readonly RegExp[]
  /** Patterns in all that the upstream gets. */
  readonly upstream?: readonly RegExp[]
  readonly upstreamNot?: readonly RegExp[]
  /** Nothing reaches the upstream. */
  readonly kept?: true
}

export type Row = readonly [
  clause: string,
  what: string,
  send: string,
  statuses: string,
  more?: Omit<Clause, 'id' | 'send' | 'statuses'>,
]

export function clauses(rows: readonly Row[], side = ''): readonly Clause[] {
  return rows.map(([clause, what, send, statuses, more]) => ({
    id: `${clause}: ${what}${side}`,
    send,
    statuses,
    ...more,
  }))
}

export const H = 'Host: a\r\nConnection: close\r\n'
export const get = (fields = '', target = '/') => `GET ${target} HTTP/1.1\r\n${H}${fields}\r\n`
export const post = (fields: string, body = '') => `POST / HTTP/1.1\r\n${H}${fields}\r\n${body}`
export const chunked = (body: string) => post('Transfer-Encoding: chunked\r\n', body)
