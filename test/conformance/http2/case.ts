/** What a case is, and what may be expected of the peer. */
import { CODES, type Code } from './frames.ts'
import type { Seen } from './seen.ts'

/** Bytes to send, what to wait for before the next ones, or milliseconds to be silent. */
export type Step = Buffer | ((seen: Seen) => boolean) | number

export interface Expectation {
  /** For people. */
  readonly text: string
  /** Whether the client asks with a PING behind its bytes if the connection lives. */
  readonly asks: boolean
  /** A word for what has happened, once it is something that is allowed. */
  readonly outcome: (seen: Seen) => string | undefined
}

export interface Case {
  readonly id: string
  /** The clause, of RFC 9113 when there is no other number. */
  readonly clause: string
  readonly what: string
  readonly send: readonly Step[]
  readonly expect: Expectation
  /** Our own settings, besides a header table of size 0. */
  readonly settings?: readonly (readonly [id: number, value: number])[]
  /** Nothing is sent before the steps: no preface, no settings. */
  readonly bare?: boolean
  /** Nothing is read until all is sent. */
  readonly deaf?: boolean
}

export type Row = readonly [
  id: string,
  clause: string,
  what: string,
  send: readonly Step[],
  expect: Expectation,
  rest?: Pick<Case, 'settings' | 'bare' | 'deaf'>,
]

/** Lines of a table as cases. */
export function rows(group: string, lines: readonly Row[]): readonly Case[] {
  return lines.map(([id, clause, what, send, expect, rest]) => ({
    id: `${group}/${id}`,
    clause,
    what,
    send,
    expect,
    ...rest,
  }))
}

/** GOAWAY with one of these codes; a connection that just closes is as good (as in h2spec). */
export function connectionError(...codes: readonly Code[]): Expectation {
  return {
    text: `connection error ${codes.join('|')}`,
    asks: false,
    outcome: ({ goaway, closed }) => (closed || (goaway !== undefined && has(codes, goaway)) ? 'refused' : undefined),
  }
}

/** RST_STREAM with one of these codes, or a connection error. */
export function streamError(...codes: readonly Code[]): Expectation {
  const connection = connectionError(...codes)
  return {
    text: `stream error ${codes.join('|')}`,
    asks: false,
    outcome: (seen) =>
      [...seen.resets.values()].some((code) => has(codes, code)) ? 'refused' : connection.outcome(seen),
  }
}

/** RFC 9113 8.1.1: a stream error; an answer that says so may come before it. */
export const malformed: Expectation = {
  text: 'malformed: stream error or 400',
  asks: false,
  outcome: (seen) =>
    [...seen.statuses.values()].flat().some((status) => /^4\d\d$/.test(status))
      ? 'refused'
      : streamError('PROTOCOL_ERROR').outcome(seen),
}

/** A whole answer with one of these statuses on the stream. */
export function answer(stream: number, ...statuses: readonly number[]): Expectation {
  return {
    text: `${statuses.join('|')} on stream ${stream}`,
    asks: false,
    outcome: (seen) => {
      const status = seen.ended.has(stream) ? seen.statuses.get(stream)?.at(-1) : undefined
      return status !== undefined && statuses.includes(Number(status)) ? `answered ${status}` : undefined
    },
  }
}

/** All is read, nothing is refused: a PING behind it is answered. */
export const ignored: Expectation = {
  text: 'the connection lives',
  asks: true,
  outcome: ({ pongs, goaway, resets }) =>
    pongs.includes('after it') && goaway === undefined && resets.size === 0 ? 'ignored' : undefined,
}

export function that(text: string, word: string, holds: (seen: Seen) => boolean): Expectation {
  return { text, asks: false, outcome: (seen) => (holds(seen) ? word : undefined) }
}

/** Where the specification leaves a choice. */
export function either(...all: readonly Expectation[]): Expectation {
  return {
    text: all.map(({ text }) => text).join(', or '),
    asks: all.some(({ asks }) => asks),
    outcome: (seen) => all.map((one) => one.outcome(seen)).find((word) => word !== undefined),
  }
}

function has(codes: readonly Code[], code: number): boolean {
  return codes.includes(CODES[code])
}
