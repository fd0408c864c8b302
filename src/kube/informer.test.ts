import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { KubeClient } from './client.ts'
import { Informer } from './informer.ts'
import type { KubeObject, ResourceType } from './types.ts'

const THINGS: ResourceType = { group: 'example.com', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true }

function thing(name: string, resourceVersion: number): KubeObject {
  const metadata = { name, namespace: 'default', resourceVersion: String(resourceVersion) }
  return { apiVersion: 'example.com/v1', kind: 'Thing', metadata }
}

/** A server whose lists and watches the test scripts. */
async function scripted() {
  let items: KubeObject[] = []
  let version = 0
  const watches: { from: string | null; response: ServerResponse }[] = []
  const arrivals: (() => void)[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x')
    if (url.searchParams.get('watch') === 'true') {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.flushHeaders()
      watches.push({ from: url.searchParams.get('resourceVersion'), response })
      arrivals.shift()?.()
    } else {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ metadata: { resourceVersion: String(version) }, items }))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = new KubeClient({
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    namespace: 'default',
  })
  return {
    client,
    watches,
    holds(all: KubeObject[], at: number) {
      items = all
      version = at
    },
    /** Resolves when the next watch has arrived. */
    nextWatch: () => new Promise<void>((resolve) => arrivals.push(resolve)),
    send: (type: string, object: unknown) => watches.at(-1)?.response.write(`${JSON.stringify({ type, object })}\n`),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

test('lists, then follows the watch, then tells what an expired watch has missed', async () => {
  const server = await scripted()
  server.holds([thing('a', 1), thing('b', 2)], 2)
  const told: string[] = []
  let changed = () => {}
  const informer = new Informer(server.client, THINGS).onChange(({ type, object }) => {
    told.push(`${type} ${object.metadata.name}@${object.metadata.resourceVersion}`)
    changed()
  })
  const change = () =>
    new Promise<void>((resolve) => {
      changed = resolve
    })

  let watching = server.nextWatch()
  await informer.start()
  await watching
  assert.deepEqual(told.splice(0), ['added a@1', 'added b@2'])
  assert.equal(server.watches[0].from, '2')

  const modified = change()
  server.send('MODIFIED', thing('a', 3))
  await modified
  server.send('BOOKMARK', { metadata: { resourceVersion: '9' } })
  watching = server.nextWatch()
  server.watches[0].response.end()
  await watching
  assert.deepEqual(told.splice(0), ['updated a@3'])
  assert.equal(server.watches[1].from, '9', 'a bookmark moves the place from which the next watch goes on')

  server.holds([thing('a', 3), thing('c', 12)], 20)
  watching = server.nextWatch()
  server.send('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' })
  await watching
  assert.deepEqual(told, ['added c@12', 'deleted b@2'])
  assert.deepEqual([...informer.store.keys()], ['default/a', 'default/c'])
  informer.stop()
  server.client.close()
  server.close()
})
