/** What makes streams differ rightly; where it ends the connection in one of the proxies, all that were not over by then. */
import { Type } from '../../conformance/http2/frames.ts'
import type { BothTold, Facts, Known } from '../known-facts.ts'
import type { Field } from '../trial.ts'
import type { HeadersPiece, Piece, Trial } from './trial.ts'

interface Cause {
  readonly why: string
  /** The places of the pieces that are the cause. */
  readonly at: (trial: Trial, told: BothTold) => readonly number[]
  /** Else it concerns their streams alone. */
  readonly ends?: true
}

type IsCause = (piece: Exclude<Piece, 'rest'>, trial: Trial, told: BothTold, at: number) => boolean

const CAUSES: readonly Cause[] = [
  {
    why: 'requests that come in one read with what ends their connection go no further, and what came behind it is not read; in Envoy they are under way by then, and may have an answer',
    at: (_, told) => (told.every(hasEnded) ? [Math.max(0, Math.min(...told.map(sent)) - REACTION)] : []),
    ends: true,
  },
  {
    why: 'RFC 6585 5: headers beyond the limit are answered by 431; Envoy resets the stream, or ends the connection',
    at: each((piece) => isRequest(piece) && (piece.fields.length > 100 || piece.fields.some(isLarge))),
    ends: true,
  },
  {
    why: 'RFC 9110 7.2: a request without a host is answered by 400, as over HTTP/1.1; Envoy ends the connection',
    at: each(loggedByUs(/ 400 - missing_host_header /)),
    ends: true,
  },
  {
    why: 'a path that is none is answered by 404, as over HTTP/1.1; Envoy resets the stream, or ends the connection',
    at: each(loggedByUs(/ 404 - absolute_path_rejected /)),
    ends: true,
  },
  {
    why: 'what is refused for its names is answered by 400, as over HTTP/1.1; Envoy resets the stream',
    at: each(loggedByUs(/ http1\.unexpected_underscore /)),
  },
  {
    why: 'frames on a stream that the client itself has reset are STREAM_CLOSED (RFC 9113 5.1); Envoy passes over them',
    at: each(
      (piece, { pieces }, _, at) =>
        ('fields' in piece || 'data' in piece) &&
        pieces.slice(0, at).some((one) => one !== 'rest' && 'reset' in one && one.stream === piece.stream),
    ),
    ends: true,
  },
  {
    why: 'and so are those on one that a higher one has closed (RFC 9113 5.1.1)',
    at: each((piece, { pieces }, _, at) => {
      const before = pieces.slice(0, at).filter(isRequest)
      return (
        ('data' in piece || ('fields' in piece && !begins(piece.fields))) &&
        before.every(({ stream }) => stream !== piece.stream) &&
        before.some(({ stream }) => stream > piece.stream)
      )
    }),
    ends: true,
  },
  {
    why: 'RFC 9113 6.3: PRIORITY belongs to a stream; nghttp2 passes over it',
    at: each((piece) => isFrame(piece, Type.PRIORITY) && piece.other[2] === 0),
    ends: true,
  },
  {
    why: 'RFC 9113 6.8: who sends GOAWAY may go on with requests of its own; Envoy closes when there are none',
    at: each((piece) => isFrame(piece, Type.GOAWAY) && piece.other[2] === 0),
    ends: true,
  },
  {
    why: 'RFC 9113 6.9.1: a window of a stream that overflows ends the stream; Envoy ends the connection',
    at: each((piece) => 'window' in piece && piece.stream > 0 && piece.window > 1),
    ends: true,
  },
  {
    why: 'what stands in the first line over HTTP/1.1 is no header that counts towards max_headers_count; to Envoy it is',
    at: each((piece, { manager }) => {
      if (!isRequest(piece) || !JSON.stringify(manager).includes('"max_headers_count":5')) return false
      return piece.fields.length > 5 && piece.fields.filter(([name]) => !name.startsWith(':')).length <= 5
    }),
    ends: true,
  },
  {
    why: 'a trailer that would say where or how long the message is (RFC 9110 6.5.1) breaks it off; Envoy hands it on',
    at: each(
      (piece) =>
        'fields' in piece &&
        !begins(piece.fields) &&
        piece.fields.some(([name]) => name === 'host' || name === 'content-length'),
    ),
    ends: true,
  },
  {
    why: 'RFC 9113 has left the tree of priorities out; a stream that depends on itself stays an error of the stream, as in RFC 7540. Envoy ends the connection',
    at: each((piece) => 'fields' in piece && piece.priority === piece.stream),
    ends: true,
  },
  {
    why: 'RFC 9113 8.3.1: a Host other than :authority SHOULD be malformed, as it is here; Envoy drops the Host',
    at: each(
      (piece) => 'fields' in piece && piece.fields.some(([name, value]) => name === 'host' && value === 'b.example'),
    ),
    ends: true,
  },
  {
    why: 'RFC 9113 5.1.2: a stream beyond the limit is an error of the stream; Envoy ends the connection',
    at: each(
      (piece, { manager }, [ours]) =>
        'stream' in piece &&
        JSON.stringify(manager).includes('max_concurrent_streams') &&
        / (REFUSED_STREAM|PROTOCOL_ERROR)$/.test(ours.get(`client.${piece.stream}`) ?? ''),
    ),
    ends: true,
  },
  {
    why: 'frames without content count also on streams that are over; Envoy does not see those',
    at: (_, [ours]) => (ours.has('stats.http2.inbound_empty_frames_flood') ? [0] : []),
    ends: true,
  },
]

