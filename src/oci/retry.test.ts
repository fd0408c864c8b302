import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deadline, retrying } from './retry.ts'
import { parseRetryAfter, SupplyError, statusError } from './supply-error.ts'

describe('Retry-After (RFC 9110 10.2.3)', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  for (const [text, ms] of [
    ['0', 0],
    [' 120 ', 120_000],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['999999999', 86_400_000],
    ['-1', 0],
    ['soon', undefined],
    [undefined, undefined],
  ] as const) {
    it(`${text}`, () => assert.equal(parseRetryAfter(text, now), ms))
  }

  it('belongs to the error of 429 and 503', () => {
    for (const status of [429, 503]) {
      const error = statusError(status, 'x', '7')
      assert.deepEqual([error.retryable, error.retryAfterMs], [true, 7000])
    }
  })
})

describe('retrying', () => {
  const options = { attempts: 4, initialMs: 100, maxMs: 300, random: () => 1 }
  const failure = (retryAfterMs?: number) => new SupplyError('SL3007', 'x', { retryable: true, retryAfterMs })

  /** Runs with a clock of its own; gives the time of each try. */
  async function times(errors: (SupplyError | undefined)[], limitMs = 60_000): Promise<number[]> {
    const { mock } = await import('node:test')
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 })
    try {
      const at: number[] = []
      const limit = deadline(limitMs, 'x')
      let over = false
      const run = retrying(options, limit, async (n) => {
        at.push(Date.now())
        const error = errors[n - 1]
        if (error !== undefined) throw error
      })
        .catch(() => {})
        .finally(() => {
          over = true
        })
      while (!over) {
        await new Promise((resolve) => setImmediate(resolve))
        if (!over) mock.timers.tick(1)
      }
      await run
      limit.clear()
      return at
    } finally {
      mock.timers.reset()
    }
  }

  it('pauses longer each time, to a bound', async () => {
    assert.deepEqual(await times([failure(), failure(), failure()]), [0, 100, 300, 600])
  })

  it('waits as long as the server asks, and not less than its own pause', async () => {
    assert.deepEqual(await times([failure(1500), failure(10)]), [0, 1500, 1700])
  })

  it('does not begin a pause that would outlast the deadline', async () => {
    assert.deepEqual(await times([failure(5000)], 5000), [0])
  })

  it('ends with its tries, and with what does not get better', async () => {
    assert.equal((await times(Array.from({ length: 9 }, () => failure()))).length, 4)
    assert.deepEqual(await times([new SupplyError('SL3006', 'x')]), [0])
  })
})
