import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Transfer } from '../../oci/index.ts'
import { barLine, bytes, Progress, plainLine, withProgress } from './progress.ts'

const MIB = 1 << 20
const at = (done: number, digest = 'sha256:4f2a91c07b1e55'): Transfer => ({
  direction: 'download',
  digest,
  size: 40 * MIB,
  done: done * MIB,
})

/** What is written, and what a terminal would show of it in the end. */
function screen(isTTY: boolean) {
  const written: string[] = []
  return { output: { write: (text: string) => written.push(text), isTTY, columns: 100 }, written }
}

describe('progress', () => {
  it('on a terminal is one line that is drawn over and taken away at the end', () => {
    const { output, written } = screen(true)
    const progress = new Progress(output)
    progress.take(at(10))
    progress.tick(0)
    progress.take(at(20))
    progress.tick(1000)
    assert.ok(written.every((text) => text.startsWith('\r') && text.endsWith('\x1b[K') && !text.includes('\n')))
    assert.match(written[0], /^\rdownload 4f2a91c07b1e {2}\[=+> +\] {2}10\.0 MiB of 40\.0 MiB/)
    assert.match(written[1], /20\.0 MiB of 40\.0 MiB +10\.0 MiB\/s/)
    progress.close()
    assert.deepEqual(written.slice(2), ['\r\x1b[K'])
  })

  it('elsewhere is a line every five seconds of a long transfer, and nothing of a short one', () => {
    const { output, written } = screen(false)
    const progress = new Progress(output)
    for (let second = 0; second <= 12; second++) {
      progress.take(at(second))
      progress.tick(second * 1000)
    }
    assert.deepEqual(written, [
      'download 4f2a91c07b1e: 5.0 MiB of 40.0 MiB (12 %), 1.0 MiB/s\n',
      'download 4f2a91c07b1e: 10.0 MiB of 40.0 MiB (25 %), 1.0 MiB/s\n',
    ])
    progress.take(at(1, 'sha256:00'))
    progress.tick(14_000)
    progress.take(at(40, 'sha256:00'))
    progress.tick(20_000)
    progress.close()
    assert.equal(written.length, 2)
  })

  it('begins again with a try that begins again', () => {
    const { output, written } = screen(true)
    const progress = new Progress(output)
    progress.take(at(30))
    progress.tick(0)
    progress.take(at(1))
    progress.tick(1000)
    assert.doesNotMatch(written[1], /-/)
  })

  it('is silent when told', async () => {
    const { output, written } = screen(true)
    assert.equal(await withProgress(true, async (onTransfer) => onTransfer, output), undefined)
    assert.deepEqual(written, [])
  })

  it('fits any width', () => {
    const size = fc.nat({ max: Number.MAX_SAFE_INTEGER })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), size, size, fc.option(size), (columns, done, whole, rate) => {
        const transfer: Transfer = { ...at(0), done, size: whole }
        const line = barLine(transfer, rate ?? undefined, columns)
        assert.ok(line.length < columns || columns === 1, `${line.length} of ${columns}`)
        assert.ok(!line.includes('\n'))
        assert.match(plainLine(transfer, rate ?? undefined), /\(\d+ %\)/)
      }),
    )
  })

  it('writes sizes as people read them', () => {
    assert.deepEqual([0, 1023, 1024, 1536 * 1024, 3 * 2 ** 40].map(bytes), [
      '0 B',
      '1023 B',
      '1.0 KiB',
      '1.5 MiB',
      '3072.0 GiB',
    ])
  })
})
