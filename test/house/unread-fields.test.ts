import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configMessages } from './config-fields.ts'
import { WITHOUT_EFFECT } from './unread-fields.ts'

const messages = await configMessages()

test('the messages of the configuration are found, with what is accepted and read of them', () => {
  const listener = messages.find(({ desc }) => desc.typeName === 'envoy.config.listener.v3.Listener')
  const sets = [listener?.accepted, listener?.read]
  assert.deepEqual(
    ['filter_chains', 'udp_listener_config'].map((field) => sets.map((set) => set?.has(field))),
    [
      [true, true],
      [false, false],
    ],
  )
})

test('every field of a configuration is read, refused, or listed with the reason why it may be ignored', () => {
  const unread = messages.flatMap(({ desc, accepted, read }) =>
    desc.fields
      .filter(({ name }) => !read.has(name) && (accepted === undefined || accepted.has(name)))
      .map(({ name }) => `${desc.typeName}.${name}`),
  )
  const listed = Object.entries(WITHOUT_EFFECT).flatMap(([message, reasons]) =>
    Object.keys(reasons).map((field) => `${message}.${field}`),
  )
  assert.deepEqual(unread.sort(), listed.sort())
})
