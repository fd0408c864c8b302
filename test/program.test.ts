import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Program } from './program.ts'
import { within } from './within.ts'

const node = (script: string) => new Program(process.execPath, ['-e', script])

test('who waits too long is told for what, and what the peer said', async () => {
  const never = new Promise(() => {})
  const said = () => `${'.'.repeat(5000)}the end`
  await assert.rejects(within('rain', never, said, 5), /^Error: waited 5 ms for rain; the peer says:\n\.+the end$/)
  assert.equal(await within('what is there', Promise.resolve(1)), 1)
})

test('a program that ends before it is ready is told with what it said', async () => {
  const program = node('console.error("no port"); process.exit(3)')
  await assert.rejects(
    program.until('a port', () => undefined),
    /has ended before a port; the peer says:\nno port\n\nended: 3$/,
  )
  // Whose end has come already is stopped all the same.
  await program.stop()
})

test('one that is not ready in time is told, and ends when it is stopped', async () => {
  const program = node('console.log("here"); setInterval(() => {}, 1000)')
  await program.until('its word', () => program.log().includes('here') || undefined)
  await assert.rejects(
    program.until('a port', () => undefined, 1),
    /waited 1 ms for a port; the peer says:\nhere$/m,
  )
  await program.stop()
  assert.equal(program.ended, 'SIGKILL')
})

test('one that is not there ends at once', async () => {
  const program = new Program('/nowhere/none', [])
  await assert.rejects(
    program.until('a port', () => undefined),
    /none has ended before a port.*ended: spawn .*ENOENT$/s,
  )
  await program.stop()
})
