import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SluiceError } from '../../errors.ts'
import { commandLine, expand, findImage } from './image.ts'

const images = {
  'sluice.dev/a': { command: ['/bin/a'], args: ['-x'] },
  'sluice.dev/a:2': { command: ['/bin/a2'] },
  'localhost:5000/b': { command: ['/bin/b'] },
}

describe('an image is found', () => {
  for (const [name, command] of [
    ['sluice.dev/a', '/bin/a'],
    ['sluice.dev/a:1.0.0', '/bin/a'],
    ['sluice.dev/a:2', '/bin/a2'],
    [`sluice.dev/a@sha256:${'0'.repeat(64)}`, '/bin/a'],
    [`sluice.dev/a:1@sha256:${'0'.repeat(64)}`, '/bin/a'],
    ['localhost:5000/b', '/bin/b'],
    ['localhost:5000/b:1', '/bin/b'],
  ]) {
    test(name, () => assert.equal(findImage(images, name).command[0], command))
  }
  test('or refused with the names that are known', () => {
    assert.throws(
      () => findImage(images, 'nginx'),
      (error) => error instanceof SluiceError && error.code === 'SL6101' && error.message.includes('localhost:5000/b'),
    )
  })
})

// The table of kubernetes.io, "Define a Command and Arguments for a Container".
describe('the command line', () => {
  const image = { command: ['/ep-1'], args: ['foo', 'bar'] }
  const spec = { name: 'c', image: 'i' }
  for (const [own, expected] of [
    [{}, ['/ep-1', 'foo', 'bar']],
    [{ command: ['/ep-2'] }, ['/ep-2']],
    [{ args: ['zoo', 'boo'] }, ['/ep-1', 'zoo', 'boo']],
    [{ command: ['/ep-2'], args: ['zoo', 'boo'] }, ['/ep-2', 'zoo', 'boo']],
    [{ command: [], args: [] }, ['/ep-1']],
    [{ args: ['$(A)-$(NONE)-$$(A)'] }, ['/ep-1', 'one-$(NONE)-$(A)']],
  ] as const) {
    test(JSON.stringify(own), () => {
      assert.deepEqual(commandLine(image, { ...spec, ...own } as never, { A: 'one' }), expected)
    })
  }
})

// third_party/forked/golang/expansion/expand_test.go
describe('expanding variables', () => {
  const env = { VAR_A: 'A', VAR_B: 'B', VAR_REF: '$(VAR_A)', VAR_EMPTY: '' }
  for (const [text, expected] of [
    ['$(VAR_A)', 'A'],
    ['___$(VAR_B)___', '___B___'],
    ['___$(VAR_A)_$(VAR_B)', '___A_B'],
    ['$$(VAR_B)_$(VAR_A)', '$(VAR_B)_A'],
    ['$$$$$(BAD)', '$$$(BAD)'],
    ['foo$$var', 'foo$var'],
    ['f000-$$VAR_A', 'f000-$VAR_A'],
    ['$(VAR_REF)', '$(VAR_A)'],
    ['foo$(VAR_EMPTY)bar', 'foobar'],
    ['foo\\$(VAR_A)bar', 'foo\\Abar'],
    ['$(toString)', '$(toString)'],
    ['$VAR_A', '$VAR_A'],
    ['$(VAR_A', '$(VAR_A'],
    ['$', '$'],
  ]) {
    test(text, () => assert.equal(expand(text, env), expected))
  }
})