/** An end is seen a piece later at most, and came with the one before. */
const REACTION = 2

export const CAUSED: readonly Known<Trial>[] = CAUSES.flatMap(({ why, at, ends = false }): Known<Trial>[] => {
  const streams = (trial: Trial, told: BothTold) => concerned(trial, at(trial, told), ends)
  return [
    {
      why,
      fact: /^(client\.\d+$|log\.|upstream )/,
      of: (trial, told, fact) => {
        const those = streams(trial, told)
        return streamsOf(trial, fact).some((stream) => those.has(stream))
      },
    },
    {
      why,
      fact: /^stats\./,
      of: (trial, told) => at(trial, told).length > 0,
      most: (trial, told) => streams(trial, told).size + 1,
    },
    ...(ends
      ? [
          {
            why,
            fact: /^(client\.(connection|pongs)|malformed)$/,
            of: (trial, told) => at(trial, told).length > 0,
          } satisfies Known<Trial>,
        ]
      : []),
  ]
})

function each(isCause: IsCause): Cause['at'] {
  return (trial, told) =>
    trial.pieces.flatMap((piece, at) => (piece !== 'rest' && isCause(piece, trial, told, at) ? [at] : []))
}

/** A request with such a line in our log. */
function loggedByUs(line: RegExp): IsCause {
  return (piece, _, [ours]) => {
    const path = isRequest(piece) ? pathOf(piece) : undefined
    return path !== undefined && line.test(ours.get(`log.${path}`) ?? '')
  }
}

/** The streams of these pieces; when the connection ends there, also those that are not over by then. */
function concerned({ pieces, slow }: Trial, at: readonly number[], ends: boolean): ReadonlySet<number> {
  const own = at.flatMap((i) => streamOf(pieces[i]))
  if (!ends || at.length === 0) return new Set(own)
  const first = Math.min(...at)
  // Without pauses all comes in one read up to a rest.
  const from = slow ? first : pieces.lastIndexOf('rest', first - 1) + 1
  const over = new Set(pieces.slice(0, from).flatMap((piece) => (isLast(piece) ? streamOf(piece) : [])))
  return new Set([
    ...own,
    ...pieces.flatMap(streamOf).filter((stream) => !over.has(stream)),
    ...pieces.slice(from).flatMap(streamOf),
  ])
}

function isLast(piece: Piece): boolean {
  return piece !== 'rest' && (('end' in piece && piece.end === true) || 'reset' in piece)
}

function streamOf(piece: Piece): number[] {
  if (piece === 'rest') return []
  if ('other' in piece) return [piece.other[2]]
  return 'stream' in piece ? [piece.stream] : []
}

/** Whose fact it is: lines of the log and what goes upstream have the path of a request. */
function streamsOf({ pieces }: Trial, fact: string): number[] {
  const [, stream] = /^client\.(\d+)$/.exec(fact) ?? []
  if (stream !== undefined) return [Number(stream)]
  const [, path] = /^(?:log\.|upstream \S+ )(.*?)(?: HTTP\/1\.1)?$/.exec(fact) ?? []
  return pieces.flatMap((piece) =>
    piece !== 'rest' && isRequest(piece) && pathOf(piece) === path ? [piece.stream] : [],
  )
}

function isRequest(piece: Piece): piece is HeadersPiece {
  return piece !== 'rest' && 'fields' in piece && begins(piece.fields)
}

/** Trailers have no pseudo headers. */
function begins(fields: HeadersPiece['fields']): boolean {
  return fields.some(([name]) => name.startsWith(':'))
}

function pathOf({ fields }: HeadersPiece): string | undefined {
  return fields.find(([name]) => name === ':path')?.[1]
}

function isFrame(piece: Piece, type: number): piece is Extract<Piece, { other: unknown }> {
  return typeof piece === 'object' && 'other' in piece && piece.other[0] === type
}

/** Alone beyond what a proxy takes by default. */
function isLarge([, value]: Field): boolean {
  return value.length > 60_000
}

function hasEnded(facts: Facts): boolean {
  return facts.get('client.connection') !== 'alive'
}

function sent(facts: Facts): number {
  return Number(facts.get('sent'))
}
