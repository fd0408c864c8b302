import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SluiceError } from './errors.ts'

/** The line that names the place, if the message does not. */
const explained = (detail: string, where: string) =>
  new SluiceError('SL4009', detail, { where }).explain().split('\n')[0]

describe('explain tells the place', () => {
  for (const [detail, where] of [
    ['unreachable', 'a'],
    ['a trap', 'a'],
    ['the plugin is gone', 'plug'],
  ])
    test(`«${where}» behind «${detail}»`, () => {
      assert.ok(explained(detail, where).endsWith(`: ${detail} (${where})`))
    })
})

describe('explain tells no place twice', () => {
  for (const [detail, where] of [
    ['a', 'a'],
    ['listener "web".address: is missing', 'listener "web".address'],
    ["ENOENT: no such file or directory, open '/k.pem'", '/k.pem'],
    ["ENOENT: no such file or directory, mkdir '/k.d' -> none", '/k.d'],
    ['8080: listen EADDRINUSE: address already in use 127.0.0.1:8080', '127.0.0.1:8080'],
  ])
    test(`that «${detail}» has`, () => {
      assert.ok(explained(detail, where).endsWith(`: ${detail}`))
    })

  test('that was put in front', () => {
    const [line] = new SluiceError('SL5002', 'is missing').at('a.b').at('c').explain().split('\n')
    assert.ok(line.endsWith(': c: a.b: is missing'))
  })
})
