/** Watches and long streams over HTTP/1.1 and HTTP/2. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type ApiServer, startApiServer } from '../index.ts'
import { type Answer, clientOf } from '../testing/client.ts'

let server: ApiServer
const { open, call, watch } = clientOf(() => server)

before(async () => {
  server = await startApiServer({ dataDir: ':memory:', port: 0 })
})
after(() => server.close())

const types = (events: Answer['body'][]) => events.map((event) => event.type)

describe('watches', () => {
  const path = '/api/v1/namespaces/kube-system/configmaps'

  test('from nothing: the state and then changes; from a version: what came after', async () => {
    const { body: list } = await call('GET', path)
    const version = list.metadata.resourceVersion
    const change = async () => {
      await call('POST', path, { metadata: { name: 'w' } })
      await call('PATCH', `${path}/w`, { data: { a: '1' } })
      await call('DELETE', `${path}/w`)
    }
    let changes: Promise<void> | undefined
    const live = await watch(`${path}?watch=true`, (events) => {
      // Only now has it begun.
      changes ??= change()
      return events.at(-1).type === 'DELETED'
    })
    await changes
    assert.deepEqual(types(live), ['ADDED', 'ADDED', 'MODIFIED', 'DELETED'])
    const past = await watch(`${path}?watch=1&resourceVersion=${version}`, (events) => events.length === 3)
    assert.deepEqual(types(past), ['ADDED', 'MODIFIED', 'DELETED'])
    const versions = past.map((event) => Number(event.object.metadata.resourceVersion))
    assert.deepEqual(
      versions,
      [...versions].sort((a, b) => a - b),
      'a deletion has a version of its own',
    )
    assert.equal(past[2].object.data.a, '1', 'and the last state')
  })

  test('WatchList: the state, then a bookmark that says so', async () => {
    const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
    const events = await watch(`${path}?${query}`, (all) => all.at(-1).type === 'BOOKMARK')
    assert.deepEqual(types(events), ['ADDED', 'BOOKMARK'])
    assert.equal(events[1].object.metadata.annotations['k8s.io/initial-events-end'], 'true')
    assert.equal(events[1].object.kind, 'ConfigMap')
    const { status } = await call('GET', `${path}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true`)
    assert.equal(status, 422)
  })

  test('a selector makes objects come and go', async () => {
    const { body } = await call('POST', path, { metadata: { name: 'sel', labels: { on: 'no' } } })
    const from = body.metadata.resourceVersion
    await call('PATCH', `${path}/sel`, { metadata: { labels: { on: 'yes' } } })
    await call('PATCH', `${path}/sel`, { data: { x: '1' } })
    await call('PATCH', `${path}/sel`, { metadata: { labels: { on: null } }, data: { x: '2' } })
    await call('DELETE', `${path}/sel`)
    const events = await watch(
      `${path}?watch=true&resourceVersion=${from}&labelSelector=on%3Dyes`,
      (all) => all.length === 3,
    )
    assert.deepEqual(types(events), ['ADDED', 'MODIFIED', 'DELETED'])
    assert.equal(events[2].object.data.x, '1', 'the last state that matched')
  })

  test('tables have their columns once; metadata only; one name', async () => {
    const { body: list } = await call('GET', path)
    await call('POST', path, { metadata: { name: 't1' } })
    await call('POST', path, { metadata: { name: 't2' } })
    const from = `watch=true&resourceVersion=${list.metadata.resourceVersion}`
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io'
    const tables = await watch(`${path}?${from}`, (all) => all.length === 2, { accept })
    assert.deepEqual(
      tables.map((event) => event.object.columnDefinitions.length),
      [3, 0],
    )
    const metadata = { accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1' }
    const [event] = await watch(`${path}?${from}&fieldSelector=metadata.name%3Dt2`, (all) => all.length === 1, metadata)
    assert.deepEqual([event.object.kind, event.object.metadata.name], ['PartialObjectMetadata', 't2'])
  })

  test('after a restart: credentials and objects are the old ones, a watch from before is too old', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-apiserver-'))
    const usual = server
    try {
      server = await startApiServer({ dataDir: dir, port: 0 })
      const { token } = server
      const made = await call('POST', path, { metadata: { name: 'kept' } })
      await call('POST', path, { metadata: { name: 'gone' } })
      await call('DELETE', `${path}/gone`)
      await server.close()
      server = await startApiServer({ dataDir: dir, port: 0 })
      assert.equal(server.token, token)
      assert.deepEqual((await call('GET', `${path}/kept`)).body, made.body)
      assert.equal((await call('GET', `${path}/gone`)).status, 404)
      const [old] = await watch(`${path}?watch=true&resourceVersion=2`, (all) => all.length === 1)
      assert.deepEqual([old.type, old.object.code, old.object.reason], ['ERROR', 410, 'Expired'])
      const next = await call('POST', path, { metadata: { name: 'next' } })
      assert.ok(
        Number(next.body.metadata.resourceVersion) > Number(made.body.metadata.resourceVersion) + 2,
        'also past the deletion',
      )
    } finally {
      await server.close()
      server = usual
      rmSync(dir, { recursive: true, force: true })
    }
    assert.equal((await call('GET', `${path}?watch=true&resourceVersion=99999999`)).status, 504)
  })

  test('who does not read is cut off before it costs much memory', async () => {
    const response = await open('GET', `${path}?watch=true`)
    response.pause()
    const text = 'x'.repeat(500_000)
    await call('POST', path, { metadata: { name: 'large' } })
    for (let i = 0; i < 60; i++) await call('PATCH', `${path}/large`, { data: { text: i + text } })
    await call('DELETE', `${path}/large`)
    let received = 0
    await assert.rejects(async () => {
      for await (const chunk of response) received += chunk.length
    }, /aborted/)
    assert.ok(received < 30_000_000, `${received} bytes`)
  })

  test('timeoutSeconds ends it', async () => {
    const response = await open('GET', `${path}?watch=true&timeoutSeconds=1`)
    let ended = false
    response.on('end', () => {
      ended = true
    })
    for await (const _ of response);
    assert.ok(ended)
  })

  test('a body that is too large has its answer over HTTP/2 too', async () => {
    const session = connect(server.url, { ca: server.caPem })
    const headers = { ':method': 'POST', ':path': path, authorization: `Bearer ${server.token}` }
    const stream = session.request(headers)
    stream.end('x'.repeat(9_000_000))
    const text = String(await stream.setEncoding('utf8').toArray())
    assert.equal(JSON.parse(text).reason, 'RequestEntityTooLarge')
    session.close()
  })

  test('many on one HTTP/2 connection all see the same, and the server closes with them open', async () => {
    const own = await startApiServer({ dataDir: ':memory:', port: 0 })
    const session = connect(own.url, { ca: own.caPem })
    const headers = { authorization: `Bearer ${own.token}` }
    const texts: string[] = []
    const streams = Array.from({ length: 200 }, (_, i) => {
      const stream = session.request({ ':path': '/api/v1/namespaces?watch=true', ...headers })
      texts[i] = ''
      stream.setEncoding('utf8').on('data', (chunk) => {
        texts[i] += chunk
      })
      return stream
    })
    const post = session.request({
      ':method': 'POST',
      ':path': '/api/v1/namespaces',
      'content-type': 'application/json',
      ...headers,
    })
    post.end(JSON.stringify({ metadata: { name: 'fan-out' } }))
    post.resume()
    while (!texts.every((text) => text.includes('fan-out'))) await new Promise((resolve) => setTimeout(resolve, 10))
    assert.equal(new Set(texts).size, 1)
    const closed = Promise.all(
      streams.map((stream) => new Promise<void>((resolve) => stream.on('close', () => resolve()))),
    )
    await own.close()
    await closed
    session.destroy()
  })
})
