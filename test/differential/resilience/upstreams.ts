import type { Answer } from '../../parity/case.ts'
import type { Dice } from '../filters/dice.ts'
import { LATE_MS, may } from './policy.ts'

const STATUSES = [500, 502, 503, 503, 504, 404, 409, 429, 200, 200, 204, 599]
const GRPC = ['0', '1', '4', '8', '13', '14', '2', '15', 'x']
/** RFC 9113 7: NO_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL. */
const CODES = [0, 2, 7, 7, 8]

/** One after the other, until one that all is well with. */
export function answers(dice: Dice, http2: boolean, grpc: boolean): Answer[] {
  return [...dice.list(1, 3, () => answer(dice, http2, grpc)), ...(dice.chance(0.7) ? [{ body: 'fine' }] : [])]
}

function answer(dice: Dice, http2: boolean, grpc: boolean): Answer {
  const breaks = () =>
    http2 && dice.chance(0.7) ? { reset: dice.pick(CODES) } : dice.pick<Answer>([{ reset: true }, { end: true }])
  return dice.pick<() => Answer>([
    () => whole(dice, grpc),
    () => whole(dice, grpc),
    () => whole(dice, grpc),
    () => whole(dice, grpc),
    () => ({ ...whole(dice, grpc), delayMs: LATE_MS }),
    () => ({ stops: 'silent' }),
    () => ({ stops: 'silent', ...breaks() }),
    () => ({ stops: 'silent', ...breaks() }),
    () => ({ ...withBody(dice, grpc), stops: 'unfinished', ...breaks() }),
    () => ({ ...withBody(dice, grpc), stops: 'unfinished' }),
    () => ({ ...withBody(dice, grpc), pauseMs: 50 }),
    () => (http2 ? { ...whole(dice, grpc), goAway: dice.pick(CODES) } : whole(dice, grpc)),
    () => (http2 ? { ...whole(dice, grpc), unread: true } : whole(dice, grpc)),
  ])()
}

function whole(dice: Dice, grpc: boolean): Answer {
  const status = dice.pick(STATUSES)
  if (status === 204) return { status }
  return { status, ...fields(dice, grpc), ...dice.pick<Answer>([{ body: 'whole' }, { body: '' }, chunked(dice, grpc)]) }
}

function withBody(dice: Dice, grpc: boolean): Answer {
  return {
    status: dice.pick(STATUSES.filter((status) => status !== 204)),
    ...fields(dice, grpc),
    ...(dice.chance(0.5) ? { body: 'z'.repeat(50) } : chunked(dice, grpc)),
  }
}

function chunked(dice: Dice, grpc: boolean): Answer {
  return {
    chunks: ['first', 'second'],
    ...may(dice, grpc ? 0.9 : 0.2, () => ({ trailers: { 'grpc-status': dice.pick(GRPC) } })),
  }
}

function fields(dice: Dice, grpc: boolean): Answer {
  const headers = {
    ...may(dice, grpc ? 0.9 : 0, () => ({ 'content-type': 'application/grpc' })),
    ...may(dice, grpc ? 0.5 : 0.02, () => ({ 'grpc-status': dice.pick(GRPC) })),
    ...may(dice, 0.2, () => ({ 'x-again': dice.pick(['yes', 'no']) })),
    ...may(dice, 0.06, () => ({ 'x-envoy-ratelimited': 'true' })),
    ...may(dice, 0.1, () => ({ 'retry-after': dice.pick(['0', '1', 'x']) })),
    ...may(dice, 0.04, () => ({ 'x-envoy-overloaded': 'true' })),
    ...may(dice, 0.04, () => ({ 'x-envoy-attempt-count': '7' })),
    ...may(dice, 0.04, () => ({ 'x-envoy-upstream-canary': 'true' })),
  }
  return { headers }
}
