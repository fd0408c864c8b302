import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { looksLikeTar, tarOf, walkTar } from './tar.ts'

async function* chunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size)
}

async function read(bytes: Uint8Array, size = 1000): Promise<Record<string, string>> {
  const files: Record<string, string> = Object.create(null)
  await walkTar(chunks(bytes, size), ({ name, isFile }) => {
    if (!isFile) return undefined
    files[name] = ''
    return {
      write(chunk) {
        files[name] += Buffer.from(chunk).toString('latin1')
      },
    }
  })
  return files
}

/** A header with its checksum. */
function header(name: string, size: number, type: string, change: (block: Buffer) => void = () => {}): Buffer {
  const block = tarOf([{ name, data: Buffer.alloc(0) }]).subarray(0, 512)
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  block.write(type, 156)
  change(block)
  block.write('        ', 148)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}
const body = (text: string) => Buffer.concat([Buffer.from(text), Buffer.alloc((512 - (text.length % 512)) % 512)])

describe('tar', () => {
  it('reads what it wrote, whatever the chunks', async () => {
    const name = fc.stringMatching(/^[a-z0-9_/.]{1,60}$/)
    const file = fc.record({ name, data: fc.uint8Array({ maxLength: 1500 }) })
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(file, { selector: (one) => one.name, maxLength: 5 }),
        fc.integer({ min: 1, max: 2000 }),
        async (files, size) => {
          const expected = Object.fromEntries(files.map((one) => [one.name, Buffer.from(one.data).toString('latin1')]))
          assert.deepEqual({ ...(await read(tarOf(files), size)) }, expected)
        },
      ),
      { numRuns: 50 },
    )
  })

  it('never fails otherwise than by an error, on bytes of any kind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (bytes) => {
        await read(bytes).catch((error) => assert.ok(error instanceof Error))
      }),
      { numRuns: 100 },
    )
  })

  it('long names: ustar prefix, PAX, GNU', async () => {
    const ustar = header('file', 1, '0', (block) => block.write('some/prefix', 345))
    const pax = '27 path=pax/long/name.wasm\n'
    const archive = Buffer.concat([
      ustar,
      body('a'),
      header('PaxHeader', pax.length, 'x'),
      body(pax),
      header('short', 1, '0'),
      body('b'),
      header('././@LongLink', 14, 'L'),
      body('gnu/long/name\0'),
      header('short', 1, '0'),
      body('c'),
      Buffer.alloc(1024),
    ])
    assert.deepEqual(
      { ...(await read(archive)) },
      { 'some/prefix/file': 'a', 'pax/long/name.wasm': 'b', 'gnu/long/name': 'c' },
    )
  })

  it('skips links, folders and devices', async () => {
    const entries = ['1', '2', '3', '5', '6'].map((type) => header(`t${type}`, 0, type))
    assert.deepEqual({ ...(await read(Buffer.concat([...entries, header('f', 1, '0'), body('x')]))) }, { f: 'x' })
  })

  it('refuses a damaged header, an end too early and an impossible extended header', async () => {
    const good = tarOf([{ name: 'a', data: Buffer.from('x') }])
    const damaged = Buffer.from(good)
    damaged[0] ^= 1
    await assert.rejects(read(damaged), /wrong checksum/)
    await assert.rejects(read(good.subarray(0, 700)), /cut short/)
    await assert.rejects(read(header('x', 1 << 30, 'x')), /extended header/)
    await assert.rejects(read(header('x', 0, '0', (block) => block.fill(0xff, 124, 136))), /impossible size/)
  })

  it('is known by its magic', () => {
    assert.ok(looksLikeTar(tarOf([{ name: 'a', data: Buffer.from('x') }])))
    assert.ok(!looksLikeTar(Buffer.from('\0asm\x01\0\0\0', 'latin1')))
  })
})
