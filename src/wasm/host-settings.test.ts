import assert from 'node:assert/strict'
import { it } from 'node:test'
import { parseHostSettings } from './host-settings.ts'
import { DEFAULT_LIMITS } from './limits.ts'

it('reads limits and options', () => {
  assert.deepEqual(parseHostSettings('{"memoryPages":256,"keepContentLength":true,"tickMs":100}', 'x'), {
    limits: { memoryPages: 256, tickMs: 100 },
    options: { keepContentLength: true },
  })
  assert.deepEqual(parseHostSettings('{}', 'x'), { limits: {}, options: {} })
})

for (const [text, what] of [
  ['', 'x: is not JSON'],
  ['[]', 'x: is not a JSON object'],
  ['null', 'x: is not a JSON object'],
  ['{"memory":1}', 'x: "memory" is no limit'],
  ['{"__proto__":1}', 'x: "__proto__" is no limit'],
  ['{"fuel":false}', 'x: "fuel" is no limit'],
  ['{"memoryPages":"256"}', 'x: memoryPages must be a whole number from 1 to 16384'],
  ['{"memoryPages":0}', 'x: memoryPages must be'],
  ['{"memoryPages":16385}', 'x: memoryPages must be'],
  ['{"callbackFuel":2000000001}', 'x: callbackFuel must be a whole number from 1 to 2000000000'],
  ['{"passInvalidUtf8":1}', 'x: passInvalidUtf8 must be true or false'],
] as const) {
  it(`refuses ${text === '' ? 'nothing' : text}`, () => {
    assert.throws(() => parseHostSettings(text, 'x'), { code: 'SL4017', message: new RegExp(what) })
  })
}

it('takes every numeric default as it is', () => {
  const { fuel: _, ...numbers } = DEFAULT_LIMITS
  assert.deepEqual(parseHostSettings(JSON.stringify(numbers), 'x').limits, numbers)
})
